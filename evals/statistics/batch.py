"""Judge-assisted means of many metrics in many slices at once: `paired.mean_by_t` for each, without a loop over slices or rows.

A million scored cases with ten thousand labels, 28 slices and 8 metrics take well under two seconds (docs/benchmarks.md). For dashboards
and label planning; verdicts rest on `paired.sampled_mean`, slice by slice.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> truth = (rng.random(2000) < 0.9).astype(float)
>>> rows, drawn = np.arange(2000), np.arange(0, 2000, 10)
>>> cases = Cases(rows % 2, rows // 4, truth[None] * 0.8 + 0.1, drawn, truth[None, drawn], np.full(200, 0.1))
>>> found = estimate_slices(cases)
>>> found.measured.tolist(), round(float(found.estimate[0, 0]), 2), found.interval(0, 1).reason
([0], 0.9, '0 labelled cases of 0 products: an interval needs two of each')
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from evals.errors import InputError
from evals.statistics.clusters import Bools, Floats, Ints
from evals.statistics.finite import require_finite
from evals.statistics.intervals import Interval, no_interval
from evals.statistics.paired import FOLDS


@dataclass(frozen=True)
class Cases:
    """N cases, M metrics, n labelled. `slices` (0 … S−1) and `clusters` (0 … G−1) of each case, `judge` M × N scores, finite (0 where a
    judge has none); `labelled` row numbers, each once; `values` M × n of people's; `probability` n, with which each was drawn."""

    slices: Ints
    clusters: Ints
    judge: Floats
    labelled: Ints
    values: Floats
    probability: Floats

    def __post_init__(self) -> None:
        metrics, rows = self.judge.shape
        if not len(self.slices) == len(self.clusters) == rows or self.values.shape != (metrics, len(self.labelled)):
            raise InputError(
                f"{rows} cases, {len(self.labelled)} labels and {metrics} metrics do not fit values of shape {self.values.shape}"
            )
        if len(self.probability) != len(self.labelled) or not np.all((self.probability > 0) & (self.probability <= 1)):
            raise InputError("every labelled case needs the probability it was drawn with, above 0 and at most 1")
        require_finite(self.values, "labels")
        require_finite(self.judge, "scores of the judge")


@dataclass(frozen=True)
class SliceEstimates:
    """M × K arrays over the K slices of `measured`, those with two labelled rows in two clusters; the others have no figure at all.
    `lam` is the mean weight of the judge over a slice's rows; `n` labelled rows and `groups` labelled clusters of each of the S slices."""

    measured: Ints
    estimate: Floats
    low: Floats
    high: Floats
    error: Floats
    lam: Floats
    n: Ints
    groups: Ints
    level: float

    def interval(self, metric: int, slice_number: int) -> Interval:
        n, groups = int(self.n[slice_number]), int(self.groups[slice_number])
        at = int(np.searchsorted(self.measured, slice_number))
        if at == len(self.measured) or self.measured[at] != slice_number:
            return no_interval(self.level, n, groups, f"{n} labelled cases of {groups} products: an interval needs two of each")
        method = "t" if self.lam[metric, at] == 0 else "t, judge-assisted"
        figures = float(self.estimate[metric, at]), float(self.low[metric, at]), float(self.high[metric, at])
        return Interval(*figures, self.level, method, n, groups)


@dataclass(frozen=True)
class _Layout:
    """Which cluster of which slice (a *cell*) every row is in, and what does not depend on the metric."""

    cell: Ints  # of each row
    slice_of: Ints  # of each cell
    fold: Ints  # of each cell
    rows: Ints  # of each cell
    slices: int
    weight: Floats  # of each labelled row, summing to 1 in its slice
    at_slice: Ints  # of each labelled row
    at_cell: Ints
    n: Ints  # labelled rows of each slice
    groups: Ints  # labelled cells of each slice


def estimate_slices(
    cases: Cases, *, alpha: float = 0.05, lowest: float = 0.0, highest: float = 1.0, lam: float | None = None, seed: int = 0
) -> SliceEstimates:
    """Every metric's mean in every slice with one-sided bounds at `alpha` each, kept within `lowest` and `highest`.

    Each slice is estimated from its own rows, as `paired.mean_by_t` does: weights 1/π normalised (Hájek), λ given or fitted on the other
    folds of the slice's clusters, variance over clusters, t with labelled clusters − 1 degrees. Time O(M·N), memory O(M·N).
    """
    layout = _layout(cases, seed)
    found = np.stack([_metric(layout, judge, values, cases.labelled, lam) for judge, values in zip(cases.judge, cases.values, strict=True)])
    measured = np.flatnonzero((layout.n >= 2) & (layout.groups >= 2))
    middle, error, lams = (found[:, figure, measured] for figure in range(3))
    estimate, half = np.clip(middle, lowest, highest), stats.t.ppf(1 - alpha, layout.groups[measured] - 1) * error
    low, high = np.maximum(lowest, estimate - half), np.minimum(highest, estimate + half)
    return SliceEstimates(measured, estimate, low, high, error, lams, layout.n, layout.groups, 1 - 2 * alpha)


