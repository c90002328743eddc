"""Estimators from few labels and many scores: properties that hold whatever the data, and what no data may do to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.errors import InputError
from evals.statistics.active import Drawn, augmented, best_lambda, hajek, horvitz_thompson, optimal_probabilities
from evals.statistics.batch import Cases, estimate_slices
from evals.statistics.clusters import variance_of_sum
from evals.statistics.confidence_sequence import asymptotic_interval
from evals.statistics.crossed import crossed_mean, crossed_variance
from evals.statistics.intervals import Interval
from evals.statistics.paired import Sample, mean_by_t
from evals.statistics.paired_tests import bca, mcnemar, paired_t, sign_flip, wilcoxon
from evals.statistics.pooling import pool
from evals.statistics.poststratified import paired_rate, rate, score_strata
from evals.statistics.power import NEVER, labels_needed, labels_with_judge, stratified_spread, worth_of_judge
from evals.statistics.ppi import ppi_mean
from evals.statistics.rogan_gladen import corrected_rate

SEEDS = st.integers(0, 10_000)
VALUES = st.lists(st.floats(-10, 10).map(lambda x: round(x, 3)), min_size=2, max_size=25)


def bounds(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None and interval.high is not None
    return interval.low, interval.high


def drawn_cases(seed: int, rows: int = 60, clusters: int = 15) -> tuple[Drawn, np.ndarray]:
    """Cases drawn with uneven probabilities, and a judge of them all."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, rows)
    probability = rng.uniform(0.2, 0.9, rows)
    sampled = rng.random(rows) < probability
    sampled[:2] = True
    return Drawn(values, sampled, probability, np.arange(rows) % clusters), values + rng.normal(0, 0.5, rows)


# ---------------------------------------------------------------------------------------------- prediction-powered


