"""Figures about people are the same on PostgreSQL as on SQLite."""

from __future__ import annotations

import pytest
from filled_store import fill, fill_people, person
from support import NOW

from evals.store import Store

pytestmark = pytest.mark.postgres


def test_figures_about_people_are_the_same_on_both(postgres_url: str) -> None:
    found = []
    for url in (postgres_url, "sqlite://"):
        store, who = Store.open(url), person("en", 2).annotator_id
        fill(store)
        fill_people(store)
        differs = [(one.item.item_id, one.verdict, sorted(one.others)) for one in store.people.disagreements(who, 1000)]
        found.append((store.people.worked(NOW), sorted(store.people.times()), store.people.per_queue(who), sorted(differs)))
        store.close()
    assert found[0] == found[1] and found[0][3]
