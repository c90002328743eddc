"""Reading a test whenever one likes: intervals that hold at every sample size at once, and p-values that may be looked at any time.

*Asymptotic* (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024): for any mean with a standard error; clusters and weights come in through
that. Where values are rare a normal interval misses, looked at once or always; there `anytime_level` turns any exact interval into one that
may be read whenever one likes. *Betting* (Waudby-Smith & Ramdas 2024): no asymptotics at all, for independent observations in [0, 1].

>>> round(multiplier(200, 0.05, mixture(0.05, planned=200)), 3)  # where a single look has 1.645
2.779
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from evals.errors import InputError
from evals.statistics.clusters import Floats, codes, variance_of_sum
from evals.statistics.finite import normalised, require_finite
from evals.statistics.intervals import Interval, no_interval

GRID = 1000  # the betting bound is known to a thousandth and rounded outwards


def mixture(alpha: float, planned: float) -> float:
    """ρ, which makes the one-sided sequence narrowest after `planned` clusters: ρ² = (−W₋₁(−(2α)²/e) − 1)/planned.

    Fixed before the first look, from the policy's plan: a ρ chosen after seeing the data breaks the guarantee. Waudby-Smith et al. 2024,
    appendix B.2, with 2α for one side.
    """
    if not 0 < alpha < 0.5 or planned <= 0:
        raise InputError(
            f"a confidence sequence needs a one-sided level between 0 and 0.5 and a planned n above 0, not {alpha} and {planned}"
        )
    return math.sqrt((-float(special.lambertw(-((2 * alpha) ** 2) / math.e, -1).real) - 1) / planned)


def multiplier(count: float, alpha: float, rho: float) -> float:
    """Standard errors from the estimate to the bound after `count` clusters: √(2(1 + 1/(tρ²)) · ln(1 + √(tρ² + 1)/(2α)))."""
    v = count * rho * rho
    return math.sqrt(2 * (1 + 1 / v) * math.log1p(math.sqrt(v + 1) / (2 * alpha)))


def anytime_level(count: float, alpha: float, rho: float) -> float:
    """The nominal one-sided level of a look after `count` clusters: as far out as the sequence's bound is in the normal distribution.

    For t and for exact intervals. Clopper–Pearson bounds at this level, read after each of 1000 observations, missed rates from .5 to
    .99 in at most 2.8 % of 4000 simulated sequences where 5 % are allowed; the asymptotic bound itself misses .97 in 23 % from 60 on.

    >>> round(anytime_level(200, 0.05, mixture(0.05, 200)), 5)
    0.00273
    """
    return float(stats.norm.sf(multiplier(count, alpha, rho)))


def anytime_p(z: float, count: float, rho: float) -> float:
    """Smallest α at which the bound lies `z` standard errors from the estimate: `multiplier` solved for α, at most 1.

    Small says that the true value lies on the estimate's side of the line; it may be read after every label.

    >>> rho = mixture(0.05, 200)
    >>> round(anytime_p(multiplier(120, 0.05, rho), 120, rho), 9), anytime_p(-1.0, 120, rho)
    (0.05, 1.0)
    """
    if z <= 0:
        return 1.0
    v = count * rho * rho
    exponent = z * z * v / (2 * (v + 1))
    return min(1.0, math.sqrt(v + 1) / (2 * math.expm1(exponent))) if exponent < 700 else 0.0


def asymptotic_interval(
    values: Floats,
    clusters: NDArray[np.generic] | None = None,
    weights: Floats | None = None,
    *,
    alpha: float,
    planned: int,
) -> Interval:
    """The (weighted) mean with one-sided bounds at `alpha` each, valid whenever it is read. One row a label; `planned` in clusters.

    The standard error is that of the clusters' totals (`clusters.variance_of_sum`). Normal quantiles are replaced by those of t with G − 1
    degrees at the same tail (ours). Bounds are None below two clusters.

    >>> import numpy as np
    >>> shown = asymptotic_interval(np.tile([0.0, 1.0], 50), alpha=0.025, planned=100)
    >>> round(shown.low, 3), round(shown.high, 3), shown.method
    (0.343, 0.657, 'asymptotic confidence sequence')
    """
    require_finite(values, "labels")
    names = np.arange(len(values)) if clusters is None else clusters
    groups = codes(names)[1]
    if groups < 2:
        return no_interval(1 - 2 * alpha, len(values), groups, f"{len(values)} labels of {groups} products: an interval needs two of each")
    shares = normalised(weights, len(values))
    mean = float(shares @ values)
    error = math.sqrt(variance_of_sum(shares * (values - mean), names))
    half = float(stats.t.isf(anytime_level(groups, alpha, mixture(alpha, planned)), groups - 1)) * error
    return Interval(mean, mean - half, mean + half, 1 - 2 * alpha, "asymptotic confidence sequence", len(values), groups)


def betting_bounds(values: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Running lower and upper bounds, each at one-sided `alpha`, of the mean of independent values in [0, 1], in order of arrival.

    A fortune of 1 is bet that the mean is larger (smaller) than m, at stakes that know only the past: K_t(m) = Π(1 ± λ_i(x_i − m)), with
    λ_i = √(2 ln(1/α)/(σ̂²_{i−1} i ln(1 + i))), at most half of what could be lost. m is given up for good once its fortune reached
    1/α (Ville 1939). Waudby-Smith & Ramdas 2024. Clustered data: feed the clusters' means, in order.

    Raises InputError for a value outside [0, 1].

    >>> low, high = betting_bounds(np.tile([1.0, 1.0, 1.0, 0.0], 50), 0.05)
    >>> float(round(low[-1], 3)), float(round(high[-1], 3))
    (0.66, 0.848)
    """
    _check_scale(values)
    return _betting_low(values, alpha), 1 - _betting_low(1 - values, alpha)


