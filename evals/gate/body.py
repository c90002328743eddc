"""A decision as JSON: everything a report, a page or a later check needs, and nothing that depends on when it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from evals.gate.evidence import Evidence
from evals.gate.measure import Measured
from evals.gate.plan import Need, cost
from evals.gate.policy import Policy, Requirement
from evals.gate.policy.schema import keys_of
from evals.gate.settled import certainty
from evals.gate.targets import targets
from evals.gate.verdicts import Cell
from evals.gate.waivers import Used, as_rows
from evals.records import Run, Verdict
from evals.store import Store

BODY_VERSION = 2  # 1: without levels, targets, waivers and self-test
_WORST: tuple[Verdict, ...] = ("fail", "error", "unverified", "inconclusive", "waived", "pass")


@dataclass(frozen=True)
class Reading:
    """A requirement with its verdicts: `cells` by slice name (``overall`` first, then ``language=ja`` …) and what undecided ones need;
    `available` cases can still be put before people. `measured`: what a mean rests on, by slice; `waived`: verdicts that were let go."""

    requirement: Requirement
    alpha: float
    cells: Mapping[str, Cell]
    needs: Mapping[str, Need] = field(default_factory=dict)
    allocation: Mapping[str, int] = field(default_factory=dict)
    claims_per_case: float | None = None
    available: int = 0
    measured: Mapping[str, Measured] = field(default_factory=dict)
    waived: tuple[Used, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of its cells."""
        found = {cell.verdict for cell in self.cells.values()}
        return next(verdict for verdict in _WORST if verdict in found)


def body_of(store: Store, policy: Policy, evidence: Evidence, readings: list[Reading], look: int, seed: int) -> dict[str, Any]:
    """The body of a decision, without its outcome and reason."""
    dataset = store.runs.dataset(evidence.champion.run.dataset_id)
    return {
        "version": BODY_VERSION,
        "feature": policy.feature,
        "policy": {
            "sha256": policy.sha256,
            "alpha": policy.alpha,
            "looks": policy.looks,
            "look": look,
            "level": _rounded(_look_level(policy, readings), 9),
            "seed": seed,
        },
        "dataset": {"dataset_id": dataset.dataset_id, "name": dataset.name, "cases": dataset.cases},
        "runs": {"champion": _run(store, evidence.champion.run), "candidate": _run(store, evidence.candidate.run)},
        "evidence": _evidence(store, evidence),
        "requirements": [_requirement(reading) for reading in readings],
        "plan": _plan(policy, evidence, readings),
        "waivers": as_rows([(reading.requirement.name, used) for reading in readings for used in reading.waived]),
    }


def _look_level(policy: Policy, readings: list[Reading]) -> float:
    """What human labels are read at in this look: of the first requirement that rests on them."""
    return next((reading.alpha for reading in readings if reading.measured and reading.requirement.source == "human"), policy.alpha)


def _run(store: Store, run: Run) -> dict[str, Any]:
    variant = store.runs.variant(run.variant_id)
    return {"run_id": run.run_id, "variant_id": variant.variant_id, "variant": variant.name}


def _evidence(store: Store, evidence: Evidence) -> dict[str, Any]:
    votes = [*evidence.champion.votes.values(), *evidence.candidate.votes.values()]
    voted = evidence.champion.annotators | evidence.candidate.annotators
    scripts = {person.annotator_id for person in store.labels.annotators() if person.simulated}
    return {
        "labels": evidence.labels_sha(),
        "votes": len(votes),
        "certainty": _rounded(certainty(votes)),
        "consensus": dict(evidence.methods),
        "annotators": len(voted),
        "simulated_annotators": len(voted & scripts),
    }


def _requirement(reading: Reading) -> dict[str, Any]:
    requirement = reading.requirement
    told = keys_of(requirement.kind) | ({"direction"} if requirement.direction == "lower" else frozenset())  # a floor written as `most`
    stated = {key: value for key, value in asdict(requirement).items() if value is not None and key in told}
    if "slices" in stated:
        stated["slices"] = list(requirement.slices)
    return {
        "name": requirement.name,
        "kind": requirement.kind,
        "critical": requirement.critical,
        "on_unverified": requirement.on_unverified,
        "verdict": reading.verdict,
        "alpha": _rounded(reading.alpha, 9),
        "stated": stated,
        "cells": [_cell(name, cell, reading.needs.get(name)) for name, cell in reading.cells.items()],
        "allocation": dict(reading.allocation),
    }


def _cell(name: str, cell: Cell, needed: Need | None) -> dict[str, Any]:
    interval = cell.interval
    return {
        "slice": name,
        "verdict": cell.verdict,
        "reason": cell.reason,
        "estimate": _rounded(interval.estimate),
        "low": _rounded(interval.low),
        "high": _rounded(interval.high),
        "level": _rounded(interval.level),
        "line": _rounded(cell.line),
        "n": interval.n,
        "clusters": interval.clusters,
        "method": interval.method,
        "because": cell.method,
        "p_fail": _rounded(cell.p_fail),
        "effective_n": _rounded(cell.effective_n, 1),
        "judge_weight": _rounded(cell.judge_weight),
        "counts": dict(cell.counts),
        "needed": cell.needed,
        "need": None if needed is None else asdict(needed),
    }


def _rounded(value: float | None, digits: int = 6) -> float | None:
    """Six digits: what is beyond is noise, and differs between machines."""
    return None if value is None else round(float(value), digits) + 0.0


def _plan(policy: Policy, evidence: Evidence, readings: list[Reading]) -> dict[str, Any]:
    """The labels that would settle all critical requirements together: the same labels serve all of them, and the whole and its slices.

    `available`: cases that can still be drawn; `beyond`: cases the dataset would have to grow by; `targets`: per language how many cases
    must have been drawn in all, for `plumb queue top-up`.
    """
    undecided = [reading for reading in readings if reading.requirement.critical and reading.needs]
    merged: dict[str, int] = {}
    for reading in undecided:
        own = {name: item.more for name, item in reading.needs.items() if name != "overall"}
        for name in own.keys() | reading.allocation.keys():
            merged[name] = max(merged.get(name, 0), own.get(name, 0), reading.allocation.get(name, 0))
    sums = [sum(count for name, count in merged.items() if name.split("=")[0] == kind) for kind in {name.split("=")[0] for name in merged}]
    cases = max([0, *sums, *(reading.needs["overall"].more for reading in undecided if "overall" in reading.needs)])
    available = max((reading.available for reading in undecided), default=0)
    observed = max((reading.claims_per_case or 0.0 for reading in undecided), default=0.0) or policy.labelling.claims_per_case
    return {
        "cases": cases,
        "available": available,
        "beyond": max([cases - available, 0, *(item.beyond for reading in undecided for item in reading.needs.values())]),
        **cost(cases, observed, policy.labelling)._asdict(),
        "by_slice": dict(sorted(merged.items())),
        "targets": targets(evidence, cases, merged),
        "assumes": asdict(policy.labelling) | {"claims_per_case": round(observed, 2)},
    }
