"""PostgreSQL behind the same records: what holds on SQLite holds there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.catalog_files import read_products
from evals.importing import import_reviews
from evals.paths import DATA
from evals.records import AuditEvent, Case, Dataset, Output, Passage, Promotion, Run, Score, Variant
from evals.store import Store

NOW = "2026-11-22T12:00:00Z"
pytestmark = pytest.mark.postgres


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    store = Store.open(postgres_url)
    yield store
    store.close()


def test_an_import_on_postgres_equals_the_same_import_on_sqlite(store: Store, tmp_path: Path) -> None:
    embedded = Store.open("sqlite://")
    summaries = []
    for each in (store, embedded):
        each.catalog.add_products(read_products(DATA / "sample" / "products.yaml"))
        for _ in range(2):
            summaries.append(import_reviews(each, [DATA / "sample" / "reviews.jsonl"], quarantine=tmp_path))
    assert [(s.new, s.duplicates) for s in summaries] == [(1932, 0), (0, 1932)] * 2
    assert sorted(store.catalog.review_counts()) == sorted(embedded.catalog.review_counts())
    product = store.catalog.products()[0].product_id
    assert {r.review_id: r for r in store.catalog.reviews(product)} == {r.review_id: r for r in embedded.catalog.reviews(product)}


def test_runs_outputs_scores_and_promotions_come_back_as_they_went_in(store: Store) -> None:
    store.catalog.add_products(read_products(DATA / "sample" / "products.yaml"))
    case = Case("case-1", "highlights", "hp-aurora", "ar", "electronics", {"reviews": 3})
    store.runs.add_dataset(Dataset("dataset-1", "sample", "highlights", 1, NOW), [case])
    store.runs.add_variant(Variant("variant-1", "template", "highlights", {"kind": "template"}))
    run = store.runs.add_run(Run("run-1", "highlights", "variant-1", "dataset-1", NOW))
    output = Output("output-1", "run-1", "case-1", "ممتاز [1].", "ok", NOW, (Passage(1, "review", "r1", "ar", "ممتاز", 0, 5),))
    assert store.runs.add_outputs([output, output]) == 1
    assert list(store.runs.outputs("run-1")) == [output]
    assert store.runs.missing_cases(run) == []
    score = Score("run-1", "case-1", "output", "output-1", "length", "v:1", "code", 2.0)
    assert (store.runs.add_scores([score]), store.runs.add_scores([score])) == (1, 0)
    assert store.runs.totals("run-1").ok == 1
    assert store.comparisons.paired_means("run-1", "run-1")[0].difference == 0
    store.ledger.add_promotion(
        Promotion("highlights", "variant-1", None, "owner", "first", NOW), AuditEvent(NOW, "owner", "promote", "variant-1")
    )
    assert store.ledger.promotions("highlights")[0].variant_id == "variant-1"


def test_opening_twice_migrates_once(postgres_url: str) -> None:
    Store.open(postgres_url).close()
    again = Store.open(postgres_url)
    assert again.catalog.products() == []
    again.close()