def bernstein_bounds(values: Floats, alpha: float) -> tuple[Floats, Floats]:
    """The same guarantee in closed form, a little wider: Σλx/Σλ ∓ (ln(1/α) + Σ(x − μ̂_{i−1})²(−ln(1 − λ) − λ))/Σλ, tightened as it runs.

    Empirical Bernstein with predictable stakes of at most ½. Waudby-Smith & Ramdas 2024, theorem 2.

    >>> low, high = bernstein_bounds(np.tile([1.0, 1.0, 1.0, 0.0], 50), 0.05)
    >>> float(round(low[-1], 3)), float(round(high[-1], 3))
    (0.656, 0.848)
    """
    _check_scale(values)
    stakes, before = _stakes(values, alpha)
    stakes = np.minimum(stakes, 0.5)
    total = np.cumsum(stakes)
    centre = np.cumsum(stakes * values) / total
    half = (math.log(1 / alpha) + np.cumsum((values - before) ** 2 * (-np.log1p(-stakes) - stakes))) / total
    return np.maximum.accumulate(np.maximum(centre - half, 0.0)), np.minimum.accumulate(np.minimum(centre + half, 1.0))


def _check_scale(values: Floats) -> None:
    outside = values[~((values >= 0) & (values <= 1))]
    if len(outside):
        raise InputError(f"a betting bound is for values between 0 and 1, not {outside[0]}")


def _stakes(values: Floats, alpha: float) -> tuple[Floats, Floats]:
    """λ_i and the running mean before each value; both know only what came earlier, and start from ½ with variance ¼."""
    count = np.arange(1, len(values) + 1)
    mean = (0.5 + np.cumsum(values)) / (count + 1)
    variance = (0.25 + np.cumsum((values - mean) ** 2)) / (count + 1)
    known = np.append(0.25, variance[:-1])
    return np.sqrt(2 * math.log(1 / alpha) / (known * count * np.log1p(count))), np.append(0.5, mean[:-1])


def _betting_low(values: Floats, alpha: float) -> Floats:
    """Running lower bounds: the largest grid point given up so far."""
    means = np.arange(GRID + 1) / GRID
    most = 0.5 / np.maximum(means, 1 / GRID)
    fortune, best, lows = np.zeros(GRID + 1), 0, np.zeros(len(values))
    for i, (value, stake) in enumerate(zip(values, _stakes(values, alpha)[0], strict=True)):
        fortune += np.log1p(np.minimum(stake, most) * (value - means))
        given_up = np.flatnonzero(fortune >= math.log(1 / alpha))
        best = max(best, int(given_up[-1])) if len(given_up) else best
        lows[i] = means[best]
    return lows
