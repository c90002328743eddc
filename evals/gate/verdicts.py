"""The verdict of one requirement in one slice, by kind. Pure: arrays in, `Cell` out.

pass: shown to be within the line · fail: shown to be beyond it · inconclusive: neither, or too few · unverified: nothing was measured
here · error: what was measured cannot be trusted. An interval is never collapsed to a point, and only pass reads as a pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import stats

from evals.gate.evidence import Arm
from evals.gate.measure import Measured
from evals.gate.policy import Requirement
from evals.records import Case, Verdict
from evals.statistics.clusters import codes, effective_n
from evals.statistics.intervals import Interval, clopper_pearson, no_interval
from evals.statistics.multiplicity import holm
from evals.statistics.paired import sampled_mean
from evals.statistics.quantiles import requests_needed

REJECT_LEVEL = 0.01  # how often a candidate that loses nothing may fail in some slice, whatever the number of slices


@dataclass(frozen=True)
class Cell:
    """One verdict with what it rests on.

    `line`: what the interval is compared with. `p_fail`: chance of data like these if the truth lay on the line. `spread`: standard
    deviation one label contributes. `needed`: cases or requests for a verdict, where they are not labels.
    """

    verdict: Verdict
    reason: str
    interval: Interval
    line: float | None = None
    method: str | None = None
    p_fail: float | None = None
    effective_n: float | None = None
    judge_weight: float | None = None
    spread: float | None = None
    needed: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


def unverified(reason: str, level: float) -> Cell:
    """Nothing was measured here: not a pass."""
    return Cell("unverified", reason, no_interval(level, 0, 0, reason))


def error(reason: str, level: float) -> Cell:
    """What was measured cannot be trusted: not a pass either."""
    return Cell("error", reason, no_interval(level, 0, 0, reason))


# ---------------------------------------------------------------------------------------------- means and differences


def mean_cell(measured: Measured, *, line: float, minimum: int, alpha: float, seed: int, guard: bool = False) -> Cell:
    """A paired difference against −margin, or a rate against its floor: the lower bound above `line` passes, the upper below it fails.

    `minimum` labelled cases below which it stays inconclusive; `guard`: significantly worse than the champion fails too. Where people are
    known to err, the line is moved to where labels would put it (`through_errors`).
    """
    level, sample = 1 - 2 * alpha, measured.sample
    if measured.broken:
        return error(measured.broken, level)
    line = through_errors(line, measured.label_error, difference=sample.lowest < 0)
    if measured.missing or sample.n == 0:
        return replace(unverified(measured.missing or _no_label(measured), level), counts=measured.counts, line=line)
    estimate = sampled_mean(sample, alpha=alpha, line=line, seed=seed)
    cell = Cell(
        "inconclusive",
        "",
        estimate.interval,
        line,
        estimate.because,
        p_fail=estimate.p_below,
        effective_n=estimate.effective_n,
        judge_weight=estimate.lam,
        counts=measured.counts,
    )
    if estimate.standard_error is not None:
        cell = replace(cell, spread=float(estimate.standard_error * np.sqrt(sample.n)))
    low, high = estimate.interval.low, estimate.interval.high
    if low is None or high is None:
        return replace(cell, reason=estimate.interval.reason or "no interval")
    if sample.n < minimum:
        return replace(cell, reason=f"{sample.n} of at least {minimum} labelled cases")
    if low > line:
        return replace(cell, verdict="pass", reason=f"shown to be above {_shown(line)}")
    if high < line:
        return replace(cell, verdict="fail", reason=f"shown to be below {_shown(line)}")
    if guard and high < 0:
        return replace(cell, verdict="fail", reason="significantly worse than the champion")
    return replace(cell, reason=f"the interval contains {_shown(line)}")


def through_errors(line: float, label_error: float, *, difference: bool) -> float:
    """Where a line lies in labels of which a share is wrong, whoever's output they are about: a difference d becomes (1 − 2ε)·d, a rate p
    becomes ε + (1 − 2ε)·p. Without this a loss of the whole margin would look like less, and pass. Rogan & Gladen 1978.

    >>> round(through_errors(-0.10, 0.05, difference=True), 3), round(through_errors(0.90, 0.05, difference=False), 3)
    (-0.09, 0.86)
    """
    return (0.0 if difference else label_error) + (1 - 2 * label_error) * line


def _shown(line: float) -> str:
    return f"{line:.3g}".replace("-", "−")


def _no_label(measured: Measured) -> str:
    cases = len(measured.case_ids)
    return f"none of {cases} cases is labelled" if cases else "no case here"


def corrected(cells: Mapping[str, Cell], alpha: float) -> dict[str, Cell]:
    """Slices after Holm: a fail that does not survive it is inconclusive. Passes need no correction (all of them must pass).

    The family's level is REJECT_LEVEL where that is stricter: what is lost by it is a hold, never a false promotion.
    """
    tested = [name for name, cell in cells.items() if cell.p_fail is not None and cell.verdict in ("pass", "fail", "inconclusive")]
    adjusted = dict(zip(tested, holm([cells[name].p_fail or 0.0 for name in tested]), strict=True))
    result = dict(cells)
    for name, p in adjusted.items():
        cell = cells[name]
        if cell.verdict == "fail" and p > min(alpha, REJECT_LEVEL):
            reason = f"{cell.reason} on its own, not after Holm over {len(tested)} slices (p {p:.3g})"
            result[name] = replace(cell, verdict="inconclusive", reason=reason)
    return result


# ---------------------------------------------------------------------------------------------- ceilings


def ceiling_cell(cases: list[Case], arm: Arm, requirement: Requirement, alpha: float) -> Cell:
    """Share of outputs with the event: exact upper bound at or below the ceiling passes, exact lower bound above it fails.

    A missing output counts as the event. Outputs about one product count less than their number (`clusters.effective_n`).
    """
    level, ceiling = 1 - 2 * alpha, requirement.ceiling or 0.0
    if not cases:
        return unverified("no case here", level)
    happened = np.array([_happened(arm, case.case_id, requirement.event or "") for case in cases], dtype=float)
    products = codes(np.array([case.product_id for case in cases], dtype=str))[0]
    n, events = len(cases), int(happened.sum())
    worth = effective_n(happened, products, alpha) if len(set(products.tolist())) > 1 and 0 < events < n else float(n)
    exact = clopper_pearson(happened.mean() * worth, worth, level)
    groups = len(set(products.tolist()))
    interval = replace(exact, n=n, clusters=groups, method="Clopper–Pearson" + ("" if worth == n else ", effective n"))
    p_fail = 1.0 if events == 0 else float(stats.beta.cdf(ceiling, happened.mean() * worth, worth - happened.mean() * worth + 1))
    cell = Cell(
        "inconclusive", "", interval, ceiling, f"exact binomial, {events} of {n}", p_fail, worth, counts={"cases": n, "events": events}
    )
    if interval.high is not None and interval.high <= ceiling:
        return replace(cell, verdict="pass", reason=f"{events} of {n}, shown to be at most {ceiling:.3g}")
    if interval.low is not None and interval.low > ceiling:
        return replace(cell, verdict="fail", reason=f"{events} of {n}, shown to be more than {ceiling:.3g}")
    needed = requests_needed(1 - ceiling, 1 - alpha, events)
    return replace(cell, reason=f"{events} of {n} does not show at most {ceiling:.3g}", needed=needed)


def _happened(arm: Arm, case_id: str, event: str) -> bool:
    status = arm.status.get(case_id)
    if status is None:
        return True
    if event.startswith("finding"):
        rails = arm.rails.get(case_id, frozenset())
        return bool(rails) if event == "finding" else event.removeprefix("finding:") in rails
    return status == event
