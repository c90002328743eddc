"""The cases in which the candidate lost most: what a reader opens first. Looked up beside the decision, which names no case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.gate.evidence import read_evidence
from evals.gate.measure import HUMAN_METRIC
from evals.records import Decision
from evals.store import Store

COMPARED = ("non_inferiority", "parity", "floor")
MOST = 5

Lost = tuple[str, float, float]  # case, champion's value, candidate's


@dataclass(frozen=True)
class Regression:
    """One case by one requirement: what its metric says of the champion's output and of the candidate's. `url`: a page that shows both."""

    requirement: str
    case_id: str
    product: str
    language: str
    champion: float
    candidate: float
    url: str | None = None


def worst_regressions(
    store: Store, decision: Decision, address: Callable[[str], str | None] = lambda _case: None, most: int = MOST
) -> list[Regression]:
    """At most `most` cases per requirement that did not pass (of all that compare a metric, where all passed), largest loss first.

    `address` makes a case's url. What people say is left out where labels came since the decision: it would show another state.
    """
    compared = [row for row in decision.body["requirements"] if row["kind"] in COMPARED]
    chosen = [row for row in compared if row["verdict"] != "pass"] or compared
    found: dict[str, Regression] = {}
    for row in chosen:
        for case_id, champion, candidate in _lost(store, decision, row)[:most]:
            found.setdefault(case_id, _regression(store, row["name"], case_id, champion, candidate, address(case_id)))
    return list(found.values())


def _lost(store: Store, decision: Decision, requirement: Mapping[str, Any]) -> Sequence[Lost]:
    stated = requirement["stated"]
    if stated.get("source", "human") == "human":
        return _by_people(store, decision) if stated.get("metric") == HUMAN_METRIC else ()
    if stated.get("direction") == "lower":
        return ()  # of a metric that counts what is bad, the pairs listed first are the best
    pairs = store.comparisons.worst_pairs(decision.champion_run_id, decision.candidate_run_id, stated["metric"])
    return [(pair.case_id, pair.champion, pair.candidate) for pair in pairs if pair.difference < 0]


def _by_people(store: Store, decision: Decision) -> Sequence[Lost]:
    evidence = read_evidence(store, decision.champion_run_id, decision.candidate_run_id)
    if evidence.labels_sha() != decision.body["evidence"]["labels"]:
        return ()
    values = [(case.case_id, evidence.champion.value(case.case_id), evidence.candidate.value(case.case_id)) for case in evidence.cases]
    lost = [(name, old, new) for name, old, new in values if old is not None and new is not None and new < old]
    return sorted(lost, key=lambda row: (row[2] - row[1], row[0]))


def _regression(store: Store, requirement: str, case_id: str, champion: float, candidate: float, url: str | None) -> Regression:
    case = store.runs.case(case_id)
    return Regression(requirement, case_id, store.catalog.product(case.product_id).title, case.language, champion, candidate, url)
