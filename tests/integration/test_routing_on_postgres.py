"""On PostgreSQL, where two people really write at once: places are given out as on SQLite."""

from __future__ import annotations

import pytest
from routed import CLAIMS, PREFERENCE, a_plan, an_item, ask, enqueued, label, names, people, put, race, work
from support import NOW, a_store

from annotators.asking.queues import enqueue
from evals.store import Store

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("overlap", [1, 3])
def test_of_many_who_race_for_the_last_places_only_so_many_get_one(postgres_url: str, overlap: int) -> None:
    store = a_store(postgres_url)
    race(store, overlap)
    store.close()


def everything(store: Store) -> list[list[str]]:
    """Practice, gold, a conflict, pairs and claims of the same cases, by two people; what each was given."""
    ann, bob = people(store, "ann", "bob", expert=True)
    put(store, *(an_item(n, "gold") for n in range(4)), practice=True)
    put(store, *(an_item(10 + n, "gold") for n in range(4)), an_item(20, "adjudication", rubric="adjudication-v1"))
    runs = enqueued(store, CLAIMS, 1)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=2, now=NOW, rubrics=[PREFERENCE])
    put(store)
    plan = a_plan(onboarding_gold=2, gold_every=4, daily_limit=7)
    label(store, ann, next(item.item_id for item in store.queue.items() if item.rubric == PREFERENCE))
    given = [names(work(store, who, plan=plan)) for who in (ann, bob, ann)]
    return [*given, [ask(store, who, plan=plan).reason for who in (ann, bob)]]


def test_everybody_gets_on_postgres_what_they_get_on_sqlite(postgres_url: str) -> None:
    store = a_store(postgres_url)
    assert everything(store) == everything(a_store())
    store.close()
