"""How far people give the same labels, beyond chance, with an interval: Krippendorff's alpha, Gwet's AC1, raw agreement, pairs of raters.

Items that share a source are resampled together, and agreement that was never tested by a disagreement is not taken for perfect
(`bootstrap`). Spans: `spans`.

>>> twice = [Rated(f"item {n}", rater, "yes" if n % 2 else "no") for n in range(20) for rater in ("Ann", "Bo")]
>>> alpha, ac1, raw = agreements(twice, ("yes", "no"))
>>> alpha.interval.estimate, alpha.interval.low < 0.9, alpha.raters
(1.0, True, ('Ann', 'Bo'))
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import krippendorff
import numpy as np

from evals.errors import InputError
from evals.statistics.bootstrap import DRAWS, Coefficient, by_group, groups_of, interval, mean_of, nothing
from evals.statistics.clusters import Floats, Ints
from evals.statistics.intervals import Interval, clopper_pearson

Kind = Literal["nominal", "ordinal", "interval"]


class Rated(NamedTuple):
    """One rater's label for one item; items of the same `source` (a product, a text) are not independent. None: its own source."""

    item: str
    rater: str
    label: str
    source: str | None = None


@dataclass(frozen=True)
class Question:
    """One question of a rubric: its labels in order (numbers where `kind` is ``interval``), and what distances between them mean."""

    scale: tuple[str, ...]
    kind: Kind = "nominal"


@dataclass(frozen=True)
class Agreement:
    """One coefficient. `interval.n` items were rated by at least two people, in `interval.clusters` sources; `ratings` fell on them.

    Where the estimate or a bound is None, `interval.reason` says why.
    """

    measure: str
    interval: Interval
    raters: tuple[str, ...]
    ratings: int


@dataclass(frozen=True)
class Pair:
    """Two raters: the share of the items both rated on which they gave the same label, exact interval (items as if independent)."""

    first: str
    second: str
    share: Interval


# ---------------------------------------------------------------------------------------------- what is asked for