@given(SEEDS, st.floats(-5, 5), st.floats(0.1, 4))
def test_a_prediction_powered_mean_moves_and_scales_with_its_data(seed: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    labels, judged, rest = rng.normal(0, 1, 20), rng.normal(0, 1, 20), rng.normal(0, 1, 90)
    plain = bounds(ppi_mean(labels, judged, rest).interval)
    moved = bounds(ppi_mean(labels * scale + shift, judged * scale + shift, rest * scale + shift).interval)
    assert moved == pytest.approx([bound * scale + shift for bound in plain], abs=1e-9)


@given(SEEDS)
def test_with_no_weight_on_the_judge_its_scores_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.normal(0, 1, 12)
    one, other = (ppi_mean(labels, rng.normal(0, 9, 12), rng.normal(5, 2, 50), lam=0.0) for _ in range(2))
    assert one == other and one.interval.method == "t"


def test_a_judge_that_says_the_same_of_everything_is_left_out() -> None:
    labels = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    assisted = ppi_mean(labels, np.full(5, 0.7), np.full(40, 0.7))
    assert assisted.lam == 0.0 and bounds(assisted.interval) == bounds(ppi_mean(labels, np.zeros(5), np.zeros(0)).interval)


def test_a_good_judge_narrows_the_interval_and_a_useless_one_hardly_widens_it() -> None:
    rng = np.random.default_rng(0)
    labels, rest = rng.normal(0, 1, 100), rng.normal(0, 1, 3000)
    width = {}
    for name, judged, others in (
        ("none", labels * 0, rest * 0),
        ("good", labels + rng.normal(0, 0.3, 100), rest + rng.normal(0, 0.3, 3000)),
        ("useless", rng.normal(0, 1, 100), rng.normal(0, 1, 3000)),
    ):
        low, high = bounds(ppi_mean(labels, judged, others).interval)
        width[name] = high - low
    assert width["good"] < 0.5 * width["none"] and width["useless"] < 1.03 * width["none"]


def test_a_cluster_in_both_parts_is_counted_once() -> None:
    """Ten products, each labelled once and judged nine times more, all outputs of a product alike: ten observations, not a hundred."""
    rng = np.random.default_rng(1)
    product = rng.normal(0, 1, 10)
    labels, judged, rest = product, product * 0.9, np.repeat(product, 9) * 0.9
    names = np.arange(10)
    apart = ppi_mean(labels, judged, rest, lam=1.0)
    known = ppi_mean(labels, judged, rest, lam=1.0, clusters=names, unlabelled_clusters=np.repeat(names, 9))
    assert apart.standard_error is not None and known.standard_error is not None
    assert known.standard_error == pytest.approx(product.std(ddof=1) / math.sqrt(10)) and known.standard_error > 2 * apart.standard_error


def test_too_few_labels_give_a_reason_and_lengths_that_differ_an_error() -> None:
    alone = ppi_mean(np.array([1.0]), np.array([0.5]), np.zeros(10))
    assert (alone.interval.estimate, alone.interval.low) == (1.0, None) and alone.interval.reason
    assert ppi_mean(np.zeros(0), np.zeros(0), np.ones(10)).interval.estimate is None
    for labels, judged, rest, message in (
        (np.zeros(3), np.zeros(2), np.zeros(5), "3 labels"),
        (np.array([0.0, math.nan]), np.zeros(2), np.zeros(5), "row 1"),
        (np.zeros(2), np.zeros(2), np.array([math.inf]), "unlabelled"),
    ):
        with pytest.raises(InputError, match=message):
            ppi_mean(labels, judged, rest)
    with pytest.raises(InputError, match="neither"):
        ppi_mean(np.zeros(2), np.zeros(2), np.zeros(2), clusters=np.arange(2))
    with pytest.raises(InputError, match="3 clusters for 2"):
        ppi_mean(np.zeros(2), np.zeros(2), np.zeros(2), clusters=np.arange(3), unlabelled_clusters=np.arange(2))


# ---------------------------------------------------------------------------------------------- uneven draws


def test_horvitz_thompson_and_the_augmented_mean_are_unbiased_over_all_samples() -> None:
    """Every one of 32 possible samples of five cases, weighted with its probability."""
    values, judge = np.array([1.0, 0.0, 3.0, -2.0, 0.5]), np.array([0.5, 0.5, 1.0, 0.0, 0.0])
    probability = np.array([0.3, 0.9, 0.5, 0.6, 0.2])
    means = np.zeros(2)
    for pattern in range(32):
        sampled = np.array([bool(pattern >> i & 1) for i in range(5)])
        chance = float(np.prod(np.where(sampled, probability, 1 - probability)))
        drawn = Drawn(values, sampled, probability)
        plain, assisted = horvitz_thompson(drawn).estimate, augmented(drawn, judge, lam=0.8).estimate
        means += chance * np.array([plain or 0.0, assisted if assisted is not None else 0.8 * judge.mean()])
    assert means == pytest.approx([values.mean(), values.mean()])


@given(SEEDS, st.floats(-3, 3))
def test_hajek_moves_with_the_values_and_horvitz_thompson_need_not(seed: int, shift: float) -> None:
    drawn, _ = drawn_cases(seed)
    moved = Drawn(drawn.value + shift, drawn.sampled, drawn.probability, drawn.cluster)
    assert bounds(hajek(moved)) == pytest.approx([bound + shift for bound in bounds(hajek(drawn))])


@given(SEEDS)
def test_the_best_lambda_is_the_least_variable(seed: int) -> None:
    drawn, judge = drawn_cases(seed)
    best = best_lambda(drawn, judge)

    def width(lam: float) -> float:
        low, high = bounds(augmented(drawn, judge, lam=lam))
        return high - low

    assert 0 <= best <= 1
    assert all(width(best) <= width(lam) * (1 + 1e-9) for lam in (0.0, 0.25, 0.5, 0.75, 1.0))


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_probabilities_sum_to_the_budget_within_their_limits(variance: list[float], share: float, floor: float) -> None:
    rows = len(variance)
    found = optimal_probabilities(np.array(variance), share * rows, floor)
    assert np.all(found >= floor * share - 1e-12) and np.all(found <= 1)
    assert found.sum() == pytest.approx(share * rows, abs=1e-6)


def test_what_varies_more_is_drawn_more_often() -> None:
    found = optimal_probabilities(np.array([0.01, 0.04, 0.16]), 0.7, floor=0.0)
    assert found == pytest.approx([0.1, 0.2, 0.4])
    assert optimal_probabilities(np.zeros(4), 2.0).tolist() == [0.5] * 4
    with pytest.raises(InputError, match="cannot be drawn"):
        optimal_probabilities(np.ones(3), 4.0)


def test_a_draw_without_a_probability_or_a_value_is_named() -> None:
    with pytest.raises(InputError, match="case 1 was drawn with probability 0"):
        Drawn(np.zeros(2), np.array([False, True]), np.array([0.5, 0.0]))
    with pytest.raises(InputError, match="case 0 was drawn, but its value is nan"):
        Drawn(np.array([math.nan]), np.array([True]), np.array([0.5]))
    nobody = Drawn(np.zeros(3), np.zeros(3, dtype=bool), np.full(3, 0.5))
    for found in (horvitz_thompson(nobody), hajek(nobody), augmented(nobody, np.ones(3))):
        assert found.estimate is None and found.low is None and found.reason


# ---------------------------------------------------------------------------------------------- two ways


@given(SEEDS)
def test_two_way_variance_is_never_below_either_way(seed: int) -> None:
    rng = np.random.default_rng(seed)
    products, annotators, influence = rng.integers(0, 6, 40), rng.integers(0, 3, 40), rng.normal(0, 1, 40)
    products[:6], annotators[:3] = np.arange(6), np.arange(3)
    found = crossed_variance(influence, products, annotators)
    assert found >= max(variance_of_sum(influence, products), variance_of_sum(influence, annotators))
    assert found == pytest.approx(crossed_variance(influence, annotators, products))


def test_with_an_annotator_for_each_label_only_products_count() -> None:
    values, products = np.random.default_rng(2).normal(0, 1, 24), np.arange(24) % 6
    found = crossed_variance(values - values.mean(), products, np.arange(24))
    assert found == pytest.approx(variance_of_sum(values - values.mean(), products))


def test_one_annotator_says_nothing_about_others() -> None:
    found = crossed_mean(np.array([1.0, 0.0, 1.0]), np.arange(3), np.zeros(3))
    assert (
        found.low is None and found.estimate == pytest.approx(2 / 3) and found.reason == "1 products or annotators: two of each are needed"
    )
    with pytest.raises(InputError, match="one of each a label"):
        crossed_mean(np.zeros(3), np.arange(3), np.arange(2))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_named_wherever_it_stands(bad: float) -> None:
    values = np.array([0.5, bad, 0.25])
    everyone = Drawn(np.ones(3), np.ones(3, dtype=bool), np.ones(3))
    for function in (
        lambda: ppi_mean(np.ones(3), values, np.ones(4)),
        lambda: augmented(everyone, values),
        lambda: best_lambda(everyone, values),
        lambda: optimal_probabilities(values, 1.0),
        lambda: crossed_mean(values, np.arange(3), np.arange(3)),
        lambda: crossed_mean(np.ones(3), np.arange(3), np.arange(3), weights=values),
        lambda: asymptotic_interval(values, alpha=0.05, planned=10),
        lambda: wilcoxon(values),
        lambda: sign_flip(values),
        lambda: paired_t(values),
        lambda: bca(values),
    ):
        with pytest.raises(InputError, match="are numbers; row"):
            function()
    for weights in (np.zeros(3), -np.ones(3), np.ones(2)):
        with pytest.raises(InputError, match="weights are one a row"):
            asymptotic_interval(np.ones(3), weights=weights, alpha=0.05, planned=10)


# ---------------------------------------------------------------------------------------------- strata


@given(SEEDS, st.integers(0, 200), st.integers(1, 8))
def test_every_stratum_of_scores_holds_enough_labels_or_there_is_one(seed: int, n: int, distinct: int) -> None:
    rng = np.random.default_rng(seed)
    judge, labelled = rng.integers(0, distinct, 300) / distinct, np.arange(300) < n
    strata = score_strata(judge, labelled)
    held = np.bincount(strata[labelled], minlength=int(strata.max()) + 1)
    assert len(held) <= 4 and (len(held) == 1 or held.min() >= 15)
    order = np.argsort(judge, kind="stable")
    assert np.all(np.diff(strata[order]) >= 0)  # higher scores, higher strata
    assert all(len(set(strata[judge == value])) == 1 for value in set(judge))


@settings(max_examples=30)
@given(st.integers(0, 30), SEEDS)
def test_a_rate_and_its_complement_mirror_each_other_and_more_events_never_lower_it(events: int, seed: int) -> None:
    rows, strata, everyone = np.arange(30) < events, np.arange(30) % 2, np.arange(400) % 2
    found, mirrored = (rate(1.0 * column, strata, everyone, seed=seed, draws=4000) for column in (rows, ~rows))
    low, high = bounds(found)
    assert 0 <= low <= (found.estimate or 0.0) <= high <= 1 and low < high
    assert (low, high) == pytest.approx([1 - bound for bound in bounds(mirrored)][::-1], abs=0.02)
    if events < 30:
        more = bounds(rate((np.arange(30) < events + 1) * 1.0, strata, everyone, seed=seed))
        assert more[0] >= low - 0.01 and more[1] >= high - 0.01


def test_clusters_widen_a_rate_and_a_stratum_nobody_labelled_is_unknown() -> None:
    events, one = np.repeat([1.0, 0.0, 1.0, 1.0, 0.0], 6), np.zeros(30, dtype=np.int64)
    alone, alike = rate(events, one, one), rate(events, one, one, clusters=np.repeat(np.arange(5), 6))
    assert bounds(alike)[1] - bounds(alike)[0] > 1.5 * (bounds(alone)[1] - bounds(alone)[0])
    unseen = rate(events, one, np.repeat([0, 1], 500))
    assert bounds(unseen)[1] - bounds(unseen)[0] > 0.4  # half of all cases could be anything


def test_values_that_are_no_outcome_are_named() -> None:
    one = np.zeros(2, dtype=np.int64)
    with pytest.raises(InputError, match=r"not 0\.5"):
        rate(np.array([1.0, 0.5]), one, one)
    with pytest.raises(InputError, match=r"not 2\.0"):
        paired_rate(np.array([1.0, 2.0]), one, one)
    with pytest.raises(InputError, match="stratum 3"):
        rate(np.array([1.0, 0.0]), np.array([0, 3]), one)
    assert rate(np.zeros(0), np.zeros(0, dtype=np.int64), one).reason


def test_a_paired_rate_is_symmetric_and_wide_where_nothing_changed() -> None:
    strata = np.arange(60) % 2
    low, high = bounds(paired_rate(np.zeros(60), strata, strata, level=0.9))
    assert low < -0.005 and high > 0.005 and low == pytest.approx(-high, abs=0.01)


# ---------------------------------------------------------------------------------------------- slices


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.05, 3)), min_size=4, max_size=20))
def test_pooled_estimates_lie_between_their_own_and_the_mean(slices: list[tuple[float, float]]) -> None:
    estimates, errors = (np.array(column) for column in zip(*slices, strict=True))
    found = pool(estimates, errors)
    assert found.tau2 >= 0 and estimates.min() - 1e-9 <= found.mean <= estimates.max() + 1e-9
    for own, shrunk in zip(estimates, found.slices, strict=True):
        assert shrunk.estimate is not None
        assert min(own, found.mean) - 1e-9 <= shrunk.estimate <= max(own, found.mean) + 1e-9
        assert bounds(shrunk)[0] < shrunk.estimate < bounds(shrunk)[1]


