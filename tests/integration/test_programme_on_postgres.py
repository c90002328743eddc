"""The programme's queries give the same on PostgreSQL as on SQLite."""

from __future__ import annotations

from typing import Any

import pytest
from support import NOW, a_case, a_product, a_store, two_runs

from annotators.asking import queues
from evals import gate
from evals.identity import content_id
from evals.programme import experiments, exposure, load_rules, registration, sealed
from evals.records import Annotation, Annotator
from evals.store import Store

pytestmark = pytest.mark.postgres
POLICY: dict[str, Any] = {
    "version": 1,
    "feature": "highlights",
    "alpha": 0.02,
    "requirements": [{"name": "grounded", "kind": "non_inferiority", "metric": "grounded", "margin": 0.9, "min_labels": 3}],
}


def told(store: Store) -> list[object]:
    """The whole life of two experiments and a sealed set, and everything that can be asked about it."""
    runs, rules = two_runs(store, ("en",), products=4), load_rules()
    arms = {
        "feature": "highlights",
        "champion": runs.champion,
        "candidates": [runs.candidate],
        "policy": POLICY,
        "actor": "ann",
        "now": NOW,
    }
    found = registration.plan(store, rules, hypothesis="first", **arms)  # type: ignore[arg-type]  # keywords of several types
    ann = Annotator("annotator-ann", "ann@example.org", "Ann", ("en",))
    store.labels.put_annotators([ann])
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=0, overlap=1, now=NOW)
    store.labels.put_annotations(
        Annotation(content_id("annotation", item.item_id), item.item_id, ann.annotator_id, "grounded", None, NOW, NOW)
        for item in store.queue.items()
    )
    gate.decide(store, gate.parse_policy(POLICY), runs.champion.run_id, runs.candidate.run_id, now=NOW)
    registration.plan(store, rules, hypothesis="second", exploratory=True, **arms)  # type: ignore[arg-type]
    experiments.abandon(store, found.experiment_id, actor="ann", reason="slow", now="2026-12-01T00:00:00Z")
    store.catalog.add_products(a_product(number) for number in range(10, 13))
    cases = [a_case("highlights", a_product(number), "en", reviews=1) for number in range(10, 13)]
    kept = sealed.seal(store, "highlights", "winter", cases, 2, seed=1, actor="ann", now=NOW)
    opened = sealed.unseal(store, kept.sealed_id, cases, actor="ann", reason="spent", now=NOW)
    return [
        experiments.shown(store), exposure.exposures(store, rules), store.programme.months(), store.programme.months("assistant"),
        store.programme.sealed_sets(), opened, store.ledger.events(),
    ]  # fmt: skip


def test_the_programme_reads_the_same_on_both_databases(postgres_url: str) -> None:
    here, there = a_store(), Store.open(postgres_url)
    try:
        assert told(there) == told(here)
        assert there.programme.reads()[0].decisions == 1
    finally:
        there.close()
