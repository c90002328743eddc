"""The jury: weights from people's labels, kept apart from what they judge; with too few labels the mean, and it says so."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from support import a_store, two_runs

from evals.errors import InputError, MoreNeededError
from evals.records import Score
from evals.statistics.auroc import auroc
from evals.statistics.bootstrap import groups_of
from evals.statistics.stacking import MIN_RARE, logistic, plain, stack, without
from evals.trust import jury as juries
from evals.trust.jury import FOLDS, Jury, against_people, fit, fold_of, joined
from evals.trust.labelled import Against, Labelled


def members(n: int = 600, *, seed: int = 0, product_size: int = 4, tags: tuple[str, ...] = ("en",)) -> list[Against]:
    """Three judges of one truth: a good one, one that is good where the first is silent, and one that only guesses, loudly."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    right = rng.random(n) < 1 / (1 + np.exp(-2 * truth))
    seen = rng.random(n) < 0.5
    views = {
        "first": [v if s else None for v, s in zip(truth + 0.3 * rng.normal(size=n), seen, strict=True)],
        "second": list(truth + 0.8 * rng.normal(size=n)),
        "loud": list(4 * rng.normal(size=n)),
    }
    found = []
    for name, values in views.items():
        by_language: dict[str, list[Labelled]] = {tag: [] for tag in tags}
        for i, value in enumerate(values):
            tag = tags[i % len(tags)]
            said = None if value is None else float(1 / (1 + np.exp(-2 * value)))
            by_language[tag].append(Labelled(f"claim-{i:04}", tag, bool(right[i]), said, f"product-{i // product_size}"))
        found.append(Against(name, f"v:1|{name}", by_language, {}))
    return found


def ranking(against: Against) -> float:
    rows = [row for rows in against.by_language.values() for row in rows if row.said is not None]
    groups = groups_of({row.subject_id: row.group for row in rows})
    return float(auroc(np.array([row.said for row in rows]), np.array([row.right for row in rows]), groups).estimate)


def test_a_jury_judges_better_than_its_best_member_and_does_not_believe_the_loud_one():
    each = members()
    jury = fit(each)
    assert jury.reason is None
    assert ranking(against_people(jury, each)) > max(ranking(one) for one in each[1:]) + 0.01
    assert all(abs(one.weights[2]) < 0.1 < one.weights[1] for one in jury.folds)


def test_no_claim_is_judged_by_weights_that_saw_its_product():
    each = members(300)
    jury, fold = fit(each), fold_of("product-7")
    turned = [
        replace(
            one,
            by_language={
                tag: [replace(row, right=not row.right) if fold_of(row.group) == fold and i % 2 else row for i, row in enumerate(rows)]
                for tag, rows in one.by_language.items()
            },
        )
        for one in each
    ]
    other = fit(turned)
    before, after = (one.folds[fold] for one in (jury, other))
    assert np.allclose(before.weights, after.weights, atol=0.05)  # only the level, common to all folds, has moved a little
    assert not np.allclose(jury.folds[(fold + 1) % FOLDS].weights, other.folds[(fold + 1) % FOLDS].weights, atol=1e-3)


def test_labels_of_chance_give_a_jury_of_chance():
    """Out of fold: fitted to noise, it must not look good on the noise."""
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        each = members(200, seed=seed)
        coin = {f"claim-{i:04}": bool(rng.integers(2)) for i in range(200)}
        each = [
            replace(
                one, by_language={tag: [replace(row, right=coin[row.subject_id]) for row in rows] for tag, rows in one.by_language.items()}
            )
            for one in each
        ]
        found.append(ranking(against_people(fit(each), each)))
    assert 0.42 < np.mean(found) < 0.58


def test_with_too_few_labels_it_is_the_mean_of_its_members_and_says_so():
    each = members(30)
    jury = fit(each)
    assert "plain mean of its members" in jury.reason
    assert f"{MIN_RARE} are needed" in jury.reason
    said = np.array([[0.8, 0.2, np.nan], [np.nan, np.nan, np.nan], [0.9, 0.9, 0.9]])
    found = jury.probabilities(said, ["en"] * 3, ["p"] * 3)
    assert (round(found[0], 6), round(found[2], 6), bool(np.isnan(found[1]))) == (0.5, 0.9, True)


def test_an_offset_of_a_language_is_pulled_towards_the_pooled_one():
    rng = np.random.default_rng(0)
    tags = np.array(["en"] * 1000 + ["pt"] * 1000 + ["ja"] * 10)
    said = np.column_stack([np.full(2010, 0.5), rng.uniform(0.3, 0.7, size=2010)])
    right = rng.random(2010) < np.where(tags == "en", 0.8, np.where(tags == "pt", 0.4, 0.0))
    found = stack(said, right, tags.tolist())
    assert found.offsets["en"] > 0.3 > 0 > found.offsets["pt"]
    assert -2 < found.offsets["ja"] < 0  # ten claims, all wrong: not minus infinity


