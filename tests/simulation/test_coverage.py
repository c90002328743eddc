"""How often the gate's interval errs, in seeded simulations; the large grid is ``python -m benchmarks.gate``.

A limit here is the stated level plus three Monte-Carlo standard errors.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.gate.coverage import ALPHA, measure
from benchmarks.gate.model import Cell, draw
from evals.gate.measure import Measured
from evals.gate.verdicts import Cell as VerdictCell
from evals.gate.verdicts import corrected, mean_cell
from evals.statistics.intervals import clopper_pearson
from evals.statistics.paired import mean_by_t, sampled_mean

REPETITIONS = 150
LIMIT = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / REPETITIONS)

CELLS = [
    Cell(60, 0.5, 0.05),
    Cell(60, 0.95, 0.05),
    Cell(60, 0.95, 0.10, noise=0.1),
    Cell(60, 0.02, 0.10),
    Cell(60, 0.95, 0.05, claims=4, products=12, icc=0.1),
    Cell(60, 0.85, 0.10, products=12, icc=0.3),
    Cell(30, 0.85, 0.15, claims=4, active=True),
    Cell(300, 0.85, 0.05, rho=0.8),
    Cell(300, 0.98, 0.05, rho=0.0, products=12, icc=0.1),
]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"n{cell.labels}-base{cell.base}-claims{cell.claims}-icc{cell.icc}-{cell.active}")
def test_a_candidate_worse_by_the_margin_passes_no_more_often_than_stated_however_often_it_is_read(cell: Cell) -> None:
    rates = measure(cell, REPETITIONS, seed=11)
    for scheme in ("once", "five looks", "any time"):
        assert rates[scheme]["false_promotion"] <= LIMIT
        assert rates[scheme]["false_rejection"]["28"] == 0
    assert rates["coverage_95"] >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / REPETITIONS)


def test_an_identical_candidate_passes_where_the_labels_suffice() -> None:
    assert measure(Cell(120, 0.95, 0.10, claims=4), 100, seed=2)["once"]["power"] > 0.9


def test_a_judge_is_worth_labels_only_where_it_is_right() -> None:
    """A third of the cases is labelled: a judge of correlation .8 leaves √(1 − .64 · ⅔) of the error."""
    rng = np.random.default_rng(0)
    errors = {}
    for rho in (0.0, 0.8):
        drawn = [draw(Cell(300, 0.7, 0.05, rho=rho), 0.0, rng) for _ in range(30)]
        found = [sampled_mean(one.at(one.time_of(300)), alpha=ALPHA, line=-0.05) for one in drawn]
        errors[rho] = np.mean([estimate.standard_error for estimate in found])
    assert errors[0.8] < 0.85 * errors[0.0]


def test_where_outcomes_are_rare_the_normal_approximation_promotes_wrongly_and_the_gate_s_interval_does_not() -> None:
    rng = np.random.default_rng(1)
    wrong = {mean_by_t: 0, sampled_mean: 0}
    for _ in range(300):
        stream = draw(Cell(60, 0.98, 0.05), 0.05, rng)
        for method in wrong:
            low = method(stream.at(stream.time_of(60)), alpha=ALPHA, line=-0.05).interval.low
            wrong[method] += low is not None and low > -0.05
    assert wrong[mean_by_t] / 300 > 0.08
    assert wrong[sampled_mean] / 300 <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / 300)


@pytest.mark.parametrize("known", [True, False])
def test_a_loss_that_wrong_labels_hide_passes_only_where_nobody_knows_that_they_are_wrong(known: bool) -> None:
    """A tenth of the labels is wrong, so a loss of .15 looks like .12."""
    rng, cell = np.random.default_rng(3), Cell(300, 0.85, 0.15, noise=0.1)
    passed = 0
    for _ in range(150):
        stream = draw(cell, cell.margin, rng)
        names = np.full(len(stream.value), "en")
        measured = Measured(stream.at(stream.time_of(300)), names, names, names, {}, label_error=0.1 if known else 0.0)
        passed += mean_cell(measured, line=-cell.margin, minimum=2, alpha=ALPHA, seed=0).verdict == "pass"
    assert (passed / 150 <= LIMIT) is known


def test_an_identical_candidate_is_rarely_rejected_over_eight_slices() -> None:
    rng = np.random.default_rng(8)
    rejected = 0
    for _ in range(80):
        slices = {}
        for name in "abcdefgh":
            stream = draw(Cell(20, 0.9, 0.15, claims=4), 0.0, rng)
            estimate = sampled_mean(stream.at(stream.time_of(20)), alpha=ALPHA, line=-0.15)
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
