"""Two ways in which labels hang together at once: those of one product, and those of one annotator.

V = V_products + V_annotators − V_both. Cameron, Gelbach & Miller 2011.

>>> import numpy as np
>>> values = np.array([1.0, 1.0, 0.0, 1.0, 0.0, 0.0])
>>> shown = crossed_mean(values, np.array([0, 0, 1, 1, 2, 2]), np.array(["a", "b", "a", "b", "a", "b"]), level=0.9)
>>> shown.method, shown.clusters, round(shown.low, 2)
('crossed, t', 2, -1.32)
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evals.errors import InputError
from evals.statistics.clusters import Floats, codes, variance_of_sum
from evals.statistics.finite import normalised, require_finite
from evals.statistics.intervals import Interval, no_interval


def crossed_variance(influence: Floats, products: NDArray[np.generic], annotators: NDArray[np.generic]) -> float:
    """Variance of Σ influence when labels of one product, or of one annotator, are alike; each part with G/(G−1).

    Never less than the larger of the two one-way variances: the difference of estimates can come out below either, even negative
    (Cameron, Gelbach & Miller 2011 § 2.3; the floor is ours, and never too narrow). Each way needs two clusters.
    """
    first = codes(products)[0]
    second, raters = codes(annotators)
    one_way = [variance_of_sum(influence, first), variance_of_sum(influence, second)]
    return max(sum(one_way) - variance_of_sum(influence, first * raters + second), *one_way)


def crossed_mean(
    values: Floats,
    products: NDArray[np.generic],
    annotators: NDArray[np.generic],
    weights: Floats | None = None,
    level: float = 0.95,
) -> Interval:
    """The (weighted) mean of labels, one row a label, with t on min(products, annotators) − 1 degrees; `clusters` is that minimum.

    It answers for other products *and* other annotators. With two or three annotators that is a wide interval, and an honest one.
    No bounds below two of either. Raises InputError for lengths that differ.
    """
    if not len(values) == len(products) == len(annotators):
        raise InputError(f"{len(values)} labels of {len(products)} products by {len(annotators)} annotators: one of each a label")
    require_finite(values, "labels")
    fewest = min(codes(products)[1], codes(annotators)[1])
    shares = normalised(weights, len(values))
    mean = float(shares @ values) if len(values) else None
    if mean is None or fewest < 2:
        return no_interval(level, len(values), fewest, f"{fewest} products or annotators: two of each are needed", mean)
    half = float(stats.t.ppf((1 + level) / 2, fewest - 1)) * math.sqrt(crossed_variance(shares * (values - mean), products, annotators))
    return Interval(mean, mean - half, mean + half, level, "crossed, t", len(values), fewest)