def agreements(
    rated: Sequence[Rated], scale: Sequence[str], kind: Kind = "nominal", *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> tuple[Agreement, Agreement, Agreement]:
    """Krippendorff's alpha, Gwet's AC1 and the raw agreement of one question.

    `scale` lists the labels a rater could choose, in order for ``ordinal``, numbers for ``interval``; AC1 depends on how many there are.
    Raises InputError for a label that is not on the scale, and for two labels of one rater on one item.
    """
    table = _table(rated, tuple(scale))
    found = {f"alpha, {kind}": _alpha(table, kind), "AC1": _ac1(table), "raw agreement": _raw(table)}
    first, second, third = (
        Agreement(name, interval(one, n=len(table.counts), level=level, draws=draws, seed=seed), table.raters, table.ratings)
        for name, one in found.items()
    )
    return first, second, third


def per_question(
    answers: Mapping[tuple[str, str], Sequence[Rated]], questions: Mapping[str, Question], *, level: float = 0.95, seed: int = 0
) -> dict[tuple[str, str], tuple[Agreement, Agreement, Agreement]]:
    """`agreements` for each (question, language): the heat map. Languages are never pooled: they have other raters and other texts."""
    return {
        (question, language): agreements(rated, questions[question].scale, questions[question].kind, level=level, seed=seed)
        for (question, language), rated in sorted(answers.items())
    }


def rater_pairs(rated: Sequence[Rated], *, level: float = 0.95) -> tuple[Pair, ...]:
    """The pair matrix: every two raters who share an item.

    >>> [(p.first, p.second, p.share.estimate) for p in rater_pairs([Rated("i", "Ann", "x"), Rated("i", "Bo", "x"), Rated("j", "Cy", "x")])]
    [('Ann', 'Bo', 1.0)]
    """
    no_doubles(rated)
    by_item: dict[str, dict[str, str]] = defaultdict(dict)
    for one in rated:
        by_item[one.item][one.rater] = one.label
    same: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for votes in by_item.values():
        for first, second in itertools.combinations(sorted(votes), 2):
            same[first, second].append(votes[first] == votes[second])
    return tuple(Pair(first, second, clopper_pearson(sum(seen), len(seen), level)) for (first, second), seen in sorted(same.items()))


# ---------------------------------------------------------------------------------------------- counts


@dataclass(frozen=True)
class _Table:
    """`counts`: items × labels of the scale, items with two or more ratings; `single`: labels of the items rated once; `groups` as in
    `bootstrap`."""

    counts: Floats
    single: Floats
    groups: Ints
    scale: tuple[str, ...]
    raters: tuple[str, ...]
    ratings: int
    everybody: int


def _table(rated: Sequence[Rated], scale: tuple[str, ...]) -> _Table:
    no_doubles(rated)
    position = {label: number for number, label in enumerate(scale)}
    by_item: dict[str, list[Rated]] = defaultdict(list)
    for one in rated:
        if one.label not in position:
            raise InputError(f"item {one.item}: {one.rater} said {one.label!r}, which is not on the scale {', '.join(scale)}")
        by_item[one.item].append(one)
    shared = {item: by_item[item] for item in sorted(by_item) if len(by_item[item]) > 1}
    counts = np.array([np.bincount([position[one.label] for one in votes], minlength=len(scale)) for votes in shared.values()], dtype=float)
    single = [position[votes[0].label] for votes in by_item.values() if len(votes) == 1]
    kept = [one for votes in shared.values() for one in votes]
    return _Table(
        counts,
        np.bincount(single, minlength=len(scale)).astype(float),
        groups_of({item: votes[0].source for item, votes in shared.items()}),
        scale,
        tuple(sorted({one.rater for one in kept})),
        len(kept),
        len({one.rater for one in rated}),
    )


def no_doubles(answers: Iterable[tuple[Any, ...]]) -> None:
    """Raises InputError where (item, rater, …) comes twice: which of the two counts is the caller's to say."""
    seen: set[tuple[str, str]] = set()
    for item, rater, *_ in answers:
        if (item, rater) in seen:
            raise InputError(f"item {item}: {rater} is counted twice; keep one answer of each rater")
        seen.add((item, rater))


def too_few(raters: int) -> str:
    """Why there is no agreement to speak of: there are no two raters, or they share nothing."""
    return "no item was rated by two people" if raters > 1 else f"{raters} rater{'' if raters else 's'}: agreement needs two"


# ---------------------------------------------------------------------------------------------- coefficients


def _alpha(table: _Table, kind: Kind) -> Coefficient:
    """Krippendorff 2011: 1 − observed ÷ expected disagreement; the library gives the estimate, sums over groups the draws."""
    reason = _one_category(table)
    if reason:
        return nothing(reason)
    points = _points(table.scale, kind)
    estimate = float(krippendorff.alpha(value_counts=table.counts.astype(np.int64), value_domain=points, level_of_measurement=kind))

    def value(sums: Floats) -> Floats:
        k = len(points)
        marginal, seen = sums[:, :k], sums[:, k:].reshape(-1, k, k)
        at = np.cumsum(marginal, axis=1) - marginal / 2 if kind == "ordinal" else np.broadcast_to(points, marginal.shape)
        gap = at[:, :, None] - at[:, None, :]
        distance = (gap != 0).astype(float) if kind == "nominal" else gap**2
        expected = marginal[:, :, None] * marginal[:, None, :] * distance
        total = marginal.sum(axis=1)
        return np.asarray(1 - (total - 1) * (seen * distance).sum(axis=(1, 2)) / expected.sum(axis=(1, 2)))

    size, total = table.ratings / len(table.counts), table.ratings / (int(table.groups.max()) + 1)
    ends = _furthest(table, kind)
    worst, best = np.zeros((1, len(points))), np.zeros((1, len(points)))
    worst[0, list(ends)] = total / 2
    best[0, min(ends, key=lambda end: table.counts[:, end].sum())] = total
    return Coefficient(estimate, by_group(_pairs(table.counts), table.groups), _pairs(worst, size)[0], _pairs(best, size)[0], value)


def _pairs(counts: Floats, size: float | None = None) -> Floats:
    """Per item its ratings by label, then its coincidences (c_k c_l − [k = l] c_k) / (m − 1), m ratings an item.

    With `size` given the row is a group of items with that many ratings each, all of them divided alike.
    """
    m = counts.sum(axis=1, keepdims=True) if size is None else np.full((len(counts), 1), size)
    share = counts * m / counts.sum(axis=1, keepdims=True)
    items = counts.sum(axis=1) / m[:, 0]
    coincidences = (share[:, :, None] * share[:, None, :] - share[:, :, None] * np.eye(counts.shape[1])) / (m[:, :, None] - 1)
    coincidences = np.maximum(coincidences, 0) * items[:, None, None]
    return np.hstack([counts, coincidences.reshape(len(counts), -1)])


def _ac1(table: _Table) -> Coefficient:
    """Gwet 2008, for several raters and gaps: (p_a − p_e) ÷ (1 − p_e), p_e = Σ π(1−π) ÷ (q−1), π over every item that was rated."""
    reason = _one_category(table)
    if reason:
        return nothing(reason)
    k = len(table.scale)
    shares = table.counts / table.counts.sum(axis=1, keepdims=True)

    def value(sums: Floats) -> Floats:
        agreed = sums[:, 0] / sums[:, 1]
        prevalence = sums[:, 2:] + table.single
        prevalence = prevalence / prevalence.sum(axis=1, keepdims=True)
        chance = (prevalence * (1 - prevalence)).sum(axis=1) / (k - 1)
        return np.asarray((agreed - chance) / (1 - chance))

    features = np.hstack([_agreeing(table.counts)[:, None], np.ones((len(shares), 1)), shares])
    sums = by_group(features, table.groups)
    typical = sums.mean(axis=0)
    worst, best = typical.copy(), typical.copy()
    worst[0], best[0] = 0.0, typical[1]
    return Coefficient(float(value(sums.sum(axis=0)[None])[0]), sums, worst, best, value)


def _raw(table: _Table) -> Coefficient:
    return mean_of(_agreeing(table.counts), table.groups) if len(table.counts) else nothing(too_few(table.everybody))


def _agreeing(counts: Floats) -> Floats:
    """Per item the share of pairs of raters who said the same."""
    m = counts.sum(axis=1)
    return np.asarray((counts * (counts - 1)).sum(axis=1) / (m * (m - 1)))


def _one_category(table: _Table) -> str | None:
    if not len(table.counts):
        return too_few(table.everybody)
    used = np.flatnonzero(table.counts.sum(axis=0))
    return f"every rating is {table.scale[used[0]]!r}: chance and skill cannot be told apart" if len(used) < 2 else None


def _points(scale: tuple[str, ...], kind: Kind) -> Floats:
    if kind != "interval":
        return np.arange(len(scale), dtype=float)
    try:
        points = [float(label) for label in scale]
    except ValueError:
        points = [math.nan]
    if not all(map(math.isfinite, points)):
        raise InputError(f"an interval scale needs numbers: {', '.join(scale)}")
    return np.array(points)


def _furthest(table: _Table, kind: Kind) -> tuple[int, int]:
    """The two labels in use between which a disagreement is worst: the ends of an ordered scale, else the two commonest."""
    total = table.counts.sum(axis=0)
    used = np.flatnonzero(total)
    if kind == "nominal":
        commonest = sorted(used, key=lambda label: (-total[label], label))
        return int(commonest[0]), int(commonest[1])
    by_place = sorted(used, key=lambda label: _points(table.scale, kind)[label])
    return int(by_place[0]), int(by_place[-1])
