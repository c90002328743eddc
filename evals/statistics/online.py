"""Tests that come one after another without an end: the level each may use, so that all together keep one error rate.

`spending`: the chance of any false alarm ever is at most `alpha` (familywise), whatever the tests share. `lord`: of the alarms the expected
share of false ones is at most `alpha`, and each alarm earns levels for the tests after it. Levels depend on nothing but what was known when
a test began, so tests may overlap in time.

>>> [round(spending(number, 0.05, javanmard_montanari), 10) for number in (1, 2, 3)]
[0.0026758385, 0.0005819103, 0.0004956249]
>>> [round(lord(2, known, 0.05, 0.005, javanmard_montanari), 10) for known in ([], [1])]
[5.8191e-05, 0.0024664457]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from scipy import special

Sequenced = Callable[[int], float]  # test 1, 2 … → its share: not negative, never rising, 1 in sum


def power(exponent: float) -> Sequenced:
    """γ_j = j^(−s) / ζ(s), s > 1: the smaller s, the later the tests that still have something to spend.

    >>> round(power(1.6)(1), 10)
    0.4374901658
    """
    if exponent <= 1:
        raise ValueError(f"exponent {exponent}: the shares of endlessly many tests add up to 1 only above 1")
    whole = float(special.zeta(exponent))
    return lambda number: number**-exponent / whole


def javanmard_montanari(number: int) -> float:
    """γ_j = 0.07720838 · ln(max(j, 2)) / (j · exp √ln j). Javanmard & Montanari 2018, equation 31: made for thousands of tests."""
    return 0.07720838 * math.log(max(number, 2)) / (number * math.exp(math.sqrt(math.log(number))))


def spending(number: int, alpha: float, share: Sequenced) -> float:
    """Level of test `number` (from 1): α·γ_t, Bonferroni over an endless row. Foster & Stine 2008; Tian & Ramdas 2021, section 2."""
    return alpha * share(number)


def lord(number: int, known: Sequence[int], alpha: float, initial: float, share: Sequenced) -> float:
    """Level of test `number` (from 1): w₀γ_t + (α − w₀)γ_{t − e₁} + α Σ_{j ≥ 2} γ_{t − e_j}, e_j in order.

    `known`: for each alarm known before this test began, how many tests had begun when it became known (its own number where tests do not
    overlap: LORD++, Ramdas et al. 2017; else LORD*, Zrnic, Ramdas & Jordan 2021). `initial` w₀ ≤ α: what is spent before the first alarm.
    FDR at most α for independent tests (for overlapping ones the ratio of expectations, mFDR).
    """
    first, *later = sorted(known) or [number]
    if not known:
        return initial * share(number)
    return initial * share(number) + (alpha - initial) * share(number - first) + alpha * sum(share(number - at) for at in later)
