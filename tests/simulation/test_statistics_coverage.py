"""How often intervals and levels beside the gate's own miss the truth, in seeded simulations.

A limit here is what is stated plus four Monte-Carlo standard errors, unless a sentence says that the method is known to be off.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from evals.statistics.active import Drawn, augmented, hajek, horvitz_thompson, optimal_probabilities
from evals.statistics.confidence_sequence import anytime_level, betting_bounds, mixture
from evals.statistics.crossed import crossed_mean
from evals.statistics.intervals import Interval
from evals.statistics.pooling import pool
from evals.statistics.poststratified import rate, score_strata
from evals.statistics.ppi import ppi_mean
from evals.statistics.rogan_gladen import corrected_rate
from evals.statistics.sequential import Spending, spent_levels

pytestmark = pytest.mark.slow
TIMES = 400


def fewest(level: float, times: int = TIMES) -> float:
    return level - 4 * math.sqrt(level * (1 - level) / times)


def most(level: float, times: int = TIMES) -> float:
    return level + 4 * math.sqrt(level * (1 - level) / times)


def covers(interval: Interval, truth: float) -> bool:
    assert interval.low is not None and interval.high is not None
    return interval.low <= truth <= interval.high


# ---------------------------------------------------------------------------------------------- means with a judge


@pytest.mark.parametrize("labels", [30, 200])
@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_prediction_powered_intervals_cover(labels: int, correlation: float) -> None:
    rng = np.random.default_rng(labels)
    hits = 0
    for seed in range(TIMES):
        truth = rng.normal(0, 1, 1000)
        judge = correlation * truth + math.sqrt(1 - correlation**2) * rng.normal(0, 1, 1000)
        hits += covers(ppi_mean(truth[:labels], judge[:labels], judge[labels:], seed=seed).interval, 0.0)
    assert fewest(0.95) <= hits / TIMES <= most(0.95)


@pytest.mark.parametrize("clusters", [None, 40])
def test_intervals_from_uneven_draws_cover(clusters: int | None) -> None:
    rng = np.random.default_rng(2)
    hits = np.zeros(3)
    for _ in range(TIMES):
        names = None if clusters is None else np.arange(800) % clusters
        truth = rng.normal(0.5, 1, 800) + (0.0 if names is None else rng.normal(0, 0.5, 40)[names])
        judge = truth + rng.normal(0, 0.7, 800)
        probability = optimal_probabilities(np.exp(rng.normal(0, 1, 800)), 120, floor=0.3)
        drawn = Drawn(truth, rng.random(800) < probability, probability, names)
        hits += [covers(found, 0.5) for found in (horvitz_thompson(drawn), hajek(drawn), augmented(drawn, judge, lam=0.7))]
    assert np.all(hits / TIMES >= fewest(0.95)) and np.all(hits / TIMES <= most(0.95))


@pytest.mark.parametrize(("products", "annotators"), [(60, 4), (30, 30)])
def test_crossed_intervals_cover_where_products_and_annotators_vary(products: int, annotators: int) -> None:
    rng = np.random.default_rng(3)
    hits = alone = 0
    for _ in range(TIMES):
        product = np.repeat(np.arange(products), 3)
        annotator = np.concatenate([rng.choice(annotators, 3, replace=False) for _ in range(products)])
        of_products, of_annotators = rng.normal(0, 0.5, products), rng.normal(0, 0.5, annotators)
        values = of_products[product] + of_annotators[annotator] + rng.normal(0, 1, 3 * products)
        hits += covers(crossed_mean(values, product, annotator), 0.0)
        alone += covers(crossed_mean(values, product, np.arange(3 * products)), 0.0)
    assert fewest(0.95) <= hits / TIMES <= most(0.95)
    if annotators == 4:
        assert alone / TIMES < 0.7  # what ignoring the annotators costs


# ---------------------------------------------------------------------------------------------- rates


@pytest.mark.parametrize("labels", [30, 100, 300])
@pytest.mark.parametrize("base", [0.02, 0.15, 0.5, 0.98])
def test_a_post_stratified_rate_covers_where_events_are_rare(base: float, labels: int) -> None:
    """Like Jeffreys' interval it swings around its level with the rate: at least 91 %, 94–95 % on average."""
    rng = np.random.default_rng(int(1000 * base) + labels)
    hits = 0
    for seed in range(TIMES):
        truth = rng.random(1500) < base
        judge = np.where(truth, rng.beta(4, 2, 1500), rng.beta(2, 4, 1500))
        strata = score_strata(judge, np.arange(1500) < labels)
        hits += covers(rate(truth[:labels] * 1.0, strata[:labels], strata, seed=seed, draws=1000), base)
    assert hits / TIMES >= 0.91


