"""How well a score ranks what is right above what is wrong: the area under the ROC curve, weighted and clustered.

>>> import numpy as np
>>> found = auroc(np.array([0.9, 0.8, 0.4, 0.1]), np.array([True, False, True, False]), np.arange(4))
>>> found.estimate
0.75
"""

from __future__ import annotations

import numpy as np

from evals.statistics.bootstrap import Coefficient, by_group, nothing
from evals.statistics.clusters import Bools, Floats, Ints

_PLACES = 3  # scores closer than that are tied: 1001 bins are enough


def auroc(scores: Floats, right: Bools, groups: Ints, weights: Floats | None = None) -> Coefficient:
    """P(score of a right one > score of a wrong one) + ½ P(tied), for `bootstrap.interval`; scores in [0, 1] count to 3 decimals.

    `groups`: 0 … G−1 per row, what is not independent; `weights`: 1 ÷ the chance with which a row was drawn. Hanley & McNeil 1982.
    """
    if right.all() or not right.any():
        return nothing(f"{len(right)} claims, {int(right.sum())} of them right: ranking needs right ones and wrong ones")
    weights = np.ones(len(scores)) if weights is None else weights
    levels, level = np.unique(np.round(scores, _PLACES), return_inverse=True)
    bins = len(levels) + 2  # one below and one above all scores, for the worst and the best that could still come
    features = np.zeros((len(scores), 2 * bins))
    features[np.arange(len(scores)), np.where(right, 0, bins) + level + 1] = weights
    sums = by_group(features, groups)
    mass = np.array([weights[right].sum(), weights[~right].sum()]) / len(sums)
    worst, best = np.zeros(2 * bins), np.zeros(2 * bins)
    worst[[0, -1]] = mass
    best[[bins - 1, bins]] = mass

    def value(rows: Floats) -> Floats:
        good, bad = rows[:, :bins], rows[:, bins:]
        below = np.cumsum(bad, axis=1) - bad / 2
        return np.asarray((good * below).sum(axis=1) / (good.sum(axis=1) * bad.sum(axis=1)))

    return Coefficient(float(value(sums.sum(axis=0)[None])[0]), sums, worst, best, value)
