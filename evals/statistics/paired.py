"""The mean over all cases of something people labelled in some of them: a paired difference, or one variant's rate.

A judge scored every case, people a sample drawn with known probabilities. The judge can only narrow the interval, never move the truth.
`choose_method` says which interval is used and why; `sampled_mean` computes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, stats

from evals.statistics.bounded import Estimate, bounded_mean, judge_strata
from evals.statistics.clusters import Bools, Floats, Ints, codes, effective_n, variance_of_sum
from evals.statistics.intervals import Interval, no_interval

FOLDS = 5
MIN_T_ROWS, MIN_T_CLUSTERS, MIN_T_SIDE = 200, 30, 30  # below any of them t promoted wrongly too often in simulation (docs/methods.md)


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

    @property
    def n(self) -> int:
        return int(self.labelled.sum())

    @property
    def clusters(self) -> int:
        return codes(self.cluster[self.labelled])[1]


def sampled_mean(sample: Sample, *, alpha: float, line: float, seed: int = 0, method: str | None = None) -> Estimate:
    """Mean with one-sided bounds at `alpha` each, and how the data speak about `line`, by `choose_method` unless `method` is named.

    Never a point for a sample of one: with fewer than two labelled rows or clusters the bounds are None and the reason says so.

    >>> import numpy as np
    >>> changed = np.array([-1.0, 1.0] * 50 + [0.0] * 100)
    >>> rows = Sample(changed, np.ones(200, bool), np.ones(200), np.zeros(200), np.arange(200))
    >>> result = sampled_mean(rows, alpha=0.05, line=-0.1)
    >>> result.interval.method, round(result.interval.low, 3), result.p_above < 0.05
    ('t', -0.083, True)
    """
    if sample.n < 2 or sample.clusters < 2:
        reason = f"{sample.n} labelled cases of {sample.clusters} products: an interval needs two of each"
        estimate = float(sample.value[sample.labelled].mean()) if sample.n else None
        return Estimate(no_interval(1 - 2 * alpha, sample.n, sample.clusters, reason, estimate), None, None, None, None)
    chosen = method or choose_method(sample)[0]
    if chosen == "t":
        return mean_by_t(sample, alpha=alpha, line=line, seed=seed)
    return _mean_by_dirichlet(sample, alpha=alpha, line=line, seed=seed)


def choose_method(sample: Sample) -> tuple[str, str]:
    """(``t`` or ``dirichlet``, why). The normal approximation only where simulation showed it to hold: enough cases, enough products, and
    enough cases on either side of what most of them say; else rare values decide, and they need the Dirichlet interval."""
    values = sample.value[sample.labelled]
    middle = 0.0 if sample.lowest < 0 else float(np.round(np.median(values)))
    sides = int(min(np.sum(values < middle), np.sum(values > middle))) if sample.lowest < 0 else int(np.sum(values != middle))
    if sample.n < MIN_T_ROWS:
        return "dirichlet", f"{sample.n} labelled cases are fewer than {MIN_T_ROWS}"
    if sample.clusters < MIN_T_CLUSTERS:
        return "dirichlet", f"{sample.clusters} products are fewer than {MIN_T_CLUSTERS}"
    if sides < MIN_T_SIDE:
        return "dirichlet", f"only {sides} cases on the rarer side, fewer than {MIN_T_SIDE}"
    return "t", f"{sample.n} labelled cases of {sample.clusters} products, {sides} on the rarer side"


def mean_by_t(sample: Sample, *, alpha: float, line: float, seed: int = 0, lam: float | None = None) -> Estimate:
    """Difference estimator with power tuning; bounds from t with G − 1 degrees for G labelled clusters.

    ψ_i = λ f_i + (ξ_i/π_i)(y_i − λ f_i), the second sum divided by Σ ξ/π (Hájek), variance of Σ φ_i over clusters. λ is fitted on the other
    folds of clusters and clipped to [0, 1], or given; λ = 0 is the classical mean of the labels with a cluster-robust interval.
    Angelopoulos et al. 2023, 2024; Zrnic & Candès 2024; Miller 2024.
    """
    weights = np.where(sample.labelled, 1 / sample.probability, 0.0)
    weights = weights / weights.sum()
    value = np.where(sample.labelled, sample.value, 0.0)
    rows = len(value)
    judge_part = (sample.judge - sample.judge.mean()) / rows - weights * (sample.judge - weights @ sample.judge)
    human_part = weights * (value - weights @ value)
    lams = np.full(rows, lam) if lam is not None else _cross_fitted(human_part, judge_part, sample.cluster, seed)
    estimate = float(np.clip(lams @ sample.judge / rows + weights @ (value - lams * sample.judge), sample.lowest, sample.highest))
    groups = sample.clusters
    error = math.sqrt(variance_of_sum(human_part + lams * judge_part, sample.cluster, groups))
    half = float(stats.t.ppf(1 - alpha, groups - 1)) * error
    p_above = float(stats.t.sf((estimate - line) / error, groups - 1)) if error > 0 else float(estimate <= line)
    low, high = max(sample.lowest, estimate - half), min(sample.highest, estimate + half)
    used = float(lams.mean())
    interval = Interval(estimate, low, high, 1 - 2 * alpha, "t" if used == 0 else "t, judge-assisted", sample.n, groups)
    labels = sample.labelled
    worth = effective_n(sample.value[labels], sample.cluster[labels], alpha, weights[labels])
    return Estimate(interval, p_above, 1 - p_above, error, worth, used)


def _cross_fitted(human: Floats, judge: Floats, cluster: Ints, seed: int) -> Floats:
    """λ per row, from the clusters outside the row's fold: the minimiser −Σ A_g B_g / Σ B_g² of the clustered variance, in [0, 1]."""
    numbers, groups = codes(cluster)
    by_human, by_judge = np.bincount(numbers, human, groups), np.bincount(numbers, judge, groups)
    fold = np.random.default_rng(seed).permutation(groups) % min(FOLDS, groups)
    lam = np.zeros(groups)
    for k in range(min(FOLDS, groups)):
        others = fold != k
        spread = float(np.sum(by_judge[others] ** 2))
        if spread > 0:
            lam[fold == k] = np.clip(-np.sum(by_human[others] * by_judge[others]) / spread, 0.0, 1.0)
    return lam[numbers]


