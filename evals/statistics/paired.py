"""The mean over all cases of something people labelled in some of them: a paired difference, or one variant's rate.

A judge scored every case, people a sample drawn with known probabilities. The judge can only narrow the interval, never move the truth.
`sampled_mean` is the gate's interval, one rule for every shape of data; `mean_by_t` the textbook's, right where cases are many.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from evals.statistics.bounded import ALIKE, Atoms, Estimate, change_size, worst_case_bound
from evals.statistics.clusters import Bools, Floats, Ints, codes, degrees_factor, effective_n
from evals.statistics.intervals import Interval, no_interval

FOLDS = 5
MIN_CHANGED = 5  # labelled cases unlike most; with fewer, what a judge could explain is not known


@dataclass(frozen=True)
class Sample:
    """One row a case. `value` is people's (anything where not `labelled`), `judge` the judge's (0 where it has none), `probability` that
    with which the case was sent to people, `cluster` its product. `lowest` and `highest` bound the value."""

    value: Floats
    labelled: Bools
    probability: Floats
    judge: Floats
    cluster: Ints
    lowest: float = -1.0
    highest: float = 1.0

    @classmethod
    def complete(cls, value: Floats, cluster: Ints, lowest: float, highest: float) -> Sample:
        """Every row labelled, no judge."""
        rows = len(value)
        return cls(value, np.ones(rows, dtype=bool), np.ones(rows), np.zeros(rows), cluster, lowest, highest)

    @cached_property
    def n(self) -> int:
        return int(self.labelled.sum())

    @cached_property
    def numbers(self) -> tuple[Ints, int]:
        """Each row's cluster as 0 … G−1, and G."""
        return codes(self.cluster)

    @cached_property
    def clusters(self) -> int:
        """Clusters with a label."""
        numbers, groups = self.numbers
        return int(np.count_nonzero(np.bincount(numbers[self.labelled], minlength=groups)))


class Assisted(NamedTuple):
    """A judge-assisted mean taken apart. `weight` 1/π of each labelled row (0 elsewhere), summing to 1; `residual` y − λ(f − mean f);
    `influence` of each row on the estimate; `lam` the weight given to the judge in each row."""

    estimate: float
    weight: Floats
    residual: Floats
    influence: Floats
    lam: Floats


def assisted(sample: Sample, seed: int = 0, lam: float | None = None) -> Assisted:
    """Difference estimator with power tuning: θ = Σ w_i (y_i − λ_i (f_i − mean f)), w ∝ ξ/π (Hájek), the mean of f over all rows.

    λ is fitted on the other folds of clusters and clipped to [0, 1], or given; λ = 0 is the weighted mean of the labels.
    Angelopoulos et al. 2023, 2024 (prediction-powered inference); Zrnic & Candès 2024 (its active form).
    """
    weight = np.where(sample.labelled, 1 / sample.probability, 0.0)
    weight = weight / weight.sum()
    value = np.where(sample.labelled, sample.value, 0.0)
    judge = sample.judge - sample.judge.mean()
    human_part = weight * (value - weight @ value)
    judge_part = judge / len(value) - weight * (judge - weight @ judge)
    lams = np.full(len(value), lam) if lam is not None else _cross_fitted(human_part, judge_part, *sample.numbers, seed)
    residual = value - lams * judge
    return Assisted(float(weight @ residual), weight, residual, human_part + lams * judge_part, lams)


def sampled_mean(sample: Sample, *, alpha: float, line: float, seed: int = 0, lam: float | None = None) -> Estimate:
    """Mean with one-sided bounds at `alpha` each, and how the data speak about `line`.

    The labelled rows' residuals get Dirichlet weights together with one unseen worst case (`bounded.worst_case_bound`); what n is worth
    there comes from weights, clusters and degrees of freedom (`weighed`). Never a point for a sample of one: with fewer than two
    labelled rows or clusters the bounds are None and the reason says so.

    >>> changed = np.array([-1.0, 1.0] * 50 + [0.0] * 100)
    >>> result = sampled_mean(Sample.complete(changed, np.arange(200), -1.0, 1.0), alpha=0.05, line=-0.1)
    >>> round(result.interval.low, 3), result.p_above < 0.05
    (-0.087, True)
    """
    if sample.n < 2 or sample.clusters < 2:
        reason = f"{sample.n} labelled cases of {sample.clusters} products: an interval needs two of each"
        estimate = float(sample.value[sample.labelled].mean()) if sample.n else None
        return Estimate(no_interval(1 - 2 * alpha, sample.n, sample.clusters, reason, estimate), None, None, None, None)
    return weighed(sample, seed, lam).at(alpha, line)


