"""Kappa and calibration of a judge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from evals.statistics.bootstrap import interval
from evals.statistics.kappa import kappa
from evals.statistics.reliability import calibration


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60))
def test_kappa_is_scikit_learns_or_says_why_there_is_none(pairs):
    one, other = (np.array(column) for column in zip(*pairs, strict=True))
    found = kappa(one, other, np.arange(len(one)))
    if found.estimate is None:
        assert found.reason
        assert len({*one, *other}) == 1
    else:
        assert found.estimate == pytest.approx(cohen_kappa_score(one, other), abs=1e-12)


def test_a_weight_of_two_is_the_row_twice():
    rng = np.random.default_rng(0)
    one, other, twice = rng.random(60) < 0.6, rng.random(60) < 0.5, rng.integers(1, 3, 60)
    weighted = kappa(one, other, np.arange(60), twice.astype(float)).estimate
    assert weighted == pytest.approx(cohen_kappa_score(np.repeat(one, twice), np.repeat(other, twice)), abs=1e-12)


@pytest.mark.slow
def test_kappas_interval_covers():
    """Two raters who agree with a truth in 85 %: 200 seeded samples of 120 items by 30 products; nominal 95 %."""
    rng, covered = np.random.default_rng(4), 0
    truth = 0.7**2  # kappa of two independent raters of balanced items with accuracy .85: (2·.85 − 1)²
    for seed in range(200):
        gold = rng.random(120) < 0.5
        one, other = (np.where(rng.random(120) < 0.85, gold, ~gold) for _ in range(2))
        found = interval(kappa(one, other, np.arange(120) // 4), n=120, level=0.95, draws=300, seed=seed)
        covered += found.low <= truth <= found.high
    assert covered >= 0.93 * 200


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 400])
def test_an_honest_judge_is_not_accused(n):
    """A perfectly calibrated judge: the error's estimate is near 0 and its interval begins there, in 100 seeded samples."""
    rng, estimates, from_zero = np.random.default_rng(5), [], 0
    for seed in range(100):
        said = rng.beta(2, 1, size=n)
        found = calibration(said, rng.random(n) < said, np.arange(n), draws=300, seed=seed).error
        estimates.append(found.estimate)
        from_zero += found.low <= 0.02
    assert np.mean(estimates) < {100: 0.05, 400: 0.03}[n]
    assert from_zero >= 90


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.1, 0.2])
def test_the_calibration_error_is_inside_its_interval(shift):
    """A judge who says `shift` too much everywhere, 40 products of 8 claims: the error is `shift`; 100 seeded samples."""
    rng, covered = np.random.default_rng(6), 0
    for seed in range(100):
        true = rng.uniform(0.1, 0.75, size=320)
        found = calibration(true + shift, rng.random(320) < true, np.arange(320) // 8, draws=300, seed=seed).error
        covered += found.low <= shift <= found.high
    assert covered >= 88  # nominal 95: a little short where the error is large, docs/methods.md says so


def test_a_judge_that_says_one_value_has_one_bin():
    found = calibration(np.full(100, 0.9), np.arange(100) % 2 == 0, np.arange(100))
    assert [(point.said, point.found, point.n) for point in found.curve] == [(pytest.approx(0.9), 0.5, 100)]
    assert found.error.estimate == pytest.approx(0.4, abs=0.01)


def test_few_answers_have_no_calibration_error():
    found = calibration(np.full(19, 0.5), np.arange(19) < 9, np.arange(19))
    assert (found.error.estimate, found.error.reason) == (None, "19 answers: a bin needs 20")
