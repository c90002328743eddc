"""Languages (or other slices) that borrow strength: each estimate is drawn towards the common mean by as much as it is noise.

For display and for planning labels; the verdict of a slice rests on its own interval, because shrinkage covers on average over slices and
least for the one that differs most. DerSimonian & Laird 1986; Paule & Mandel 1982; Morris 1983.

>>> import numpy as np
>>> shown = pool(np.array([0.90, 0.92, 0.88, 0.70]), np.array([0.02, 0.02, 0.02, 0.15]))
>>> round(shown.mean, 3), round(shown.slices[3].estimate, 3)  # the noisy fourth is drawn in
(0.898, 0.765)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, stats

from evals.errors import InputError
from evals.statistics.clusters import Floats
from evals.statistics.intervals import Interval, no_interval

Heterogeneity = Literal["paule_mandel", "dersimonian_laird"]
FEWEST = 4  # slices from which Morris's interval exists


@dataclass(frozen=True)
class Pooled:
    """`mean` over slices with standard error `error`, variance `tau2` of true values between slices, one shrunk interval a slice."""

    mean: float
    error: float
    tau2: float
    slices: tuple[Interval, ...]


def pool(estimates: Floats, errors: Floats, *, level: float = 0.95, method: Heterogeneity = "paule_mandel") -> Pooled:
    """Partial pooling of K estimates with their standard errors (of independent samples).

    Slice i: B_i·m + (1 − B_i)·y_i with B_i = (K−3)/(K−1)·V_i/(V_i + τ²), variance V_i(1 − (K−1)/K·B_i) + 2/(K−3)·B_i²·(V̄+τ²)/(V_i+τ²)·
    (y_i − m)², which counts that m and τ² are estimates. Morris 1983, with one regressor. Fewer than four slices: bounds are None and the
    estimates stay as they were. Raises InputError for an error that is not above 0: a slice without spread has no weight of its own.
    """
    if len(estimates) < 1 or len(estimates) != len(errors):
        raise InputError(f"pooling needs an estimate and an error for each slice; given {len(estimates)} and {len(errors)}")
    if not np.all(np.isfinite(estimates)) or not np.all(np.isfinite(errors) & (errors > 0)):
        bad = int(np.flatnonzero(~(np.isfinite(estimates) & np.isfinite(errors) & (errors > 0)))[0])
        raise InputError(f"slice {bad} cannot be pooled: estimate {estimates[bad]}, standard error {errors[bad]}")
    variances = errors**2
    tau2 = between(estimates, variances, method)
    weights = 1 / (variances + tau2)
    mean, error = float(weights @ estimates / weights.sum()), float(1 / math.sqrt(weights.sum()))
    return Pooled(mean, error, tau2, _shrunk(estimates, variances, tau2, mean, level))


def between(estimates: Floats, variances: Floats, method: Heterogeneity) -> float:
    """τ², the variance of true values between slices, never below 0.

    DerSimonian–Laird: (Q − (K−1)) / (Σw − Σw²/Σw) with w = 1/V, one step. Paule–Mandel: the τ² at which Σ(y − m)²/(V + τ²) = K − 1,
    better where slices differ much in size (Veroniki et al. 2016).
    """
    degrees = len(estimates) - 1
    if degrees < 1:
        return 0.0
    if method == "dersimonian_laird":
        w = 1 / variances
        return max(0.0, (_misfit(estimates, variances, 0.0) - degrees) / float(w.sum() - (w @ w) / w.sum()))
    if _misfit(estimates, variances, 0.0) <= degrees:
        return 0.0
    top = float(np.ptp(estimates) ** 2) + 1e-12  # Σ(y − m)² ≤ K·range²/4, so that the misfit is below K − 1 there
    return float(optimize.brentq(lambda tau2: _misfit(estimates, variances, tau2) - degrees, 0.0, top, xtol=1e-15, rtol=1e-14))


def _misfit(estimates: Floats, variances: Floats, tau2: float) -> float:
    """Cochran's Q at this τ²."""
    w = 1 / (variances + tau2)
    return float(w @ (estimates - w @ estimates / w.sum()) ** 2)


def _shrunk(estimates: Floats, variances: Floats, tau2: float, mean: float, level: float) -> tuple[Interval, ...]:
    k = len(estimates)
    if k < FEWEST:
        reason = f"{k} slices: pooled intervals need {FEWEST}"
        return tuple(no_interval(level, 1, k, reason, float(estimate)) for estimate in estimates)
    total = variances + tau2
    drawn_in = (k - 3) / (k - 1) * variances / total
    common = float(np.sum(variances / total) / np.sum(1 / total))  # V̄, weighted as the mean is
    centres = drawn_in * mean + (1 - drawn_in) * estimates
    spread = variances * (1 - (k - 1) / k * drawn_in) + 2 / (k - 3) * drawn_in**2 * (common + tau2) / total * (estimates - mean) ** 2
    half = float(stats.norm.ppf((1 + level) / 2)) * np.sqrt(spread)
    return tuple(
        Interval(float(centre), float(centre - h), float(centre + h), level, "empirical Bayes", 1, k)
        for centre, h in zip(centres, half, strict=True)
    )
