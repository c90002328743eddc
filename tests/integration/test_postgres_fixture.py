"""The store on the real PostgreSQL that the fixture starts: the same schema, the same queue."""

import pytest
from support import NOW, a_store, two_runs

from annotators.asking.queues import enqueue
from annotators.label_studio.accounts import annotator_id
from evals.records import Annotation, Annotator, StudioCursor
from evals.store import Store

pytestmark = pytest.mark.postgres


def test_the_store_opens_on_an_empty_postgresql_database_and_again_on_a_full_one(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    assert store.catalog.products() == []
    two_runs(store, ("en",), products=1)
    store.close()
    again = Store.open(postgres_url)
    assert [product.product_id for product in again.catalog.products()] == ["product-1"]
    again.close()


def test_claims_are_queued_and_labelled_on_postgresql_as_on_sqlite(postgres_url: str) -> None:
    results = []
    for store in (a_store(), a_store(postgres_url)):
        runs = two_runs(store, ("ar", "en"), products=2)
        first = enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=0.5, seed=1, overlap=1, now=NOW)
        assert enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=0.5, seed=1, overlap=1, now=NOW).new_items == 0
        store.labels.put_annotators([Annotator(annotator_id("a@x.invalid"), "a@x.invalid", "A", ("ar",))])
        notes = [
            Annotation(f"n-{i.item_id}", i.item_id, annotator_id("a@x.invalid"), "grounded", "😀", NOW, NOW) for i in store.queue.items()
        ]
        store.labels.put_annotations(notes)
        store.queue.put_cursor(StudioCursor("http://x", 1, NOW))
        store.queue.put_cursor(StudioCursor("http://x", 1, NOW))
        results.append((first, store.queue.items(), store.labels.labels(run_id=runs.candidate.run_id), store.queue.status()))
        store.close()
    assert results[0] == results[1]