def _mean_by_dirichlet(sample: Sample, *, alpha: float, line: float, seed: int) -> Estimate:
    strata = judge_strata(sample.judge, sample.labelled)
    mine = sample.labelled
    return bounded_mean(
        sample.value[mine],
        sample.cluster[mine],
        sample.lowest,
        sample.highest,
        alpha=alpha,
        line=line,
        seed=seed,
        weights=1 / sample.probability[mine],
        strata=strata[mine],
        shares=np.bincount(strata).astype(float),
    )


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


def agresti_min(sample: Sample, *, alpha: float, line: float, seed: int = 0) -> Estimate:
    """`mean_by_t` after adding four pseudo-pairs +1, −1, 0, 0 on which the judge is silent. Agresti & Min 2005.

    A cross-check for binary pairs: coverage at least .947 in 18 simulated cells without clusters.
    """
    extra = np.array([sample.highest, sample.lowest, 0.0, 0.0])
    weight = float(np.average(sample.probability[sample.labelled]))
    first = int(sample.cluster.max()) + 1
    padded = replace(
        sample,
        value=np.append(sample.value, extra),
        labelled=np.append(sample.labelled, np.ones(4, dtype=bool)),
        probability=np.append(sample.probability, np.full(4, weight)),
        judge=np.append(sample.judge, np.zeros(4)),
        cluster=np.append(sample.cluster, first + np.arange(4)),
    )
    result = mean_by_t(padded, alpha=alpha, line=line, seed=seed)
    return replace(result, interval=replace(result.interval, method="Agresti–Min", n=sample.n, clusters=sample.clusters))
