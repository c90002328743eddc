"""Reading a test several times: what level each look may use, so that all looks together err no more often than stated.

A spending function says how much of α may be gone once a fraction t of the planned information (labels, or effective labels) is there;
recursive numerical integration turns it into a boundary per look. Lan & DeMets 1983; Armitage, McPherson & Rowe 1969;
Jennison & Turnbull 2000.

>>> from scipy import stats
>>> [round(float(stats.norm.isf(p)), 4) for p in spent_levels([0.2, 0.4, 0.6, 0.8, 1.0], 0.025, "obrien_fleming")]
[4.8769, 3.357, 2.6803, 2.2898, 2.031]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy import optimize, stats

from evals.errors import InputError
from evals.statistics.clusters import Floats

Spending = Literal["obrien_fleming", "pocock"]
FARTHEST = 8.0  # standard deviations beyond which nothing is integrated: 6e-16
SMALLEST_STEP = 1e-3  # of the information so far; a look that adds less is charged its whole share (Bonferroni), which is never too bold
NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)


def spent(fraction: float, alpha: float, kind: Spending) -> float:
    """How much of `alpha` may be gone at this fraction of the planned information; all of it from 1 on. Lan & DeMets 1983.

    O'Brien–Fleming: 2 − 2Φ(z_{α/2}/√t), nearly nothing early. Pocock: α ln(1 + (e − 1)t), about evenly.

    >>> round(spent(0.5, 0.05, "obrien_fleming"), 5), round(spent(0.5, 0.05, "pocock"), 5)
    (0.00557, 0.03101)
    """
    t = fraction
    if t >= 1:
        return alpha
    if kind == "pocock":
        return alpha * math.log(1 + (math.e - 1) * t)
    return float(2 * stats.norm.sf(stats.norm.isf(alpha / 2) / math.sqrt(t)))


def spent_levels(fractions: Sequence[float], alpha: float, kind: Spending) -> list[float]:
    """The nominal one-sided level of each look: reject at look k when its ordinary p-value is at most the k-th level.

    `fractions`: information at each look ÷ planned information, rising; the plan may be overrun (after the first look at 1 or more nothing
    is left, level 0). When to look may depend on the calendar and the budget, never on the estimates. Later looks do not change the levels
    of earlier ones. Raises InputError for fractions that do not rise from above 0, or a level outside (0, ½).
    """
    _check(fractions, alpha)
    walk, levels, gone = _Walk(), [], 0.0
    for fraction, following in zip(fractions, [*fractions[1:], None], strict=False):
        total = spent(fraction, alpha, kind)
        share, gone = max(0.0, total - gone), max(total, gone)
        if share < stats.norm.sf(FARTHEST) or fraction - walk.fraction < SMALLEST_STEP * fraction:
            levels.append(share)
            continue
        bound = _bound_for(walk, fraction, share)
        levels.append(float(stats.norm.sf(bound)) if walk.fraction > 0 else share)
        walk = walk.to(fraction, bound, following)
    return levels


def exit_probabilities(fractions: Sequence[float], bounds: Sequence[float], drift: float = 0.0) -> list[float]:
    """Probability of first crossing at each look: z_k ≥ bounds[k], where z_k has mean drift·√t_k, variance 1, correlation √(t_j/t_k).

    O'Brien & Fleming's own boundary for five looks, 2.040·√(5/k), spends 2.5 % (their constant is rounded):

    >>> looks = [0.2, 0.4, 0.6, 0.8, 1.0]
    >>> round(sum(exit_probabilities(looks, [2.040 / t ** 0.5 for t in looks])), 4)
    0.025
    """
    walk, found = _Walk(drift=drift), []
    for fraction, bound, following in zip(fractions, bounds, [*fractions[1:], None], strict=False):
        found.append(walk.crossing(fraction, bound))
        walk = walk.to(fraction, bound, following)
    return found


def inflation_factor(fractions: Sequence[float], alpha: float, power: float, kind: Spending) -> float:
    """How many times the labels of a single look the plan must hold, so that these looks together keep the power.

    >>> round(inflation_factor([0.2, 0.4, 0.6, 0.8, 1.0], 0.025, 0.9, "obrien_fleming"), 3)
    1.023
    """
    bounds = [min(float(stats.norm.isf(level)), FARTHEST) for level in spent_levels(fractions, alpha, kind)]
    fixed = float(stats.norm.isf(alpha) + stats.norm.ppf(power))
    drift = optimize.brentq(lambda d: sum(exit_probabilities(fractions, bounds, d)) - power, fixed / 2, fixed * 3, xtol=1e-9)
    return float(drift / fixed) ** 2


@dataclass(frozen=True)
class _Walk:
    """Where the score process stands at a look if no bound was crossed so far: Brownian motion, probability `mass` at each of `places`."""

    fraction: float = 0.0
    places: Floats = field(default_factory=lambda: np.zeros(1))
    mass: Floats = field(default_factory=lambda: np.ones(1))
    drift: float = 0.0

    def crossing(self, fraction: float, bound: float) -> float:
        """Probability of being above bound·√t at this fraction, not having crossed before."""
        step = fraction - self.fraction
        distance = bound * math.sqrt(fraction) - self.places - self.drift * step
        return float(self.mass @ stats.norm.sf(distance / math.sqrt(step)))

    def to(self, fraction: float, bound: float, following: float | None) -> _Walk:
        """The walk at the next look, on panels as narrow as the smaller of the steps before and after it."""
        step = fraction - self.fraction
        middle, spread = self.drift * fraction, math.sqrt(fraction)
        low = middle - FARTHEST * spread
        high = max(low, min(bound * spread, middle + FARTHEST * spread))
        finest = max(min(step, step if following is None else following - fraction), SMALLEST_STEP * fraction)
        edges = np.linspace(low, high, math.ceil((high - low) / math.sqrt(finest)) + 2)
        half = np.diff(edges) / 2
        places = ((edges[:-1] + half)[:, None] + half[:, None] * NODES).ravel()
        density = stats.norm.pdf(places[:, None], self.places + self.drift * step, math.sqrt(step)) @ self.mass
        return _Walk(fraction, places, density * (half[:, None] * WEIGHTS).ravel(), self.drift)


def _bound_for(walk: _Walk, fraction: float, share: float) -> float:
    return float(optimize.brentq(lambda bound: walk.crossing(fraction, bound) - share, -FARTHEST, FARTHEST, xtol=1e-12))


def _check(fractions: Sequence[float], alpha: float) -> None:
    if not 0 < alpha < 0.5:
        raise InputError(f"a one-sided level lies between 0 and 0.5, not at {alpha}")
    if not all(math.isfinite(later) and later > earlier for earlier, later in pairwise([0.0, *fractions])):
        raise InputError(f"information fractions rise from above 0 with every look; given: {', '.join(map(str, fractions))}")
