"""The mean of bounded values, where few values, rare values and none of the rare kind are the normal case.

Resampling what was seen cannot show what was not: twenty differences of zero have no variance at all. So each bound adds one further
observation at the *worst* end of the scale, as heavy as the changes seen are large, and Dirichlet weights decide what it does.

>>> import numpy as np
>>> quiet = bounded_mean(np.zeros(60), np.arange(60), -1.0, 1.0, alpha=0.05, line=-0.05, seed=0)
>>> round(quiet.interval.low, 4), round(quiet.interval.high, 4)  # exact: 1 − 0.05 ** (1/60)
(-0.0487, 0.0487)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

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

    Per stratum s the n*_s observations get Dirichlet weights together with one further observation at the worst end (`lowest` for the
    lower bound, `highest` for the upper) with mass m·N_s/N; the strata get Dirichlet weights with their population sizes:
    Δ = Σ_s W_s Σ_j G_sj v_sj. n* is `clusters.effective_n`; m is the size-weighted mean change, Σc²/Σ|c| with c the distance from the most
    frequent value, 1 where nothing changed. For all-or-nothing values this is Clopper–Pearson in one stratum and Gaffke's bound else
    (Gaffke 2005; Learned-Miller & Thomas 2019); the smaller m for values in between is ours, and rests on simulation (docs/methods.md).

    `weights`: 1/π of each row. `strata`: 0 … K−1 per row, `shares`: population size of each stratum. Needs two rows in two clusters.
    """
    n = len(values)
    constant = bool(np.all(values == values[0]))
    if strata is None or shares is None or constant:
        strata, shares = np.zeros(n, dtype=np.int64), np.ones(1)
    weights = np.ones(n) if weights is None else weights
    means = np.bincount(strata, weights * values) / np.bincount(strata, weights)
    estimate = float(np.clip(np.sum(shares * means) / np.sum(shares), values.min(), values.max()))
    worth = effective_n(weights * (values - means[strata]), clusters, alpha, weights)
    if constant:
        low, high = _constant_draws(estimate, worth, lowest, highest)
    else:
        low, high = _draws(np.random.default_rng(seed), values, weights, strata, shares, worth / n, lowest, highest)
    name = "Dirichlet" if len(shares) == 1 else f"Dirichlet, {len(shares)} judge strata"
    bounds = max(lowest, min(float(np.quantile(low, alpha)), estimate)), min(highest, max(float(np.quantile(high, 1 - alpha)), estimate))
    interval = Interval(estimate, *bounds, 1 - 2 * alpha, name, n, codes(clusters)[1])
    p_above, p_below = (float(np.sum(low <= line)) + 1) / (len(low) + 1), (float(np.sum(high >= line)) + 1) / (len(high) + 1)
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


def _constant_draws(value: float, worth: float, lowest: float, highest: float) -> tuple[Floats, Floats]:
    """Where nothing varies the draws need no chance: quantiles of Beta(1, n*), evenly spaced."""
    weight = stats.beta.ppf((np.arange(DRAWS * 10) + 0.5) / (DRAWS * 10), 1.0, worth)
    return value + weight * (lowest - value), value + weight * (highest - value)


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
    """DRAWS posterior means with the further observation at the lowest and at the highest end."""
    portions = rng.dirichlet(shares * scale, DRAWS) if len(shares) > 1 else np.ones((DRAWS, 1))
    extra = _change_size(values)
    low, high = np.zeros(DRAWS), np.zeros(DRAWS)
    for stratum in range(len(shares)):
        mine = strata == stratum
        atoms, where = np.unique(values[mine], return_inverse=True)
        mass = np.bincount(where, weights[mine]) / weights[mine].sum() * mine.sum() * scale
        drawn = rng.dirichlet(np.append(mass, extra * shares[stratum] / shares.sum()), DRAWS)
        body = drawn[:, :-1] @ atoms
        low += portions[:, stratum] * (body + drawn[:, -1] * lowest)
        high += portions[:, stratum] * (body + drawn[:, -1] * highest)
    return low, high


def _change_size(values: Floats) -> float:
    """How large the changes seen are: Σc²/Σ|c| around the most frequent value.

    >>> import numpy as np
    >>> _change_size(np.array([0.0, 0.0, 0.0, -0.25, 0.25, -0.5])), _change_size(np.array([0.0, 0.0, -1.0, 1.0]))
    (0.375, 1.0)
    """
    distinct, counts = np.unique(values, return_counts=True)
    changes = np.abs(values - distinct[np.argmax(counts)])
    return min(1.0, float(np.sum(changes**2) / np.sum(changes)))
