"""One label out of several people's, with a probability and with who said what.

Which method is used is a stated rule over the shape of the data (`choose_method`), never the wish for a nicer figure. The models
(Dawid–Skene, one-coin Dawid–Skene, MACE) are crowd-kit's; the majority is counted here. Everything is deterministic, whatever the order
of the labels.

>>> said = [Rated("a", "Ann", "yes"), Rated("a", "Bo", "yes"), Rated("a", "Cy", "no"), Rated("b", "Ann", "no"), Rated("b", "Bo", "yes")]
>>> found = consensus(said, ("yes", "no"))
>>> found.method, found.items["a"].label, found.items["b"].label, found.items["b"].tied
('majority', 'yes', None, ('yes', 'no'))
>>> found.items["a"].votes
(('Ann', 'yes'), ('Bo', 'yes'), ('Cy', 'no'))
"""

from __future__ import annotations

import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pvariance
from typing import Any, Literal

from evals.errors import InputError, SetupError
from evals.statistics import calibration
from evals.statistics.agreement import Rated
from evals.statistics.calibration import Calibration

Method = Literal["majority", "dawid_skene", "one_coin", "mace"]

MIN_RATERS_PER_ITEM = 2.0  # fewer, and there is hardly anything to aggregate
# Full Dawid–Skene: below these, simulated raters who miss a rare label cost up to 8 points against majority, crowd_act cf 11.
CONFUSION_RATERS, CONFUSION_PER_ITEM, LABELS_PER_CELL, CONFUSION_SPREAD = 40, 3.0, 25.0, 2.5
# One skill a rater: with fewer classes, or one label far commoner than the others, it talks the rare label away (up to 8 points).
SKILL_RATERS, SKILL_LABELS, SKILL_CLASSES, SKILL_COMMONEST, SKILL_SPREAD = 10, 20.0, 5, 0.4, 2.0
_TIE = 1e-9
_FLOOR = 1e-12
MIN_SPREAD_VOTES = 5


@dataclass(frozen=True)
class Shape:
    """What `choose_method` looks at. `classes`: labels in use; `commonest`: share of the votes that went to the commonest of them;
    `spread`: how much more raters differ in agreeing with the others than chance has it (1: not at all), see `spread_of`."""

    items: int
    raters: int
    labels: int
    classes: int
    commonest: float
    spread: float

    @property
    def raters_per_item(self) -> float:
        return self.labels / self.items if self.items else 0.0

    @property
    def labels_per_rater(self) -> float:
        return self.labels / self.raters if self.raters else 0.0


@dataclass(frozen=True)
class Consensus:
    """What people said together about one item.

    `label` is None where the best labels are `tied`; nobody is asked to guess. `probability` is that of the label (of each of the tied);
    None where nothing tells how far to trust a vote. `votes`: (rater, label) in the order of the raters' names.
    """

    item: str
    label: str | None
    probability: float | None
    probabilities: Mapping[str, float]
    tied: tuple[str, ...]
    votes: tuple[tuple[str, str], ...]

    def disputed(self, below: float = 0.8) -> bool:
        """Should an expert decide? A tie, or people differ and the label's probability is under `below`."""
        return self.label is None or (
            len({label for _, label in self.votes}) > 1 and (self.probability is None or self.probability < below)
        )


@dataclass(frozen=True)
class Result:
    """`reason` says why this method; `calibration` is None where too little gold was there to check the probabilities: they are then too
    sure, a model's more than the majority's."""

    method: Method
    reason: str
    shape: Shape
    items: Mapping[str, Consensus]
    calibration: Calibration | None = None


def consensus(
    rated: Sequence[Rated], scale: Sequence[str], *, method: Method | None = None, gold: Mapping[str, str] | None = None
) -> Result:
    """One label an item, by `choose_method` unless a method is named.

    With enough gold among the items (`calibration.MIN_GOLD`) the probabilities are those that gold bears out; the labels stay the same.
    Raises InputError for a label off the scale or a rater counted twice, SetupError where crowd-kit is needed and not installed.
    """
    rated = _checked(rated, scale)
    shape = shape_of(rated)
    chosen, reason = choose_method(shape) if method is None else (method, "asked for")
    if shape.classes < 2 and chosen != "majority":
        chosen, reason = "majority", "only one label is in use: a model has nothing to learn"
    found = _by_majority(rated, scale) if chosen == "majority" else _by_model(chosen, rated, scale)
    fitted = calibration.fit({item: one.probabilities for item, one in found.items()}, gold or {})
    if fitted is not None:
        found = {item: _calibrated(one, fitted) for item, one in found.items()}
    return Result(chosen, reason, shape, found, fitted)


