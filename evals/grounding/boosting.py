"""Training of `Forest`: boosted trees that rank within a source, may only move one way by a feature, and learn from outputs that hold
an error nobody placed. scikit-learn grows each tree; it is loaded when first needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.grounding.trees import Floats, Forest

Ints = NDArray[np.int64]
_LEAST = 1e-3


@dataclass(frozen=True)
class Settings:
    """`leaf`: least rows in one; `shrink`: of each tree's step; `ridge`: added to a leaf's curvature; `share`: groups a tree sees;
    `features`: share of them that a split may choose from."""

    trees: int
    depth: int
    leaf: int
    shrink: float = 0.1
    ridge: float = 5.0
    share: float = 0.5
    features: float = 0.5

    def for_rows(self, rows: int) -> Settings:
        """With fewer rows, smaller leaves."""
        return Settings(self.trees, self.depth, max(10, min(self.leaf, rows // 40)), self.shrink, self.ridge, self.share, self.features)


@dataclass(frozen=True)
class Rows:
    """What is learned from. `label`: 1 supported, 0 not, −1: of the rows of this `bag` at least one is not. `start`: the logit to improve.

    `source`: every one gets the same weight and an offset of its own, which is forgotten: what separates sources is not learned.
    `group`: rows that are not independent."""

    values: Floats
    label: Ints
    start: Floats
    source: Ints
    group: Ints
    bag: Ints


def boost(rows: Rows, directions: Floats, settings: Settings, seed: int) -> Forest:
    """Newton steps on the log loss (Friedman 2001); of a bag, on 1 − Π σ(z) (MILBoost, Viola et al. 2005)."""
    rng = np.random.default_rng(seed)
    settings = settings.for_rows(len(rows.label))
    weight = 1 / np.bincount(rows.source)[rows.source]
    weight *= len(weight) / weight.sum()
    logit, offsets = rows.start.copy(), np.zeros(int(rows.source.max()) + 1)
    values = rows.values.astype(np.float32)
    grown = []
    for at in range(settings.trees):
        gradient, curvature = _slopes(rows, logit + offsets[rows.source])
        offsets += (1.0 if at == 0 else 0.3) * _newton(rows.source, weight * gradient, weight * curvature, len(offsets), _LEAST)
        gradient, curvature = _slopes(rows, logit + offsets[rows.source])
        seen = (rng.random(int(rows.group.max()) + 1) < settings.share)[rows.group]
        seen |= not seen.any()  # of few groups none may be drawn
        tree = _grow(values[seen], gradient[seen], curvature[seen], weight[seen], directions, settings, int(rng.integers(1 << 30)))
        leaf = tree.apply(values)
        step = _newton(leaf[seen], (weight * gradient)[seen], (weight * curvature)[seen], tree.tree_.node_count, settings.ridge)
        logit += settings.shrink * step[leaf]
        grown.append(_as_arrays(tree.tree_, settings.shrink * step, settings.depth))
    feature, threshold, value = (np.stack(part) for part in zip(*grown, strict=True))
    return Forest(feature.astype(np.uint8), threshold.astype(np.float32), value.astype(np.float32))


def _slopes(rows: Rows, logit: Floats) -> tuple[Floats, Floats]:
    p = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
    gradient = np.where(rows.label == 1, 1 - p, -p)
    bagged = rows.label < 0
    if bagged.any():
        together = np.exp(np.bincount(rows.bag[bagged], weights=np.log(np.maximum(p[bagged], 1e-9))))
        whole = np.minimum(together, 1 - 1e-6)[rows.bag[bagged]]
        gradient[bagged] = -whole / (1 - whole) * (1 - p[bagged])
    return gradient, p * (1 - p)


def _newton(at: Ints, gradient: Floats, curvature: Floats, count: int, ridge: float) -> Floats:
    return np.asarray(np.bincount(at, weights=gradient, minlength=count) / (np.bincount(at, weights=curvature, minlength=count) + ridge))


def _grow(
    values: NDArray[np.float32], gradient: Floats, curvature: Floats, weight: Floats, directions: Floats, settings: Settings, seed: int
) -> Any:
    from sklearn.tree import DecisionTreeRegressor

    curvature = np.maximum(curvature, 0.05)
    tree = DecisionTreeRegressor(
        max_depth=settings.depth,
        min_samples_leaf=settings.leaf,
        max_features=settings.features,
        monotonic_cst=directions.astype(np.int8),
        random_state=seed,
    )
    return tree.fit(values, gradient / curvature, sample_weight=weight * curvature)


def _as_arrays(tree: Any, value: Floats, depth: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """A tree of scikit-learn as a full one; beneath an early leaf every row goes left and finds that leaf's value again."""
    inner = 2**depth - 1
    feature, threshold, node = np.zeros(inner), np.full(inner, np.inf), np.zeros(2 * inner + 1, dtype=np.int64)
    for at in range(inner):
        here = node[at]
        if tree.children_left[here] < 0:
            node[2 * at + 1] = node[2 * at + 2] = here
        else:
            feature[at], threshold[at] = tree.feature[here], tree.threshold[here]
            node[2 * at + 1], node[2 * at + 2] = tree.children_left[here], tree.children_right[here]
    return feature, threshold, value[node[inner:]]
