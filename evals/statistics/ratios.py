"""How many times dearer or slower one arm is than the other, over the same cases.

>>> import numpy as np
>>> seconds, tokens = np.array([1.0, 2.0, 1.5, 2.5]), np.array([100.0, 210.0, 140.0, 260.0])
>>> interval = ratio_of_rates(2 * seconds, tokens, seconds, tokens, np.arange(4), level=0.9)
>>> interval.estimate, round(interval.low, 6), round(interval.high, 6)
(2.0, 2.0, 2.0)
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from evals.statistics.clusters import Floats, Ints, codes, variance_of_sum
from evals.statistics.intervals import Interval, no_interval


def ratio_of_rates(cost: Floats, amount: Floats, cost_before: Floats, amount_before: Floats, clusters: Ints, level: float) -> Interval:
    """(Σ cost / Σ amount) ÷ (Σ cost_before / Σ amount_before) with an interval on the logarithm.

    Linearised: φ_i = (c_i − R a_i)/Σc − (c′_i − R′ a′_i)/Σc′, variance over clusters, t with G − 1. Cochran 1977, ch. 6.
    From about 30 cases.
    """
    n, groups = len(cost), codes(clusters)[1]
    totals = [float(column.sum()) for column in (cost, amount, cost_before, amount_before)]
    if min(totals, default=0.0) <= 0:
        return no_interval(level, n, groups, "nothing was generated, or no time was measured")
    ratio = totals[0] / totals[1] / (totals[2] / totals[3])
    if groups < 2:
        return no_interval(level, n, groups, "an interval needs two products", ratio)
    influence = (cost - totals[0] / totals[1] * amount) / totals[0] - (cost_before - totals[2] / totals[3] * amount_before) / totals[2]
    half = float(stats.t.ppf((1 + level) / 2, groups - 1)) * math.sqrt(variance_of_sum(np.asarray(influence), clusters))
    return Interval(ratio, ratio * math.exp(-half), ratio * math.exp(half), level, "log ratio, t", n, groups)
