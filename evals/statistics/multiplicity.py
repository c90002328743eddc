"""Many verdicts at once: how often at least one of them is a false alarm.

>>> holm([0.01, 0.04, 0.03])
[0.03, 0.06, 0.06]
>>> benjamini_hochberg([0.01, 0.04, 0.03])
[0.03, 0.04, 0.04]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p: running maximum of (m − rank + 1)·p. Any false alarm among m happens with at most the level. Holm 1979; no assumption."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    return _in_place(np.minimum(raised, 1.0), order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p: running minimum from the largest of m·p / rank. Share of false alarms among alarms. Benjamini & Hochberg 1995;
    independent or positively dependent tests."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    return _in_place(np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0), order)


def _in_place(sorted_values: NDArray[np.float64], order: NDArray[np.intp]) -> list[float]:
    result = np.empty(len(order))
    result[order] = sorted_values
    return [float(value) for value in result]