def _calibrated(one: Consensus, fitted: Calibration) -> Consensus:
    probabilities = fitted.applied(one.probabilities)
    return replace(one, probabilities=probabilities, probability=probabilities.get(one.label or one.tied[0]))


def shape_of(rated: Sequence[Rated]) -> Shape:
    """Counts of items, raters, labels and classes in use, how common the commonest is, how much raters differ."""
    counts = Counter(one.label for one in rated)
    commonest = max(counts.values()) / len(rated) if rated else 0.0
    items, raters = len({one.item for one in rated}), len({one.rater for one in rated})
    return Shape(items, raters, len(rated), len(counts), commonest, spread_of(rated))


def spread_of(rated: Sequence[Rated]) -> float:
    """Overdispersion of the raters: Σ_r (Σa − n_r ā)² / (n_r s²) ÷ (R − 1), a = share of the others on the item who gave the same label,
    ā and s² its mean and variance over all votes, R raters with at least 5 votes beside others'. 1.0 where that cannot be computed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in rated:
        counts[one.item][one.label] += 1
    agreed: dict[str, list[float]] = defaultdict(list)
    for one in sorted(rated):
        others = counts[one.item].total() - 1
        if others:
            agreed[one.rater].append((counts[one.item][one.label] - 1) / others)
    everything = [a for mine in agreed.values() for a in mine]
    enough = [mine for mine in agreed.values() if len(mine) >= MIN_SPREAD_VOTES]
    if len(enough) < 2 or len(set(everything)) < 2:
        return 1.0
    mean = fmean(everything)
    variance = pvariance(everything, mean)
    return sum((sum(mine) - len(mine) * mean) ** 2 / (len(mine) * variance) for mine in enough) / (len(enough) - 1)


def choose_method(shape: Shape) -> tuple[Method, str]:
    """(method, why): the majority, unless raters differ and there is enough to tell the good ones by.

    Full Dawid–Skene from 40 raters, 3 raters an item, 25 labels a rater for each free cell of a confusion matrix (50 for two classes, 300
    for four) and a spread of 2.5. One-coin Dawid–Skene from 10 raters, 2 raters an item, 20 labels a rater, five classes, none above 40 %
    of the votes, and a spread of 2. Never MACE: it takes all labels to be equally likely, and they hardly ever are. Measured and
    simulated: docs/decisions/0006.

    >>> choose_method(Shape(items=300, raters=461, labels=1720, classes=5, commonest=0.34, spread=1.4))
    ('majority', '3.7 labels a rater')
    >>> choose_method(Shape(5052, 176, 15156, 2, 0.8, 17.3))[0], choose_method(Shape(425, 44, 1819, 10, 0.14, 21.2))[0]
    ('dawid_skene', 'one_coin')
    """
    each, cells = shape.labels_per_rater, shape.classes * (shape.classes - 1)
    if shape.classes < 2:
        return "majority", "one label is in use" if shape.classes else "nobody said anything"
    if shape.raters_per_item < MIN_RATERS_PER_ITEM:
        return "majority", f"{shape.raters_per_item:.1f} raters an item"
    if shape.raters < SKILL_RATERS:
        return "majority", f"{shape.raters} raters"
    if each < SKILL_LABELS:
        return "majority", f"{each:.1f} labels a rater"
    if shape.spread < SKILL_SPREAD:
        return "majority", f"raters differ little: spread {shape.spread:.1f}"
    many = shape.raters >= CONFUSION_RATERS and shape.raters_per_item >= CONFUSION_PER_ITEM
    if many and each >= LABELS_PER_CELL * cells and shape.spread >= CONFUSION_SPREAD:
        return "dawid_skene", f"{shape.raters} raters, {each:.0f} labels each for {cells} cells, spread {shape.spread:.1f}"
    why = f"{shape.classes} classes, the commonest with {shape.commonest:.0%}; {each:.0f} labels a rater, spread {shape.spread:.1f}"
    return ("one_coin" if shape.classes >= SKILL_CLASSES and shape.commonest <= SKILL_COMMONEST else "majority"), why


# ---------------------------------------------------------------------------------------------- majority


def _by_majority(rated: Sequence[Rated], scale: Sequence[str]) -> dict[str, Consensus]:
    """The label most say. Its probability: as if all raters were equally good, as good as their agreement shows (`shared_accuracy`)."""
    votes = _votes(rated)
    accuracy = shared_accuracy(list(votes.values()), len(scale))
    return {item: _from_counts(item, mine, scale, accuracy) for item, mine in votes.items()}


def shared_accuracy(votes: Sequence[Mapping[str, str]], classes: int) -> float | None:
    """How often a rater is right if all are equally good, wrong labels are equally likely and errors independent: the larger a with
    a² + (1−a)²/(q−1) = agreement of pairs. One item more counts as a disagreement, so that it is never 1. None where nobody shares an item.

    >>> round(shared_accuracy([{"Ann": "x", "Bo": "x"}] * 9, 2), 3)
    0.947
    """
    counts = [Counter(mine.values()) for mine in votes if len(mine) > 1]
    if not counts or classes < 2:
        return None
    shares = [sum(c * (c - 1) for c in one.values()) / (one.total() * (one.total() - 1)) for one in counts]
    agreement, other = sum(shares) / (len(shares) + 1), 1 / (classes - 1)
    return (other + math.sqrt(max(0.0, other**2 - (1 + other) * (other - agreement)))) / (1 + other)


def _from_counts(item: str, votes: Mapping[str, str], scale: Sequence[str], accuracy: float | None) -> Consensus:
    counts = Counter(votes.values())
    best = tuple(label for label in scale if counts[label] == max(counts.values()))
    probabilities: dict[str, float] = {}
    if accuracy is not None:
        odds = math.log(max(accuracy, _FLOOR) * (len(scale) - 1) / max(1 - accuracy, _FLOOR))
        probabilities = _normalised({label: math.exp((counts[label] - counts[best[0]]) * max(odds, 0.0)) for label in scale})
    return Consensus(
        item,
        best[0] if len(best) == 1 else None,
        probabilities.get(best[0]),
        probabilities,
        best if len(best) > 1 else (),
        tuple(sorted(votes.items())),
    )


# ---------------------------------------------------------------------------------------------- models


def _by_model(method: Method, rated: Sequence[Rated], scale: Sequence[str]) -> dict[str, Consensus]:
    posterior = posteriors(method, rated)
    return {item: _from_posterior(item, mine, posterior[item], scale) for item, mine in _votes(rated).items()}


def posteriors(method: Method, rated: Sequence[Rated]) -> dict[str, dict[str, float]]:
    """crowd-kit's probability of each label in use, item by item. Dawid & Skene 1979; Hovy et al. 2013 (MACE)."""
    try:
        import pandas
        from crowdkit.aggregation import MACE, DawidSkene, OneCoinDawidSkene
    except ImportError as error:
        raise SetupError("consensus by a model needs crowd-kit: pip install 'plumbline[consensus]'") from error
    # MACE starts every restart from the same seed: one is as good as ten, in a tenth of the time.
    models: dict[str, Any] = {"dawid_skene": DawidSkene, "one_coin": OneCoinDawidSkene, "mace": lambda: MACE(n_restarts=1, random_state=0)}
    rows = sorted((one.item, one.rater, one.label) for one in rated)
    frame = pandas.DataFrame(rows, columns=["task", "worker", "label"])
    with warnings.catch_warnings():  # crowd-kit 1.4.2 uses what pandas 3 and 4 rename
        warnings.simplefilter("ignore")
        found = models[method]().fit_predict_proba(frame)
    return {str(item): {str(label): float(p) for label, p in row.items()} for item, row in found.to_dict("index").items()}