def test_alike_slices_share_and_unlike_ones_keep_to_themselves() -> None:
    errors = np.full(20, 0.05)
    alike, unlike = pool(np.linspace(0.89, 0.91, 20), errors), pool(np.linspace(-9, 9, 20), errors)
    assert alike.tau2 == 0 and alike.slices[0].estimate == pytest.approx(0.9, abs=0.002)
    assert unlike.slices[0].estimate == pytest.approx(-9, abs=0.01)
    low, high = bounds(alike.slices[0])
    assert high - low < 2 * 1.96 * 0.05 * 0.6


def test_too_few_slices_are_not_pooled_and_a_slice_without_spread_is_named() -> None:
    few = pool(np.array([0.9, 0.8, 0.7]), np.full(3, 0.1))
    assert [interval.low for interval in few.slices] == [None] * 3 and few.slices[0].estimate == 0.9
    with pytest.raises(InputError, match="slice 1 cannot be pooled"):
        pool(np.array([0.9, 0.8]), np.array([0.1, 0.0]))


@given(SEEDS, st.sampled_from([None, 0.0, 1.0]))
@settings(max_examples=25)
def test_a_batch_is_the_loop_over_its_slices_and_metrics(seed: int, lam: float | None) -> None:
    rng = np.random.default_rng(seed)
    rows, slices, metrics = 300, 4, 2
    at, cluster = rng.integers(0, slices, rows), rng.integers(0, 25, rows)
    truth = rng.random((metrics, rows)) < 0.8
    judge = np.clip(truth * 0.6 + rng.normal(0.2, 0.2, (metrics, rows)), 0, 1)
    probability = rng.uniform(0.1, 0.5, rows)
    labelled = np.flatnonzero(rng.random(rows) < probability)
    cases = Cases(at, cluster, judge, labelled, truth[:, labelled] * 1.0, probability[labelled])
    found = estimate_slices(cases, lam=lam, seed=seed)
    sampled = np.zeros(rows, dtype=bool)
    sampled[labelled] = True
    for metric in range(metrics):
        for k in range(slices):
            mine = at == k
            alone = Sample(truth[metric, mine] * 1.0, sampled[mine], probability[mine], judge[metric, mine], cluster[mine], 0.0, 1.0)
            if alone.n >= 2 and alone.clusters >= 2:
                expected, shown = mean_by_t(alone, alpha=0.05, line=0.0, seed=seed, lam=lam).interval, found.interval(metric, k)
                assert (shown.n, shown.clusters) == (expected.n, expected.clusters)
                assert (shown.estimate, *bounds(shown)) == pytest.approx((expected.estimate, *bounds(expected)), abs=1e-10)