@dataclass(frozen=True)
class Weighed:
    """What a sample says before a level and a line are chosen. `atoms.worth` is before degrees of freedom; `error` the clustered standard
    error; `lam` the mean weight of the judge."""

    sample: Sample
    atoms: Atoms
    estimate: float
    error: float
    lam: float

    def at(self, alpha: float, line: float) -> Estimate:
        """The estimate with one-sided bounds at `alpha` each."""
        sample, (lowest, highest) = self.sample, (self.sample.lowest, self.sample.highest)
        atoms = replace(self.atoms, worth=self.atoms.worth * degrees_factor(sample.n, sample.clusters, alpha))
        low, p_above = worst_case_bound(atoms, lowest, alpha, line)
        high, p_below = worst_case_bound(atoms, highest, alpha, line)
        estimate = min(max(self.estimate, lowest), highest)
        bounds = max(lowest, min(low, estimate)), min(highest, max(high, estimate))
        name = "Dirichlet" + (", judge-assisted" if self.lam > 0 else "")
        interval = Interval(estimate, *bounds, 1 - 2 * alpha, name, sample.n, sample.clusters)
        seen = f"{sample.n} labelled cases of {sample.clusters} products, worth {atoms.worth:.0f}"
        why = f"{seen}; an unseen worst case weighs {atoms.extra:.2g} of one"
        return Estimate(interval, p_above, p_below, self.error, atoms.worth, self.lam, why)


def weighed(sample: Sample, seed: int = 0, lam: float | None = None) -> Weighed:
    """The judge-assisted residuals, and how many independent observations of equal weight would tell as much: n* = n_w ÷ design effect
    (× (t_{n−1} / t_{G−1})² at the level asked for, Korn & Graubard 1998).

    n_w = Σ(w r²) / Σ(w² r²) for centred residuals r, one more of the largest size and of typical weight among them: uneven
    probabilities count as the gain they are where they were high for the cases that vary, and as a loss where they were not; (Σw)²/Σw²
    where nothing varies. The design effect is clustered over independent variance, never below 1 (Kish 1965). What the judge's own mean
    adds is the variance's `inflation`. Needs two labelled rows in two clusters.
    """
    counts = np.unique(sample.value[sample.labelled], return_counts=True)[1]
    rare = sample.n - counts.max() < MIN_CHANGED
    found = assisted(sample, seed, 0.0 if lam is None and rare else lam)
    mine = sample.labelled
    weight, centred = found.weight[mine], found.residual[mine] - found.estimate
    together = float(found.influence @ found.influence)
    spread = float(weight**2 @ centred**2)
    clustered = _clustered(sample, found.influence)
    worth = _even_worth(weight, centred)
    if sample.clusters < sample.n and together > 0:
        worth /= max(1.0, clustered / (together * sample.n / (sample.n - 1)))
    inflation = max(1.0, together / spread) if spread > 0 else 1.0
    atoms = Atoms(found.residual[mine], weight, worth, change_size(sample.value[mine]), inflation)
    return Weighed(sample, atoms, found.estimate, math.sqrt(clustered), float(found.lam.mean()))


def _even_worth(weight: Floats, centred: Floats) -> float:
    typical, largest = float(weight @ weight), float(np.max(centred**2))
    if largest < ALIKE:
        return 1 / typical
    return (float(weight @ centred**2) + typical * largest) / (float(weight**2 @ centred**2) + typical**2 * largest)


