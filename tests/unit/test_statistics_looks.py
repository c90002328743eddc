"""Levels and bounds for repeated looks: what they never do, whatever the data and however often one looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evals.errors import InputError
from evals.statistics.confidence_sequence import (
    anytime_level,
    anytime_p,
    asymptotic_interval,
    bernstein_bounds,
    betting_bounds,
    mixture,
    multiplier,
)
from evals.statistics.sequential import FARTHEST, Spending, exit_probabilities, inflation_factor, spent, spent_levels

KINDS = st.sampled_from(["obrien_fleming", "pocock"])
STEPS = st.lists(st.floats(0.05, 1.0), min_size=1, max_size=5)


def rising(steps: list[float]) -> list[float]:
    return list(np.cumsum(steps) / sum(steps))


# ---------------------------------------------------------------------------------------------- planned looks


@settings(max_examples=20)
@given(STEPS, KINDS, st.floats(0.005, 0.2))
def test_all_looks_together_spend_the_level_and_nothing_more(steps: list[float], kind: Spending, alpha: float) -> None:
    fractions = rising(steps)
    levels = spent_levels(fractions, alpha, kind)
    assert all(0 <= level <= alpha * (1 + 1e-9) for level in levels)
    assert math.fsum(levels) >= alpha * (1 - 1e-9)  # never more careful than Bonferroni with the same shares
    bounds = np.minimum(stats.norm.isf(levels), FARTHEST)
    assert sum(exit_probabilities(fractions, list(bounds))) == pytest.approx(alpha, rel=1e-6)


@settings(max_examples=20)
@given(STEPS, KINDS)
def test_a_later_look_changes_no_earlier_level(steps: list[float], kind: Spending) -> None:
    fractions = rising(steps)
    whole = spent_levels(fractions, 0.05, kind)
    for look in range(1, len(fractions)):
        assert spent_levels(fractions[:look], 0.05, kind) == pytest.approx(whole[:look], rel=1e-9, abs=1e-15)


def test_a_single_look_at_the_end_has_the_whole_level() -> None:
    assert spent_levels([1.0], 0.05, "obrien_fleming") == [0.05]
    assert spent_levels([1.3], 0.05, "pocock") == [0.05]
    assert spent_levels([], 0.05, "pocock") == []


def test_after_the_plan_is_overrun_nothing_is_left() -> None:
    levels = spent_levels([0.5, 1.2, 1.5], 0.05, "obrien_fleming")
    assert levels[2] == 0.0 and spent_levels([0.5, 1.2], 0.05, "obrien_fleming") == levels[:2]


def test_a_look_that_adds_next_to_nothing_gets_only_its_share() -> None:
    levels = spent_levels([0.5, 0.5001, 1.0], 0.05, "pocock")
    assert levels[1] == pytest.approx(spent(0.5001, 0.05, "pocock") - spent(0.5, 0.05, "pocock"))
    assert levels[2] == pytest.approx(spent_levels([0.5, 1.0], 0.05, "pocock")[1], rel=1e-3)


def test_early_looks_cost_obrien_fleming_next_to_nothing_and_pocock_the_plan() -> None:
    looks = [0.2, 0.4, 0.6, 0.8, 1.0]
    gentle, even = spent_levels(looks, 0.05, "obrien_fleming"), spent_levels(looks, 0.05, "pocock")
    assert gentle[0] < 1e-4 < even[0] and gentle[-1] > 0.04 > even[-1]
    assert 1 < inflation_factor(looks, 0.05, 0.8, "obrien_fleming") < 1.05 < inflation_factor(looks, 0.05, 0.8, "pocock")


@pytest.mark.parametrize("fractions", [[0.5, 0.5], [0.0, 1.0], [0.6, 0.5], [-0.1], [math.nan], [0.5, math.inf]])
def test_fractions_that_do_not_rise_are_named(fractions: list[float]) -> None:
    with pytest.raises(InputError, match="information fractions rise"):
        spent_levels(fractions, 0.05, "pocock")


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, -0.1, math.nan])
def test_a_level_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(InputError):
        spent_levels([1.0], alpha, "pocock")
    with pytest.raises(InputError):
        mixture(alpha, 100)


# ---------------------------------------------------------------------------------------------- any look


@given(st.floats(0.001, 0.2), st.floats(2, 5000), st.floats(5, 2000))
def test_the_anytime_p_value_solves_the_bound(alpha: float, count: float, planned: float) -> None:
    rho = mixture(alpha, planned)
    assert anytime_p(multiplier(count, alpha, rho), count, rho) == pytest.approx(alpha, rel=1e-9)


@given(st.floats(0.001, 0.2), st.floats(5, 2000))
def test_a_look_at_any_time_is_judged_more_strictly_than_a_planned_one(alpha: float, planned: float) -> None:
    rho = mixture(alpha, planned)
    assert all(anytime_level(count, alpha, rho) < alpha for count in (2, planned, 100 * planned))


def test_the_sequence_is_narrowest_near_the_plan() -> None:
    """The exact minimiser of the two-sided bound at 2α; the one-sided rule is within half a percent of its own best."""
    for planned in (50, 500):
        best = min(multiplier(planned, 0.05, rho) for rho in np.geomspace(0.01, 2, 400))
        assert multiplier(planned, 0.05, mixture(0.05, planned)) == pytest.approx(best, rel=0.005)


def test_hopeless_and_overwhelming_evidence_have_finite_p_values() -> None:
    rho = mixture(0.05, 100)
    assert anytime_p(-5.0, 100, rho) == 1.0 and anytime_p(0.0, 100, rho) == 1.0 and anytime_p(1e-9, 100, rho) == 1.0
    assert anytime_p(1e4, 100, rho) == 0.0


def test_the_asymptotic_interval_counts_clusters_and_weights() -> None:
    values, twice = np.tile([0.0, 1.0, 1.0], 20), np.arange(60) // 2
    alone = asymptotic_interval(values, alpha=0.05, planned=60)
    paired = asymptotic_interval(np.repeat(values[:30], 2), twice, alpha=0.05, planned=30)
    assert alone.low is not None and paired.low is not None and paired.low < alone.low
    even = asymptotic_interval(values, weights=np.full(60, 7.0), alpha=0.05, planned=60)
    assert (even.low, even.high) == pytest.approx((alone.low, alone.high))
    assert asymptotic_interval(values, np.zeros(60), alpha=0.05, planned=60).reason
    assert asymptotic_interval(np.zeros(0), alpha=0.05, planned=60).estimate is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_betting_bounds_only_tighten_and_keep_the_mean_between_the_extremes(values: list[float]) -> None:
    low, high = betting_bounds(np.array(values), 0.05)
    assert np.all(np.diff(low) >= 0) and np.all(np.diff(high) <= 0)
    assert np.all(low >= 0) and np.all(high <= 1)
    flipped = betting_bounds(1 - np.array(values), 0.05)
    assert low == pytest.approx(1 - flipped[1], abs=1e-3 + 1e-9)


def test_betting_bounds_are_the_plain_product_over_a_grid() -> None:
    """The definition, one mean at a time: lower bound = largest m whose capital Π(1 + λ_i(x_i − m)) ever reached 1/α."""
    values = np.random.default_rng(3).beta(4, 1, 80)
    low, _ = betting_bounds(values, 0.05)
    means = np.arange(1001) / 1000
    capital, reached, squares = np.ones(1001), np.zeros(1001, dtype=bool), 0.25
    for i, x in enumerate(values, start=1):
        stake = math.sqrt(2 * math.log(20) / (squares / i * i * math.log(1 + i)))
        capital = capital * (1 + np.minimum(stake, 0.5 / np.maximum(means, 0.001)) * (x - means))
        reached |= capital >= 20
        squares += (x - (0.5 + values[:i].sum()) / (i + 1)) ** 2
    assert low[-1] == pytest.approx(means[reached].max(), abs=1e-9)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_value_outside_the_scale_is_named(value: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        betting_bounds(np.array([0.5, value]), 0.05)
    with pytest.raises(InputError, match="between 0 and 1"):
        bernstein_bounds(np.array([0.5, value]), 0.05)


def test_betting_is_sharper_than_its_closed_form_once_there_are_labels() -> None:
    values = np.random.default_rng(1).beta(9, 1, 300)
    for betting, closed in zip(betting_bounds(values, 0.05), bernstein_bounds(values, 0.05), strict=True):
        assert abs(betting[-1] - values.mean()) < abs(closed[-1] - values.mean())
