"""Anchor items: the same thing judged in two languages, or under two versions of a rubric. Do their scales mean the same?

Scores are pooled or compared across languages only where anchors have shown that a "4" here is a "4" there.

>>> said = [Anchored(f"anchor {n}", where, who, 4.0) for n in range(30) for where in ("ja", "pt") for who in (f"{where}-1", f"{where}-2")]
>>> found = shift(said, "ja", "pt", lowest=1, highest=5, margin=0.5)
>>> found.interval.estimate, found.comparable, found.anchors
(0.0, True, 30)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evals.errors import InputError
from evals.statistics.intervals import Interval, no_interval
from evals.statistics.paired import Sample, sampled_mean

MIN_RATERS = 2  # with one, a strict person cannot be told from a strict language


class Anchored(NamedTuple):
    """One rater's score of one anchor in a `group`: a language, or a rubric version. Anchors of one `source` are not independent."""

    anchor: str
    group: str
    rater: str
    score: float
    source: str | None = None


@dataclass(frozen=True)
class Shift:
    """How much higher `first` scores the same anchors than `second`.

    `comparable`: True where the interval lies within ± margin (two one-sided tests, Schuirmann 1987), False where it lies outside, None
    where the anchors do not tell; then scores are neither pooled nor compared. `raters`: how many in either group.
    """

    first: str
    second: str
    interval: Interval
    margin: float
    comparable: bool | None
    anchors: int
    raters: tuple[int, int]


def shift(
    scores: Sequence[Anchored], first: str, second: str, *, lowest: float, highest: float, margin: float, alpha: float = 0.05, seed: int = 0
) -> Shift:
    """Mean over shared anchors of (mean score in `first` − mean score in `second`), bounds at `alpha` each by `sampled_mean`.

    The interval speaks of anchors, not of other raters: a few people of a language who are all strict look like a strict language. Raises
    InputError for a score outside lowest … highest.
    """
    bad = next((one for one in scores if not lowest <= one.score <= highest), None)
    if bad is not None:
        raise InputError(f"anchor {bad.anchor}: {bad.rater} scored {bad.score}, outside {lowest} … {highest}")
    by_anchor: dict[str, dict[str, list[Anchored]]] = defaultdict(lambda: defaultdict(list))
    for one in sorted(scores, key=lambda one: (one.anchor, one.group, one.rater)):
        by_anchor[one.anchor][one.group].append(one)
    shared = [groups for groups in by_anchor.values() if first in groups and second in groups]
    raters = tuple(len({one.rater for groups in shared for one in groups[name]}) for name in (first, second))
    interval = _interval(shared, first, second, highest - lowest, (raters[0], raters[1]), alpha, seed)
    return Shift(first, second, interval, margin, _comparable(interval, margin), len(shared), (raters[0], raters[1]))


def _interval(
    shared: Sequence[dict[str, list[Anchored]]], first: str, second: str, width: float, raters: tuple[int, int], alpha: float, seed: int
) -> Interval:
    level = 1 - 2 * alpha
    differences = np.array([_mean(groups[first]) - _mean(groups[second]) for groups in shared])
    names = [groups[first][0].source or f"anchor {groups[first][0].anchor}" for groups in shared]
    sources = np.unique(names, return_inverse=True)[1].astype(np.int64)
    count = len(set(names))
    estimate = float(differences.mean()) if len(differences) else None
    if min(raters) < MIN_RATERS:
        few = first if raters[0] < MIN_RATERS else second
        return no_interval(level, len(shared), count, f"{min(raters)} raters in {few}: person and group cannot be told apart", estimate)
    if count < 2:
        return no_interval(level, len(shared), count, f"{len(shared)} shared anchors of {count} sources: an interval needs two", estimate)
    return sampled_mean(Sample.complete(differences, sources, -width, width), alpha=alpha, line=0.0, seed=seed).interval


def _mean(scores: Sequence[Anchored]) -> float:
    return sum(one.score for one in scores) / len(scores)


def _comparable(interval: Interval, margin: float) -> bool | None:
    if interval.low is None or interval.high is None:
        return None
    if -margin <= interval.low and interval.high <= margin:
        return True
    return False if interval.low > margin or interval.high < -margin else None
