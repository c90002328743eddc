"""Bounds on the mean of bounded values, where few values, rare values and none of the rare kind are the normal case.

Resampling what was seen cannot show what was not: twenty differences of zero have no variance at all. So each bound adds one further
observation at the *worst* end of the scale, as heavy as the changes seen are large, and Dirichlet weights over all of them decide. The
weighted mean's distribution is known by its first three moments; no draws, no seed.

>>> import numpy as np
>>> low, _ = worst_case_bound(Atoms.even(np.zeros(60)), worst=-1.0, alpha=0.05, line=-0.05)
>>> round(low, 4)  # exact: 0.05 ** (1/60) − 1
-0.0487
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special

from evals.statistics.clusters import Floats
from evals.statistics.intervals import Interval

NEARLY_NORMAL = 1e-4  # a skewness below which the gamma quantile is the normal one to six digits
ALIKE = 1e-9  # values nearer to each other than this do not vary


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval, and how the data speak about one `line` (a margin, a floor).

    `p_above`: probability of data like these if the true value lay at the line or below it (small = it is above); `p_below` the reverse.
    `lam`: weight given to the judge. `effective_n`: what n is worth after weights, clusters and degrees of freedom. `because`: what
    the interval counted with, in words.
    """

    interval: Interval
    p_above: float | None
    p_below: float | None
    standard_error: float | None
    effective_n: float | None
    lam: float | None = None
    because: str | None = None


@dataclass(frozen=True)
class Atoms:
    """What was seen: `values` with `weights` that sum to 1, together `worth` so many independent observations. `extra`: the mass of the
    one observation that was not seen. `inflation`: variance of the mean over that of these values alone (a judge's mean varies too)."""

    values: Floats
    weights: Floats
    worth: float
    extra: float = 1.0
    inflation: float = 1.0

    @classmethod
    def even(cls, values: Floats) -> Atoms:
        """Independent observations of equal weight."""
        return cls(values, np.full(len(values), 1 / len(values)), float(len(values)), change_size(values))


class Moments(NamedTuple):
    """Mean, standard deviation and skewness."""

    mean: float
    spread: float
    skewness: float


def worst_case_bound(atoms: Atoms, worst: float, alpha: float, line: float) -> tuple[float, float]:
    """The bound towards `worst` that the true mean lies beyond with probability `alpha`, and the probability that it lies beyond `line`.

    Where all values are alike the mean is v + B·(worst − v), B ~ Beta(1, n*): Clopper–Pearson's bound for 0 of n. Else Pearson's type III
    curve (a shifted gamma) with the moments of the Dirichlet mean. For all-or-nothing values this is Clopper–Pearson to about 0.005, and
    Gaffke's bound for others (Gaffke 2005; Learned-Miller & Thomas 2019); an `extra` below 1 is ours, and rests on simulation.
    """
    centre = float(atoms.weights @ atoms.values)
    if np.ptp(atoms.values) < ALIKE:
        share = float(np.clip((line - centre) / (worst - centre), 0.0, 1.0)) if worst != centre else 0.0
        heaviest = 1 - alpha ** (1 / atoms.worth)  # the quantile of Beta(1, n*)
        return centre + heaviest * (worst - centre), (1 - share) ** atoms.worth
    found = moments(atoms, worst)
    towards = -1.0 if worst < centre else 1.0
    bound = quantile(found, alpha if towards < 0 else 1 - alpha)
    below = distribution(found, line)
    return bound, below if towards < 0 else 1 - below


def moments(atoms: Atoms, worst: float) -> Moments:
    """Of Σ p_j v_j with (p_1 … p_J, p_worst) ~ Dirichlet(n* w_1 … n* w_J, m): with A = n* + m and shares a_j/A,
    variance Σ a_j (v_j − μ)² / A(A + 1), third moment 2 Σ a_j (v_j − μ)³ / A(A + 1)(A + 2)."""
    mass = atoms.worth + atoms.extra
    share, unseen = atoms.weights * (atoms.worth / mass), atoms.extra / mass
    mean = float(share @ atoms.values) + unseen * worst
    away, apart = atoms.values - mean, worst - mean
    variance = (float(share @ away**2) + unseen * apart**2) / (mass + 1)
    third = 2 * (float(share @ away**3) + unseen * apart**3) / ((mass + 1) * (mass + 2))
    wider = variance * atoms.inflation
    return Moments(mean, math.sqrt(wider), third / wider**1.5)


def quantile(of: Moments, p: float) -> float:
    """The p-quantile of Pearson's type III curve: mean + σ (gamma(k) − k)/√k with k = 4/skewness², mirrored for a left tail.

    >>> round(quantile(Moments(0.0, 1.0, 0.0), 0.05), 4), round(quantile(Moments(1.0, 1.0, 2.0), 0.95), 4)  # normal, exponential
    (-1.6449, 2.9957)
    """
    if abs(of.skewness) < NEARLY_NORMAL:
        return of.mean + of.spread * float(special.ndtri(p))
    shape, right = 4 / of.skewness**2, of.skewness > 0
    drawn = float(special.gammaincinv(shape, p if right else 1 - p))
    return of.mean + math.copysign(of.spread, of.skewness) * (drawn - shape) / math.sqrt(shape)


def distribution(of: Moments, x: float) -> float:
    """The probability of at most x under the same curve.

    >>> round(distribution(Moments(1.0, 1.0, 2.0), 2.9957), 4)
    0.95
    """
    z = (x - of.mean) / of.spread
    if abs(of.skewness) < NEARLY_NORMAL:
        return float(special.ndtr(z))
    shape, right = 4 / of.skewness**2, of.skewness > 0
    drawn = max(0.0, shape + math.sqrt(shape) * (z if right else -z))
    return float(special.gammainc(shape, drawn) if right else special.gammaincc(shape, drawn))


def change_size(values: Floats) -> float:
    """How large the changes seen are: Σc²/Σ|c| around the middle value, 1 where nothing changed and never more.

    >>> change_size(np.array([0.0, 0.0, 0.0, -0.25, 0.25, -0.5])), change_size(np.array([0.0, 0.0, -1.0, 1.0]))
    (0.375, 1.0)
    """
    middle = np.partition(values, len(values) // 2)[len(values) // 2]  # a value that was seen, not a mean of two
    changes = np.abs(values - middle)
    total = float(np.sum(changes))
    return min(1.0, float(changes @ changes) / total) if total > ALIKE else 1.0
