"""An interval, and the exact and approximate ones for a single rate.

>>> clopper_pearson(0, 20).high is not None and round(clopper_pearson(0, 20, level=0.90).high, 4)
0.1391
>>> clopper_pearson(0, 0).reason
'no observation'
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True)
class Interval:
    """An estimate with its bounds. Each bound is one-sided at (1 − level) / 2, so a two-sided 90 % interval is two one-sided 95 % bounds.

    `n` observations in `clusters` independent groups. A bound is None when there is none, and `reason` says why; never NaN.
    """

    estimate: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n: int
    clusters: int
    reason: str | None = None


def no_interval(level: float, n: int, clusters: int, reason: str, estimate: float | None = None) -> Interval:
    """What is returned when nothing can be said: bounds are None, never a point."""
    return Interval(estimate, None, None, level, "none", n, clusters, reason)


def clopper_pearson(events: float, n: float, level: float = 0.95) -> Interval:
    """The exact interval of a rate: low = Beta(α/2; k, n−k+1), high = Beta(1−α/2; k+1, n−k). Clopper & Pearson 1934.

    Covers at least `level` for every true rate. `events` and `n` may be fractions (effective counts, see `clusters.effective_n`).
    """
    if n <= 0:
        return no_interval(level, 0, 0, "no observation")
    tail = (1 - level) / 2
    low = 0.0 if events <= 0 else float(stats.beta.ppf(tail, events, n - events + 1))
    high = 1.0 if events >= n else float(stats.beta.ppf(1 - tail, events + 1, n - events))
    return Interval(events / n, low, high, level, "Clopper–Pearson", round(n), round(n))


def jeffreys(events: int, n: int, level: float = 0.95) -> Interval:
    """Equal-tailed Beta(k+½, n−k+½), with 0 and 1 kept at the ends. Brown, Cai & DasGupta 2001: right on average, not for every rate.

    >>> interval = jeffreys(2, 40)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.0105, 0.1509)
    """
    if n < 1:
        return no_interval(level, n, n, "no observation")
    tail = (1 - level) / 2
    low = 0.0 if events == 0 else float(stats.beta.ppf(tail, events + 0.5, n - events + 0.5))
    high = 1.0 if events == n else float(stats.beta.ppf(1 - tail, events + 0.5, n - events + 0.5))
    return Interval(events / n, low, high, level, "Jeffreys", n, n)


def wilson(events: int, n: int, level: float = 0.95) -> Interval:
    """The score interval: rates p with \\|p̂ − p\\| ≤ z √(p(1−p)/n). Wilson 1927. For display; right on average from about 10 observations.

    >>> interval = wilson(8, 10)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.4902, 0.9433)
    """
    if n < 1:
        return no_interval(level, n, n, "no observation")
    z = float(stats.norm.ppf((1 + level) / 2))
    rate = events / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return Interval(rate, max(0.0, centre - half), min(1.0, centre + half), level, "Wilson", n, n)
