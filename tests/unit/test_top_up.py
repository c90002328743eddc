"""A hold's label plan becomes tasks: the missing cases, none twice, each with the chance it had."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from support import NOW, TwoRuns, a_store, a_variant, two_runs

from annotators.asking import queues
from annotators.asking.budget import load_plan
from annotators.asking.topping import ToppedUp, top_up
from evals.errors import InputError, MoreNeededError
from evals.experiment import score
from evals.gate import Policy, decide, parse_policy
from evals.gate.drawn import together
from evals.gate.evidence import read_evidence
from evals.identity import content_id
from evals.metrics import METRICS
from evals.records import Annotation, Annotator, Decision, Run
from evals.store import Store

LANGUAGES = ("en", "ja", "ar")
ONLY = {"grounded": METRICS["grounded"]}
ROW = {"name": "grounded", "kind": "non_inferiority", "metric": "grounded", "margin": 0.2, "min_labels": 14,
       "slices": ["language"], "slice_margin": 0.4, "slice_min_labels": 7}  # fmt: skip


def a_policy(looks: int) -> Policy:
    return parse_policy({"version": 1, "feature": "highlights", "looks": looks, "requirements": [ROW]})


@pytest.fixture
def store() -> Store:
    return a_store()


@pytest.fixture
def runs(store: Store) -> TwoRuns:
    made = two_runs(store, LANGUAGES, products=12, wrong_every=7)
    for run in (made.champion, made.candidate):
        score(store, run.run_id, ONLY)
    return made


def draw(store: Store, runs: TwoRuns, fraction: float) -> None:
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=fraction, seed=0, overlap=1, now=NOW, plan=load_plan())


def label(store: Store, share: float = 1.0, all_good: bool = False) -> None:
    store.labels.put_annotators([Annotator("one", "one@example.org", "One", LANGUAGES)])
    items = [item for item in store.queue.items() if int(item.case_id[-6:], 16) / 16**6 < share]
    verdicts = {row.subject_id: row.value for run in store.runs.runs("highlights") for row in store.runs.scores(run.run_id, "grounded")}
    store.labels.put_annotations(
        Annotation(content_id("note", item.item_id), item.item_id, "one",
                   "grounded" if all_good or verdicts.get(item.claim_id) == 1 else "contradicted", None, NOW, NOW)
        for item in items
    )  # fmt: skip


def read(store: Store, runs: TwoRuns, looks: int = 3) -> Decision:
    return decide(store, a_policy(looks), runs.champion.run_id, runs.candidate.run_id, now=NOW, repetitions=4)


def topped(store: Store, decision: Decision, **more: Any) -> ToppedUp:
    return top_up(store, decision, seed=0, now=NOW, plan=load_plan(), **more)


def drawn(store: Store, runs: TwoRuns) -> dict[str, float]:
    return dict(read_evidence(store, runs.champion.run_id, runs.candidate.run_id).champion.drawn)


def by_language(store: Store, runs: TwoRuns) -> Counter[str]:
    tags = {case.case_id: case.language for case in store.runs.cases(runs.dataset.dataset_id)}
    return Counter(tags[case_id] for case_id in drawn(store, runs))


def test_the_cases_a_hold_lacks_are_queued_and_the_next_gate_uses_them(store: Store, runs: TwoRuns) -> None:
    draw(store, runs, 0.25)
    label(store)
    held = read(store, runs)
    assert held.outcome == "hold" and set(held.body["plan"]["targets"]) == set(LANGUAGES)
    found = topped(store, held)
    assert by_language(store, runs) == found.targets and found.queued.new_items > 0
    label(store)
    later = read(store, runs).body["requirements"][0]["cells"][0]
    assert later["n"] == sum(found.targets.values()) > held.body["requirements"][0]["cells"][0]["n"]


def test_asked_twice_nothing_is_queued_twice_even_after_labels_came(store: Store, runs: TwoRuns) -> None:
    draw(store, runs, 0.25)
    label(store)
    held = read(store, runs)
    topped(store, held)
    before = drawn(store, runs)
    label(store, 0.5)
    assert topped(store, held).queued.new_items == 0 and drawn(store, runs) == before


def test_a_dry_run_says_what_it_would_queue_and_queues_nothing(store: Store, runs: TwoRuns) -> None:
    draw(store, runs, 0.25)
    label(store)
    held, before = read(store, runs), store.queue.items()
    promised = topped(store, held, dry_run=True)
    assert store.queue.items() == before
    assert topped(store, held).queued.new_items == promised.queued.new_items > 0


def test_cases_that_wait_for_people_count_as_coming(store: Store, runs: TwoRuns) -> None:
    draw(store, runs, 0.5)
    label(store, 0.5)
    held = read(store, runs)
    lacks, before = held.body["plan"], by_language(store, runs)
    new = sum(count - before[tag] for tag, count in lacks["targets"].items())
    assert 0 <= new < lacks["cases"]


def test_every_case_has_the_chance_of_being_in_the_larger_sample(store: Store, runs: TwoRuns) -> None:
    """Equal doubts: n of 12 in each language."""
    draw(store, runs, 0.25)
    label(store)
    found = topped(store, read(store, runs))
    tags = {case.case_id: case.language for case in store.runs.cases(runs.dataset.dataset_id)}
    chances = drawn(store, runs)
    for tag, count in found.targets.items():
        mine = [p for case, p in chances.items() if tags[case] == tag]
        assert len(mine) == count and sum(1 / p for p in mine) == pytest.approx(12, rel=0.35)


def test_before_any_label_the_policys_minimum_is_queued(store: Store, runs: TwoRuns) -> None:
    found = topped(store, read(store, runs))
    assert sum(found.targets.values()) >= ROW["min_labels"] and by_language(store, runs) == found.targets


def test_what_is_no_hold_lacks_nothing(store: Store, runs: TwoRuns) -> None:
    draw(store, runs, 1.0)
    label(store, all_good=True)
    decided = read(store, runs, looks=1)
    assert decided.outcome == "promote", decided.reason
    with pytest.raises(MoreNeededError, match="lacks no labels"):
        topped(store, decided)


def test_a_decision_of_an_older_version_is_refused_with_what_to_do(store: Store, runs: TwoRuns) -> None:
    draw(store, runs, 0.25)
    held = read(store, runs)
    del held.body["plan"]["targets"]  # type: ignore[attr-defined]  # a body is read only by type
    with pytest.raises(InputError, match="plumb gate highlights"):
        topped(store, held)


# ---------------------------------------------------------------------------------------------- a champion meets many candidates


def another(store: Store, runs: TwoRuns) -> Run:
    """A second candidate over the same cases, which says what the first says."""
    from dataclasses import replace

    from evals.claims import claims_of

    variant = a_variant("highlights", "another")
    store.runs.add_variant(variant)
    run = store.runs.add_run(replace(runs.candidate, run_id="run-another", variant_id=variant.variant_id))
    for case in store.runs.cases(runs.dataset.dataset_id):
        said = store.runs.output_of(runs.candidate.run_id, case.case_id)
        output = replace(said, output_id=content_id("output", run.run_id, case.case_id), run_id=run.run_id)
        store.runs.add_outputs([output])
        store.runs.add_claims(claims_of(output, case.language))
    score(store, run.run_id, ONLY)
    return run


def test_a_draw_for_the_next_candidate_leaves_the_chances_of_the_first_comparison(store: Store, runs: TwoRuns) -> None:
    draw(store, runs, 0.25)
    before, other = drawn(store, runs), another(store, runs)
    queues.enqueue(store, runs.champion.run_id, other.run_id, fraction=0.75, seed=0, overlap=1, now=NOW)
    larger = read_evidence(store, runs.champion.run_id, other.run_id).champion.drawn
    assert drawn(store, runs) == before
    assert before.keys() < larger.keys() and all(p == pytest.approx(0.75, abs=0.05) for p in larger.values())


def test_a_top_up_goes_on_from_its_own_sample_whatever_was_drawn_for_others(store: Store, runs: TwoRuns) -> None:
    draw(store, runs, 0.25)
    queues.enqueue(store, runs.champion.run_id, another(store, runs).run_id, fraction=0.75, seed=0, overlap=1, now=NOW)
    label(store)
    before = drawn(store, runs)
    found = topped(store, read(store, runs))
    assert by_language(store, runs) == found.targets and before.keys() < drawn(store, runs).keys()


def test_two_samples_that_never_met_start_from_the_larger_one() -> None:
    samples = [{"a": 0.5, "b": 0.5}, {"c": 0.2}]
    assert together(samples, [{"a", "b", "c"}] * 2) == samples[0]
    assert together([{}, {"c": 0.2}], [{"c"}, {"c"}]) == {"c": 0.2}
    assert together([{}, {}], [set(), set()]) == {}
