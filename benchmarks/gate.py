"""How often the gate's interval is wrong, over the grid that real data come from.

``python -m benchmarks.gate [--repetitions 1000] [--quick]`` prints one row per cell: how often a candidate that is worse by exactly the
margin would pass (must stay at or below alpha), how often an identical one passes, how often each bound misses the truth. Seeded.
"""

from __future__ import annotations

import argparse
import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evals.statistics.paired import Sample, choose_method, sampled_mean

ALPHA = 0.05


@dataclass(frozen=True)
class Cell:
    """One cell of the grid. `rho`: correlation of the judge with people on one claim; `products` 0: every case its own; `active`: the
    chance to be labelled grows with the judge's doubt; `icc`: how alike outputs about one product are."""

    labels: int
    base: float
    margin: float
    claims: int = 1
    products: int = 0
    icc: float = 0.0
    rho: float = 0.6
    active: bool = False
    share: float = 0.5


def draw(cell: Cell, loss: float, rng: np.random.Generator) -> Sample:
    """One experiment in which the candidate is right with probability base − loss."""
    n = round(cell.labels / cell.share)
    product = np.arange(n) % cell.products if cell.products else np.arange(n)
    champion, champion_judge = _arm(cell, cell.base, product, rng)
    candidate, candidate_judge = _arm(cell, cell.base - loss, product, rng)
    judge = candidate_judge - champion_judge
    probability = np.full(n, cell.share)
    if cell.active:
        probability = np.clip(cell.share * (0.6 + 0.9 * np.abs(judge) / max(np.abs(judge).mean(), 1e-9) / 2), 0.2, 1.0)
    return Sample(candidate - champion, rng.random(n) < probability, probability, judge, product.astype(np.int64))


def _arm(cell: Cell, rate: float, product: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    shape = (len(product), cell.claims)
    groups = int(product.max()) + 1
    latent = math.sqrt(cell.icc) * rng.normal(size=groups)[product][:, None] + math.sqrt(1 - cell.icc) * rng.normal(size=shape)
    people = latent < stats.norm.ppf(rate)
    seen = np.where(rng.random(shape) < cell.rho, people, rng.random(shape) < rate)
    return people.mean(axis=1), seen.mean(axis=1)


def measure(cell: Cell, repetitions: int, seed: int, method: str | None = None) -> dict[str, float]:
    """Rates over `repetitions` experiments; Monte-Carlo standard error of a rate r is √(r(1−r)/repetitions)."""
    rng = np.random.default_rng(seed)
    wrong = right = below = above = usual = 0
    for _ in range(repetitions):
        worse = draw(cell, cell.margin, rng)
        usual += choose_method(worse)[0] == "t"
        low, high = _bounds(worse, cell, method)
        wrong += low > -cell.margin
        below += high < -cell.margin
        same_low, _ = _bounds(draw(cell, 0.0, rng), cell, method)
        right += same_low > -cell.margin
        above += same_low > 0
    rates = {"false_pass": wrong, "false_fail": below, "power": right, "same_looks_better": above, "by_t": usual}
    return {name: count / repetitions for name, count in rates.items()}


def _bounds(sample: Sample, cell: Cell, method: str | None) -> tuple[float, float]:
    interval = sampled_mean(sample, alpha=ALPHA, line=-cell.margin, method=method).interval
    return (-1.0 if interval.low is None else interval.low), (1.0 if interval.high is None else interval.high)


def grid(quick: bool) -> list[Cell]:
    """Budgets with the margin they are meant for, base rates, claims an output, products, judges."""
    budgets = [(20, 0.15), (60, 0.05), (60, 0.10), (120, 0.05), (300, 0.05), (600, 0.03)][: 3 if quick else 6]
    shapes = [(0, 0.0), (12, 0.0), (12, 0.3)]
    judges = [(0.0, False), (0.7, False), (0.7, True)]
    rates = (0.5, 0.85, 0.95, 0.98)
    return [
        Cell(n, base, margin, claims, products, icc, rho, active)
        for (n, margin), base, claims, (products, icc), (rho, active) in itertools.product(budgets, rates, (1, 4), shapes, judges)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="the three smallest budgets only")
    parser.add_argument("--method", choices=("t", "dirichlet"), help="one method everywhere instead of the stated rule")
    options = parser.parse_args()
    print("labels margin base claims products icc rho active | false_pass false_fail power same_looks_better by_t", flush=True)
    for cell in grid(options.quick):
        rates = measure(cell, options.repetitions, options.seed, options.method)
        shape = f"{cell.labels:6d} {cell.margin:6.2f} {cell.base:4.2f} {cell.claims:6d} {cell.products:8d} {cell.icc:3.1f} {cell.rho:3.1f}"
        print(shape, f"{int(cell.active):6d} |", "  ".join(f"{rate:.3f}" for rate in rates.values()), flush=True)


if __name__ == "__main__":
    main()
