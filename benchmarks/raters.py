"""Simulated raters: the evidence behind `choose_method` of `evals.statistics.consensus`.

``python -m benchmarks.raters [--seeds 6] [--quick]``. Worlds: raters who are *even* (as good at every label) or *miss* the rare labels, and
either with a share who answer by *habit* (a label as often as it is common, without looking). Columns: mean change in accuracy against the
majority in points and the smallest of any seed, for each model and for what the rule chose. A tie counts as a draw by lot. The models are
EM to convergence in numpy: crowd-kit's, with the same formulas, are too slow for a grid.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.statistics.agreement import Rated
from evals.statistics.consensus import Method, choose_method, shape_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """`per_item` labels of `load` labels a rater; `commonest`: share of items whose truth is label 0."""

    skill: str
    habit: float
    classes: int
    commonest: float
    raters: int
    per_item: int
    load: int


@dataclass(frozen=True)
class Votes:
    """One row a vote: item, rater, label; `truth` a row an item."""

    item: Ints
    rater: Ints
    label: Ints
    truth: Ints


def draw(world: World, rng: np.random.Generator) -> Votes:
    """Votes with independent errors given the truth."""
    items = max(10, world.raters * world.load // world.per_item)
    k = world.classes
    prior = np.array([world.commonest] + [(1 - world.commonest) / (k - 1)] * (k - 1))
    truth = rng.choice(k, items, p=prior)
    confusion = np.array([_rater(world, number, prior, rng) for number in range(world.raters)])
    item = np.repeat(np.arange(items), world.per_item)
    rater = np.concatenate([rng.permutation(world.raters)[: world.per_item] for _ in range(items)])
    chance = confusion[rater, :, truth[item]]
    label = (chance.cumsum(axis=1) < rng.random(len(item))[:, None]).sum(axis=1).clip(0, k - 1)
    return Votes(item, rater, label, truth)


def _rater(world: World, number: int, prior: Floats, rng: np.random.Generator) -> Floats:
    """Chance of each label (row) given the truth (column)."""
    k = world.classes
    if number < world.habit * world.raters:
        return np.repeat(prior[:, None], k, axis=1)
    skill = [rng.uniform(0.7, 0.95)] * k if world.skill == "even" else [rng.uniform(0.8, 0.95), *rng.uniform(0.55, 0.75, k - 1)]
    matrix: Floats = np.repeat((1 - np.array(skill))[None, :] / (k - 1), k, axis=0)
    matrix[np.arange(k), np.arange(k)] = skill
    return matrix


def posterior(votes: Votes, classes: int, method: Method, steps: int = 100) -> Floats:
    """Probability of each label, item by item; for the majority the share of votes."""
    items, raters = len(votes.truth), int(votes.rater.max()) + 1
    found: Floats = np.zeros((items, classes))
    np.add.at(found, (votes.item, votes.label), 1)
    found /= found.sum(axis=1, keepdims=True)
    for _ in range(0 if method == "majority" else steps):
        logs = np.zeros((items, classes)) + np.log(np.maximum(found.mean(axis=0), 1e-10))
        np.add.at(logs, votes.item, (_confusion if method == "dawid_skene" else _coin)(votes, found, raters))
        new = np.exp(logs - logs.max(axis=1, keepdims=True))
        new /= new.sum(axis=1, keepdims=True)
        if np.abs(new - found).max() < 1e-4:
            break
        found = new
    return np.asarray(found, dtype=np.float64)


def _confusion(votes: Votes, found: Floats, raters: int) -> Floats:
    k = found.shape[1]
    errors: Floats = np.zeros((raters, k, k))
    np.add.at(errors, (votes.rater, votes.label), found[votes.item])
    errors = np.maximum(errors, 1e-10)
    return np.asarray(np.log(errors / errors.sum(axis=1, keepdims=True))[votes.rater, votes.label])


def _coin(votes: Votes, found: Floats, raters: int) -> Floats:
    k, rows = found.shape[1], np.arange(len(votes.label))
    right = np.bincount(votes.rater, found[votes.item, votes.label], raters) / np.maximum(np.bincount(votes.rater, minlength=raters), 1)
    right = np.clip(right, 1e-10, 1 - 1e-10)[votes.rater]
    logs = np.repeat(np.log((1 - right) / (k - 1))[:, None], k, axis=1)
    logs[rows, votes.label] = np.log(right)
    return logs


def accuracy(found: Floats, truth: Ints) -> float:
    best = found > found.max(axis=1, keepdims=True) - 1e-9
    return float(np.mean(best[np.arange(len(truth)), truth] / best.sum(axis=1)))


def measure(world: World, seeds: int) -> tuple[str, float]:
    """The row, and the rule's mean change."""
    changes: dict[str, list[float]] = {"dawid_skene": [], "one_coin": [], "rule": []}
    chosen, spreads = [], []
    for seed in range(seeds):
        votes = draw(world, np.random.default_rng(seed))
        usual = accuracy(posterior(votes, world.classes, "majority"), votes.truth)
        gains: dict[str, float] = {"majority": 0.0}
        for method in ("dawid_skene", "one_coin"):
            gains[method] = 100 * (accuracy(posterior(votes, world.classes, method), votes.truth) - usual)
            changes[method].append(gains[method])
        shape = shape_of([Rated(*map(str, row)) for row in zip(votes.item, votes.rater, votes.label, strict=True)])
        chosen.append(choose_method(shape)[0])
        spreads.append(shape.spread)
        changes["rule"].append(gains[chosen[-1]])
    cells = "  ".join(f"{np.mean(all_of):+5.1f} ({min(all_of):+5.1f})" for all_of in changes.values())
    what = f"{world.skill:5} {world.habit:5.1f} {world.classes:7d} {world.commonest:9.2f}"
    what += f" {world.raters:6d} {world.per_item:8d} {world.load:4d}"
    return f"{what} {np.mean(spreads):6.1f} | {cells}  {'/'.join(sorted(set(chosen)))}", float(np.mean(changes["rule"]))


def grid(quick: bool) -> Iterator[World]:
    """Small teams and crowds, two raters an item and more, few labels and many, even and rare labels."""
    sizes = [(12, 2), (3, 3), (12, 3), (50, 3), (50, 5)] if not quick else [(12, 3), (50, 3)]
    loads = (20, 60, 120) if not quick else (60,)
    for skill, habit, (classes, commonest) in itertools.product(("even", "miss"), (0.0, 0.3), ((2, 0.5), (2, 0.8), (5, 0.25), (10, 0.15))):
        for (raters, per_item), load in itertools.product(sizes, loads):
            yield World(skill, habit, classes, commonest, raters, per_item, load)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--seeds", type=int, default=6)
    given.add_argument("--quick", action="store_true", help="fewer teams and one load")
    options = given.parse_args()
    print("skill habit classes commonest raters per_item load spread | Dawid–Skene    one-coin       rule", flush=True)
    changes = []
    for world in grid(options.quick):
        row, change = measure(world, options.seeds)
        changes.append(change)
        print(row, flush=True)
    print(
        f"{len(changes)} worlds: the rule changes accuracy by {np.mean(changes):+.2f} points on average, {min(changes):+.2f} in the worst"
    )


if __name__ == "__main__":
    main()
