"""Drawing claims for people: deterministic, with the chances that are recorded, blind, and safe to look at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from support import NOW, TwoRuns, a_case, a_finding, a_product, a_run, a_store, a_variant, an_output, two_runs

from annotators.asking import queues, tasks
from annotators.asking.budget import load_plan
from annotators.labeling import ADJUDICATION, RUBRICS, read_counts
from evals.errors import InputError
from evals.experiment import score
from evals.metrics import METRICS
from evals.packs import pack
from evals.records import FEATURES, AspectRow, Passage
from evals.store import Store


def enqueue(
    store: Store, runs: TwoRuns, fraction: float = 1.0, seed: int = 1, overlap: int = 1, rubrics: Sequence[str] = ("claim-v2",)
) -> queues.EnqueueSummary:
    champion, candidate = runs.champion.run_id, runs.candidate.run_id
    return queues.enqueue(store, champion, candidate, fraction=fraction, seed=seed, overlap=overlap, rubrics=rubrics, now=NOW)


def test_both_arms_of_a_case_are_queued_together_and_asking_twice_adds_nothing() -> None:
    store = a_store()
    runs = two_runs(store, ("en", "ja"), products=6)
    first = enqueue(store, runs, fraction=0.34)
    assert (first.sampled, first.items, first.new_items, first.eligible) == (6, 36, 36, 12)
    assert first.probabilities == {tag: (pytest.approx(0.5), pytest.approx(0.5)) for tag in ("en", "ja")}
    again = queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=0.34, seed=1, overlap=1, now="2027-01-01T00:00:00Z")
    assert (again.items, again.new_items) == (36, 0)
    arms = {run.run_id: {item.case_id for item in store.queue.items(run_id=run.run_id)} for run in (runs.champion, runs.candidate)}
    assert arms[runs.champion.run_id] == arms[runs.candidate.run_id] and len(arms[runs.champion.run_id]) == 6


def test_annotators_see_the_arms_mixed_and_nothing_that_tells_them_apart() -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=8)
    enqueue(store, runs)
    items = store.queue.unsent("highlights/en/claim-v2", "http://x")
    order = [item.run_id == runs.champion.run_id for item in items]
    assert sum(a != b for a, b in pairwise(order)) > 5, "arms come in long blocks"
    shown = json.dumps([item.data for item in items])
    for secret in (runs.champion.run_id, runs.candidate.run_id, runs.champion.variant_id, "champion", "candidate", items[0].output_id):
        assert secret not in shown


@pytest.mark.parametrize("feature", ["highlights", "assistant"])
def test_a_task_holds_exactly_what_the_page_reads(feature: str) -> None:
    store = a_store()
    runs = two_runs(store, ("ar",), feature=feature, products=2)  # type: ignore[arg-type]  # two literals
    enqueue(store, runs)
    for item in store.queue.items():
        assert set(item.data) == {"item_id", "language", *RUBRICS[item.rubric].keys[item.feature]} and item.data["item_id"] == item.item_id
        assert all(isinstance(value, str) and value for value in item.data.values())


@pytest.mark.parametrize("action", ["block", "escalate"])
def test_a_case_in_which_a_rail_withheld_something_is_queued_apart_from_the_estimate(action: str) -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=12)
    enqueue(store, runs, fraction=0.2)
    drawn = {item.case_id for item in store.queue.items()}
    outputs = list(store.runs.outputs(runs.candidate.run_id))
    outside = next(output for output in outputs if output.case_id not in drawn)
    inside = next(output for output in outputs if output.case_id in drawn)
    store.runs.add_outputs([], [a_finding(outside, action), a_finding(inside, action), a_finding(outputs[-1], "allow")])
    summary = enqueue(store, runs, fraction=0.2)
    assert summary.flagged == 1
    why = {item.case_id: (item.why, item.probability) for item in store.queue.items()}
    assert why[outside.case_id] == ("flagged", 1.0) and why[inside.case_id] == ("random audit", 0.25)


def test_hostile_evidence_is_shown_as_text_on_one_line_without_personal_data() -> None:
    store = a_store()
    product = a_product(1)
    case = a_case("highlights", product, "en")
    hostile = "Call +1 415 555 2671\n[2] Sound: positive 99 · negative 0 · neutral 0\u202e<b>x</b>\x00 [7]"
    passages = [Passage(1, "review", "r1", "en", hostile, 0, len(hostile)), Passage(2, "attribute", "product-1/weight", "en", "1 kg", 0, 4)]
    output = an_output(two_runs(store, ("en",)).champion, case, "Sound: fine. [1]", passages, [AspectRow("sound", 3, 0, 1, 4)])
    lines = tasks.evidence_text(case, output).split("\n")
    assert read_counts(lines[0], "en") == (pack("en").aspects["sound"].name, 3, 0, 1)
    assert lines[1] == "" and len(lines) == 4 and lines[3] == "[2] Weight: 1 kg"
    assert "555" not in lines[2] and "\u202e" not in lines[2] and "\x00" not in lines[2] and "[7]" not in lines[2] and "<b>" in lines[2]
    assert read_counts(lines[2], "en") is None


def test_runs_that_cannot_be_compared_are_refused() -> None:
    store = a_store()
    one, other = two_runs(store, ("en",), products=2), two_runs(store, ("en",), products=3)
    with pytest.raises(InputError, match="different datasets"):
        queues.enqueue(store, one.champion.run_id, other.candidate.run_id, fraction=1, seed=1, overlap=1, now=NOW)
    with pytest.raises(InputError, match="itself"):
        queues.enqueue(store, one.champion.run_id, one.champion.run_id, fraction=1, seed=1, overlap=1, now=NOW)
    with pytest.raises(InputError, match="fraction"):
        enqueue(store, one, fraction=0)


def test_a_case_that_one_arm_has_not_answered_is_not_drawn() -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=4)
    late = a_variant("highlights", "late")
    store.runs.add_variant(late)
    unfinished = store.runs.add_run(a_run(late, runs.dataset))
    first = store.runs.cases(runs.dataset.dataset_id)[0]
    store.runs.add_outputs([an_output(unfinished, first, "Sound: fine.")])
    summary = queues.enqueue(store, runs.champion.run_id, unfinished.run_id, fraction=1, seed=1, overlap=1, now=NOW)
    assert (summary.eligible, summary.sampled) == (1, 1)


# ---------------------------------------------------------------------------------------------- every rubric


def test_every_rubric_makes_items_that_hold_what_its_page_shows() -> None:
    store = a_store()
    for feature in FEATURES:
        runs = two_runs(store, ("en",), feature=feature, products=4, wrong_every=2)
        enqueue(store, runs, rubrics=[name for name in RUBRICS if name != ADJUDICATION.name])
    found = Counter((item.feature, item.rubric) for item in store.queue.items())
    assert {rubric for _, rubric in found} == set(RUBRICS) - {ADJUDICATION.name} and ("highlights", "citation-v1") not in found
    for item in store.queue.items():
        assert set(item.data) == {"item_id", "language", *RUBRICS[item.rubric].keys[item.feature]}
        assert (item.claim_id is not None) == (RUBRICS[item.rubric].subject == "claim")


def test_the_sides_of_a_pair_are_drawn_stored_and_never_shown() -> None:
    store = a_store()
    runs = two_runs(store, ("en", "ja"), products=30, wrong_every=1)
    enqueue(store, runs, rubrics=["preference-v1"])
    items = store.queue.items()
    first = Counter(item.first for item in items)
    assert len(items) == 60 and 18 < first["champion"] < 42
    outputs = {output.output_id: output.text for run in (runs.champion, runs.candidate) for output in store.runs.outputs(run.run_id)}
    for item in items:
        shown = {"champion": outputs[str(item.other_output_id)], "candidate": outputs[str(item.output_id)]}
        assert item.data["text_a"] == shown[str(item.first)]
        assert "champion" not in json.dumps(item.data) and "candidate" not in json.dumps(item.data)


def test_with_two_people_a_pair_is_shown_both_ways_round() -> None:
    store = a_store()
    enqueue(store, two_runs(store, ("en",), products=3, wrong_every=1), rubrics=["preference-v1"], overlap=3)
    copies: dict[str, list[tuple[str | None, int]]] = {}
    for item in store.queue.items():
        copies.setdefault(item.subject_id, []).append((item.first, item.overlap))
    assert all({side for side, _ in both} == {"champion", "candidate"} and sum(n for _, n in both) == 3 for both in copies.values())


# ---------------------------------------------------------------------------------------------- a plan


def with_plan(store: Store, runs: TwoRuns, now: str, per_week: int = 3) -> queues.EnqueueSummary:
    plan = load_plan()
    row = replace(plan.queue("highlights", "claim-v2"), cases_per_week={"default": per_week}, overlap=2, second_opinions=0.3)
    narrow = replace(plan, queues={**plan.queues, ("highlights", "claim-v2"): row})
    return queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, plan=narrow, seed=1, now=now)


def test_a_weeks_budget_is_spent_once_and_next_week_there_is_another() -> None:
    store = a_store()
    runs = two_runs(store, ("en", "ja"), products=12)
    monday, sunday, next_monday = "2026-11-16T08:00:00Z", "2026-11-22T23:00:00Z", "2026-11-23T08:00:00Z"
    assert with_plan(store, runs, monday).sampled == 6
    assert with_plan(store, runs, sunday).new_items == 0
    before = {item.item_id for item in store.queue.items()}
    assert with_plan(store, runs, next_monday).sampled == 12
    items = store.queue.items()
    assert before < {item.item_id for item in items} and {item.overlap for item in items} == {2, 3}
    drawn = {(item.language, item.case_id): item.probability for item in items}
    for language in ("en", "ja"):
        assert all(6 / 12 * 0.5 <= p <= 1 for (tag, _), p in drawn.items() if tag == language)


def test_a_case_the_judge_doubts_is_drawn_more_often_and_says_so() -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=20, wrong_every=4)
    for run in (runs.champion, runs.candidate):
        score(store, run.run_id, METRICS)
    with_plan(store, runs, NOW, per_week=8)
    chances = {(item.why, round(item.probability, 3)) for item in store.queue.items()}
    assert {why for why, _ in chances} <= {"random audit", "uncertain"} and len({p for _, p in chances}) > 1
    assert max(p for why, p in chances if why == "random audit") <= 8 / 20 + 1e-9


def test_a_case_about_which_nothing_can_be_asked_is_not_drawn_and_asking_again_adds_nothing() -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=20, wrong_every=7)
    first = enqueue(store, runs, fraction=0.5, rubrics=["preference-v1"])  # many pairs are the same text: nothing to ask
    assert 0 < first.sampled == first.new_items < 10
    assert enqueue(store, runs, fraction=0.5, rubrics=["preference-v1"]).new_items == 0


def test_neither_a_plan_nor_a_fraction_is_refused() -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=2)
    with pytest.raises(InputError, match="or a plan"):
        queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, seed=1, now=NOW)
