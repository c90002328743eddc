"""Experiments whose truth is known: two variants, a judge, people who err, products whose outputs are alike, labels that come in order."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from evals.statistics.paired import Sample

POOL = 3  # cases in the dataset for each label that people will give in the end


@dataclass(frozen=True)
class Cell:
    """One cell of the grid. `labels` in the end; `base`: share of claims that are right; `rho`: correlation of the judge with people on one
    claim; `noise`: share of labels that are flipped; `products` 0: every case its own; `icc`: how alike outputs about one product are;
    `active`: the chance to be labelled grows with the judge's difference. A base below one half is a rate of one variant against a ceiling
    (`rate`), else two variants are compared."""

    labels: int
    base: float
    margin: float
    rho: float = 0.6
    noise: float = 0.0
    products: int = 0
    icc: float = 0.0
    claims: int = 1
    active: bool = False

    @property
    def rate(self) -> bool:
        return self.base < 0.5

    @property
    def line(self) -> float:
        """What the interval is held against, in people's labels: their errors shrink every difference by 1 − 2·noise."""
        return -self.margin * (1 - 2 * self.noise)


@dataclass(frozen=True)
class Stream:
    """One experiment: all cases, and the time at which each label arrives (a case is labelled at time t with probability 1 − exp(−t·q))."""

    value: NDArray[np.float64]
    judge: NDArray[np.float64]
    cluster: NDArray[np.int64]
    arrival: NDArray[np.float64]
    pace: NDArray[np.float64]
    lowest: float = -1.0

    def at(self, time: float) -> Sample:
        """What is known at that time, with the probabilities."""
        return Sample(self.value, self.arrival <= time, 1 - np.exp(-time * self.pace), self.judge, self.cluster, self.lowest)

    def time_of(self, labels: int) -> float:
        """When about so many labels are expected: fixed by the design, not by what arrives."""
        return float(optimize.brentq(lambda time: np.sum(1 - np.exp(-time * self.pace)) - labels, 0.0, 1e3, xtol=1e-6))


def draw(cell: Cell, loss: float, rng: np.random.Generator) -> Stream:
    """One experiment in which the candidate is right with probability base − loss; for a rate, errs with probability base + loss."""
    n = POOL * cell.labels
    product = rng.permutation(np.arange(n) % cell.products if cell.products else np.arange(n))
    if cell.rate:
        people, judge = _arm(cell, cell.base + loss, product, rng)
        value, judge = -people, -judge  # an error counts −1, so that worse is lower
    else:
        (theirs, seen), (ours, mine) = _arm(cell, cell.base, product, rng), _arm(cell, cell.base - loss, product, rng)
        value, judge = ours - theirs, mine - seen
    pace = 0.7 + 0.3 * np.abs(judge) / max(float(np.abs(judge).mean()), 1e-9) if cell.active else np.ones(n)
    return Stream(value, judge, product.astype(np.int64), rng.exponential(size=n) / pace, pace)


def _arm(cell: Cell, rate: float, product: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What people say of each case of one variant, and what the judge says."""
    shape = (len(product), cell.claims)
    common = rng.normal(size=int(product.max()) + 1)[product][:, None]
    latent = math.sqrt(cell.icc) * common + math.sqrt(1 - cell.icc) * rng.normal(size=shape)
    truth = latent < stats.norm.ppf(rate)
    seen = np.where(rng.random(shape) < cell.rho, truth, rng.random(shape) < rate)
    people = np.where(rng.random(shape) < cell.noise, ~truth, truth)
    return people.mean(axis=1), seen.mean(axis=1)
