"""Boosted trees as arrays: what is left of a training when only numpy is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_ROWS = 2048  # at a time


@dataclass(frozen=True)
class Forest:
    """Full binary trees of one depth. `feature`, `threshold`: trees × inner nodes, level by level, a row goes right where its feature is
    larger; `value`: trees × leaves, added up. A tree that ends early repeats its leaf."""

    feature: NDArray[np.uint8]
    threshold: NDArray[np.float32]
    value: NDArray[np.float32]

    def __call__(self, rows: Floats) -> Floats:
        """The sum over trees for each row (rows × features)."""
        found = [self._some(rows[start : start + _ROWS].astype(np.float32)) for start in range(0, len(rows), _ROWS)]
        return np.concatenate(found) if found else np.zeros(0)

    def _some(self, rows: NDArray[np.float32]) -> Floats:
        trees = np.arange(len(self.feature))[None]
        lines = np.arange(len(rows))[:, None]
        node = np.zeros((len(rows), len(self.feature)), dtype=np.intp)
        inner = self.feature.shape[1]
        while inner and node[0, 0] < inner:
            node = 2 * node + 1 + (rows[lines, self.feature[trees, node]] > self.threshold[trees, node])
        return np.asarray(self.value[trees, node - inner].sum(axis=1, dtype=np.float64))

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """For a file; `from_arrays` reads it back."""
        return {f"{name}/feature": self.feature, f"{name}/threshold": self.threshold, f"{name}/value": self.value}

    @staticmethod
    def from_arrays(name: str, arrays: Mapping[str, NDArray[Any]]) -> Forest:
        return Forest(arrays[f"{name}/feature"], arrays[f"{name}/threshold"], arrays[f"{name}/value"])