def _clustered(sample: Sample, influence: Floats) -> float:
    """`clusters.variance_of_sum` with G the labelled clusters."""
    numbers, groups = sample.numbers
    totals = np.bincount(numbers, influence, groups)
    return float(totals @ totals) * sample.clusters / (sample.clusters - 1)


def mean_by_t(sample: Sample, *, alpha: float, line: float, seed: int = 0, lam: float | None = None) -> Estimate:
    """The same estimate with a normal approximation: variance of Σ φ_i over clusters, bounds from t with G − 1 degrees for G labelled
    clusters (Miller 2024). Right where cases are many and no outcome is rare; elsewhere it promotes wrongly (docs/methods.md)."""
    found, groups = assisted(sample, seed, lam), sample.clusters
    estimate = float(np.clip(found.estimate, sample.lowest, sample.highest))
    error = math.sqrt(_clustered(sample, found.influence))
    half = float(stats.t.ppf(1 - alpha, groups - 1)) * error
    p_above = float(stats.t.sf((estimate - line) / error, groups - 1)) if error > 0 else float(estimate <= line)
    low, high = max(sample.lowest, estimate - half), min(sample.highest, estimate + half)
    used = float(found.lam.mean())
    interval = Interval(estimate, low, high, 1 - 2 * alpha, "t" if used == 0 else "t, judge-assisted", sample.n, groups)
    mine = sample.labelled
    worth = effective_n(sample.value[mine], sample.cluster[mine], alpha, found.weight[mine])
    return Estimate(interval, p_above, 1 - p_above, error, worth, used)


def _cross_fitted(human: Floats, judge: Floats, numbers: Ints, groups: int, seed: int) -> Floats:
    """λ per row, from the clusters outside the row's fold: the minimiser −Σ A_g B_g / Σ B_g² of the clustered variance, in [0, 1]."""
    by_human, by_judge = np.bincount(numbers, human, groups), np.bincount(numbers, judge, groups)
    fold = np.random.default_rng(seed).permutation(groups) % min(FOLDS, groups)
    lam = np.zeros(groups)
    for k in range(min(FOLDS, groups)):
        others = fold != k
        spread = float(np.sum(by_judge[others] ** 2))
        if spread > 0:
            lam[fold == k] = np.clip(-np.sum(by_human[others] * by_judge[others]) / spread, 0.0, 1.0)
    return lam[numbers]


# ---------------------------------------------------------------------------------------------- labels only, binary pairs


def tango(better: int, worse: int, n: int, level: float = 0.95) -> Interval:
    """Score interval for p(candidate) − p(champion) from n binary pairs: `better` only the candidate is right, `worse` only the champion.

    Bounds solve T(Δ) = ±z with T = (b − c − nΔ)/√(n(2q̃ + Δ(1−Δ))), q̃ the restricted maximum-likelihood rate. Tango 1998.
    A cross-check without judge, weights and clusters: false promotion at most 6.3 % (nominal 5) at base rates up to .98.

    >>> interval = tango(0, 1, 44)
    >>> round(interval.low, 3), round(interval.high, 3)
    (-0.118, 0.059)
    """
    if n < 2:
        return no_interval(level, n, n, "an interval needs two pairs")
    z = float(stats.norm.ppf((1 + level) / 2))
    centre = (better - worse) / n
    low = _root(lambda delta: _tango_statistic(better, worse, n, delta) - z, -1 + 1e-9, centre - 1e-12)
    high = _root(lambda delta: _tango_statistic(better, worse, n, delta) + z, centre + 1e-12, 1 - 1e-9)
    return Interval(centre, low, high, level, "Tango", n, n)


def _tango_statistic(better: int, worse: int, n: int, delta: float) -> float:
    b = -better - worse + (2 * n - better + worse) * delta
    c = -worse * delta * (1 - delta)
    restricted = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * restricted + delta * (1 - delta))
    distance = better - worse - n * delta
    return distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses zero, else the end at which it is nearest."""
    at_low, at_high = function(low), function(high)
    if at_low * at_high > 0:
        return low if abs(at_low) < abs(at_high) else high
    return float(optimize.brentq(function, low, high))
