"""How much of a correlation is left when a third quantity, usually length, is held still.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> length = rng.normal(size=500)
>>> score, label = length + 0.1 * rng.normal(size=500), length + 0.1 * rng.normal(size=500)
>>> plain, held = spearman(score, label, np.arange(500)), spearman(score, label, np.arange(500), given=length)
>>> round(plain.estimate, 1), abs(held.estimate) < 0.1
(1.0, True)
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from evals.statistics.bootstrap import Coefficient, by_group, nothing
from evals.statistics.clusters import Floats, Ints

MIN_ROWS = 4  # one fewer leaves a partial correlation no degree of freedom
_FLOOR = 1e-9


def spearman(x: Floats, y: Floats, groups: Ints, *, given: Floats | None = None) -> Coefficient:
    """Spearman's ρ of x and y, or with `given` the partial one, for `bootstrap.interval`; ranks are taken once, ties get the mean.

    ρ_xy·z = (ρ_xy − ρ_xz ρ_yz) / √((1 − ρ_xz²)(1 − ρ_yz²)) (Fisher 1924, on ranks). `groups`: 0 … G−1 per row, what is not independent.
    No estimate, with the reason, for fewer than `MIN_ROWS` rows or where a column, or what `given` leaves of it, does not vary.
    """
    if len(x) < MIN_ROWS:
        return nothing(f"{len(x)} rows: a correlation needs {MIN_ROWS}")
    columns = [_standard(column) for column in (x, y, np.zeros(len(x)) if given is None else given)]
    features = np.column_stack([np.ones(len(x)), *columns, *(a * b for i, a in enumerate(columns) for b in columns[i:])])
    sums = by_group(features, groups)
    estimate = float(_value(sums.sum(axis=0)[None])[0])
    if not np.isfinite(estimate):
        return nothing("a column does not vary, or only as the one held still does")
    size = len(x) / len(sums)
    return Coefficient(estimate, sums, _group(size, -1.0), _group(size, 1.0), _settled)


def _standard(column: Floats) -> Floats:
    ranks = stats.rankdata(column)
    spread = ranks.std()
    return np.asarray((ranks - ranks.mean()) / spread if spread > 0 else np.zeros(len(ranks)))


def _group(size: float, sign: float) -> Floats:
    """A group of `size` rows, half one standard deviation up in x and half down, with y on the same (1) or the other (−1) side."""
    return np.array([size, 0, 0, 0, size, sign * size, 0, size, 0, 0])


def _value(sums: Floats) -> Floats:
    """Partial correlation from Σ1, Σx, Σy, Σz, Σxx, Σxy, Σxz, Σyy, Σyz, Σzz; NaN where there is none."""
    n, x, y, z = (sums[:, i] for i in range(4))
    xx, xy, xz, yy, yz, zz = (
        sums[:, 4 + i] / n - a * b / n**2 for i, (a, b) in enumerate([(x, x), (x, y), (x, z), (y, y), (y, z), (z, z)])
    )
    held = zz > _FLOOR
    safe = np.where(held, zz, 1.0)
    xy, xx, yy = xy - np.where(held, xz * yz / safe, 0), xx - np.where(held, xz**2 / safe, 0), yy - np.where(held, yz**2 / safe, 0)
    varies = (xx > _FLOOR) & (yy > _FLOOR)
    return np.where(varies, xy / np.sqrt(np.where(varies, xx * yy, 1.0)), np.nan)


def _settled(sums: Floats) -> Floats:
    """A draw in which nothing varies says nothing: 0."""
    return np.nan_to_num(_value(sums))
