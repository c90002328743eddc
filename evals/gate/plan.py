"""What would settle an undecided verdict: how many more labelled cases, where, and what they cost.

A plan is an estimate under stated assumptions: the candidate is where it now seems to be (or, before `minimum` labels, no different
from the champion), each label contributes the spread seen so far, and the verdict is wanted with 80 % power.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evals.gate.measure import Measured
from evals.gate.policy import Labelling
from evals.gate.verdicts import Cell
from evals.statistics.power import NEVER, labels_needed, neyman_allocation

DEFAULT_SPREAD = 0.3  # a difference of ±1 in one case of eleven, where neither labels nor a judge say otherwise
LEAST_SPREAD = 0.05


@dataclass(frozen=True)
class Need:
    """Labelled cases for one cell. `more` cases are missing of `needed`; `available` can still be drawn, `beyond` the dataset lacks.

    `needed` None: the estimate lies on the line, so that no number of labels would settle it.
    """

    needed: int | None
    labelled: int
    more: int
    available: int
    beyond: int
    claims: int
    minutes: float
    usd: float
    assumes: str


def need(
    cell: Cell,
    measured: Measured,
    *,
    line: float,
    minimum: int,
    alpha: float,
    labelling: Labelling,
    expected: float = 0.0,
    spread: float | None = None,
) -> Need:
    """How many labelled cases this cell lacks. `expected` value and `spread` are assumed while it has too few labels to have its own."""
    labelled, cases = measured.sample.n, len(measured.case_ids)
    trusted = labelled >= minimum and cell.spread is not None
    estimate = cell.interval.estimate if trusted and cell.interval.estimate is not None else expected
    used = max(cell.spread if trusted and cell.spread is not None else _planning_spread(measured, spread), LEAST_SPREAD)
    distance = abs(estimate - line)
    needed = max(minimum, labels_needed(used, distance, alpha, extra=1.0))
    settled = needed < NEVER
    more = max(needed if settled else minimum, 1 if labelled < minimum else labelled + 1) - labelled
    available = cases - labelled
    basis = f"the value stays {estimate:+.3f}" if trusted else f"the true value is {expected:+.3g}"
    work = cost(more, measured.claims_per_case, labelling)
    return Need(
        needed=needed if settled else None,
        labelled=labelled,
        more=more,
        available=available,
        beyond=max(0, more - available),
        claims=work.claims,
        minutes=work.minutes,
        usd=work.usd,
        assumes=f"{basis}, spread {used:.2f} a label, 80 % power, one-sided {alpha:.3g}",
    )


class Work(NamedTuple):
    """What people have to do."""

    claims: int
    minutes: float
    usd: float


def cost(cases: int, claims_per_case: float | None, labelling: Labelling) -> Work:
    """Claims, minutes and money for `cases`, both arms, every claim by `overlap` people.

    >>> cost(12, 7.0, Labelling(minutes_per_claim=0.5, usd_per_hour=30, overlap=2))
    Work(claims=84, minutes=84.0, usd=42.0)
    """
    claims = math.ceil(cases * (claims_per_case or labelling.claims_per_case))
    minutes = claims * labelling.overlap * labelling.minutes_per_claim
    return Work(claims, round(minutes, 1), round(minutes / 60 * labelling.usd_per_hour, 2))


def allocate(total: int, parts: Mapping[str, Measured], spreads: Mapping[str, float | None]) -> dict[str, int]:
    """`total` further labels over the slices, most where cases are many and differ most (Neyman), none above what is there."""
    names = list(parts)
    sizes = [len(parts[name].case_ids) for name in names]
    room = [len(parts[name].case_ids) - parts[name].sample.n for name in names]
    spread = [max(spreads.get(name) or DEFAULT_SPREAD, LEAST_SPREAD) for name in names]
    given = neyman_allocation(total, sizes, spread, room)
    return {name: count for name, count in zip(names, given, strict=True) if count}


def _planning_spread(measured: Measured, spread: float | None) -> float:
    """Before there are labels: what the whole shows, else how much the judge's differences vary, else a default."""
    if spread is not None:
        return spread
    judged: Sequence[float] = measured.sample.judge.tolist()
    return float(np.std(judged)) if len(judged) > 1 and np.any(measured.sample.judge != 0) else DEFAULT_SPREAD
