"""Correlations with length held still."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evals.statistics.bootstrap import interval
from evals.statistics.partial import spearman


def test_it_is_spearmans_rho_where_nothing_is_held_still():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=80), rng.normal(size=80).round(1)
    assert spearman(x, y, np.arange(80)).estimate == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_it_is_the_correlation_of_what_regression_on_ranks_leaves():
    rng = np.random.default_rng(2)
    z = rng.normal(size=120)
    x, y = z + rng.normal(size=120), 2 * z + rng.normal(size=120)
    ranks = [stats.rankdata(column) for column in (x, y, z)]
    left = [column - np.polyval(np.polyfit(ranks[2], column, 1), ranks[2]) for column in ranks[:2]]
    expected = np.corrcoef(*left)[0, 1]
    assert spearman(x, y, np.arange(120), given=z).estimate == pytest.approx(expected, abs=1e-9)


def test_a_score_that_only_knows_the_length_has_no_partial_correlation():
    length = np.arange(40.0)
    assert spearman(length, length**2, np.arange(40), given=length).estimate is None


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=0, max_size=30))
def test_any_rows_give_a_value_in_range_or_a_reason(rows):
    columns = np.array(rows, dtype=float).reshape(-1, 3).T
    found = spearman(columns[0], columns[1], np.arange(len(rows)), given=columns[2])
    assert (found.estimate is None) == (found.reason is not None)
    assert found.estimate is None or -1 - 1e-9 <= found.estimate <= 1 + 1e-9


@pytest.mark.slow
def test_the_interval_covers_when_rows_come_in_groups():
    """A group effect shared by score and label: 200 seeded samples of 25 products; nominal 95 %."""
    rng, covered = np.random.default_rng(3), 0
    truth = 6 / np.pi * np.arcsin(0.5 / 2)  # Spearman of a bivariate normal with r = .5
    for seed in range(200):
        groups = np.repeat(np.arange(25), 4)
        shared = rng.normal(size=(2, 25))[:, groups]
        own = rng.normal(size=(2, 100))
        x = (shared[0] + own[0]) / np.sqrt(2)
        y = 0.5 * x + np.sqrt(0.75) * (shared[1] + own[1]) / np.sqrt(2)
        found = interval(spearman(x, y, groups), n=100, level=0.95, draws=300, seed=seed)
        covered += found.low <= truth <= found.high
    assert covered >= 0.92 * 200
