"""Figures about people from SQL, and who is paused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import NOW, a_store, two_runs

from annotators.asking import queues
from annotators.label_studio.collect import annotation_id
from annotators.raters import pausing
from evals.errors import InputError, UnknownIdError
from evals.records import Annotation, Annotator
from evals.store import Store

PEOPLE = [Annotator(f"annotator-{name}", f"{name}@example.org", name, ("en",)) for name in ("ann", "bo", "cy")]


@pytest.fixture
def store() -> Store:
    """Ann and Bo judge two claims and differ on the second, a day and a week ago; Cy judges nothing."""
    store = a_store()
    runs = two_runs(store, ("en",), products=1)
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=0, overlap=2, now=NOW)
    store.labels.put_annotators(PEOPLE)
    for number, at in enumerate(("2026-11-22T09:00:00Z", "2026-11-15T09:00:00Z")):
        say(store, number, 0, "grounded", at)
        say(store, number, 1, "contradicted" if number else "grounded", at)
    return store


def say(store: Store, item: int, person: int, verdict: str, at: str, seconds: float | None = 8.0) -> Annotation:
    who, item_id = PEOPLE[person].annotator_id, store.queue.items()[item].item_id
    note = Annotation(annotation_id(item_id, who), item_id, who, verdict, "why", at, at, seconds)
    store.labels.put_annotations([note])
    return note


def test_labels_are_counted_today_in_seven_days_and_in_all(store: Store) -> None:
    found = store.people.worked(NOW)
    assert found.keys() == {"annotator-ann", "annotator-bo"}
    assert found["annotator-ann"][1:] == (1, 1, 2, "2026-11-22T09:00:00Z")
    assert store.people.worked("2026-11-21T23:59:59Z")["annotator-ann"].week == 2


def test_only_measured_times_of_living_labels_count(store: Store) -> None:
    say(store, 2, 0, "grounded", NOW, None)
    store.labels.mark_deleted([say(store, 3, 0, "grounded", NOW).annotation_id])
    assert [(time.annotator_id, time.lead_time_s) for time in store.people.times()].count(("annotator-ann", 8.0)) == 2
    assert store.people.labels() == 6
    assert store.people.per_queue("annotator-ann") == {"highlights/en/claim-v2": 3}


def test_a_disagreement_names_what_the_others_said(store: Store) -> None:
    (found,) = store.people.disagreements("annotator-bo", 10)
    assert (found.verdict, found.comment, found.item.item_id) == ("contradicted", "why", store.queue.items()[1].item_id)
    assert found.others == (("ann", False, "grounded"),)
    assert store.people.disagreements("annotator-cy", 10) == []


def test_the_version_changes_with_every_change_and_with_nothing_else(store: Store) -> None:
    seen = [store.people.version()]

    def changed() -> bool:
        seen.append(store.people.version())
        return seen[-1] != seen[-2]

    assert not changed()
    note = say(store, 4, 2, "grounded", NOW)
    assert changed()
    store.labels.put_annotations([replace(note, verdict="contradicted")])  # the same time: an edit is kept all the same
    assert changed()
    store.labels.mark_deleted([note.annotation_id])
    assert changed()
    store.labels.put_annotators([replace(PEOPLE[0], name="Anne")])
    assert changed()


def test_who_is_paused_stays_so_until_resumed_and_both_stand_in_the_audit_log(store: Store) -> None:
    pausing.pause(store, "annotator-bo", because=" too fast\u202e ", actor="Lea", now=NOW)
    assert {one.annotator_id: one.paused_because for one in store.labels.annotators()}["annotator-bo"] == "too fast\ufffd"
    pausing.resume(store, "annotator-bo", because="talked to them", actor="Lea", now=NOW)
    assert all(one.paused_because is None for one in store.labels.annotators())
    assert [(event.action, event.actor, event.detail["because"]) for event in store.ledger.events()] == [
        ("resume annotator", "Lea", "talked to them"),
        ("pause annotator", "Lea", "too fast\ufffd"),
    ]


@pytest.mark.parametrize(("because", "actor", "missing"), [(" ", "Lea", "a reason"), ("too fast", "", "who does it")])
def test_nobody_is_paused_without_a_reason_and_a_name(store: Store, because: str, actor: str, missing: str) -> None:
    with pytest.raises(InputError, match=missing):
        pausing.pause(store, "annotator-bo", because=because, actor=actor, now=NOW)
    assert store.ledger.events() == []


def test_nobody_unknown_is_paused_and_nothing_is_logged(store: Store) -> None:
    with pytest.raises(UnknownIdError, match="nobody"):
        pausing.pause(store, "nobody", because="too fast", actor="Lea", now=NOW)
    assert store.ledger.events() == []
