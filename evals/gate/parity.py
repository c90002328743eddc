"""Does the candidate keep its share of the champion's mean: 99 %, or 99.9 %, as MLPerf asks of a quantized model.

A ratio of means at least q is a mean at least 0: R = ȳ₁/ȳ₀ ≥ q exactly when the mean of v = y₁ − q·y₀ is at least 0 (Fieller 1954). So v
goes through the same machinery as a difference, judge, weights, clusters and rare values included, where MLPerf compares two points. What
is shown is the ratio: each bound of v̄ divided by the champion's mean as measured, plus q, which keeps the verdict.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evals.gate.evidence import Evidence
from evals.gate.measure import Measured, measure
from evals.gate.policy import Requirement
from evals.gate.verdicts import Cell
from evals.records import Verdict
from evals.statistics.intervals import Interval
from evals.store import Store


def measure_parity(store: Store, evidence: Evidence, requirement: Requirement) -> Measured:
    """v, one row a case: (1 − q)·y₁ + q·(y₁ − y₀), so that what is missing counts against the candidate as it does in a difference."""
    share = requirement.share or 1.0
    both = measure(store, evidence, replace(requirement, kind="non_inferiority"))
    own = measure(store, evidence, replace(requirement, kind="floor"))
    if both.missing or both.broken or own.missing or own.broken:
        return replace(both, missing=both.missing or own.missing, broken=both.broken or own.broken)
    at = {case: row for row, case in enumerate(own.case_ids.tolist())}
    rows = np.array([at[case] for case in both.case_ids.tolist()], dtype=np.int64)
    ours, d = own.sample, both.sample
    value = (1 - share) * ours.value[rows] + share * d.value
    judge = (1 - share) * ours.judge[rows] + share * d.judge
    sample = replace(d, value=value, judge=judge, labelled=d.labelled & ours.labelled[rows], lowest=-share, highest=1.0)
    return replace(both, sample=sample)


def as_ratio(cell: Cell, measured: Measured, own: Measured, share: float) -> Cell:
    """The cell in shares of the champion's mean. Where the champion's mean is 0 a ratio does not exist: it stays undecided."""
    champion = _champion_mean(measured, own, share)
    said = replace(cell, line=share, reason=_reason(cell, share))
    if cell.interval.estimate is None:
        return replace(said, reason=cell.reason)
    if champion <= 0:
        nothing = Interval(
            None, None, None, cell.interval.level, "none", cell.interval.n, cell.interval.clusters, "the champion's mean is 0"
        )
        return replace(said, verdict="inconclusive", reason="the champion's mean is 0, so a share of it does not exist", interval=nothing)
    interval = cell.interval
    estimate, low, high = (_scaled(value, champion, share) for value in (interval.estimate, interval.low, interval.high))
    return replace(said, interval=replace(interval, estimate=estimate, low=low, high=high, method=f"{interval.method}, ratio"))


def _champion_mean(measured: Measured, own: Measured, share: float) -> float:
    """y₀ = (y₁ − v)/q over the labelled rows, weighted."""
    at = {case: row for row, case in enumerate(own.case_ids.tolist())}
    s = measured.sample
    if not s.n:
        return 0.0
    rows = np.array([at[case] for case in measured.case_ids.tolist()], dtype=np.int64)
    champion = (own.sample.value[rows] - s.value) / share
    return float(np.average(champion[s.labelled], weights=1 / s.probability[s.labelled]))


def _scaled(value: float | None, champion: float, share: float) -> float | None:
    return None if value is None else share + value / champion


def _reason(cell: Cell, share: float) -> str:
    kept = f"{100 * share:g} % of the champion's mean"
    said: dict[Verdict, str] = {"pass": f"shown to keep at least {kept}", "fail": f"shown to keep less than {kept}"}
    undecided = f"the interval contains {100 * share:g} %" if cell.reason.startswith("the interval contains") else cell.reason
    return said.get(cell.verdict, undecided)


def mirrored(cell: Cell) -> Cell:
    """A floor under 1 − value, shown as a ceiling over the value itself."""
    interval = cell.interval
    estimate, low, high = (None if value is None else 1 - value for value in (interval.estimate, interval.high, interval.low))
    line = None if cell.line is None else 1 - cell.line
    said: dict[Verdict, str] = {"pass": "shown to be below", "fail": "shown to be above"}
    reason = cell.reason if line is None or cell.verdict not in said else f"{said[cell.verdict]} {line:.3g}"
    if line is not None and reason.startswith("the interval contains"):
        reason = f"the interval contains {line:.3g}"
    return replace(cell, interval=replace(interval, estimate=estimate, low=low, high=high), line=line, reason=reason)
