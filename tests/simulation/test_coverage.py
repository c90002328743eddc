"""How often the gate's interval errs, in seeded simulations; the large grid is ``python -m benchmarks.gate``.

A limit here is the stated level plus three Monte-Carlo standard errors.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.gate import ALPHA, Cell, draw, measure
from evals.gate.verdicts import Cell as VerdictCell
from evals.gate.verdicts import corrected
from evals.statistics.intervals import clopper_pearson
from evals.statistics.paired import choose_method, sampled_mean

REPETITIONS = 150
LIMIT = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / REPETITIONS)

CELLS = [
    Cell(60, 0.5, 0.05),
    Cell(60, 0.85, 0.05, claims=4),
    Cell(60, 0.95, 0.05),
    Cell(60, 0.95, 0.05, claims=4, products=12, icc=0.1),
    Cell(60, 0.95, 0.05, claims=4, active=True),
    Cell(60, 0.85, 0.10, products=12, icc=0.3),
    Cell(20, 0.95, 0.15),
    Cell(20, 0.85, 0.15, claims=4, active=True),
    Cell(300, 0.85, 0.05, rho=0.8),
    Cell(300, 0.5, 0.05, claims=4, rho=0.7, active=True),
]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"n{cell.labels}-base{cell.base}-claims{cell.claims}-icc{cell.icc}-{cell.active}")
def test_a_candidate_worse_by_the_margin_passes_no_more_often_than_stated(cell: Cell) -> None:
    rates = measure(cell, REPETITIONS, seed=11)
    assert rates["false_pass"] <= LIMIT
    assert rates["false_fail"] <= LIMIT
    assert rates["same_looks_better"] <= LIMIT


def test_an_identical_candidate_passes_where_the_labels_suffice() -> None:
    assert measure(Cell(120, 0.95, 0.10, claims=4), 100, seed=2)["power"] > 0.9


def test_a_judge_is_worth_labels_only_where_it_is_right() -> None:
    """Half of the cases are labelled, so even a perfect judge leaves √½ of the width."""
    rng = np.random.default_rng(0)
    widths = {}
    for rho in (0.0, 0.9):
        found = [sampled_mean(draw(Cell(300, 0.7, 0.05, rho=rho), 0.0, rng), alpha=ALPHA, line=-0.05) for _ in range(30)]
        widths[rho] = np.mean([estimate.standard_error for estimate in found])
    assert widths[0.9] < 0.85 * widths[0.0]


def test_the_t_interval_is_used_only_with_many_cases_on_both_sides() -> None:
    rng = np.random.default_rng(1)
    assert choose_method(draw(Cell(300, 0.6, 0.05), 0.0, rng))[0] == "t"
    assert choose_method(draw(Cell(300, 0.98, 0.05), 0.0, rng))[0] == "dirichlet"
    assert choose_method(draw(Cell(300, 0.6, 0.05, products=12), 0.0, rng))[0] == "dirichlet"


def test_an_identical_candidate_is_rarely_rejected_over_eight_slices() -> None:
    rng = np.random.default_rng(8)
    rejected = 0
    for _ in range(80):
        slices = {}
        for name in "abcdefgh":
            estimate = sampled_mean(draw(Cell(20, 0.9, 0.15, claims=4), 0.0, rng), alpha=ALPHA, line=-0.15)
            high = estimate.interval.high
            verdict = "fail" if high is not None and high < -0.15 else "inconclusive"
            slices[name] = VerdictCell(verdict, "", estimate.interval, p_fail=estimate.p_below)
        rejected += any(cell.verdict == "fail" for cell in corrected(slices, ALPHA).values())
    assert rejected <= 1


def test_an_exact_bound_covers_every_rate() -> None:
    rng = np.random.default_rng(4)
    for rate in (0.001, 0.02, 0.1, 0.5):
        missed = np.mean([clopper_pearson(int(rng.binomial(80, rate)), 80, 0.9).high < rate for _ in range(800)])
        assert missed <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 800)
