"""How sure a consensus may be: probabilities checked against gold.

People err together, on the same hard items, while the models take each vote for independent evidence and are far too sure: on the public
music genres one-coin Dawid–Skene says 98 % and is right in 79 %.

>>> said = {f"i{n}": {"yes": 0.999, "no": 0.001} for n in range(100)}
>>> found = fit(said, {f"i{n}": "yes" if n < 80 else "no" for n in range(100)})
>>> round(found.applied(said["i0"])["yes"], 2)
0.8
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from evals.errors import InputError
from evals.statistics.clusters import Floats, Ints

MIN_GOLD = 50  # two figures are fitted
_FLOOR = 1e-12


@dataclass(frozen=True)
class Calibration:
    """p ↦ (1 − doubt) · p^(1/temperature) / Σ + doubt / classes. The order of the labels stays, so do the labels. `gold`: items fitted on.

    A temperature (Guo et al. 2017) flattens; the doubt is the share of items on which even a certain answer is worth nothing. Either alone
    fits worse on the public sets (docs/methods.md).
    """

    temperature: float
    doubt: float
    gold: int

    def applied(self, probabilities: Mapping[str, float]) -> dict[str, float]:
        """The calibrated probabilities of one item; none stays none."""
        if not probabilities:
            return {}
        labels = list(probabilities)
        flat = _curve(_logs([list(probabilities.values())]), self.temperature, self.doubt)[0]
        return dict(zip(labels, map(float, flat), strict=True))


def fit(probabilities: Mapping[str, Mapping[str, float]], gold: Mapping[str, str]) -> Calibration | None:
    """The calibration with the smallest log loss on gold; None with fewer than `MIN_GOLD` gold items. Temperature from 1, doubt from 0.

    Raises InputError for a gold label that is none of the classes.
    """
    items = sorted(item for item in gold if probabilities.get(item))
    if len(items) < MIN_GOLD:
        return None
    classes = sorted(probabilities[items[0]])
    strange = next((item for item in items if gold[item] not in classes), None)
    if strange is not None:
        raise InputError(f"item {strange}: the gold label {gold[strange]!r} is not on the scale {', '.join(classes)}")
    logs = _logs([[probabilities[item][label] for label in classes] for item in items])
    right = np.array([classes.index(gold[item]) for item in items], dtype=np.int64)
    found = [optimize.minimize(_loss, start, (logs, right), method="Nelder-Mead") for start in ((0.5, -2.0), (1.5, -4.0))]
    temperature, doubt = _figures(min(found, key=lambda one: float(one.fun)).x)
    return Calibration(temperature, doubt, len(items))


def _loss(at: Floats, logs: Floats, right: Ints) -> float:
    said = _curve(logs, *_figures(at))
    return -float(np.mean(np.log(np.maximum(said[np.arange(len(right)), right], _FLOOR))))


def _figures(at: Floats) -> tuple[float, float]:
    return math.exp(min(max(float(at[0]), 0.0), 5.0)), 1 / (1 + math.exp(-min(max(float(at[1]), -30.0), 30.0)))


def _curve(logs: Floats, temperature: float, doubt: float) -> Floats:
    flat = logs / temperature
    flat = np.exp(flat - flat.max(axis=1, keepdims=True))
    return np.asarray((1 - doubt) * flat / flat.sum(axis=1, keepdims=True) + doubt / logs.shape[1])


def _logs(probabilities: list[list[float]]) -> Floats:
    return np.asarray(np.log(np.maximum(np.array(probabilities), _FLOOR)), dtype=np.float64)
