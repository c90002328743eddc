"""Each statistic against another implementation, a published number or a closed form; and what no data may do to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from evals.statistics.bounded import Atoms, Moments, distribution, moments, quantile, worst_case_bound
from evals.statistics.clusters import design_effect, effective_n
from evals.statistics.intervals import Interval, clopper_pearson, jeffreys, wilson
from evals.statistics.multiplicity import benjamini_hochberg, holm
from evals.statistics.paired import Sample, mean_by_t, sampled_mean, tango
from evals.statistics.power import NEVER, labels_needed, labels_without_a_loss, minimum_detectable_effect, neyman_allocation
from evals.statistics.quantiles import requests_needed, tail
from evals.statistics.ratios import ratio_of_rates

RATES = [(0, 20), (1, 20), (7, 20), (19, 20), (20, 20), (3, 1000)]


def bounds(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


def a_sample(n: int = 120, labelled: int = 60, clusters: int = 12, seed: int = 0, uneven: bool = False) -> Sample:
    rng = np.random.default_rng(seed)
    value = rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], n, p=[0.15, 0.1, 0.5, 0.1, 0.15])
    judge = np.clip(value + rng.normal(0, 0.4, n), -1, 1)
    probability = np.where(np.abs(judge) > 0.5, 0.8, 0.4) if uneven else np.full(n, labelled / n)
    drawn = np.zeros(n, dtype=bool)
    drawn[rng.permutation(n)[:labelled]] = True
    return Sample(value, drawn, probability, judge, np.arange(n) % clusters)


# ---------------------------------------------------------------------------------------------- rates


@pytest.mark.parametrize(("events", "n"), RATES)
def test_clopper_pearson_agrees_with_scipy(events: int, n: int) -> None:
    exact = stats.binomtest(events, n).proportion_ci(0.9, method="exact")
    assert bounds(clopper_pearson(events, n, 0.9)) == pytest.approx((exact.low, exact.high), abs=1e-9)


@pytest.mark.parametrize(("events", "n"), RATES)
def test_wilson_agrees_with_statsmodels(events: int, n: int) -> None:
    assert bounds(wilson(events, n)) == pytest.approx(proportion_confint(events, n, method="wilson"), abs=1e-9)


def test_jeffreys_agrees_with_statsmodels_away_from_the_ends() -> None:
    assert bounds(jeffreys(7, 20)) == pytest.approx(proportion_confint(7, 20, method="jeffreys"), abs=1e-9)
    assert jeffreys(0, 20).low == 0.0 and jeffreys(20, 20).high == 1.0


def test_none_of_twenty_does_not_show_less_than_a_tenth_of_a_percent() -> None:
    assert bounds(clopper_pearson(0, 20, 0.9))[1] > 0.13
    assert bounds(clopper_pearson(0, 3000, 0.9))[1] == pytest.approx(3 / 3000, rel=0.01)  # the rule of three


@pytest.mark.parametrize("method", [clopper_pearson, jeffreys, wilson])
def test_no_observation_gives_a_reason_and_no_number(method) -> None:
    interval = method(0, 0)
    assert (interval.estimate, interval.low, interval.high) == (None, None, None) and interval.reason


# ---------------------------------------------------------------------------------------------- means


def test_the_t_interval_without_judge_and_clusters_is_the_textbooks() -> None:
    sample = a_sample(clusters=120)
    values = sample.value[sample.labelled]
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.9)
    found = mean_by_t(sample, alpha=0.05, line=0.0, lam=0.0)
    assert bounds(found.interval) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert found.p_above == pytest.approx(stats.ttest_1samp(values, 0.0, alternative="greater").pvalue, abs=1e-9)


def test_the_clustered_error_is_that_of_statsmodels() -> None:
    sample = a_sample()
    values, groups = sample.value[sample.labelled], sample.cluster[sample.labelled]
    fitted = OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    found = mean_by_t(sample, alpha=0.05, line=0.0, lam=0.0)
    assert found.standard_error == pytest.approx(fitted.bse[0], abs=1e-9)
    assert bounds(found.interval) == pytest.approx(tuple(fitted.conf_int(0.1)[0]), abs=1e-9)


def test_the_judge_assisted_estimate_is_that_of_the_papers() -> None:
    """PPI++ (Angelopoulos et al. 2023): λ·mean(f unlabelled) + mean(y − λ f labelled), with λ rescaled from all cases to the unlabelled."""
    sample, lam = a_sample(clusters=120), 0.6
    seen, n = sample.labelled, len(sample.value)
    theirs = lam * (n - seen.sum()) / n
    expected = theirs * sample.judge[~seen].mean() + (sample.value[seen] - theirs * sample.judge[seen]).mean()
    assert mean_by_t(sample, alpha=0.05, line=0.0, lam=lam).interval.estimate == pytest.approx(expected, abs=1e-9)


def test_uneven_chances_are_weighted_back() -> None:
    sample = a_sample(uneven=True)
    weights = 1 / sample.probability[sample.labelled]
    expected = np.average(sample.value[sample.labelled], weights=weights)
    assert mean_by_t(sample, alpha=0.05, line=0.0, lam=0.0).interval.estimate == pytest.approx(expected, abs=1e-9)


def test_a_good_judge_narrows_the_interval_and_a_useless_one_costs_nothing() -> None:
    rng = np.random.default_rng(3)
    good, useless, classical = [], [], []
    for seed in range(40):
        sample = a_sample(600, 150, 600, seed)
        noise = Sample(sample.value, sample.labelled, sample.probability, rng.normal(size=600), sample.cluster)
        good.append(mean_by_t(sample, alpha=0.05, line=0.0).standard_error)
        useless.append(mean_by_t(noise, alpha=0.05, line=0.0).standard_error)
        classical.append(mean_by_t(sample, alpha=0.05, line=0.0, lam=0.0).standard_error)
    assert np.mean(good) < 0.8 * np.mean(classical)
    assert np.mean(useless) < 1.02 * np.mean(classical)


@pytest.mark.parametrize(("events", "n"), [(0, 40), (3, 40), (20, 40), (40, 40)])
def test_the_gate_s_interval_of_zeros_and_ones_is_clopper_pearson(events: int, n: int) -> None:
    values = np.repeat([1.0, 0.0], [events, n - events])
    found = sampled_mean(Sample.complete(values, np.arange(n), 0.0, 1.0), alpha=0.05, line=0.5)
    assert bounds(found.interval) == pytest.approx(bounds(clopper_pearson(events, n, 0.9)), abs=0.006)
    exact = stats.binomtest(events, n, 0.5, alternative="greater").pvalue
    assert found.p_above == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("skewness", [-1.5, -0.2, 0.0, 0.4, 2.0])
def test_the_quantiles_of_the_dirichlet_mean_are_scipy_s_pearson_curve(skewness: float) -> None:
    of = Moments(0.1, 0.3, skewness)
    for p in (0.01, 0.05, 0.5, 0.95):
        expected = stats.pearson3.ppf(p, skewness, 0.1, 0.3)
        assert quantile(of, p) == pytest.approx(expected, abs=1e-9)
        assert distribution(of, expected) == pytest.approx(p, abs=1e-9)


def test_the_moments_are_those_of_dirichlet_draws() -> None:
    rng = np.random.default_rng(2)
    values = rng.choice([-1.0, 0.0, 0.5, 1.0], 30, p=[0.1, 0.6, 0.2, 0.1])
    atoms = Atoms.even(values)
    drawn = rng.dirichlet(np.append(np.ones(30), atoms.extra), 200_000) @ np.append(values, -1.0)
    found = moments(atoms, -1.0)
    assert found == pytest.approx((drawn.mean(), drawn.std(), stats.skew(drawn)), abs=0.02)
    assert worst_case_bound(atoms, -1.0, 0.05, 0.0)[0] == pytest.approx(np.quantile(drawn, 0.05), abs=0.002)


def test_clusters_of_copies_are_worth_their_number_and_not_their_rows() -> None:
    rng = np.random.default_rng(5)
    once = rng.choice([-1.0, 0.0, 1.0], 30)
    copied, groups = np.repeat(once, 4), np.repeat(np.arange(30), 4)
    assert design_effect(copied, groups) == pytest.approx(4, rel=0.05)
    assert effective_n(copied, groups, 0.05) < 31
    assert effective_n(once, np.arange(30), 0.05) == 30


def test_high_chances_for_the_cases_that_vary_are_worth_more_labels_than_even_ones() -> None:
    value = np.where(np.arange(400) % 10 == 0, -1.0, 0.0)
    value[:40] = -value[:40]
    labelled = np.zeros(400, dtype=bool)
    rng = np.random.default_rng(0)
    wise = np.where(value == 0, 0.2, 0.65)
    blind = np.where(value == 0, 0.27, 0.12)
    worth = {}
    for name, probability in (("wise", wise), ("even", np.full(400, 0.245)), ("blind", blind)):
        labelled = rng.random(400) < probability
        sample = Sample(value, labelled, probability, np.zeros(400), np.arange(400))
        worth[name] = sampled_mean(sample, alpha=0.05, line=-0.05).effective_n / labelled.sum()
    assert worth["wise"] > 1.3 and worth["even"] == pytest.approx(1.0) and worth["blind"] < 0.7


@pytest.mark.parametrize("labelled", [0, 1])
def test_fewer_than_two_labels_give_a_reason_and_never_a_point(labelled: int) -> None:
    found = sampled_mean(a_sample(labelled=labelled), alpha=0.05, line=-0.05)
    assert found.interval.low is None and found.interval.high is None and str(labelled) in str(found.interval.reason)
    assert found.p_above is None


def test_labels_of_one_product_alone_give_no_interval() -> None:
    sample = a_sample(clusters=1)
    assert sampled_mean(sample, alpha=0.05, line=-0.05).interval.low is None


def test_rare_changes_are_not_left_to_the_normal_approximation() -> None:
    calm = Sample.complete(np.where(np.arange(200) < 2, -1.0, 0.0), np.arange(200), -1.0, 1.0)
    exact = clopper_pearson(2, 200, 0.9)
    assert sampled_mean(calm, alpha=0.05, line=0.0).interval.low == pytest.approx(-bounds(exact)[1], abs=0.001)


def test_with_many_cases_the_gate_s_interval_is_the_textbook_s() -> None:
    sample = a_sample(4000, 2000, 4000)
    found, textbook = (method(sample, alpha=0.05, line=0.0).interval for method in (sampled_mean, mean_by_t))
    assert bounds(found) == pytest.approx(bounds(textbook), abs=0.001)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([mean_by_t, sampled_mean]))
def test_the_order_of_rows_changes_nothing(random, method) -> None:
    sample = a_sample(uneven=True)
    order = list(range(len(sample.value)))
    random.shuffle(order)
    moved = Sample(*(getattr(sample, name)[order] for name in ("value", "labelled", "probability", "judge", "cluster")))
    first = method(sample, alpha=0.05, line=-0.05, seed=4)
    second = method(moved, alpha=0.05, line=-0.05, seed=4)
    assert bounds(first.interval) == pytest.approx(bounds(second.interval), abs=1e-9)
    assert first.p_above == pytest.approx(second.p_above, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 1 / 3, 1.0]), min_size=2, max_size=60), st.integers(1, 70))
def test_bounds_are_ordered_finite_and_on_the_scale(values: list[float], groups: int) -> None:
    n = len(values)
    sample = Sample(np.array(values), np.ones(n, bool), np.ones(n), np.zeros(n), np.arange(n) % groups)
    if sample.clusters > 1:
        for method in (mean_by_t, sampled_mean):
            interval = method(sample, alpha=0.05, line=0.0).interval
            assert interval.estimate is not None
            low, high = bounds(interval)
            assert -1 <= low <= interval.estimate <= high <= 1


# ---------------------------------------------------------------------------------------------- pairs of labels


def test_tango_bounds_solve_their_equation_and_meet_mcnemar_at_zero() -> None:
    b, c, n = 12, 30, 200
    low, high = bounds(tango(b, c, n))
    mirrored = bounds(tango(c, b, n))
    assert (low, high) == pytest.approx((-mirrored[1], -mirrored[0]), abs=1e-6)
    level = 1 - 2 * stats.norm.sf(abs(b - c) / math.sqrt(b + c))  # at Δ = 0 the score test is McNemar's
    assert bounds(tango(b, c, n, level))[1] == pytest.approx(0.0, abs=1e-9)


def test_tango_reproduces_the_papers_example_with_no_discordant_pair_one_way() -> None:
    assert bounds(tango(0, 1, 44)) == pytest.approx((-0.118, 0.059), abs=0.001)
    assert tango(0, 0, 1).low is None


# ---------------------------------------------------------------------------------------------- tails, families, budgets


def test_p99_at_99_percent_confidence_needs_459_requests_without_a_slow_one() -> None:
    assert requests_needed(0.99, 0.99) == 459
    assert [requests_needed(0.95, 0.95, slow) for slow in range(3)] == [59, 93, 124]  # Wilks' tables
    assert tail(0, 459, 0.99, 0.99).verdict == "pass"
    assert tail(0, 458, 0.99, 0.99).verdict == "inconclusive"
    assert tail(60, 100, 0.95, 0.95).verdict == "fail"
    assert tail(0, 0, 0.95, 0.95).verdict == "inconclusive"


@pytest.mark.parametrize("size", [1, 2, 8, 28])
def test_holm_and_benjamini_hochberg_agree_with_statsmodels(size: int) -> None:
    p_values = np.round(np.random.default_rng(size).beta(0.3, 1.0, size), 2).tolist()  # rounded: ties too
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-9)
    assert benjamini_hochberg(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1], abs=1e-9)


def test_labels_needed_are_the_smallest_that_reach_the_power() -> None:
    n = labels_needed(spread=0.3, distance=0.05, alpha=0.05)
    z = stats.norm.ppf(0.95) + stats.norm.ppf(0.8)
    assert n == math.ceil((z * 0.3 / 0.05) ** 2)
    assert minimum_detectable_effect(0.3, n, 0.05) <= 0.05 < minimum_detectable_effect(0.3, n - 1, 0.05)
    assert labels_needed(0.3, 0.0, 0.05) == NEVER
    assert labels_needed(0.3, 0.05, 0.05, extra=1.0) > n


def test_a_sample_without_a_loss_must_have_this_many_labels() -> None:
    for margin, alpha in ((0.05, 0.05), (0.15, 0.05), (0.1, 0.025)):
        n = labels_without_a_loss(margin, alpha)
        assert bounds(clopper_pearson(0, n, 1 - 2 * alpha))[1] <= margin < bounds(clopper_pearson(0, n - 1, 1 - 2 * alpha))[1]


@given(st.integers(0, 300), st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1), st.integers(0, 60)), min_size=1, max_size=8))
def test_an_allocation_spends_the_budget_and_never_more_than_is_there(total: int, strata: list[tuple[int, float, int]]) -> None:
    sizes, spreads, room = ([row[k] for row in strata] for k in range(3))
    given_out = neyman_allocation(total, sizes, spreads, room)
    assert sum(given_out) == min(total, sum(room))
    assert all(0 <= count <= most for count, most in zip(given_out, room, strict=True))


def test_a_ratio_of_rates_finds_the_planted_ratio() -> None:
    rng = np.random.default_rng(0)
    tokens = rng.integers(20, 60, 80).astype(float)
    seconds = 0.01 * tokens * rng.lognormal(0, 0.1, 80)
    interval = ratio_of_rates(1.3 * 0.01 * tokens * rng.lognormal(0, 0.1, 80), tokens, seconds, tokens, np.arange(80), 0.9)
    low, high = bounds(interval)
    assert low < 1.3 < high and high - low < 0.15
    assert ratio_of_rates(np.zeros(3), np.zeros(3), np.ones(3), np.ones(3), np.arange(3), 0.9).low is None
