"""The mean of bounded values, where few values, rare values and none of the rare kind are the normal case.

Bootstrapping what was seen cannot see what was not: twenty differences of zero have no variance at all. So each bound
adds one observation at the *worst* end of the scale and lets the Dirichlet weights of the (n+1) decide.

>>> import numpy as np
>>> rows = np.zeros(60)
>>> mean = bounded_mean(rows, np.arange(60), -1.0, 1.0, alpha=0.05, line=-0.05, seed=0)
>>> round(mean.interval.low, 2), round(mean.interval.high, 2)  # exact: 1 − 0.05 ** (1/60) = 0.0487
(-0.05, 0.05)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evals.statistics.clusters import Bools, Floats, Ints, codes, effective_n
from evals.statistics.intervals import Interval

DRAWS = 4000  # the Monte-Carlo error of a 5 % quantile is then a hundredth of the interval's width
MIN_STRATUM = 10  # labelled rows a stratum needs to stand alone


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval, and how the data speak about one `line` (a margin, a floor).

    `p_above`: probability of data like these if the true value lay at the line or below it (small = it is above); `p_below` the reverse.
    `lam`: weight given to the judge, None where the method has none. `effective_n`: what n is worth after weights and clusters.
    """

    interval: Interval
    p_above: float | None
    p_below: float | None
    standard_error: float | None
    effective_n: float | None
    lam: float | None = None


def bounded_mean(
    values: Floats,
    clusters: Ints,
    lowest: float,
    highest: float,
    *,
    alpha: float,
    line: float,
    seed: int,
    weights: Floats | None = None,
    strata: Ints | None = None,
    shares: Floats | None = None,
) -> Estimate:
    """Post-stratified mean of values in [lowest, highest] with one-sided bounds at `alpha` each.

    Per stratum s the n*_s observations get Dirichlet weights together with one further observation at the worst end
    (`lowest` for the lower bound, `highest` for the upper), the strata get Dirichlet weights with their population sizes:
    Δ = Σ_s W_s Σ_j G_sj v_sj. For 0/1 values in one stratum this *is* Clopper–Pearson; for others it is Gaffke's bound
    (Gaffke 2005; Learned-Miller & Thomas 2019). n* is `clusters.effective_n`.

    `weights`: 1/π of each row. `strata`: 0 … K−1 per row, `shares`: population size of each stratum. Needs two rows in two clusters.
    """
    strata = np.zeros(len(values), dtype=np.int64) if strata is None else strata
    weights = np.ones(len(values)) if weights is None else weights
    shares = np.bincount(strata).astype(float) if shares is None else shares
    worth = _worth(values, clusters, weights, strata, alpha)
    rng = np.random.default_rng(seed)
    low, high = _draws(rng, values, weights, strata, shares, worth / len(values), lowest, highest)
    level = 1 - 2 * alpha
    estimate = _post_stratified(values, weights, strata, shares)
    n, groups = len(values), codes(clusters)[1]
    name = "Dirichlet" if len(shares) == 1 else f"Dirichlet, {len(shares)} judge strata"
    bounds = max(lowest, min(float(np.quantile(low, alpha)), estimate)), min(highest, max(float(np.quantile(high, 1 - alpha)), estimate))
    interval = Interval(estimate, *bounds, level, name, n, groups)
    p_above, p_below = (float(np.sum(low <= line)) + 1) / (DRAWS + 1), (float(np.sum(high >= line)) + 1) / (DRAWS + 1)
    return Estimate(interval, p_above, p_below, float(np.std((low + high) / 2)), worth)


def judge_strata(judge: Floats, labelled: Bools) -> Ints:
    """Strata by the sign of the judge's value (worse, same, better), neighbours merged until each holds MIN_STRATUM labelled rows.

    >>> import numpy as np
    >>> int(judge_strata(np.repeat([-1.0, 0.0, 1.0], [12, 30, 3]), np.ones(45, dtype=bool)).max())
    1
    """
    strata = np.sign(judge).astype(np.int64) + 1
    for small, neighbour in ((0, 1), (2, 1)):
        if np.sum(labelled & (strata == small)) < MIN_STRATUM:
            strata = np.where(strata == small, neighbour, strata)
    if np.sum(labelled & (strata == 1)) < MIN_STRATUM:
        strata = np.zeros_like(strata)
    return codes(strata)[0]


def _worth(values: Floats, clusters: Ints, weights: Floats, strata: Ints, alpha: float) -> float:
    """Effective n of the rows around their stratum means: what clusters and weights leave of the labels."""
    means = np.bincount(strata, weights * values) / np.bincount(strata, weights)
    return effective_n(weights * (values - means[strata]), clusters, alpha, weights)


def _post_stratified(values: Floats, weights: Floats, strata: Ints, shares: Floats) -> float:
    means = np.bincount(strata, weights * values) / np.bincount(strata, weights)
    return float(np.clip(np.sum(shares * means) / np.sum(shares), values.min(), values.max()))


def _draws(
    rng: np.random.Generator,
    values: Floats,
    weights: Floats,
    strata: Ints,
    shares: Floats,
    scale: float,
    lowest: float,
    highest: float,
) -> tuple[Floats, Floats]:
    """DRAWS posterior means with the extra observation at the lowest and at the highest end."""
    portions = rng.dirichlet(shares * scale, DRAWS) if len(shares) > 1 else np.ones((DRAWS, 1))
    low, high = np.zeros(DRAWS), np.zeros(DRAWS)
    for stratum in range(len(shares)):
        mine = strata == stratum
        atoms, where = np.unique(values[mine], return_inverse=True)
        mass = np.bincount(where, weights[mine]) / weights[mine].sum() * mine.sum() * scale
        drawn = rng.dirichlet(np.append(mass, 1.0), DRAWS)
        body = drawn[:, :-1] @ atoms
        low += portions[:, stratum] * (body + drawn[:, -1] * lowest)
        high += portions[:, stratum] * (body + drawn[:, -1] * highest)
    return low, high
