"""Means from cases that were drawn with known, uneven probabilities, and the probabilities that are worth most.

All three estimators are linear up to a ratio, so that one influence per case and clusters of cases give their variance.
Horvitz & Thompson 1952; Hájek 1971; Robins, Rotnitzky & Zhao 1994; Zrnic & Candès 2024.

>>> import numpy as np
>>> drawn = Drawn(np.array([1.0, 0.0, 1.0, 0.0]), np.array([True, False, True, True]), np.array([0.5, 0.5, 1.0, 1.0]))
>>> round(horvitz_thompson(drawn).estimate, 3), round(hajek(drawn).estimate, 3)
(0.75, 0.75)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evals.errors import InputError
from evals.statistics.clusters import Bools, Floats, codes, variance_of_sum
from evals.statistics.finite import require_finite
from evals.statistics.intervals import Interval, no_interval


@dataclass(frozen=True)
class Drawn:
    """One row a case of the population. `value` counts only where `sampled`; `probability` is that with which the case could be drawn,
    stored at the draw; `cluster` its product (each case its own where None)."""

    value: Floats
    sampled: Bools
    probability: Floats
    cluster: NDArray[np.generic] | None = None

    def __post_init__(self) -> None:
        bad = np.flatnonzero(self.sampled & ~((self.probability > 0) & (self.probability <= 1)))
        if len(bad):
            raise InputError(f"case {int(bad[0])} was drawn with probability {self.probability[bad[0]]}; it lies above 0, at most at 1")
        broken = np.flatnonzero(self.sampled & ~np.isfinite(self.value))
        if len(broken):
            raise InputError(f"case {int(broken[0])} was drawn, but its value is {self.value[broken[0]]}")

    @property
    def weight(self) -> Floats:
        """1/π of the drawn, 0 of the others."""
        return np.where(self.sampled, 1 / np.where(self.sampled, self.probability, 1.0), 0.0)

    @property
    def known(self) -> Floats:
        """The value where it was drawn, 0 elsewhere."""
        return np.where(self.sampled, self.value, 0.0)

    @property
    def names(self) -> NDArray[np.generic]:
        return np.arange(len(self.value)) if self.cluster is None else self.cluster


def horvitz_thompson(drawn: Drawn, level: float = 0.95) -> Interval:
    """(1/N)·Σ y/π: unbiased, also for a sum; noisy where Σ 1/π of the sample is far from N."""
    rows = len(drawn.value)
    estimate = float(np.sum(drawn.weight * drawn.known)) / rows
    return _interval(drawn, estimate, (drawn.weight * drawn.known - estimate) / rows, level, "Horvitz–Thompson")


def hajek(drawn: Drawn, level: float = 0.95) -> Interval:
    """Σ(y/π) / Σ(1/π), linearised: what statsmodels' weighted least squares on a constant gives, with its cluster-robust error."""
    if not np.any(drawn.sampled):
        return no_interval(level, 0, 0, "no case was drawn")
    weights = drawn.weight / drawn.weight.sum()
    estimate = float(weights @ drawn.known)
    return _interval(drawn, estimate, weights * (drawn.known - estimate), level, "Hájek")


def augmented(drawn: Drawn, predicted: Floats, level: float = 0.95, lam: float = 1.0) -> Interval:
    """mean(λf + (ξ/π)(y − λf)) over all cases (AIPW, active inference): unbiased for any judge f and any fixed λ.

    >>> import numpy as np
    >>> truth = np.array([1.0, 0.0, 1.0, 0.0])
    >>> drawn = Drawn(truth, np.array([True, False, True, False]), np.full(4, 0.5))
    >>> augmented(drawn, truth).estimate  # a judge that is right needs no luck
    0.5
    """
    require_finite(predicted, "scores of the judge")
    rows = len(drawn.value)
    terms = lam * predicted + drawn.weight * (drawn.known - lam * np.where(drawn.sampled, predicted, 0.0))
    estimate = float(terms.mean())
    return _interval(drawn, estimate, (terms - estimate) / rows, level, "augmented")


def best_lambda(drawn: Drawn, predicted: Floats) -> float:
    """λ in [0, 1] that makes `augmented` least variable over clusters: −ΣA_g·B_g / ΣB_g², A and B the human's and the judge's part.

    Fit it on other clusters than those it is used on, or on earlier rounds (`paired.mean_by_t` does the former).
    """
    require_finite(predicted, "scores of the judge")
    numbers, groups = codes(drawn.names)
    human = drawn.weight * drawn.known
    judge = predicted - drawn.weight * np.where(drawn.sampled, predicted, 0.0)
    mine = np.bincount(numbers, human - human.mean(), groups)
    theirs = np.bincount(numbers, judge - judge.mean(), groups)
    spread = float(theirs @ theirs)
    return float(np.clip(-(mine @ theirs) / spread, 0.0, 1.0)) if spread > 0 else 0.0


def optimal_probabilities(variance: Floats, expected: float, floor: float = 0.1) -> Floats:
    """π ∝ √variance with Σπ = `expected`, none above 1, none under `floor` times the even draw expected/N.

    `variance`: what is expected of (y − λf)², for a calibrated score p its p(1 − p). Neyman 1934; Zrnic & Candès 2024. The floor keeps
    one surprising case from deciding everything. Raises InputError for fewer than 0 or more cases than there are.

    >>> import numpy as np
    >>> optimal_probabilities(np.array([0.0, 0.01, 0.04, 0.25]), 2.0, floor=0.2).round(3).tolist()
    [0.1, 0.3, 0.6, 1.0]
    """
    require_finite(variance, "expected variances")
    rows = len(variance)
    if not 0 <= expected <= rows or not 0 <= floor <= 1:
        raise InputError(f"{expected} of {rows} cases with a floor of {floor} cannot be drawn")
    least = floor * expected / rows if rows else 0.0
    spread = np.sqrt(np.maximum(variance, 0.0))
    top = float(np.max(spread, initial=0.0))
    spread = np.maximum(spread / top, 1e-9) if top > 0 else np.ones(rows)  # believed to be certain: rarely, but not never
    low, high = 0.0, 1e9
    for _ in range(100):
        scale = (low + high) / 2
        low, high = (scale, high) if float(np.sum(np.clip(scale * spread, least, 1.0))) < expected else (low, scale)
    return np.clip(high * spread, least, 1.0)


def _interval(drawn: Drawn, estimate: float, influence: Floats, level: float, method: str) -> Interval:
    """t with as many degrees as sampled clusters, less one; CR1 over them. Draws are taken as independent between clusters."""
    groups = codes(drawn.names[drawn.sampled])[1]
    n = int(drawn.sampled.sum())
    if groups < 2:
        return no_interval(
            level, n, groups, f"{n} drawn cases of {groups} clusters: an interval needs two of each", estimate if n else None
        )
    half = float(stats.t.ppf((1 + level) / 2, groups - 1)) * math.sqrt(variance_of_sum(influence, drawn.names, groups))
    return Interval(estimate, estimate - half, estimate + half, level, method, n, groups)