def _from_posterior(item: str, votes: Mapping[str, str], posterior: Mapping[str, float], scale: Sequence[str]) -> Consensus:
    probabilities = {label: posterior.get(label, 0.0) for label in scale}
    top = max(probabilities.values())
    best = tuple(label for label in scale if probabilities[label] > top - _TIE)
    label = best[0] if len(best) == 1 else None
    return Consensus(item, label, top, probabilities, best if len(best) > 1 else (), tuple(sorted(votes.items())))


# ---------------------------------------------------------------------------------------------- votes


def _checked(rated: Sequence[Rated], scale: Sequence[str]) -> list[Rated]:
    seen: set[tuple[str, str]] = set()
    for one in rated:
        if one.label not in scale:
            raise InputError(f"item {one.item}: {one.rater} said {one.label!r}, which is not on the scale {', '.join(scale)}")
        if (one.item, one.rater) in seen:
            raise InputError(f"item {one.item}: {one.rater} is counted twice; keep one label of each rater")
        seen.add((one.item, one.rater))
    return sorted(rated)


def _votes(rated: Sequence[Rated]) -> dict[str, dict[str, str]]:
    votes: dict[str, dict[str, str]] = defaultdict(dict)
    for one in rated:
        votes[one.item][one.rater] = one.label
    return dict(votes)


def _normalised(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {label: weight / total for label, weight in weights.items()}
