"""Prediction-powered inference: a mean from few labels and many judge scores, valid however bad the judge is.

θ̂ = λ·mean(f of the unlabelled) + mean(Y − λf of the labelled). λ = 0 is the classical mean, 1 the original method (Angelopoulos et al.
2023), the variance's minimiser PPI++ (Angelopoulos, Duchi & Zrnic 2024). For labels drawn evenly; `active.py` is for uneven draws,
`paired.py` what the gate uses. A paired difference is the mean of differences: pass candidate − champion, of people and of the judge.

>>> import numpy as np
>>> people = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
>>> shown = ppi_mean(people, people * 0.8 + 0.1, np.tile([0.1, 0.9, 0.9], 40), lam=1.0, level=0.9)
>>> round(shown.interval.estimate, 3), shown.lam
(0.667, 1.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evals.errors import InputError
from evals.statistics.clusters import Floats, Ints, codes, variance_of_sum
from evals.statistics.finite import require_finite
from evals.statistics.intervals import Interval, no_interval

FOLDS = 5
Names = NDArray[np.generic]


@dataclass(frozen=True)
class PredictionPowered:
    """A mean that a judge helped to estimate. `lam` is the weight given to the judge (its mean over folds where it is cross-fitted)."""

    interval: Interval
    standard_error: float | None
    lam: float | None


def ppi_mean(
    labels: Floats,
    judged: Floats,
    unlabelled: Floats,
    *,
    level: float = 0.95,
    lam: float | None = None,
    clusters: Names | None = None,
    unlabelled_clusters: Names | None = None,
    seed: int = 0,
) -> PredictionPowered:
    """The mean with a two-sided t interval, degrees: labelled clusters − 1.

    `labels` are people's, `judged` the judge's scores of the same cases, `unlabelled` its scores of all others. λ is `lam`, or fitted on
    the other folds of labelled clusters and clipped to [0, 1] (five folds, drawn by `seed`). The two parts' variances add, each by its
    own clusters (each row its own where none are given); where a cluster stands in both parts, totals over both are squared together.
    No bounds below two labelled clusters. Raises InputError for lengths that do not fit, and for values that are no numbers.

    >>> import numpy as np
    >>> alone = ppi_mean(np.array([1.0, 2.0, 4.0]), np.zeros(3), np.zeros(5), lam=0.0)  # the textbook's t interval
    >>> round(alone.interval.low, 4), round(alone.interval.high, 4)
    (-1.4612, 6.1279)
    """
    _check(labels, judged, unlabelled, clusters, unlabelled_clusters)
    mine, others = _numbered(len(labels), len(unlabelled), clusters, unlabelled_clusters)
    groups = len(np.unique(mine))
    if groups < 2:
        estimate = float(labels.mean()) if len(labels) else None
        return PredictionPowered(
            no_interval(level, len(labels), groups, f"{groups} labelled clusters: an interval needs two", estimate), None, None
        )
    if len(unlabelled) == 0 or (lam is None and np.ptp(np.append(judged, unlabelled)) == 0):
        lam = 0.0
    lams = np.full(len(labels), lam) if lam is not None else _cross_fitted(labels, judged, unlabelled, mine, seed)
    used = float(lams.mean())
    centre = float(unlabelled.mean()) if len(unlabelled) else 0.0
    residual = labels - lams * (judged - centre)
    estimate = float(residual.mean())
    parts = (residual - estimate) / len(labels), used * (unlabelled - centre) / max(len(unlabelled), 1)
    error = math.sqrt(_variance(*parts, mine, others))
    half = float(stats.t.ppf((1 + level) / 2, groups - 1)) * error
    name = "t" if used == 0 else "PPI" if lam == 1 else "PPI++"
    return PredictionPowered(Interval(estimate, estimate - half, estimate + half, level, name, len(labels), groups), error, used)


def tuned_lambda(labels: Floats, judged: Floats, unlabelled: Floats) -> float:
    """λ* = Cov(Y, f) / ((1 + n/N)·Var(f)) in [0, 1], 0 for a judge that says the same of everything.

    Covariance over the labelled (÷ n), variance over all scores (÷ n + N − 1), as ppi-python 0.2.3 has it. In-sample: with few labels an
    interval that uses it is a little too narrow, which is why `ppi_mean` fits it on other folds.

    >>> import numpy as np
    >>> tuned_lambda(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]))
    0.41666666666666663
    """
    spread = float(np.var(np.append(judged, unlabelled), ddof=1))
    if len(unlabelled) == 0 or spread <= 0:
        return 0.0
    shared = float(np.mean((labels - labels.mean()) * (judged - judged.mean())))
    return float(np.clip(shared / ((1 + len(labels) / len(unlabelled)) * spread), 0.0, 1.0))


def _cross_fitted(labels: Floats, judged: Floats, unlabelled: Floats, clusters: Ints, seed: int) -> Floats:
    """λ of each labelled row, from the labelled clusters outside its fold. Zrnic & Candès 2024 (cross-prediction) for the idea."""
    numbers, groups = codes(clusters)
    fold = (np.random.default_rng(seed).permutation(groups) % min(FOLDS, groups))[numbers]
    lams = np.zeros(len(labels))
    for k in range(min(FOLDS, groups)):
        kept = fold != k
        lams[~kept] = tuned_lambda(labels[kept], judged[kept], unlabelled)
    return lams


def _variance(labelled: Floats, unlabelled: Floats, mine: Ints, others: Ints) -> float:
    if not len(unlabelled) or not np.any(unlabelled):
        return variance_of_sum(labelled, mine)
    if len(np.intersect1d(mine, others)) == 0 and len(np.unique(others)) > 1:
        return variance_of_sum(labelled, mine) + variance_of_sum(unlabelled, others)
    return variance_of_sum(np.append(labelled, unlabelled), np.append(mine, others), len(np.unique(mine)))


def _numbered(n: int, rest: int, clusters: Names | None, unlabelled_clusters: Names | None) -> tuple[Ints, Ints]:
    if clusters is None or unlabelled_clusters is None:
        return np.arange(n), np.arange(n, n + rest)
    numbers = codes(np.append(clusters, unlabelled_clusters))[0]
    return numbers[:n], numbers[n:]


def _check(labels: Floats, judged: Floats, unlabelled: Floats, clusters: Names | None, unlabelled_clusters: Names | None) -> None:
    if len(labels) != len(judged):
        raise InputError(f"{len(labels)} labels, but judge scores of {len(judged)} labelled cases")
    if (clusters is None) != (unlabelled_clusters is None):
        raise InputError("clusters are given for the labelled and the unlabelled cases, or for neither")
    if clusters is not None and unlabelled_clusters is not None:
        for rows, names, which in ((labels, clusters, "labelled"), (unlabelled, unlabelled_clusters, "unlabelled")):
            if len(rows) != len(names):
                raise InputError(f"{len(names)} clusters for {len(rows)} {which} cases")
    for values, which in ((labels, "labels"), (judged, "judge scores of labelled cases"), (unlabelled, "judge scores of unlabelled cases")):
        require_finite(values, which)
