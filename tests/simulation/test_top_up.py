"""That a sample which was topped up is weighed rightly, even when what people said first decided how much more was drawn and where.

Seeded. A limit here is what is stated plus four Monte-Carlo standard errors (three for an error rate of a decision).
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from annotators.asking.sampling import Candidate, draw
from evals.gate.looks import planned_levels
from evals.statistics.paired import Sample, sampled_mean
from evals.statistics.power import labels_needed, neyman_allocation

LANGUAGES, CASES = ("en", "ja", "ar"), 120
ALPHA, MARGIN = 0.05, 0.10
TRIALS, EXPERIMENTS = 800, 400


def world(rng: np.random.Generator, mean: float) -> tuple[list[Candidate], np.ndarray, np.ndarray]:
    """Differences of three languages of unlike spread around a true mean, and a judge that half knows them."""
    spread = np.repeat([0.05, 0.15, 0.45], CASES)
    value = np.where(rng.random(3 * CASES) < spread, rng.choice([-1.0, 1.0], 3 * CASES), 0.0)
    value = np.where(rng.random(3 * CASES) < -mean, -1.0, value)
    judge = np.where(rng.random(3 * CASES) < 0.5, value, rng.choice([-1.0, 0.0, 1.0], 3 * CASES, p=[0.1, 0.8, 0.1]))
    doubt = 0.2 + np.abs(judge)
    rows = [Candidate(f"{n:04}", LANGUAGES[n // CASES], float(doubt[n])) for n in range(3 * CASES)]
    return rows, value, judge


def wave(rows: list[Candidate], totals: dict[str, int], seed: int, already: dict[str, float] | None = None) -> dict[str, float]:
    found = draw(rows, totals, audit_share=0.6, seed=seed, experiment="x", already=already)
    return {case: one.probability for case, one in found.items()}


def more(value: np.ndarray, drawn: dict[str, float], line: float, expected: float | None = None) -> dict[str, int]:
    """As the gate plans: how many labels would settle it if the estimate held (or the value were as `expected`), most where the labels
    differ most (Neyman)."""
    index = np.array([int(case) for case in drawn])
    weights = 1 / np.array(list(drawn.values()))
    mine = value[index]
    distance = abs((float(np.average(mine, weights=weights)) if expected is None else expected) - line)
    needed = min(labels_needed(max(float(mine.std()), 0.05), max(distance, 0.03), ALPHA, extra=1.0), 240)
    spreads = [max(float(mine[index // CASES == k].std()), 0.05) for k in range(3)]
    further = max(0, needed - len(index))
    given = neyman_allocation(further, [CASES] * 3, spreads, [CASES - int(np.sum(index // CASES == k)) for k in range(3)])
    return {tag: int(np.sum(index // CASES == k)) + given[k] for k, tag in enumerate(LANGUAGES)}


def estimate(value: np.ndarray, drawn: dict[str, float]) -> float:
    index = np.array([int(case) for case in drawn])
    return float(np.average(value[index], weights=1 / np.array(list(drawn.values()))))


def test_cases_of_both_waves_are_weighed_rightly_when_the_sizes_do_not_depend_on_labels() -> None:
    """E[1{drawn}/π] = 1 for every case of one population, whatever language was topped up by how much."""
    rows, _, _ = world(np.random.default_rng(1), 0.0)
    weights = np.zeros((TRIALS, len(rows)))
    for seed in range(TRIALS):
        first = wave(rows, dict.fromkeys(LANGUAGES, 10), seed)
        second = wave(rows, {"en": 15, "ja": 30, "ar": 60}, seed, first)
        weights[seed, [int(case) for case in second]] = 1 / np.array(list(second.values()))
        assert first.keys() <= second.keys()
    error = weights.std(0) / math.sqrt(TRIALS)
    assert np.mean(np.abs(weights.mean(0) - 1) <= 3 * error) > 0.98
    assert np.all(np.abs(weights.mean(0) - 1) <= 5 * error)


def errors(expected: float | None) -> np.ndarray:
    rng, found = np.random.default_rng(2), []
    for seed in range(TRIALS):
        rows, value, _ = world(rng, -0.05)
        first = wave(rows, dict.fromkeys(LANGUAGES, 12), seed)
        found.append(estimate(value, wave(rows, more(value, first, -MARGIN, expected), seed, first)) - value.mean())
    return np.array(found)


@pytest.mark.parametrize(("expected", "most"), [(0.0, 0.2), (None, 0.33)])
def test_sizes_that_depend_on_first_labels_flatter_the_estimate_by_a_fraction_of_its_standard_error(
    expected: float | None, most: float
) -> None:
    """A sample that looks good early stays small: the bias of every stopping rule, not of the weights."""
    found = errors(expected)
    assert abs(found.mean()) <= most * found.std()


def test_a_candidate_on_the_line_is_promoted_no_more_often_than_stated_when_the_loop_tops_itself_up() -> None:
    """Two looks, the second as large as the first one's estimate asks for: an inflation that spending does not cover would show here."""
    rng, promoted = np.random.default_rng(3), 0
    levels = planned_levels(2, "obrien_fleming", (), ALPHA)
    for seed in range(EXPERIMENTS):
        rows, value, judge = world(rng, -MARGIN)
        drawn = wave(rows, dict.fromkeys(LANGUAGES, 20), seed)
        for level in levels:
            if passes(value, judge, drawn, level):
                promoted += 1
                break
            drawn = wave(rows, more(value, drawn, -MARGIN), seed, drawn)
    assert promoted / EXPERIMENTS <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / EXPERIMENTS)


def passes(value: np.ndarray, judge: np.ndarray, drawn: dict[str, float], level: float) -> bool:
    labelled, chance = np.zeros(len(value), dtype=bool), np.ones(len(value))
    index = [int(case) for case in drawn]
    labelled[index], chance[index] = True, list(drawn.values())
    found = sampled_mean(Sample(value, labelled, chance, judge, np.arange(len(value))), alpha=level, line=-MARGIN)
    return found.interval.low is not None and found.interval.low > -MARGIN