def test_who_is_no_jury_is_named():
    each = members(60)
    with pytest.raises(InputError, match=r"at least 2 different judges, not first$"):
        joined(each[:1])
    with pytest.raises(InputError, match="different judges"):
        joined([each[0], each[0]])
    with pytest.raises(InputError, match="'second' has scored no claim"):
        joined([each[0], replace(each[1], signature=None)])


def test_a_jury_is_the_same_after_it_was_kept_and_a_broken_file_is_named(tmp_path):
    each = members(300, tags=("en", "ja"))
    jury, path = fit(each), tmp_path / "models" / "jury.json"
    juries.save(jury, path)
    assert juries.load(path) == jury == fit([replace(one, by_language=dict(reversed(one.by_language.items()))) for one in each])
    assert juries.load(path).signature == jury.signature
    assert jury.signature.startswith("v:1|members:first+second+loud|fit:")
    for broken in ("{", "[]", '{"folds": [], "members": [], "n": 1, "reason": null}', json.dumps({"folds": [{}], "members": []})):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(InputError, match=r"jury\.json: is no jury"):
            juries.load(path)
    with pytest.raises(InputError, match="there is no jury"):
        juries.load(tmp_path / "none.json")


def test_a_run_is_scored_from_its_members_scores_once():
    store = a_store()
    run = two_runs(store).candidate
    claims = store.runs.claims(run.run_id)
    cases = {output.output_id: output.case_id for output in store.runs.outputs(run.run_id)}
    jury = Jury((("one", "v:1"), ("two", "v:1")), (plain(2),) * FOLDS, 0, "the plain mean of its members: no labels")
    with pytest.raises(MoreNeededError, match=r"no member of the jury \(one, two\) has scored it"):
        juries.score(store, jury, run.run_id)
    for name, settings, value in (("one", "v:1", 0.9), ("two", "v:1", 0.5), ("two", "v:2", 0.1)):
        store.runs.add_scores(
            Score(run.run_id, cases[claim.output_id], "claim", claim.claim_id, name, settings, "model", value) for claim in claims[1:]
        )
    assert (juries.score(store, jury, run.run_id), juries.score(store, jury, run.run_id)) == (len(claims), 0)
    found = {score.subject_id: score for score in store.runs.scores(run.run_id, "jury")}
    assert {round(found[claim.claim_id].value, 4) for claim in claims[1:]} == {0.75}
    assert found[claims[1].claim_id].detail["said"] == {"one": 0.9, "two": 0.5}
    assert found[claims[0].claim_id].reason == "not measurable: no member of the jury has a value"
    assert found[claims[0].claim_id].signature == jury.signature


# ---------------------------------------------------------------------------------------------- the statistic


def test_the_regression_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    y = (rng.random(300) < 1 / (1 + np.exp(-x @ np.array([1.0, -0.5, 0.0])))).astype(float)
    weights = rng.uniform(0.5, 2, size=300)
    ours = logistic(x, y, weights, penalty=np.full(3, 2.0))
    theirs = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10, max_iter=1000).fit(x, y, weights)
    assert np.allclose(ours, theirs.coef_[0], atol=1e-5)


def test_what_has_no_minimum_has_no_coefficients():
    x = np.linspace(-1, 1, 50)
    assert logistic(x[:, None], (x > 0).astype(float), np.ones(50)) is None
    assert logistic(np.column_stack([x, x]), (np.sin(9 * x) > 0).astype(float), np.ones(50)) is None


def heard(n: int) -> tuple[np.ndarray, np.ndarray]:
    rows = joined(members(n))
    return np.array([[np.nan if v is None else v for v in one.said] for one in rows], dtype=float), np.array(
        [one.claim.right for one in rows]
    )


SAID, RIGHT = heard(200)
STACK = stack(SAID, RIGHT, ["en"] * len(RIGHT))


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=3, max_size=3), st.sampled_from(["en", "xx"]))
def test_a_probability_is_one_or_is_missing(said, language):
    [found] = STACK.probabilities(np.array([[np.nan if v is None else v for v in said]], dtype=float), [language])
    assert np.isnan(found) if all(v is None for v in said) else 0 < found < 1


def test_what_is_left_out_keeps_the_level():
    half = without(STACK, SAID[:150], RIGHT[:150], ["en"] * 150)
    assert half.intercept == STACK.intercept
    assert half.weights != STACK.weights
    assert not without(STACK, SAID[:10], RIGHT[:10], ["en"] * 10).fitted