def _layout(cases: Cases, seed: int) -> _Layout:
    slices = int(cases.slices.max()) + 1 if len(cases.slices) else 0
    width = int(cases.clusters.max()) + 1 if len(cases.clusters) else 1
    names, cell = np.unique(cases.slices * width + cases.clusters, return_inverse=True)
    slice_of = names // width
    at_slice, at_cell = cases.slices[cases.labelled], cell[cases.labelled]
    weight = 1 / cases.probability
    labelled_cells = np.unique(at_cell)
    return _Layout(
        cell=cell,
        slice_of=slice_of,
        fold=_folds(np.bincount(slice_of, minlength=slices), seed),
        rows=np.bincount(cell, minlength=len(names)),
        slices=slices,
        weight=weight / _totals(at_slice, weight, slices)[at_slice],
        at_slice=at_slice,
        at_cell=at_cell,
        n=np.bincount(at_slice, minlength=slices),
        groups=np.bincount(slice_of[labelled_cells], minlength=slices),
    )


def _folds(cells: Ints, seed: int) -> Ints:
    """Fold of every cell: each slice's are shuffled by the same seed, as if it stood alone."""
    drawn = [np.random.default_rng(seed).permutation(count) % min(FOLDS, count) for count in cells if count]
    return np.concatenate(drawn) if drawn else np.zeros(0, dtype=np.int64)


def _metric(at: _Layout, judge: Floats, values: Floats, labelled: Ints, lam: float | None) -> Floats:
    """3 × S: estimate, standard error, mean λ. Cells' totals carry everything; rows are summed once."""

    def over(weights: Floats) -> Floats:
        """Sums over the labelled rows of each slice."""
        return _totals(at.at_slice, weights, at.slices)

    cells = len(at.slice_of)
    scores, rows = _totals(at.cell, judge, cells), _totals(at.slice_of, at.rows, at.slices)
    middle = _totals(at.slice_of, scores, at.slices) / np.maximum(rows, 1)
    judged = judge[labelled] - middle[at.at_slice]
    human = at.weight * (values - over(at.weight * values)[at.at_slice])
    theirs = at.weight * (judged - over(at.weight * judged)[at.at_slice])
    by_human = _totals(at.at_cell, human, cells)
    by_judge = (scores - at.rows * middle[at.slice_of]) / rows[at.slice_of] - _totals(at.at_cell, theirs, cells)
    lams = np.full(cells, lam) if lam is not None else _cross_fitted(at, by_human, by_judge)
    estimate = over(at.weight * (values - lams[at.at_cell] * judged))
    correction = at.groups / np.maximum(at.groups - 1, 1)
    error = np.sqrt(_totals(at.slice_of, (by_human + lams * by_judge) ** 2, at.slices) * correction)
    return np.stack([estimate, error, _totals(at.slice_of, lams * at.rows, at.slices) / np.maximum(rows, 1)])


def _cross_fitted(at: _Layout, human: Floats, judge: Floats) -> Floats:
    """λ of every cell from the other folds of its slice: −Σ A·B / ΣB², in [0, 1]; 0 where the judge does not vary there."""
    folded = at.slice_of * FOLDS + at.fold
    shared = _totals(folded, human * judge, at.slices * FOLDS).reshape(-1, FOLDS)
    spread = _totals(folded, judge * judge, at.slices * FOLDS).reshape(-1, FOLDS)
    lam = np.zeros((at.slices, FOLDS))
    for k in range(FOLDS):
        others: Bools = np.arange(FOLDS) != k
        below = spread[:, others].sum(axis=1)
        lam[:, k] = np.clip(-shared[:, others].sum(axis=1) / np.where(below > 0, below, 1.0), 0.0, 1.0)
    return np.asarray(lam.ravel()[folded])


def _totals(numbers: Ints, weights: Floats | Ints, size: int) -> Floats:
    return np.asarray(np.bincount(numbers, weights, size), dtype=np.float64)
