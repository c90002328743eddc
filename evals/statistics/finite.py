"""A figure from something that is no number would be none either, and nobody would see it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evals.errors import InputError


def require_finite(values: NDArray[np.float64], what: str) -> None:
    """Raises InputError that names the first row that is NaN or infinite.

    >>> require_finite(np.array([0.5, np.nan]), "scores of the judge")
    Traceback (most recent call last):
    ...
    evals.errors.InputError: scores of the judge are numbers; row 1 is nan
    """
    if not np.all(np.isfinite(values)):
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InputError(f"{what} are numbers; row {row} is {values.flat[row]}")


def normalised(weights: NDArray[np.float64] | None, rows: int) -> NDArray[np.float64]:
    """Weights that sum to 1, equal ones where none are given. Raises InputError unless they are finite, not negative and not all 0.

    >>> normalised(np.array([1.0, 3.0]), 2).tolist(), normalised(None, 2).tolist()
    ([0.25, 0.75], [0.5, 0.5])
    """
    if weights is None:
        return np.full(rows, 1 / max(rows, 1))
    require_finite(weights, "weights")
    if len(weights) != rows or np.any(weights < 0) or not np.any(weights > 0):
        raise InputError(f"weights are one a row, none below 0 and not all 0: {len(weights)} for {rows} rows")
    return np.asarray(weights / weights.sum(), dtype=np.float64)