def test_a_slice_without_labels_has_no_figure_in_a_batch() -> None:
    cases = Cases(np.array([0, 0, 2, 2]), np.arange(4), np.ones((1, 4)), np.array([0, 1, 2]), np.ones((1, 3)), np.ones(3))
    found = estimate_slices(cases)
    assert found.measured.tolist() == [0] and found.estimate.shape == (1, 1)
    assert found.interval(0, 0).estimate == 1.0
    assert [found.interval(0, k).reason is None for k in range(3)] == [True, False, False]


def test_a_batch_names_what_does_not_fit() -> None:
    fitting = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64), np.zeros((1, 3)), np.array([0])
    with pytest.raises(InputError, match="shape"):
        Cases(*fitting, np.zeros((2, 1)), np.ones(1))
    with pytest.raises(InputError, match="probability"):
        Cases(*fitting, np.zeros((1, 1)), np.zeros(1))
    with pytest.raises(InputError, match="labels are numbers; row 0 is nan"):
        Cases(*fitting, np.full((1, 1), math.nan), np.ones(1))


# ---------------------------------------------------------------------------------------------- rates, tests, plans


def test_a_corrected_rate_needs_a_judge_better_than_chance() -> None:
    perfect = corrected_rate(flagged=30, n=100, hits=20, events=20, passes=20, clean=20, adjusted=False)
    assert perfect.estimate == pytest.approx(0.3)
    useless = corrected_rate(flagged=30, n=100, hits=5, events=10, passes=5, clean=10)
    assert useless.low is None and "no better than chance" in (useless.reason or "")
    assert corrected_rate(flagged=3, n=10, hits=0, events=0, passes=5, clean=5).reason
    with pytest.raises(InputError, match="hits: 11 of 10"):
        corrected_rate(flagged=3, n=10, hits=11, events=10, passes=5, clean=5)


