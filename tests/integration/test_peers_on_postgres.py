"""Other tools' results on PostgreSQL: texts that SQLite would forgive, names at their longest, and the same decision."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import NOW, a_store

from evals import gate, peers
from evals.gate.policy import parse_policy
from evals.paths import ROOT
from evals.peers.importing import store_results
from evals.records import Decision
from evals.store import Store

FILES = ROOT / "tests" / "data" / "peers" / "deepeval"
HOSTILE = "'; drop table run; -- \x00 \ud800 \u202e" * 20
POLICY = {"name": "states", "kind": "non_inferiority", "metric": "deepeval_states_value", "source": "code", "margin": 0.3}


pytestmark = pytest.mark.postgres


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    store = Store.open(postgres_url)
    yield store
    store.close()


def decided(store: Store) -> Decision:
    runs = []
    for arm in ("champion", "degraded"):
        (results,) = peers.read([FILES / f"{arm}.json"], variant=arm)
        runs.append(store_results(store, "assistant", results, NOW).run.run_id)
    return gate.decide(store, parse_policy({"version": 1, "feature": "assistant", "requirements": [POLICY]}), *runs, now=NOW)


def test_the_decision_is_that_of_sqlite(store: Store) -> None:
    assert decided(store) == decided(a_store())


def test_hostile_names_and_texts_are_stored_once(store: Store, tmp_path: Path) -> None:
    row = dict.fromkeys(("case_id", "question", "output", "product", "category", "variant", "error_text", "good_reason"), HOSTILE)
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row | {"good": None, HOSTILE: 1, "repeat": 3}) + "\n", encoding="utf-8")
    (results,) = peers.read([path])
    first, again = (store_results(store, "assistant", results, NOW) for _ in range(2))
    assert first.new_scores == 2 and again.new_scores == 0 and first.run == again.run
