"""The simulated annotators work through the real server, as themselves, and what they said arrives."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from support import NOW, TwoRuns, a_store, two_runs

from annotators.collect import collect
from annotators.push import push
from annotators.queues import enqueue
from annotators.simulated import Simulated, simulate
from annotators.studio import Studio
from evals.store import Store

pytestmark = pytest.mark.labelstudio


def pushed(studio: Studio, languages: tuple[str, ...], overlap: int) -> tuple[Store, TwoRuns]:
    store = a_store()
    runs = two_runs(store, languages, products=3)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=overlap, now=NOW)
    push(store, studio)
    return store, runs


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_simulated_verdicts_arrive_and_a_second_round_adds_nothing(studio: Studio) -> None:
    store, runs = pushed(studio, ("en", "ar"), overlap=1)
    seen: list[tuple[int, int | None]] = []
    summary = simulate(store, studio, seed=3, now=NOW, progress=lambda done, total: seen.append((done, total)))
    assert (summary.created, summary.existing) == (36, 0) and seen[-1] == (36, 36)
    assert all(name.startswith("Simulated annotator ") for name in summary.annotators) and len(summary.annotators) == 4
    assert collect(store, studio, now=now()).new == 36
    assert simulate(store, studio, seed=3, now=NOW).created == 0
    verdicts = {
        run.run_id: Counter(row.verdict == "grounded" for row in store.labels.labels(run_id=run.run_id))
        for run in (runs.champion, runs.candidate)
    }
    assert sum(verdicts[runs.champion.run_id].values()) == sum(verdicts[runs.candidate.run_id].values()) == 18
    assert verdicts[runs.champion.run_id][True] > verdicts[runs.candidate.run_id][True]
    assert all(annotator.simulated and annotator.name.startswith("Simulated annotator ") for annotator in store.labels.annotators())
    (event,) = store.ledger.events()
    assert event.actor == "simulated annotators" and event.detail["tasks"] == 36
    assert {user.name for user in studio.users().values()} >= set(summary.annotators)


def test_each_verdict_is_the_one_the_script_gives_for_what_it_was_shown(studio: Studio) -> None:
    store, _ = pushed(studio, ("ja",), overlap=2)
    simulate(store, studio, overlap=2, seed=5, now=NOW)
    collect(store, studio, now=now())
    scripts = {who.annotator().annotator_id: who for who in (Simulated("ja", 1), Simulated("ja", 2))}
    items = {item.item_id: item for item in store.queue.items()}
    notes = store.labels.annotations()
    assert len(notes) == 2 * len(items) == 36
    assert all(note.verdict == scripts[note.annotator_id].verdict(items[note.item_id].data, 5) for note in notes)
    assert all(status.open == 0 for status in store.queue.status())
