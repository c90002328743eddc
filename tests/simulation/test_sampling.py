"""That the chances recorded with a draw are the ones it has, that estimates weighted with them are right, and what doubt is worth.

Seeded. A limit here is what is stated plus four Monte-Carlo standard errors (three for an error rate of the interval).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy import stats

from annotators.asking.sampling import Candidate, draw, uncertainty
from evals.statistics.paired import Sample, sampled_mean

SEEDS = 4000
ALPHA, MARGIN, EXPERIMENTS = 0.05, 0.10, 300


def cases(doubts: np.ndarray | list[None]) -> list[Candidate]:
    return [Candidate(f"{n:04}", "ja", None if doubt is None else float(doubt)) for n, doubt in enumerate(doubts)]


def weights(rows: list[Candidate], n: int, seed: int, a: float, already: dict[str, float] | None = None) -> dict[str, float]:
    found = draw(rows, {"ja": n}, audit_share=a, seed=seed, experiment="x", already=already)
    return {key: row.probability for key, row in found.items()}


def skewed(count: int) -> np.ndarray:
    return np.random.default_rng(5).lognormal(0, 1.5, count)


# ---------------------------------------------------------------------------------------------- chances


@pytest.mark.parametrize(("n", "a"), [(2, 0.3), (5, 0.3), (9, 0.1), (5, 1.0)])
def test_cases_are_drawn_as_often_as_recorded_however_skewed_the_doubt(n: int, a: float) -> None:
    rows = cases(skewed(14))
    times, recorded = np.zeros(14), np.full(14, np.nan)
    for seed in range(SEEDS):
        for key, p in weights(rows, n, seed, a).items():
            times[int(key)] += 1
            recorded[int(key)] = p
    assert math.fsum(recorded) == pytest.approx(n, abs=1e-10)
    assert np.all(times[recorded == 1] == SEEDS)
    error = np.sqrt(SEEDS * recorded * (1 - recorded))
    assert np.all(np.abs(times - SEEDS * recorded) <= 4 * error + 1e-9)
    free = recorded < 1  # a sample of fixed size varies less than independent draws: χ² on as many degrees is too wide
    assert np.sum(((times - SEEDS * recorded)[free] / error[free]) ** 2) < stats.chi2.ppf(0.9999, free.sum())


def test_every_pair_of_cases_can_be_drawn_and_no_more_often_than_apart() -> None:
    """π_ij ≤ π_i·π_j makes the usual variance estimates safe (Sen 1953; Yates & Grundy 1953)."""
    rows = cases(skewed(8))
    together, recorded = np.zeros((8, 8)), np.zeros(8)
    for seed in range(SEEDS):
        found = weights(rows, 4, seed, 0.5)
        index = [int(key) for key in found]
        together[np.ix_(index, index)] += 1
        recorded[index] = list(found.values())
    pairs = ~np.eye(8, dtype=bool)
    expected = np.outer(recorded, recorded)
    assert np.all(together[pairs] > 0)
    assert np.all(together[pairs] <= SEEDS * expected[pairs] + 4 * np.sqrt(SEEDS * expected[pairs]))


def test_weights_stay_unbiased_for_every_case_through_two_top_ups_under_other_doubts() -> None:
    """E[Σ_drawn w·y] = Σ y for any y is E[1{drawn}·w] = 1 for every case."""
    first, second, third = cases(skewed(12)), cases(skewed(12)[::-1]), cases([None] * 12)
    once, twice = np.zeros((SEEDS, 12)), np.zeros((SEEDS, 12))
    for seed in range(SEEDS):
        found = weights(second, 6, seed, 0.3, weights(first, 3, seed, 0.3))
        later = weights(third, 8, seed, 0.3, found)
        assert found.keys() <= later.keys()
        for rows, drawn in ((once, found), (twice, later)):
            rows[seed, [int(key) for key in drawn]] = 1 / np.array(list(drawn.values()))
    for rows in (once, twice):
        assert np.all(np.abs(rows.mean(0) - 1) <= 4 * rows.std(0) / math.sqrt(SEEDS))


# ---------------------------------------------------------------------------------------------- what doubt is worth


def world(rng: np.random.Generator, count: int, claims: int, base: float, loss: float, useless: bool = False) -> tuple[np.ndarray, ...]:
    """People's differences, the judge's, and its doubts: a judge that knows each claim's chance to be grounded, or one that knows nothing
    and does not know that it does not."""

    def arm(mean: float) -> tuple[np.ndarray, np.ndarray]:
        chance = rng.beta(mean / 2, (1 - mean) / 2, size=(count, claims))
        said = rng.beta(mean / 2, (1 - mean) / 2, size=(count, claims)) if useless else chance
        return (rng.random((count, claims)) < chance).mean(axis=1), said

    (champion, first), (candidate, second) = arm(base), arm(base - loss)
    doubts = np.array([uncertainty(list(p), list(q)) for p, q in zip(first, second, strict=True)])
    return candidate - champion, second.mean(axis=1) - first.mean(axis=1), doubts


def labelled(rows: list[Candidate], n: int, seed: int, a: float) -> tuple[np.ndarray, np.ndarray]:
    found = weights(rows, n, seed, a)
    index = [int(key) for key in found]
    chosen, chance = np.zeros(len(rows), dtype=bool), np.ones(len(rows))
    chosen[index], chance[index] = True, list(found.values())
    return chosen, chance


@cache
def errors(a: float, useless: bool) -> tuple[np.ndarray, np.ndarray]:
    """Errors of the weighted total over N (Horvitz–Thompson) and of the weighted mean (Hájek), 60 of 300 cases labelled."""
    rng = np.random.default_rng(2)
    total, mean = [], []
    for trial in range(30):
        value, _, doubts = world(rng, 300, 1, 0.95, 0.02, useless)
        for draws in range(20):
            chosen, chance = labelled(cases(doubts), 60, trial * 20 + draws, a)
            w = chosen / chance
            total.append(w @ value / 300 - value.mean())
            mean.append(w @ value / w.sum() - value.mean())
    return np.array(total), np.array(mean)


@pytest.mark.parametrize("useless", [False, True])
@pytest.mark.parametrize("a", [0.3, 0.7, 1.0])
def test_the_weighted_total_and_the_weighted_mean_are_right_on_average(a: float, useless: bool) -> None:
    for found in errors(a, useless):
        assert abs(found.mean()) <= 4 * found.std() / math.sqrt(len(found))


def test_a_judge_that_knows_where_it_is_unsure_makes_labels_worth_more_and_one_that_does_not_costs_little() -> None:
    """Labels that a plain random audit needs for the same error of the mean, per label."""
    worth = {useless: np.mean(errors(1.0, useless)[1] ** 2) / np.mean(errors(0.7, useless)[1] ** 2) for useless in (False, True)}
    assert worth[False] > 1.25
    assert 0.7 < worth[True] < 1.25  # the floor's own limit: no weight above 1/a


@pytest.mark.parametrize(("claims", "base", "useless"), [(1, 0.95, False), (4, 0.85, False), (1, 0.85, True)])
def test_the_gates_interval_keeps_its_level_under_uneven_chances(claims: int, base: float, useless: bool) -> None:
    rng = np.random.default_rng(9)
    passed = failed = 0
    for experiment in range(EXPERIMENTS):
        value, judge, doubts = world(rng, 160, claims, base, MARGIN, useless)
        chosen, chance = labelled(cases(doubts), 60, experiment, 0.5)
        interval = sampled_mean(Sample(value, chosen, chance, judge, np.arange(160)), alpha=ALPHA, line=-MARGIN).interval
        assert interval.low is not None and interval.high is not None
        passed += interval.low > -MARGIN
        failed += interval.high < -MARGIN
    limit = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / EXPERIMENTS)
    assert passed / EXPERIMENTS <= limit and failed / EXPERIMENTS <= limit
