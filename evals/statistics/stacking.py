"""Logistic regression with ridge penalties, and several judges' probabilities combined by it into one.

A judge's probability enters as its logit; one that gave none enters as the judge's mean, with an indicator of its own. Penalties pull
towards the plain mean of the judges' logits: with few labels the jury is their mean, with many what the labels say (stacking: Wolpert 1992;
logits as in Ting & Witten 1999). A language's offset is pulled towards 0, the pooled one.

>>> import numpy as np
>>> rng = np.random.default_rng(1)
>>> truth = rng.normal(size=4000)
>>> said = 1 / (1 + np.exp(-np.column_stack([truth, 3 * rng.normal(size=4000)])))  # one knows, one guesses and is loud
>>> found = stack(said, rng.random(4000) < 1 / (1 + np.exp(-truth)), ["en"] * 4000)
>>> [round(weight) for weight in found.weights]
[1, 0]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evals.statistics.clusters import Bools, Floats

CLIP = 0.01  # a yes-no judge says 0.01 or 0.99, and its weight says how far to believe that
# Ridge penalties, that is 1 ÷ variance of a normal prior: on a weight's distance from the mean's, on a missing judge's indicator, on a
# language's offset. The intercept is free.
WEIGHT, MISSING, OFFSET = 50.0, 20.0, 20.0
MIN_RARE = 20  # of the rarer answer; below, nothing is fitted
_STEPS, _DONE, _SINGULAR = 60, 1e-8, 1e10


@dataclass(frozen=True)
class Stack:
    """Per judge the mean of its logits, its weight, and what its silence says; intercept, and offset by language. `fitted`: False where it
    is the plain mean of the judges' logits, for want of labels."""

    centres: tuple[float, ...]
    weights: tuple[float, ...]
    missing: tuple[float, ...]
    intercept: float
    offsets: Mapping[str, float]
    fitted: bool
    n: int

    def probabilities(self, said: Floats, languages: Sequence[str]) -> Floats:
        """Of what the judges said, claims × judges in [0, 1] with NaN for nothing; NaN where none of them said anything.

        The plain mean is that of the logits of those who spoke.
        """
        absent = np.isnan(said)
        spoke = (~absent).sum(axis=1)
        if self.fitted:
            design = _design(said, np.array(self.centres))
            score = design @ np.array([*self.weights, *self.missing]) + self._level(languages)
        else:
            score = _logits(said).sum(axis=1) / np.maximum(spoke, 1)
        return np.where(spoke > 0, _sigmoid(score), np.nan)

    def _level(self, languages: Sequence[str]) -> Floats:
        return self.intercept + np.array([self.offsets.get(one, 0.0) for one in languages])


def stack(said: Floats, right: Bools, languages: Sequence[str], weights: Floats | None = None) -> Stack:
    """The jury of claims × judges: `said` in [0, 1] with NaN for nothing, `right` what people decided, `weights` 1 ÷ the chance of being
    drawn (their mean counts as 1). The plain mean where fewer than `MIN_RARE` claims are right, or wrong."""
    heard = np.asarray(~np.isnan(said).all(axis=1))
    said, right, languages = said[heard], right[heard], np.asarray(languages)[heard].tolist()
    if min(right.sum(), (~right).sum()) < MIN_RARE:
        return plain(said.shape[1], len(right))
    centres = _logits(said).sum(axis=0) / np.maximum((~np.isnan(said)).sum(axis=0), 1)
    tags = sorted(tag for tag, count in Counter(languages).items() if count < len(right))
    dummies = np.array([[tag == mine for mine in tags] for tag in languages], dtype=float).reshape(len(right), len(tags))
    design = np.column_stack([_design(said, centres), np.ones(len(right)), dummies])
    penalty, centre = _prior(said.shape[1], 1 + len(tags))
    found = logistic(design, right.astype(float), _each(weights, heard), penalty=penalty, centre=centre)
    if found is None:
        return plain(said.shape[1], len(right))
    judges, at = said.shape[1], 2 * said.shape[1]
    offsets = dict(zip(tags, map(float, found[at + 1 :]), strict=True))
    return Stack(_floats(centres), _floats(found[:judges]), _floats(found[judges:at]), float(found[at]), offsets, True, len(right))


