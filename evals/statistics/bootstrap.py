"""An interval for any figure that is a function of sums over independent groups: a Bayesian bootstrap with one group more.

The groups get Dirichlet weights (Rubin 1981), and so does one further group at the worst end for the lower bound and at the best end for
the upper: twenty groups without a disagreement do not show that there is none (the same device as in `bounded`). Groups stand in a fixed
order, so that the order of rows changes nothing.

>>> found = interval(mean_of(np.array([1.0] * 9 + [0.0]), np.arange(10)), n=10, level=0.95)
>>> 0.55 < found.low < 0.9 < found.high < 1
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from evals.statistics.clusters import Floats, Ints
from evals.statistics.intervals import Interval, no_interval

DRAWS = 2000
_CHUNK = 250  # draws at a time, so that 100,000 groups fit in memory


@dataclass(frozen=True)
class Coefficient:
    """A figure as a function of sums over groups, so that a bootstrap is one matrix product.

    `sums`: groups × features; `worst` and `best`: the features of one group as bad or as good as can be; `value`: draws × features → draws.
    `reason`: why there is no estimate.
    """

    estimate: float | None
    sums: Floats
    worst: Floats
    best: Floats
    value: Callable[[Floats], Floats]
    reason: str | None = None


def nothing(reason: str) -> Coefficient:
    """No estimate, and why."""
    return Coefficient(None, np.empty((0, 0)), np.empty(0), np.empty(0), lambda sums: sums, reason)


def mean_of(values: Floats, groups: Ints) -> Coefficient:
    """The mean of values between 0 and 1, at least one of them; `groups`: 0 … G−1 per value."""
    sums = by_group(np.column_stack([values, np.ones(len(values))]), groups)
    size = len(values) / len(sums)
    return Coefficient(float(values.mean()), sums, np.array([0.0, size]), np.array([size, size]), lambda s: np.asarray(s[:, 0] / s[:, 1]))


def weighted_mean_of(values: Floats, groups: Ints, weights: Floats) -> Coefficient:
    """As `mean_of`, each value counted with its weight: Σ w v ÷ Σ w (Hájek 1971)."""
    sums = by_group(np.column_stack([values * weights, weights]), groups)
    size = float(weights.sum()) / len(sums)
    estimate = float(values @ weights / weights.sum())
    return Coefficient(estimate, sums, np.array([0.0, size]), np.array([size, size]), lambda s: np.asarray(s[:, 0] / s[:, 1]))


def by_group(features: Floats, groups: Ints) -> Floats:
    """Features summed over the rows of each group 0 … G−1."""
    sums = np.zeros((int(groups.max()) + 1 if len(groups) else 0, features.shape[1]))
    np.add.at(sums, groups, features)
    return sums


def groups_of(source: Mapping[str, str | None]) -> Ints:
    """The group of each item: those of one source together, those without a source alone."""
    names = [("item", item) if name is None else ("source", name) for item, name in source.items()]
    numbers = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([numbers[name] for name in names], dtype=np.int64)


def interval(found: Coefficient, *, n: int, level: float, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Percentile bounds at (1 − level) / 2 each, never inside the estimate; none from a single group."""
    groups = len(found.sums)
    if found.estimate is None:
        return no_interval(level, n, groups, found.reason or "no estimate")
    if groups < 2:
        return no_interval(level, n, groups, "one source: an interval needs two", found.estimate)
    low, high = [], []
    for body, last in weighted_sums(found.sums, draws, seed):
        low.append(found.value(body + last * found.worst))
        high.append(found.value(body + last * found.best))
    tail = (1 - level) / 2
    bounds = float(np.quantile(np.concatenate(low), tail)), float(np.quantile(np.concatenate(high), 1 - tail))
    method = "Bayesian bootstrap over sources"
    return Interval(found.estimate, min(bounds[0], found.estimate), max(bounds[1], found.estimate), level, method, n, groups)


def weighted_sums(sums: Floats, draws: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    """Weighted sums over the groups, and the weight of the further group."""
    rng = np.random.default_rng(seed)
    for start in range(0, draws, _CHUNK):
        weights = rng.exponential(size=(min(_CHUNK, draws - start), len(sums) + 1))
        weights *= (len(sums) + 1) / weights.sum(axis=1, keepdims=True)
        yield weights[:, :-1] @ sums, weights[:, -1:]
