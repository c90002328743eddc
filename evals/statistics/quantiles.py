"""Tail latency without an assumption: how many of n requests were slower than promised is binomial, whatever the distribution.

>>> requests_needed(0.99, 0.99)
459
>>> tail(violations=0, n=458, quantile=0.99, confidence=0.99).verdict
'inconclusive'
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from evals.statistics.intervals import Interval, clopper_pearson


@dataclass(frozen=True)
class Tail:
    """Is the q-quantile below the promise? `rate` is the interval of the share of slow requests, each bound at `confidence`."""

    verdict: Literal["pass", "fail", "inconclusive"]
    rate: Interval
    requests_needed: int


def requests_needed(quantile: float, confidence: float, violations: int = 0) -> int:
    """Smallest n for which `violations` slow requests still show that the quantile holds. Without any: ln(1 − c) / ln(q). Wilks 1941."""
    if violations == 0:
        return math.ceil(math.log(1 - confidence) / math.log(quantile) - 1e-9)
    low, high = violations, 4 * (violations + 10) * math.ceil(1 / (1 - quantile))
    while high - low > 1:
        middle = (low + high) // 2
        if _holds(violations, middle, quantile, confidence):
            high = middle
        else:
            low = middle
    return high


def tail(violations: int, n: int, quantile: float, confidence: float) -> Tail:
    """`pass` when the exact upper bound of the share of slow requests is at most 1 − q, `fail` when the exact lower bound is above it."""
    rate = clopper_pearson(violations, n, level=2 * confidence - 1)
    needed = requests_needed(quantile, confidence, violations)
    if rate.low is None or rate.high is None:
        return Tail("inconclusive", rate, needed)
    verdict: Literal["pass", "fail", "inconclusive"] = "inconclusive"
    if n >= needed:
        verdict = "pass"
    elif rate.low > 1 - quantile:
        verdict = "fail"
    return Tail(verdict, rate, needed)


def _holds(violations: int, n: int, quantile: float, confidence: float) -> bool:
    high = clopper_pearson(violations, n, level=2 * confidence - 1).high
    return high is not None and high <= 1 - quantile