def without(whole: Stack, said: Floats, right: Bools, languages: Sequence[str], weights: Floats | None = None) -> Stack:
    """`whole` with its weights fitted on these claims only, its level kept: a level fitted anew says less where what is left out says more,
    and turns a ranking over several folds upside down. Within a language the level moves no ranking."""
    heard = np.asarray(~np.isnan(said).all(axis=1))
    said, right, languages = said[heard], right[heard], np.asarray(languages)[heard].tolist()
    if not whole.fitted or min(right.sum(), (~right).sum()) < MIN_RARE:
        return plain(said.shape[1], len(right))
    penalty, centre = _prior(said.shape[1], 0)
    design, level = _design(said, np.array(whole.centres)), whole._level(languages)
    found = logistic(design, right.astype(float), _each(weights, heard), penalty=penalty, centre=centre, offset=level)
    if found is None:
        return plain(said.shape[1], len(right))
    judges = said.shape[1]
    return replace(whole, weights=_floats(found[:judges]), missing=_floats(found[judges:]), n=len(right))


def plain(judges: int, n: int = 0) -> Stack:
    """The mean of the judges' logits."""
    return Stack((0.0,) * judges, (1 / judges,) * judges, (0.0,) * judges, 0.0, {}, False, n)


def logistic(
    x: Floats, y: Floats, weights: Floats, *, penalty: Floats | None = None, centre: Floats | None = None, offset: Floats | None = None
) -> Floats | None:
    """Coefficients that minimise Σ w·log loss + ½ Σ penalty (b − centre)², by Newton's method; `y` in [0, 1], halves allowed; `offset` is
    added to x·b.

    None where there is no finite minimum: a column that the others repeat, or a perfect separation without penalty.
    """
    ridge = np.zeros(x.shape[1]) if penalty is None else penalty
    middle = np.zeros(x.shape[1]) if centre is None else centre
    level = np.zeros(len(x)) if offset is None else offset

    def loss(b: Floats) -> float:
        z = x @ b + level
        return float(weights @ (np.logaddexp(0, z) - y * z) + ridge @ (b - middle) ** 2 / 2)

    at = middle.copy()
    for _ in range(_STEPS):
        p = _sigmoid(x @ at + level)
        slope = x.T @ (weights * (p - y)) + ridge * (at - middle)
        curve = (x.T * (weights * p * (1 - p))) @ x + np.diag(ridge)
        spread = np.linalg.eigvalsh(curve)
        if spread[0] * _SINGULAR < spread[-1]:
            return None
        step, now = np.linalg.solve(curve, slope), loss(at)
        if float(np.abs(step).max()) < _DONE:
            return at
        while loss(at - step) > now and float(np.abs(step).max()) >= _DONE:
            step = step / 2
        at = at - step
    return None


def _prior(judges: int, free: int) -> tuple[Floats, Floats]:
    """Penalties and centres: weights, indicators, and of `free` more an intercept and offsets."""
    penalty = [WEIGHT] * judges + [MISSING] * judges + ([0.0] + [OFFSET] * (free - 1) if free else [])
    return np.array(penalty), np.array([1 / judges] * judges + [0.0] * (judges + free))


def _design(said: Floats, centres: Floats) -> Floats:
    absent = np.isnan(said)
    return np.column_stack([np.where(absent, 0.0, _logits(said) - centres), absent])


def _logits(said: Floats) -> Floats:
    """0 for nothing."""
    p = np.clip(np.where(np.isnan(said), 0.5, said), CLIP, 1 - CLIP)
    return np.asarray(np.log(p / (1 - p)))


def _each(weights: Floats | None, heard: Bools) -> Floats:
    return np.ones(int(heard.sum())) if weights is None else weights[heard] / weights[heard].mean()


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))))
