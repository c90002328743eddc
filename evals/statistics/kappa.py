"""Cohen's kappa of two yes-no answers, weighted and clustered.

>>> import numpy as np
>>> cells = np.repeat([0, 1, 2, 3], [20, 5, 10, 15])  # yes-yes, yes-no, no-yes, no-no: the example that textbooks give
>>> round(kappa(cells < 2, cells % 2 == 0, np.arange(50)).estimate, 2)
0.4
"""

from __future__ import annotations

import numpy as np

from evals.statistics.bootstrap import Coefficient, by_group, nothing
from evals.statistics.clusters import Bools, Floats, Ints


def kappa(one: Bools, other: Bools, groups: Ints, weights: Floats | None = None) -> Coefficient:
    """(p_o − p_e) / (1 − p_e) from Σ of yes-yes, yes-no, no-yes, no-no, for `bootstrap.interval`. Cohen 1960.

    `groups`: 0 … G−1 per row, what is not independent; `weights`: 1 ÷ the chance with which a row was drawn. No estimate where both always
    say the same one thing: chance explains everything.
    """
    if not len(one) or (one.all() and other.all()) or not (one.any() or other.any()):
        return nothing(f"{len(one)} items, on which both say one thing only: agreement cannot be told from chance")
    weights = np.ones(len(one)) if weights is None else weights
    cells = np.column_stack([one & other, one & ~other, ~one & other, ~one & ~other]) * weights[:, None]
    sums = by_group(cells, groups)
    size = weights.sum() / len(sums)
    worst, best = np.array([0, size / 2, size / 2, 0]), np.array([size / 2, 0, 0, size / 2])
    return Coefficient(float(_value(sums.sum(axis=0)[None])[0]), sums, worst, best, _value)


def _value(cells: Floats) -> Floats:
    shares = cells / cells.sum(axis=1, keepdims=True)
    yes = (shares[:, 0] + shares[:, 1]) * (shares[:, 0] + shares[:, 2])
    chance = yes + (shares[:, 2] + shares[:, 3]) * (shares[:, 1] + shares[:, 3])
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (shares[:, 0] + shares[:, 3] - chance) / (1 - chance)
    return np.asarray(np.nan_to_num(found))
