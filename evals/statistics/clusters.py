"""Clusters: outputs about one product are never independent. Their variance, and what their n is worth.

>>> import numpy as np
>>> twice = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0])  # every product seen twice, the same both times
>>> round(design_effect(twice, np.array([0, 0, 1, 1, 2, 2, 3, 3])), 2)
2.33
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def codes(clusters: NDArray[np.generic]) -> tuple[Ints, int]:
    """Each row's cluster as 0 … G−1 in sorted order (so that the order of rows changes nothing), and G."""
    names, numbers = np.unique(clusters, return_inverse=True)
    return numbers.astype(np.int64), len(names)


def variance_of_sum(influence: Floats, clusters: NDArray[np.generic], groups: int | None = None) -> float:
    """Variance of Σ influence when only clusters are independent: G/(G−1) · Σ_g (Σ_{i∈g} φ_i)². Liang & Zeger 1986, CR1.

    `groups` is G where rows of some clusters carry no information (no label); it must be at least 2.
    """
    numbers, found = codes(clusters)
    count = found if groups is None else groups
    totals = np.bincount(numbers, weights=influence, minlength=found)
    return float(np.sum(totals**2) * count / (count - 1))


def design_effect(values: Floats, clusters: NDArray[np.generic]) -> float:
    """How many times larger the variance of the mean is than if rows were independent, never below 1. Kish 1965.

    1.0 where it cannot be estimated: no variation, or each row its own cluster.
    """
    numbers, groups = codes(clusters)
    n = len(values)
    centred = values - values.mean()
    independent = float(np.sum(centred**2)) * n / max(n - 1, 1)
    if groups < 2 or groups == n or independent <= 0:
        return 1.0
    return max(1.0, variance_of_sum(centred, numbers) / independent)


def effective_n(values: Floats, clusters: NDArray[np.generic], alpha: float, weights: Floats | None = None) -> float:
    """What n is worth after weights, clusters and few degrees of freedom, never more than n.

    n* = (Σw)²/Σw² ÷ design effect × (t_{n−1} / t_{G−1})². Kish 1965; Korn & Graubard 1998, as the US health statistics office uses it
    to make exact binomial intervals honest in clustered surveys. Needs at least two clusters.
    """
    n, groups = len(values), codes(clusters)[1]
    kish = float(n) if weights is None else float(weights.sum() ** 2 / np.sum(weights**2))
    if groups == n:
        return kish
    return min(float(n), kish / design_effect(values, clusters) * degrees_factor(n, groups, alpha))


@cache
def degrees_factor(n: int, groups: int, alpha: float) -> float:
    """(t_{n−1} / t_{G−1})² at 1 − α: what few clusters take from n, 1 where each row is its own. Korn & Graubard 1998."""
    if groups == n:
        return 1.0
    return float((stats.t.ppf(1 - alpha, n - 1) / stats.t.ppf(1 - alpha, groups - 1)) ** 2)
