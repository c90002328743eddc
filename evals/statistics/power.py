"""How many labels it takes, before or while they are collected.

>>> labels_without_a_loss(0.05, 0.05), labels_without_a_loss(0.15, 0.05)
(59, 19)
>>> labels_needed(spread=0.3, distance=0.05, alpha=0.05)
223
>>> neyman_allocation(60, sizes=[100, 100], spreads=[0.4, 0.2])
[40, 20]
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

POWER = 0.80
NEVER = 1_000_000  # "more labels than anyone collects"


def labels_without_a_loss(margin: float, alpha: float) -> int:
    """Labels below which even a sample without a single loss cannot show that fewer than `margin` are lost: ln α / ln(1 − δ)."""
    return math.ceil(math.log(alpha) / math.log(1 - margin) - 1e-9)


def labels_needed(spread: float, distance: float, alpha: float, power: float = POWER, extra: float = 0.0) -> int:
    """Smallest n with (z_α + z_β)·σ/√n + extra/(n + 1) ≤ distance.

    `spread` σ: standard deviation one label contributes, clusters and judge included; `distance`: from the expected value to the line
    it must clear (its margin if nothing changed); `extra`: width of the worst-case observation of `bounded` (0 for t).
    NEVER when the distance is 0 or less. Julious 2004 for the normal part.
    """
    if distance <= 0:
        return NEVER
    z = float(stats.norm.ppf(1 - alpha) + stats.norm.ppf(power))
    low, high = 0, NEVER
    while high - low > 1:
        middle = (low + high) // 2
        if z * spread / math.sqrt(middle) + extra / (middle + 1) <= distance:
            high = middle
        else:
            low = middle
    return high


def minimum_detectable_effect(spread: float, n: int, alpha: float, power: float = POWER) -> float:
    """Smallest true distance from the line that n labels settle with this power: (z_α + z_β)·σ/√n.

    >>> round(minimum_detectable_effect(0.3, 223, 0.05), 3)
    0.05
    """
    return float(stats.norm.ppf(1 - alpha) + stats.norm.ppf(power)) * spread / math.sqrt(n)


def neyman_allocation(total: int, sizes: Sequence[int], spreads: Sequence[float], available: Sequence[int] | None = None) -> list[int]:
    """`total` labels over strata so that the overall mean is sharpest: n_h ∝ N_h σ_h, none above what is `available`. Neyman 1934.

    What a full stratum cannot take goes to the others; the sum is less than `total` only when everything is full. Largest remainders round.
    """
    room = list(sizes if available is None else available)
    demand = np.array([size * max(spread, 1e-6) for size, spread in zip(sizes, spreads, strict=True)], dtype=float)
    given = [0] * len(room)
    left = min(total, sum(room))
    while left > 0:
        open_strata = [h for h in range(len(room)) if room[h] > given[h]]
        share = (
            demand[open_strata] / demand[open_strata].sum() * left
            if demand[open_strata].sum() > 0
            else np.full(len(open_strata), left / len(open_strata))
        )
        taken = [min(int(share[k]), room[h] - given[h]) for k, h in enumerate(open_strata)]
        if sum(taken) == 0:
            best = max(range(len(open_strata)), key=lambda k: (share[k] - taken[k], -k))
            taken[best] = 1
        for k, h in enumerate(open_strata):
            given[h] += taken[k]
        left -= sum(taken)
    return given


def labels_with_judge(spread: float, correlation: float, cases: int, distance: float, alpha: float, power: float = POWER) -> int:
    """Smallest n when a judge that correlates with people scored all `cases`: z²·σ²·((1 − ρ²)/n + ρ²/N) ≤ distance².

    `spread` σ of one case's value, N = `cases` scored ones among which n are labelled; λ is taken as the best one, so that fitting it costs
    a little more. NEVER where even all cases would not do. Angelopoulos, Duchi & Zrnic 2024, Zrnic & Candès 2024 for the variance.

    >>> labels_with_judge(0.3, 0.0, 10_000, 0.05, 0.05), labels_with_judge(0.3, 0.8, 10_000, 0.05, 0.05)
    (223, 82)
    """
    if distance <= 0:
        return NEVER
    allowed = (distance / float(stats.norm.ppf(1 - alpha) + stats.norm.ppf(power))) ** 2 - spread**2 * correlation**2 / cases
    needed = math.ceil(spread**2 * (1 - correlation**2) / allowed - 1e-9) if allowed > 0 else NEVER
    return max(needed, 1) if needed <= cases else NEVER


def worth_of_judge(correlation: float, labels: int, cases: int) -> float:
    """How many labels without a judge one label with it is worth: 1 / (1 − ρ²(1 − n/N)).

    >>> round(worth_of_judge(0.8, 100, 10_000), 2), worth_of_judge(0.8, 100, 100)
    (2.73, 1.0)
    """
    return 1 / (1 - correlation**2 * (1 - labels / cases))


def stratified_spread(sizes: Sequence[int], spreads: Sequence[float]) -> float:
    """σ of one label under Neyman allocation over strata: Σ W_h·σ_h, never more than under an even draw. Neyman 1934.

    Goes into `labels_needed`; `neyman_allocation` then says where.

    >>> round(stratified_spread([900, 100], [0.1, 0.5]), 3)
    0.14
    """
    total = sum(sizes)
    return sum(size / total * spread for size, spread in zip(sizes, spreads, strict=True))
