"""Agreement read from the store: the figures of the libraries, named raters, and a reason where there is no figure."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from crowd import a_person, label, truths, wrong
from scipy.stats import mannwhitneyu
from support import NOW, TwoRuns, a_store, two_runs

from annotators.asking import queues
from annotators.asking.sampling import uniform
from annotators.labeling import CLAIM_V2, FAILURES_V1, PREFERENCE_V1
from annotators.labeling.failures import FAILURES
from annotators.labeling.reading import judge
from annotators.raters import agreement, parallel
from annotators.raters.judged import judge_against_people
from evals.experiment import score
from evals.metrics import METRICS
from evals.records import QueueItem, Score
from evals.statistics.auroc import auroc
from evals.statistics.bootstrap import interval, mean_of, weighted_mean_of
from evals.store import Store


def asked(rubric: str = CLAIM_V2.name, *, languages: tuple[str, ...] = ("en", "ja"), products: int = 6) -> tuple[Store, TwoRuns]:
    store = a_store()
    runs = two_runs(store, languages, products=products)
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=1, overlap=2, now=NOW, rubrics=[rubric])
    return store, runs


def readings(store: Store) -> dict[str, str]:
    return {item.item_id: judge(item.data) for item in store.queue.items()}


def test_alpha_is_the_librarys_and_raters_are_named() -> None:
    store, _ = asked()
    truth, items = readings(store), store.queue.items("highlights/en/claim-v2")
    said = {name: wrong(rate, truth, seed=name) for name, rate in (("Ann", 0.1), ("Bo", 0.3))}
    for name, answer in said.items():
        label(store, a_person(store, name, "en"), items, answer)
    (cell,) = agreement.agreement_of(store, draws=200)
    table = [[CLAIM_V2.scale.index(said[name](item)) for item in items] for name in ("Ann", "Bo")]
    assert cell.alpha.interval.estimate == pytest.approx(krippendorff.alpha(reliability_data=table, level_of_measurement="nominal"))
    assert cell.raw.interval.estimate == pytest.approx(np.mean(np.equal(*table)))
    assert (cell.rubric, cell.question, cell.language, cell.items, cell.labels) == ("claim-v2", "verdict", "en", 36, 72)
    assert cell.alpha.raters == ("Ann", "Bo") and cell.alpha.interval.clusters == 6, "claims of one product are not independent"
    assert cell.alpha.interval.low is not None and cell.alpha.interval.low < 0.8 and cell.ac1.interval.estimate is not None


def test_where_nobody_shares_an_item_there_is_a_reason_and_no_figure() -> None:
    store, _ = asked()
    truth = readings(store)
    for tag in ("en", "ja"):
        label(store, a_person(store, tag, tag), store.queue.items(f"highlights/{tag}/claim-v2"), wrong(0.1, truth))
    cells = agreement.agreement_of(store, draws=200)
    assert [cell.language for cell in cells] == ["en", "ja"]
    for cell in cells:
        assert cell.items == 0 and cell.labels == 36
        assert cell.alpha.interval.estimate is None and cell.alpha.interval.reason == "1 rater: agreement needs two"
        assert cell.spans.interval.reason == "nobody marked any words"
    assert agreement.agreement_of(a_store()) == []


def test_each_failure_is_a_question_of_its_own() -> None:
    store, _ = asked(FAILURES_V1.name, languages=("en",))
    items = store.queue.items()
    for name in ("Ann", "Bo"):
        label(store, a_person(store, name, "en"), items, lambda item: _ticked(item))
    cells = {cell.question: cell for cell in agreement.agreement_of(store, draws=200)}
    assert tuple(cells) == FAILURES
    assert cells["unsafe"].alpha.interval.estimate == 1.0 and cells["wrong_language"].alpha.interval.estimate == 1.0
    assert cells["not_helpful"].alpha.interval.estimate is None
    assert "every rating is 'no'" in str(cells["not_helpful"].alpha.interval.reason)


def _ticked(item: QueueItem) -> str:
    return "unsafe+wrong_language" if uniform(item.item_id) < 0.5 else "none"


def test_a_preference_is_ordinal_and_its_two_copies_are_one_item() -> None:
    store, _ = asked(PREFERENCE_V1.name, languages=("en",))
    scale = PREFERENCE_V1.scale
    near = {item.subject_id: scale[1 + int(uniform(item.subject_id) * 3)] for item in store.queue.items()}
    for name, first in (("Ann", "champion"), ("Bo", "candidate")):
        label(store, a_person(store, name, "en"), [i for i in store.queue.items() if i.first == first], lambda item: near[item.subject_id])
    (cell,) = agreement.agreement_of(store, draws=200)
    assert cell.alpha.measure == "alpha, ordinal" and cell.alpha.interval.estimate == 1.0 and cell.items == len(near)


def test_words_marked_by_two_people_are_compared() -> None:
    store, _ = asked(languages=("en",))
    items, truth = store.queue.items(), readings(store)
    for name, span in (("Ann", [0, 10]), ("Bo", [5, 15])):
        label(store, a_person(store, name, "en"), items, wrong(0.0, truth), spans=lambda item, span=span: [span])
    label(store, a_person(store, "Cy", "en"), items, wrong(0.0, truth))
    (cell,) = agreement.agreement_of(store, draws=200)
    assert cell.spans.interval.estimate == pytest.approx(5 / 15) and cell.spans.raters == ("Ann", "Bo")
    assert cell.alpha.raters == ("Ann", "Bo", "Cy")


def test_what_was_made_by_us_counts_only_when_asked_for() -> None:
    store = a_store()
    parallel.add_known(store, parallel.anchor_items(["en"], "highlights", 12, 1, NOW))
    for name in ("Ann", "Bo"):
        label(store, a_person(store, name, "en"), store.queue.items(), wrong(0.2, truths(store), seed=name))
    assert agreement.agreement_of(store) == []
    (cell,) = agreement.agreement_of(store, whys=("anchor",), draws=200)
    assert cell.items == 12


def test_the_pair_matrix_says_who_agrees_with_whom_on_how_much() -> None:
    store, _ = asked(languages=("en",))
    items, truth = store.queue.items(), readings(store)
    label(store, a_person(store, "Ann", "en"), items, wrong(0.0, truth))
    label(store, a_person(store, "Bo", "en"), items[:20], wrong(0.0, truth))
    label(store, a_person(store, "Cy", "en"), items[10:], wrong(1.0, truth))
    (matrix,) = agreement.rater_matrices(store)
    found = {frozenset((matrix.names[pair.first], matrix.names[pair.second])): pair.share for pair in matrix.pairs}
    assert {key: (share.estimate, share.n) for key, share in found.items()} == {
        frozenset(("Ann", "Bo")): (1.0, 20), frozenset(("Ann", "Cy")): (0.0, 26), frozenset(("Bo", "Cy")): (0.0, 10),
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------- judge against people


def test_the_judge_is_held_against_what_people_say_per_language_with_n() -> None:
    store, runs = asked()
    for run in (runs.champion, runs.candidate):
        score(store, run.run_id, METRICS)
    truth = readings(store)
    for tag in ("en", "ja"):
        for number in range(3):
            label(
                store, a_person(store, f"{tag}{number}", tag), store.queue.items(f"highlights/{tag}/claim-v2"), wrong(0.05, truth, seed=tag)
            )
    rows = judge_against_people(store, draws=300)
    assert [(row.language, row.metric, row.claims, row.unscored) for row in rows] == [("en", "grounded", 36, 0), ("ja", "grounded", 36, 0)]
    for row in rows:
        values = {
            s.subject_id: s.value for run in (runs.champion, runs.candidate) for s in store.runs.scores(run.run_id, "grounded", "claim")
        }
        answer = wrong(0.05, truth, seed=row.language)
        same = [
            (values[str(i.claim_id)] == 1) == (answer(i) == "grounded") for i in store.queue.items(f"highlights/{row.language}/claim-v2")
        ]
        assert row.accuracy.estimate == pytest.approx(np.mean(same)) and row.accuracy.clusters == 6
        assert row.auroc.estimate is not None and row.auroc.low is not None and row.auroc.low < row.auroc.estimate


def test_a_judge_without_scores_or_people_who_see_no_error_give_a_reason() -> None:
    store, runs = asked(languages=("en",))
    label(store, a_person(store, "Ann", "en"), store.queue.items(), lambda item: "grounded")
    (row,) = judge_against_people(store, draws=200)
    assert (row.claims, row.unscored, row.signature) == (0, 36, None)
    assert row.accuracy.reason == row.auroc.reason == "no claim that people decided has a score"
    scores = [
        Score(run.run_id, str(item.case_id), "claim", str(item.claim_id), "grounded", "s1", "code", 1.0)
        for run in (runs.champion, runs.candidate)
        for item in store.queue.items(run_id=run.run_id)
    ]
    store.runs.add_scores(scores)
    (row,) = judge_against_people(store, draws=200)
    assert row.accuracy.estimate == 1.0 and row.auroc.estimate is None and "36 claims, 36 of them right" in str(row.auroc.reason)


def test_a_tie_among_people_is_left_out_and_counted() -> None:
    store, _ = asked(languages=("en",))
    items = store.queue.items()
    label(store, a_person(store, "Ann", "en"), items, lambda item: "grounded")
    label(store, a_person(store, "Bo", "en"), items[:5], lambda item: "contradicted")
    (row,) = judge_against_people(store, draws=200)
    assert (row.undecided, row.unscored) == (5, 31)


def test_auroc_is_the_mann_whitney_statistic_and_weights_are_repeats() -> None:
    rng = np.random.default_rng(0)
    right = rng.random(60) < 0.6
    scores = np.round(np.clip(0.3 * right + rng.random(60) * 0.7, 0, 1), 2)
    expected = mannwhitneyu(scores[right], scores[~right]).statistic / (right.sum() * (~right).sum())
    found = auroc(scores, right, np.arange(60))
    assert found.estimate == pytest.approx(expected, abs=1e-12)
    times = rng.integers(1, 4, 60)
    repeated = auroc(np.repeat(scores, times), np.repeat(right, times), np.repeat(np.arange(60), times))
    assert auroc(scores, right, np.arange(60), times.astype(float)).estimate == pytest.approx(repeated.estimate, abs=1e-12)


@pytest.mark.slow
def test_the_intervals_of_a_weighted_mean_and_of_auroc_cover_the_truth() -> None:
    rng, covered, inside, runs = np.random.default_rng(1), 0, 0, 120
    truth = 1 - 0.7**2 / 2  # P(U + 0.3 > U′)
    for seed in range(runs):
        right = rng.random(80) < 0.7
        ranked = auroc((rng.random(80) + 0.3 * right) / 1.3, right, np.arange(80))
        bounds = interval(ranked, n=80, level=0.95, draws=300, seed=seed)
        covered += bool(bounds.low <= truth <= bounds.high)  # type: ignore[operator]  # there are bounds
        probability = np.where(rng.random(200) < 0.5, 0.9, 0.3)
        drawn = rng.random(200) < probability
        values = (rng.random(200) < np.where(probability > 0.5, 0.6, 0.9))[drawn].astype(float)
        mean = weighted_mean_of(values, np.arange(drawn.sum()), 1 / probability[drawn])
        bounds = interval(mean, n=int(drawn.sum()), level=0.95, draws=300, seed=seed)
        inside += bool(bounds.low <= 0.75 <= bounds.high)  # type: ignore[operator]  # there are bounds
    assert covered >= 0.92 * runs and inside >= 0.92 * runs


def test_equal_weights_are_no_weights() -> None:
    values, groups = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 2])
    one = interval(mean_of(values, groups), n=4, level=0.95)
    other = interval(weighted_mean_of(values, groups, np.ones(4)), n=4, level=0.95)
    assert (one.estimate, one.low, one.high) == pytest.approx((other.estimate, other.low, other.high))
