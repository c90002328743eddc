"""Levels for tests in an endless row, against the printed examples of the R package onlineFDR and by simulation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evals.statistics.online import javanmard_montanari, lord, power, spending

# The p-values of the package's examples (onlineFDR 1.5.0 and 2.x, man pages LORD, LORDstar and Alpha_spending), in the order of the file.
P = [2.9e-8, 0.06743, 0.01514, 0.08174, 0.00171, 3.6e-5, 0.79149, 0.27201, 0.28295, 7.59e-8, 0.69274, 0.30443, 0.00136, 0.72342, 0.54757]
LORD = [
    0.0002675839, 0.0024664457, 0.0005732818, 0.0004872805, 0.0004059066, 0.0003447286, 0.0029745013, 0.0008450114, 0.0007305648,
    0.0006243143, 0.0032185913, 0.0010617227, 0.0009256825, 0.0008019657, 0.0007059610,
]  # fmt: skip
LATER = [
    2.675839e-4, 5.819103e-5, 2.457817e-3, 5.649373e-4, 4.810068e-4, 4.011918e-4, 3.410964e-4, 2.971630e-3, 8.426900e-4, 7.286513e-4,
    6.227110e-4, 3.217229e-3, 1.060551e-3, 9.246646e-4, 8.010731e-4,
]  # fmt: skip
SPENT = [
    0.0026758385, 0.0005819103, 0.0004956249, 0.0004121803, 0.0003494435, 0.0003022950, 0.0002659722, 0.0002372613, 0.0002140474,
    0.0001949126, 0.0001788796, 0.0001652568, 0.0001535420, 0.0001433627, 0.0001344368,
]  # fmt: skip


def levels(p_values: list[float], lag: int = 0, alpha: float = 0.05, initial: float = 0.005) -> list[float]:
    """LORD's level of each test in turn; an alarm is known after `lag` further tests have begun."""
    found: list[float] = []
    alarms: list[int] = []
    for number, _ in enumerate(p_values, 1):
        known = [at + lag for at in alarms if at + lag < number]
        found.append(lord(number, known, alpha, initial, javanmard_montanari))
        if p_values[number - 1] <= found[-1]:
            alarms.append(number)
    return found


def test_lord_gives_the_levels_that_the_r_package_prints() -> None:
    assert levels(P) == pytest.approx(LORD, abs=5e-11)


def test_lord_with_another_initial_wealth_gives_the_levels_that_the_r_package_prints() -> None:
    # LORD(sample.df, alpha = 0.1, w0 = 0.05), in the order that set.seed(1) gave the batches.
    order = [0, 1, 2, 3, 4, 7, 5, 6, 9, 8, 10, 13, 11, 14, 12]
    printed = [
        0.0026758385, 0.0032577488, 0.0010775352, 0.0009078052, 0.0007616238, 0.0006517385, 0.0005682672, 0.0058549106, 0.0016151293,
        0.0067518870, 0.0023619734, 0.0020342733, 0.0017477495, 0.0015277362, 0.0013569121,
    ]  # fmt: skip
    assert levels([P[place] for place in order], alpha=0.1, initial=0.05) == pytest.approx(printed, abs=5e-11)


def test_an_alarm_known_later_earns_later_as_the_r_package_prints() -> None:
    assert levels(P, lag=1) == pytest.approx(LATER, rel=5e-7)


def test_spending_gives_the_levels_that_the_r_package_prints() -> None:
    assert [spending(number, 0.05, javanmard_montanari) for number in range(1, 16)] == pytest.approx(SPENT, abs=5e-11)


def test_the_shares_never_rise_and_add_up_to_one() -> None:
    for share in (power(1.6), power(2.0), javanmard_montanari):
        shares = [share(number) for number in range(1, 4000)]
        assert all(a >= b for a, b in pairwise(shares))
        assert sum(shares) <= 1
    assert sum(power(2.0)(number) for number in range(1, 4000)) == pytest.approx(1, abs=1e-3)


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="add up"):
        power(1.0)


@given(st.lists(st.booleans(), max_size=40), st.floats(0.01, 0.3), st.floats(0.05, 1.0))
def test_all_levels_together_stay_within_alpha_times_the_alarms(alarms: list[bool], alpha: float, initial: float) -> None:
    """What LORD's proof rests on: Σ α_t ≤ α · max(alarms, 1), whatever happens."""
    known = [number for number, alarm in enumerate(alarms, 1) if alarm]
    used = [lord(number, [at for at in known if at < number], alpha, initial * alpha, power(1.6)) for number in range(1, len(alarms) + 1)]
    assert sum(used) <= alpha * max(1, len(known)) + 1e-12


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 29))
def test_an_alarm_more_never_lowers_a_level(alarms: list[bool], place: int) -> None:
    place %= len(alarms)
    fewer = [number for number, alarm in enumerate(alarms, 1) if alarm and number != place + 1]
    more = sorted({*fewer, place + 1})
    share, after = power(1.6), len(alarms) + 1
    assert lord(after, more, 0.1, 0.05, share) >= lord(after, fewer, 0.1, 0.05, share) - 1e-15


def test_of_the_promotions_of_a_year_few_are_false_even_where_experiments_share_the_champions_labels() -> None:
    """36 experiments, a third of them exactly on the line. Half of each difference's variance is the champion's, and common to all."""
    rng = np.random.default_rng(5)
    for common in (0.0, 0.5):
        found = [_year(rng, common) for _ in range(400)]
        assert np.mean([false / max(1, alarms) for false, alarms in found]) <= 0.10
        assert np.mean([alarms for _, alarms in found]) > 6


def _year(rng: np.random.Generator, common: float) -> tuple[int, int]:
    """False promotions, and all."""
    bad = rng.random(36) < 1 / 3
    z = np.sqrt(common) * rng.normal() + np.sqrt(1 - common) * rng.normal(size=36) + np.where(bad, 0.0, 3.0)
    known: list[int] = []
    for number, p in enumerate(stats.norm.sf(z), 1):
        if p <= lord(number, known, 0.10, 0.05, power(1.6)):
            known.append(number)
    return sum(bool(bad[at - 1]) for at in known), len(known)