@pytest.mark.parametrize(("base", "gold"), [(0.3, 100), (0.1, 200), (0.5, 60)])
def test_a_corrected_rate_covers(base: float, gold: int) -> None:
    """Lang & Reiczigel's interval and the delta method, both a little more often than stated."""
    rng = np.random.default_rng(5)
    hits, times = np.zeros(2), 0
    for _ in range(1000):
        truth = rng.random(1500) < base
        judge = np.where(truth, rng.random(1500) < 0.8, rng.random(1500) < 0.15)
        labelled, events = judge[:gold], int(truth[:gold].sum())
        counts = {
            "flagged": int(judge[gold:].sum()),
            "n": 1500 - gold,
            "hits": int(labelled[truth[:gold]].sum()),
            "events": events,
            "passes": int((~labelled[~truth[:gold]]).sum()),
            "clean": gold - events,
        }
        found = [corrected_rate(**counts, adjusted=way) for way in (True, False)]
        if found[0].low is not None:
            times += 1
            hits += [covers(interval, base) for interval in found]
    assert times > 990 and np.all(hits / times >= fewest(0.95, times))


# ---------------------------------------------------------------------------------------------- looks


@pytest.mark.parametrize("kind", ["obrien_fleming", "pocock"])
@pytest.mark.parametrize("fractions", [[0.2, 0.4, 0.6, 0.8, 1.0], [0.1, 0.15, 0.7, 0.71, 1.0]])
def test_planned_looks_reject_an_unchanged_candidate_as_often_as_stated(kind: Spending, fractions: list[float]) -> None:
    rng = np.random.default_rng(6)
    times, n = 20_000, 300
    sums = rng.normal(0, 1, (times, n)).cumsum(axis=1)
    at = [round(n * fraction) for fraction in fractions]
    levels = spent_levels([count / n for count in at], 0.05, kind)
    rejected = np.zeros(times, dtype=bool)
    for count, level in zip(at, levels, strict=True):
        rejected |= stats.norm.sf(sums[:, count - 1] / math.sqrt(count)) <= level
    assert abs(rejected.mean() - 0.05) <= 4 * math.sqrt(0.05 * 0.95 / times)


def test_clopper_pearson_may_be_read_after_every_label_at_the_anytime_level() -> None:
    """Rates at which the asymptotic sequence itself misses in up to a quarter of sequences."""
    rng = np.random.default_rng(7)
    n, rho = np.arange(1, 601), mixture(0.05, 150)
    levels = np.array([anytime_level(int(count), 0.05, rho) for count in n])
    for base in (0.5, 0.9, 0.98):
        events = (rng.random((1500, 600)) < base).cumsum(axis=1)
        too_high, too_low = stats.binom.sf(events - 1, n, base) < levels, stats.binom.cdf(events, n, base) < levels
        assert too_high.any(axis=1).mean() <= 0.05 and too_low.any(axis=1).mean() <= 0.05


def test_the_asymptotic_sequence_covers_at_all_looks_for_values_that_are_not_rare() -> None:
    rng = np.random.default_rng(8)
    n, rho = np.arange(1, 801), mixture(0.05, 200)
    tails = stats.t.isf([anytime_level(int(count), 0.05, rho) for count in n[1:]], n[1:] - 1)
    for values, truth in ((rng.normal(0, 1, (1500, 800)), 0.0), (rng.choice([-1.0, 0.0, 1.0], (1500, 800), p=[0.2, 0.6, 0.2]), 0.0)):
        means = values.cumsum(axis=1) / n
        variance = ((values**2).cumsum(axis=1) / n - means**2)[:, 1:] * n[1:] / (n[1:] - 1)
        half = tails * np.sqrt(np.maximum(variance, 0) / n[1:])
        late = slice(28, None)  # from 30 labels on
        missed = (means[:, 1:] - half)[:, late] > truth
        assert missed.any(axis=1).mean() <= 0.05


def test_betting_bounds_miss_no_more_than_stated_at_any_rate() -> None:
    rng = np.random.default_rng(9)
    for base in (0.5, 0.9, 0.99):
        missed = np.zeros(2)
        for _ in range(100):
            low, high = betting_bounds((rng.random(300) < base) * 1.0, 0.05)
            missed += [low[-1] > base, high[-1] < base]  # bounds only tighten: the last is the worst
        assert np.all(missed / 100 <= most(0.05, 100))


# ---------------------------------------------------------------------------------------------- slices


@pytest.mark.parametrize("between", [0.0, 0.03, 0.2])
def test_pooled_intervals_cover_on_average_over_slices(between: float) -> None:
    rng = np.random.default_rng(10)
    hits, narrower = 0.0, 0
    for _ in range(TIMES):
        errors = rng.uniform(0.02, 0.08, 28)
        truth = rng.normal(0.9, between, 28)
        found = pool(truth + errors * rng.normal(0, 1, 28), errors)
        hits += float(np.mean([covers(interval, value) for interval, value in zip(found.slices, truth, strict=True)]))
        widths = [(interval.high or 0.0) - (interval.low or 0.0) for interval in found.slices]
        narrower += float(np.mean(widths)) < 2 * 1.96 * errors.mean()
    assert hits / TIMES >= 0.93
    assert narrower / TIMES > 0.95


def test_a_pooled_interval_does_not_cover_the_slice_that_differs_from_all_others() -> None:
    """Why a verdict rests on the slice's own interval: 27 languages alike, one ten points worse, ten points of error."""
    rng = np.random.default_rng(11)
    truth = np.append(np.full(27, 0.9), 0.75)
    hits = 0
    for _ in range(TIMES):
        hits += covers(pool(truth + 0.05 * rng.normal(0, 1, 28), np.full(28, 0.05)).slices[-1], 0.75)
    assert hits / TIMES < 0.85
