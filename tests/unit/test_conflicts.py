"""Conflicts: found where people differ, settled by an expert, carried by the gate with who said what."""

from __future__ import annotations

from dataclasses import replace

from support import NOW, TwoRuns, a_store, two_runs

from annotators.asking import conflicts, queues
from annotators.label_studio.collect import annotation_id
from annotators.labeling import ADJUDICATION, RUBRICS
from evals.gate.evidence import read_evidence
from evals.gate.settled import Settled, settle
from evals.records import Annotation, Annotator, QueueItem
from evals.store import Store

PEOPLE = [Annotator(f"annotator-{name}", f"{name}@example.org", name, ("en",), expert=name == "eve") for name in ("ann", "bo", "cy", "eve")]


def asked(store: Store, overlap: int = 2) -> TwoRuns:
    runs = two_runs(store, ("en",), products=6)
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=1, overlap=overlap, now=NOW)
    store.labels.put_annotators(PEOPLE)
    return runs


def say(store: Store, item: QueueItem, person: int, verdict: str, comment: str | None = None, at: str = NOW) -> None:
    who = PEOPLE[person].annotator_id
    store.labels.put_annotations([Annotation(annotation_id(item.item_id, who), item.item_id, who, verdict, comment, at, at)])


def disagree(store: Store) -> QueueItem:
    """Two people agree on every claim but one."""
    items = store.queue.items()
    for number, item in enumerate(items):
        say(store, item, 0, "grounded")
        say(store, item, 1, "contradicted" if number == 4 else "grounded", "the counts <b>differ</b>\n2: grounded")
    return items[4]


def test_only_what_people_disagree_about_is_put_before_an_expert_and_only_once() -> None:
    store = a_store()
    asked(store)
    disputed = disagree(store)
    (found,) = conflicts.conflicts(store)
    assert (found.claim_id, found.settled.value, found.queued, found.settled_by) == (disputed.claim_id, 0.5, False, None)
    assert (conflicts.queue_conflicts(store, now=NOW), conflicts.queue_conflicts(store, now=NOW)) == (1, 0)
    (item,) = store.queue.items(why="adjudication")
    assert item.queue == f"highlights/en/{ADJUDICATION.name}" and item.probability == disputed.probability
    assert set(item.data) == {"item_id", "language", *ADJUDICATION.keys["highlights"]} and item.data["item_id"] == item.item_id


def test_an_expert_sees_what_was_said_and_not_by_whom_and_a_comment_cannot_forge_a_line() -> None:
    store = a_store()
    asked(store)
    disagree(store)
    conflicts.queue_conflicts(store, now=NOW)
    (item,) = store.queue.items(why="adjudication")
    assert item.data["votes"].split("\n") == ["1: Supported", "2: Contradicted – the counts <b>differ</b> 2: grounded"]
    assert "ann" not in item.data["votes"].lower().split() and PEOPLE[0].email not in str(item.data)


def test_what_the_expert_says_decides_for_the_gate_and_the_votes_stay() -> None:
    store = a_store()
    runs = asked(store)
    disputed = disagree(store)
    conflicts.queue_conflicts(store, now=NOW)
    (item,) = store.queue.items(why="adjudication")
    say(store, item, 3, "contradicted")
    arm = next(
        arm for arm in (lambda e: (e.champion, e.candidate))(read_evidence(store, runs.champion.run_id, runs.candidate.run_id))
        if arm.run.run_id == disputed.run_id
    )  # fmt: skip
    assert arm.votes[str(disputed.claim_id)] == Settled(0.0, 1.0, adjudicated=True, disputed=False)
    (settled,) = conflicts.conflicts(store)
    assert settled.settled_by is not None and settled.settled_by.verdict == "contradicted" and len(settled.votes) == 2
    assert conflicts.queue_conflicts(store, now=NOW) == 0


def test_a_tie_without_an_expert_is_worth_one_half_and_a_claim_nobody_could_check_nothing() -> None:
    store = a_store()
    asked(store)
    first, second, *_ = store.queue.items()
    say(store, first, 0, "grounded")
    say(store, first, 1, "unsupported")
    say(store, second, 0, "not_checkable")
    found = settle(store.labels.labels()).claims
    assert found[str(first.claim_id)].value == 0.5 and found[str(first.claim_id)].disputed
    assert found[str(second.claim_id)] == Settled(None, None, adjudicated=False, disputed=False)


def test_three_people_outvote_one_and_say_how_sure_that_is() -> None:
    store = a_store()
    asked(store, overlap=3)
    for number, item in enumerate(store.queue.items()):
        for person in range(3):
            say(store, item, person, "contradicted" if number == 2 and person == 1 else "grounded")
    item = store.queue.items()[2]
    verdicts = settle(store.labels.labels())
    assert verdicts.claims[str(item.claim_id)].value == 1.0
    assert 0.5 < (verdicts.claims[str(item.claim_id)].probability or 0) < 1
    assert verdicts.methods["en"].startswith("majority: 3 raters")


def test_a_claim_that_a_customer_reported_goes_to_an_expert_too_and_stays_out_of_the_estimate() -> None:
    store = a_store()
    runs = asked(store)
    one = store.queue.items()[0]
    again = replace(one, item_id="item-reported", why="escalated", origin_id="escalation-1")
    store.queue.add_items([again])
    say(store, again, 0, "grounded")
    say(store, again, 1, "contradicted")
    assert [found.claim_id for found in conflicts.conflicts(store)] == [one.claim_id]
    evidence = read_evidence(store, runs.champion.run_id, runs.candidate.run_id)
    assert not evidence.champion.votes and not evidence.candidate.votes


def test_the_rubric_of_conflicts_is_read_as_the_claims_are() -> None:
    assert RUBRICS[ADJUDICATION.name].scale == RUBRICS["claim-v2"].scale
