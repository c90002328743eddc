"""Drawing claims for people: deterministic, with the chances that are recorded, blind, and safe to look at."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from support import NOW, TwoRuns, a_case, a_finding, a_product, a_run, a_store, a_variant, an_output, two_runs

from annotators import queues, tasks
from annotators.labeling import RUBRICS, read_counts
from evals.errors import InputError
from evals.packs import pack
from evals.records import AspectRow, Case, Passage
from evals.store import Store


def many_cases(language: str, count: int) -> list[Case]:
    return [a_case("highlights", a_product(number), language) for number in range(count)]


def enqueue(store: Store, runs: TwoRuns, fraction: float = 1.0, seed: int = 1, overlap: int = 1) -> queues.EnqueueSummary:
    champion, candidate = runs.champion.run_id, runs.candidate.run_id
    return queues.enqueue(store, champion, candidate, fraction=fraction, seed=seed, overlap=overlap, now=NOW)


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


def test_a_case_in_which_a_rail_blocked_something_is_queued_apart_from_the_estimate() -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=12)
    enqueue(store, runs, fraction=0.2)
    drawn = {item.case_id for item in store.queue.items()}
    outputs = list(store.runs.outputs(runs.candidate.run_id))
    outside = next(output for output in outputs if output.case_id not in drawn)
    inside = next(output for output in outputs if output.case_id in drawn)
    store.runs.add_outputs([], [a_finding(outside), a_finding(inside), a_finding(outputs[-1], action="allow")])
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
