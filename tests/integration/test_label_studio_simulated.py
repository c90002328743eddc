"""The simulated annotators work through the real server, as themselves, and what they said arrives."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from support import NOW, TwoRuns, a_store, two_runs

from annotators.asking.conflicts import queue_conflicts
from annotators.asking.queues import enqueue
from annotators.asking.routing import coin
from annotators.label_studio.collect import collect
from annotators.label_studio.push import push
from annotators.label_studio.studio import Studio
from annotators.labeling import CLAIM_V2
from annotators.simulation.simulated import Simulated, simulate
from evals.errors import StudioError
from evals.store import Store

pytestmark = pytest.mark.labelstudio
OTHERS = ("preference-v1", "failures-v1", "citation-v1", "rewrite-v1")


def pushed(
    studio: Studio, languages: tuple[str, ...], overlap: int, *, rubrics: tuple[str, ...] = (CLAIM_V2.name,), products: int = 3
) -> tuple[Store, TwoRuns]:
    store = a_store()
    runs = two_runs(store, languages, products=products)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=overlap, now=NOW, rubrics=rubrics)
    push(store, studio)
    return store, runs


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_simulated_verdicts_arrive_and_a_second_round_adds_nothing(studio: Studio) -> None:
    store, runs = pushed(studio, ("en", "ar"), overlap=1)
    seen: list[tuple[int, int | None]] = []
    summary = simulate(store, studio, seed=3, now=NOW, progress=lambda done, total: seen.append((done, total)))
    assert (summary.created, summary.existing) == (36, 0) and seen == [(n, 36) for n in range(1, 37)]
    assert all(name.startswith("Simulated annotator ") for name in summary.annotators) and len(summary.annotators) == 4
    assert simulate(store, studio, seed=3, now=NOW).created == 0, "it looks at the server first"
    assert collect(store, studio, now=now()).new == 0
    verdicts = {
        run.run_id: Counter(row.verdict == "grounded" for row in store.labels.labels(run_id=run.run_id))
        for run in (runs.champion, runs.candidate)
    }
    assert sum(verdicts[runs.champion.run_id].values()) == sum(verdicts[runs.candidate.run_id].values()) == 18
    assert verdicts[runs.champion.run_id][True] > verdicts[runs.candidate.run_id][True]
    assert all(annotator.simulated and annotator.name.startswith("Simulated annotator ") for annotator in store.labels.annotators())
    (event,) = store.ledger.events()
    assert event.actor == "simulated annotators" and event.detail["labels"] == 36
    assert {user.name for user in studio.users().values()} >= set(summary.annotators)


def test_with_overlap_2_every_item_is_labelled_by_two_and_nobody_sees_one_twice(studio: Studio) -> None:
    store, _ = pushed(studio, ("ja",), overlap=2)
    assert simulate(store, studio, seed=5, now=NOW).created == 36
    assert collect(store, studio, now=now()).new == 36
    scripts = {who.annotator().annotator_id: who for who in (Simulated("ja", 1), Simulated("ja", 2))}
    items = {item.item_id: item for item in store.queue.items()}
    notes = store.labels.annotations()
    assert Counter((note.item_id, note.annotator_id) for note in notes) == dict.fromkeys(((i, who) for i in items for who in scripts), 1)
    assert all(note.verdict == scripts[note.annotator_id].reply(items[note.item_id], 5).verdict for note in notes)
    assert all(note.detail.get("spans") for note in notes if note.verdict == "grounded"), "with the words that decide"
    assert all(status.open == 0 for status in store.queue.status())
    assert simulate(store, studio, seed=5, now=NOW).created == 0
    assert collect(store, studio, now=now()).new == 0


def test_every_rubric_is_worked_through_pairs_by_three_with_their_sides_as_stored(studio: Studio) -> None:
    store, _ = pushed(studio, ("en",), overlap=3, rubrics=(*OTHERS, CLAIM_V2.name), products=2)
    summary = simulate(store, studio, seed=1, now=NOW)
    assert not collect(store, studio, now=now()).invalid
    assert all(status.open == 0 for status in store.queue.status())
    assert len(summary.annotators) == 3 and summary.created == len(store.labels.annotations())
    items = {item.item_id: item for item in store.queue.items()}
    pairs = [(note, items[note.item_id]) for note in store.labels.annotations() if items[note.item_id].rubric == "preference-v1"]
    assert Counter(Counter(item.subject_id for _, item in pairs).values()) == {3: 2}
    assert any(item.first == coin(1, note.annotator_id, item.subject_id) for note, item in pairs)
    right = [note.verdict for note, _ in pairs]
    assert sum(verdict.startswith("champion") for verdict in right) >= 4, "the candidate says what is false"


def test_conflicts_go_to_the_expert_who_does_nothing_else(studio: Studio) -> None:
    store, _ = pushed(studio, ("en",), overlap=2, products=8)
    simulate(store, studio, seed=2, now=NOW)
    collect(store, studio, now=now())
    disputed = queue_conflicts(store, now=now())
    assert disputed
    push(store, studio)
    summary = simulate(store, studio, seed=2, now=NOW)
    assert (summary.annotators, summary.created) == (["Simulated annotator en-expert"], disputed)
    collect(store, studio, now=now())
    rubrics = {row.rubric for row in store.labels.labels() if row.annotator_id == Simulated("en", "expert").annotator().annotator_id}
    assert rubrics == {"adjudication-v1"}


def test_a_round_that_breaks_off_is_finished_by_the_next(studio: Studio) -> None:
    store, _ = pushed(studio, ("en", "ar"), overlap=2)

    def stop(done: int, total: int | None) -> None:
        if done == 10:
            raise StudioError("the line is dead")

    with pytest.raises(StudioError, match="dead"):
        simulate(store, studio, seed=3, now=NOW, progress=stop)
    summary = simulate(store, studio, seed=3, now=NOW)
    collect(store, studio, now=now())
    assert 10 <= 72 - summary.created <= 12, "nobody went on for long, nothing was done twice"
    assert len(store.labels.annotations()) == 72 and all(status.open == 0 for status in store.queue.status())


def test_who_is_paused_is_given_nothing_and_stays_paused(studio: Studio) -> None:
    store, _ = pushed(studio, ("en",), overlap=1)
    paused = Simulated("en", 1)
    store.labels.put_annotators([type(paused.annotator())(**{**vars(paused.annotator()), "paused_because": "a test"})])
    assert simulate(store, studio, seed=3, now=NOW).annotators == ["Simulated annotator en-2"]
    (kept,) = (one for one in store.labels.annotators() if one.email == paused.email)
    assert kept.paused_because == "a test"