@given(st.integers(0, 100), st.integers(10, 20), st.integers(12, 20))
def test_a_corrected_rate_stays_in_its_interval_between_0_and_1(flagged: int, hits: int, passes: int) -> None:
    found = corrected_rate(flagged=flagged, n=100, hits=hits, events=20, passes=passes, clean=20)
    if found.low is not None:
        assert 0 <= found.low <= bounds(found)[1] <= 1


@given(VALUES)
def test_no_test_of_pairs_says_less_of_the_reverse(values: list[float]) -> None:
    differences = np.array(values)
    for test in (wilcoxon, sign_flip, paired_t):
        one, other = test(differences), test(-differences)
        assert (one.p_value is None) == (other.p_value is None)
        if one.p_value is not None and other.p_value is not None:
            assert 0 <= one.p_value <= 1 and one.p_value == pytest.approx(other.p_value, abs=1e-9 if one.n_nonzero <= 12 else 0.02)
    signs = mcnemar(np.sign(differences), mid=True).p_value
    assert signs == pytest.approx(mcnemar(-np.sign(differences), mid=True).p_value)


def test_without_a_change_there_is_no_evidence_and_without_pairs_no_test() -> None:
    same, none = np.zeros(9), np.zeros(0)
    assert [test(same).p_value for test in (mcnemar, wilcoxon, sign_flip)] == [1.0, 1.0, 1.0]
    assert paired_t(same).p_value is None and bca(same).low is None and bca(same).estimate == 0.0
    for test in (mcnemar, wilcoxon, sign_flip, paired_t):
        assert test(none).p_value is None and test(none).reason
    assert bca(none).estimate is None
    with pytest.raises(InputError, match=r"not 0\.5"):
        mcnemar(np.array([0.5]))


def test_clusters_are_flipped_whole_and_many_of_them_at_random() -> None:
    alike = sign_flip(np.ones(12), np.repeat(np.arange(3), 4))
    assert (alike.p_value, alike.n_nonzero, alike.method) == (0.25, 3, "sign flips, exact")
    many = np.random.default_rng(0).normal(0.5, 1, 60)
    assert sign_flip(many, seed=1).method == "sign flips, 9999 draws"
    assert sign_flip(many, seed=1).p_value == pytest.approx(paired_t(many).p_value, abs=0.005)


def test_a_better_judge_needs_fewer_labels_and_none_is_needed_less_than_one() -> None:
    needed = [labels_with_judge(0.3, rho, 5000, 0.05, 0.05) for rho in (0.0, 0.3, 0.6, 0.9)]
    assert needed == sorted(needed, reverse=True) and needed[0] == labels_needed(0.3, 0.05, 0.05)
    assert labels_with_judge(0.3, 0.9, 100, 0.01, 0.05) == NEVER and labels_with_judge(0.3, 0.5, 100, 0.0, 0.05) == NEVER
    assert worth_of_judge(0.0, 10, 100) == 1.0
    assert stratified_spread([50, 50], [0.2, 0.2]) == pytest.approx(0.2)
