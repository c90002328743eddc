"""The usual tests of a paired difference, for comparison with what others report. They ask "any difference?", the gate asks "how much worse
at most?": none of them decides anything here.

>>> import numpy as np
>>> differences = np.array([1.0, 1.0, 1.0, -1.0, 0.0, 0.0, 1.0, 1.0])
>>> [round(test.p_value, 4) for test in (mcnemar(differences), mcnemar(differences, mid=True), wilcoxon(differences))]
[0.2188, 0.125, 0.2188]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evals.errors import InputError
from evals.statistics.clusters import Floats, codes
from evals.statistics.finite import require_finite
from evals.statistics.intervals import Interval, no_interval

Alternative = Literal["two-sided", "greater", "less"]
EXACT_RANKS = 50  # differences up to which the signed-rank distribution is enumerated
EXACT_FLIPS = 12  # clusters up to which every flip is tried: 4096
RESAMPLES = 9999


@dataclass(frozen=True)
class PairedTest:
    """`p_value` is None where there is nothing to test, and `reason` says why. `n_nonzero`: pairs (clusters) that differ."""

    method: str
    p_value: float | None
    n: int
    n_nonzero: int
    reason: str | None = None


def mcnemar(differences: Floats, *, mid: bool = False, alternative: Alternative = "two-sided") -> PairedTest:
    """Binary pairs, candidate − champion in −1, 0, 1: the discordant ones are coin flips if nothing changed. McNemar 1947.

    Exact binomial; `mid` takes off half the probability of what was seen, nearer to its level where the exact test is too careful
    (Fagerland, Lydersen & Laake 2013). No discordant pair is no evidence: p = 1. Raises InputError for other values.
    """
    if not np.all(np.isin(differences, (-1.0, 0.0, 1.0))):
        raise InputError(
            f"McNemar's test is for pass and fail, differences −1, 0, 1, not {differences[~np.isin(differences, (-1, 0, 1))][0]}"
        )
    better, discordant = int(np.sum(differences > 0)), int(np.sum(differences != 0))
    name = "McNemar, mid-p" if mid else "McNemar, exact"
    if not len(differences):
        return PairedTest(name, None, 0, 0, "no pair")
    if mid and discordant:
        more, half = float(stats.binom.sf(better, discordant, 0.5)), float(stats.binom.pmf(better, discordant, 0.5)) / 2
        p_value = _two_or_one_sided(more + half, 1 - more - half, alternative)
    else:
        p_value = float(stats.binomtest(better, discordant, 0.5, alternative).pvalue) if discordant else 1.0
    return PairedTest(name, p_value, len(differences), discordant)


def wilcoxon(differences: Floats, *, alternative: Alternative = "two-sided") -> PairedTest:
    """Signed ranks of the differences that are not zero. Exact up to 50 of them (careful where sizes tie), else normal. Wilcoxon 1945."""
    require_finite(differences, "differences")
    changed = differences[differences != 0]
    if not len(changed):
        return PairedTest("Wilcoxon", 1.0 if len(differences) else None, len(differences), 0, None if len(differences) else "no pair")
    exact = len(changed) <= EXACT_RANKS
    p_value = float(stats.wilcoxon(changed, alternative=alternative, method="exact" if exact else "asymptotic").pvalue)
    return PairedTest(f"Wilcoxon, {'exact' if exact else 'normal'}", p_value, len(differences), len(changed))


def paired_t(differences: Floats, *, alternative: Alternative = "two-sided") -> PairedTest:
    """Student's t of the mean difference, rows independent. Differences that are all alike have no spread to be compared with."""
    require_finite(differences, "differences")
    if len(differences) < 2 or np.ptp(differences) == 0:
        reason = f"{len(differences)} pairs" if len(differences) < 2 else "every pair differs by the same"
        return PairedTest("paired t", None, len(differences), int(np.sum(differences != 0)), reason)
    p_value = float(stats.ttest_1samp(differences, 0.0, alternative=alternative).pvalue)
    return PairedTest("paired t", p_value, len(differences), int(np.sum(differences != 0)))


def sign_flip(
    differences: Floats, clusters: NDArray[np.generic] | None = None, *, alternative: Alternative = "two-sided", seed: int = 0
) -> PairedTest:
    """Is the sum of differences unusual among those with signs flipped, whole clusters at once? Exact up to 12 clusters, else 9999 draws.

    Right for differences that are symmetric around 0 if nothing changed. Fisher 1935; with (r + 1)/(m + 1) for draws, Phipson & Smyth 2010.

    >>> sign_flip(np.array([0.2, 0.4, 0.1, 0.3])).p_value  # 2 of 16
    0.125
    """
    require_finite(differences, "differences")
    numbers, groups = codes(np.arange(len(differences)) if clusters is None else clusters)
    totals = np.bincount(numbers, differences, groups)
    changed = totals[totals != 0]
    if not len(differences):
        return PairedTest("sign flips", None, 0, 0, "no pair")
    exact = len(changed) <= EXACT_FLIPS
    name = "sign flips, exact" if exact else f"sign flips, {RESAMPLES} draws"
    if exact:
        flips = 1.0 - 2.0 * ((np.arange(2 ** len(changed))[:, None] >> np.arange(len(changed))) & 1)
    else:
        flips = np.random.default_rng(seed).choice([-1.0, 1.0], (RESAMPLES, len(changed)))
    sums, seen = flips @ changed, float(changed.sum())
    slack = 1e-12 * float(np.abs(changed).sum())
    p_value = _two_or_one_sided(float(np.mean(sums >= seen - slack)), float(np.mean(sums <= seen + slack)), alternative)
    return PairedTest(name, p_value if exact else (p_value * RESAMPLES + 1) / (RESAMPLES + 1), len(differences), len(changed))


def _two_or_one_sided(larger: float, smaller: float, alternative: Alternative) -> float:
    return {"greater": larger, "less": smaller, "two-sided": min(1.0, 2 * min(larger, smaller))}[alternative]


def bca(differences: Floats, *, level: float = 0.95, resamples: int = 9999, seed: int = 0) -> Interval:
    """Bias-corrected, accelerated bootstrap of the mean, rows independent. Efron 1987. What was not seen it cannot show: too narrow below
    about 30 pairs and where changes are rare, which is why nothing rests on it.

    >>> shown = bca(np.array([0.0, 0.2, -0.1, 0.4, 0.1, 0.3, 0.0, 0.2]))
    >>> round(shown.low, 2), round(shown.high, 2)
    (0.04, 0.25)
    """
    require_finite(differences, "differences")
    n = len(differences)
    if n < 2 or np.ptp(differences) == 0:
        reason = f"{n} pairs" if n < 2 else "every pair differs by the same: nothing to resample"
        return no_interval(level, n, n, reason, float(differences.mean()) if n else None)
    found = stats.bootstrap(
        (differences,),
        np.mean,
        confidence_level=level,
        n_resamples=resamples,
        batch=max(1, 1_000_000 // n),
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(differences.mean()), float(found.low), float(found.high), level, "BCa bootstrap", n, n)
