"""Drawing claims for people: deterministic, with the chances that are recorded, blind, and safe to look at."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import NOW, TwoRuns, a_case, a_finding, a_product, a_run, a_store, a_variant, an_output, two_runs

from annotators import queues
from annotators.labeling import DATA_KEYS, read_counts
from evals.errors import InputError
from evals.packs import pack
from evals.records import AspectRow, Case, Passage
from evals.store import Store


def many_cases(language: str, count: int) -> list[Case]:
    return [a_case("highlights", a_product(number), language) for number in range(count)]


def enqueue(store: Store, runs: TwoRuns, fraction: float = 1.0, seed: int = 1, overlap: int = 1) -> queues.EnqueueSummary:
    champion, candidate = runs.champion.run_id, runs.candidate.run_id
    return queues.enqueue(store, champion, candidate, fraction=fraction, seed=seed, overlap=overlap, now=NOW)


def test_the_same_seed_draws_the_same_cases_whatever_their_order() -> None:
    cases = many_cases("en", 40)
    drawn = queues.sample(cases, fraction=0.3, seed=7)
    assert drawn == queues.sample(cases[::-1], fraction=0.3, seed=7) and len(drawn) == 12
    assert drawn.keys() != queues.sample(cases, fraction=0.3, seed=8).keys()


def test_the_recorded_chance_is_the_share_of_seeds_that_draw_a_case() -> None:
    cases = many_cases("en", 17) + many_cases("ja", 3)
    seeds = 800
    times: Counter[str] = Counter()
    recorded: dict[str, float] = {}
    for seed in range(seeds):
        drawn = queues.sample(cases, fraction=0.3, seed=seed)
        times.update(drawn.keys())
        recorded |= drawn
    for case in cases:
        assert recorded[case.case_id] == pytest.approx(6 / 17 if case.language == "en" else 2 / 3)
        assert times[case.case_id] / seeds == pytest.approx(recorded[case.case_id], abs=5 * (0.25 / seeds) ** 0.5)


def test_weighting_by_the_recorded_chance_gives_the_true_mean_over_seeds() -> None:
    cases = many_cases("en", 11) + many_cases("ar", 4)
    value = {case.case_id: float(i % 5) for i, case in enumerate(cases)}
    truth = sum(value.values())
    totals = [sum(value[key] / p for key, p in queues.sample(cases, fraction=0.25, seed=seed).items()) for seed in range(1500)]
    assert sum(totals) / len(totals) == pytest.approx(truth, rel=0.03)


@given(st.integers(1, 60), st.floats(0.01, 1.0), st.integers(0, 5))
def test_every_language_gets_its_minimum_and_a_larger_fraction_keeps_what_a_smaller_drew(count: int, fraction: float, seed: int) -> None:
    cases = many_cases("hi", count)
    some, more = queues.sample(cases, fraction=fraction, seed=seed), queues.sample(cases, fraction=min(1.0, fraction * 1.5), seed=seed)
    assert min(count, queues.MIN_CASES) <= len(some) <= count and some.keys() <= more.keys()
    assert all(p == len(some) / count for p in some.values())


def test_both_arms_of_a_case_are_queued_together_and_asking_twice_adds_nothing() -> None:
    store = a_store()
    runs = two_runs(store, ("en", "ja"), products=6)
    first = enqueue(store, runs, fraction=0.34)
    assert (first.sampled, first.items, first.new_items, first.eligible) == (6, 36, 36, 12)
    assert first.probabilities == {"en": 0.5, "ja": 0.5}
    again = queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=0.34, seed=1, overlap=1, now="2027-01-01T00:00:00Z")
    assert (again.items, again.new_items) == (36, 0)
    arms = {run.run_id: {item.case_id for item in store.queue.items(run_id=run.run_id)} for run in (runs.champion, runs.candidate)}
    assert arms[runs.champion.run_id] == arms[runs.candidate.run_id] and len(arms[runs.champion.run_id]) == 6


def test_annotators_see_the_arms_mixed_and_nothing_that_tells_them_apart() -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=8)
    enqueue(store, runs)
    items = store.queue.unsent("highlights/en/claim-v1", "http://x")
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
        assert set(item.data) == set(DATA_KEYS[item.feature]) and item.data["item_id"] == item.item_id
        assert all(isinstance(value, str) and value for value in item.data.values())


def test_a_case_in_which_a_rail_blocked_something_is_queued_apart_from_the_estimate() -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=12)
    drawn = queues.sample(store.runs.cases(runs.dataset.dataset_id), fraction=0.2, seed=1)
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
    lines = queues.evidence_text(case, output).split("\n")
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
