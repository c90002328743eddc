"""Does a probability mean what it says? The calibration curve and its error, clustered, with the noise of small bins taken out.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> said = rng.uniform(size=4000)
>>> honest, boastful = (calibration(said, rng.uniform(size=4000) < p, np.arange(4000)) for p in (said, said / 2))
>>> honest.error.high < 0.05, round(boastful.error.estimate, 2)
(True, 0.29)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evals.statistics.bootstrap import DRAWS, by_group, weighted_sums
from evals.statistics.clusters import Bools, Floats, Ints
from evals.statistics.intervals import Interval, no_interval

BINS = 10
PER_BIN = 20  # fewer answers in a bin say nothing about it
_METHOD = "Bayesian bootstrap over sources, noise of the bins taken out"


@dataclass(frozen=True)
class Point:
    """One bin of the curve: the mean probability said, the share found right, how many answers."""

    said: float
    found: float
    n: int


@dataclass(frozen=True)
class Calibration:
    """`error`: root mean square calibration error in [0, 1]; `curve`: bins of equal mass, from the lowest probability."""

    error: Interval
    curve: tuple[Point, ...]


def calibration(
    said: Floats, right: Bools, groups: Ints, weights: Floats | None = None, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Calibration:
    """√Σ_b w_b (said_b − found_b)² over at most `BINS` bins of equal mass, never below the expected (absolute) error.

    A bin of twenty answers is off by .1 through chance alone, which the plain figure takes for error; so each squared deviation is
    reduced by its variance over the groups, in the bootstrap's draws, which carry that noise twice, by twice that (the debiased estimator
    of Kumar, Liang & Ma 2019, with a clustered variance). No interval from fewer than `PER_BIN` answers or one group.
    """
    weights = np.ones(len(said)) if weights is None else weights
    if len(said) < PER_BIN:
        return Calibration(no_interval(level, len(said), len(set(groups.tolist())), f"{len(said)} answers: a bin needs {PER_BIN}"), ())
    bins = _bins(said)
    features = np.concatenate([_spread(column * weights, bins) for column in (said - right, said, right, np.ones(len(said)))], axis=1)
    sums = by_group(features, groups)
    parts = np.split(sums.sum(axis=0), 4)
    curve = tuple(
        Point(float(p / w), float(y / w), int((bins == b).sum()))
        for b, (p, y, w) in enumerate(zip(parts[1], parts[2], parts[3], strict=True))
    )
    if len(sums) < 2:
        return Calibration(no_interval(level, len(said), len(sums), "one source: an interval needs two"), curve)
    return Calibration(_interval(sums, len(said), level, draws, seed), curve)


def _interval(sums: Floats, n: int, level: float, draws: int, seed: int) -> Interval:
    bins = sums.shape[1] // 4
    drawn = np.concatenate([body + last * sums.mean(axis=0) for body, last in weighted_sums(sums, draws, seed)])
    share = drawn[:, 3 * bins :]
    deviations = drawn[:, :bins] / share
    noise = deviations.var(axis=0)
    whole = sums.sum(axis=0)
    estimate = _root(whole[:bins] / whole[3 * bins :], noise, whole[3 * bins :])
    errors = _root(deviations, 2 * noise, share)
    tail = (1 - level) / 2
    low, high, middle = float(np.quantile(errors, tail)), float(np.quantile(errors, 1 - tail)), float(estimate)
    return Interval(middle, min(low, middle), max(high, middle), level, _METHOD, n, len(sums))


def _root(deviations: Floats, noise: Floats, mass: Floats) -> Floats:
    square = ((deviations**2 - noise) * mass).sum(axis=-1) / mass.sum(axis=-1)
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _bins(said: Floats) -> Ints:
    """Bins of equal mass that do not cut ties, numbered from 0 without gaps."""
    count = min(BINS, max(1, len(said) // PER_BIN))
    edges = np.unique(np.quantile(said, np.arange(1, count) / count))
    return np.unique(np.searchsorted(edges, said, side="left"), return_inverse=True)[1].astype(np.int64)


def _spread(values: Floats, bins: Ints) -> Floats:
    spread = np.zeros((len(values), int(bins.max()) + 1))
    spread[np.arange(len(values)), bins] = values
    return spread
