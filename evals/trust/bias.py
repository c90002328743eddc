"""What moves a judge of pairs besides the texts: the place, the length, its own kin. Each held against what people prefer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import regex

from evals.judges.pairwise import Verdict
from evals.records import Case, Preference
from evals.statistics.bootstrap import groups_of, interval, mean_of
from evals.statistics.clusters import Floats, Ints
from evals.statistics.intervals import Interval, no_interval
from evals.statistics.kappa import kappa
from evals.statistics.stacking import logistic
from evals.trust.pairs import WORTH, pair_id

LEVEL = 0.95
MIN_PAIRS = 30  # fewer say nothing about a bias
DRAWS = 400  # each fits a regression
MIN_FITTED = 0.95  # of the draws; otherwise the regression hangs on a few pairs
_FAMILY = regex.compile(r"[a-z]+")


@dataclass(frozen=True)
class Judged:
    """A preference with what it is held against: the product, and what people prefer (None where they have not said)."""

    preference: Preference
    language: str
    product: str
    people: Verdict | None


@dataclass(frozen=True)
class BiasCard:
    """One language, over the `pairs` that have a verdict.

    `position`: of single answers that choose, the share that choose what was shown first; 0.5 is none. `length`: coefficient of
    ln(words of one ÷ words of the other) in a logistic regression of the judge's preference beside people's; 0 is none, positive likes
    long ones better than people do. `own`: how much more often than people it prefers the output of its own model family, in [−1, 1].
    `agreement`: Cohen's kappa with people where both choose. Without estimate an interval's `reason` says why: not measurable.
    """

    judge: str
    signature: str
    language: str
    pairs: int
    with_people: int
    position: Interval
    length: Interval
    own: Interval
    agreement: Interval


def judged(preferences: Iterable[Preference], cases: Mapping[str, Case], people: Mapping[str, Verdict]) -> list[Judged]:
    """Preferences beside people's (`evals.trust.pairs.people`); those whose case is not given are left out."""
    return [
        Judged(one, cases[one.case_id].language, cases[one.case_id].product_id, people.get(pair_id(one)))
        for one in preferences
        if one.case_id in cases
    ]


def cards(rows: Iterable[Judged], model: str) -> list[BiasCard]:
    """One card for each signature and language; `model`: the judge's, for its family."""
    found: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for row in rows:
        if row.preference.verdict is not None:
            found[(row.preference.signature, row.language)].append(row)
    return [_card(signature, language, some, family(model)) for (signature, language), some in sorted(found.items())]


def family(model: str | None) -> str | None:
    """The kin of a model by its name: that of its weights, whoever serves them.

    >>> family("Qwen/Qwen2.5-7B-Instruct"), family("gpt-4o"), family(None)
    ('qwen', 'gpt', None)
    """
    found = _FAMILY.search((model or "").rstrip("/").rpartition("/")[2].casefold())
    return found.group() if found else None


def _card(signature: str, language: str, rows: Sequence[Judged], kin: str | None) -> BiasCard:
    known = [row for row in rows if row.people is not None]
    parts = (_position(rows), _length(known), _own(known, kin), _agreement(known))
    return BiasCard(rows[0].preference.judge, signature, language, len(rows), len(known), *parts)


def _position(rows: Sequence[Judged]) -> Interval:
    """Each pair was asked twice: first with a in front, then with b."""
    chosen = [
        (row, said == front)
        for row in rows
        for said, front in zip(row.preference.detail.get("said", ()), ("a", "b"), strict=False)
        if said != "tie"
    ]
    if len(chosen) < MIN_PAIRS:
        return _few(len(chosen), "single answers that choose")
    groups = groups_of({str(n): row.product for n, (row, _) in enumerate(chosen)})
    return interval(mean_of(np.array([float(first) for _, first in chosen]), groups), n=len(chosen), level=LEVEL)


def _length(rows: Sequence[Judged]) -> Interval:
    measured = [row for row in rows if min(row.preference.detail.get("words", (0, 0))) > 0]
    if len(measured) < MIN_PAIRS:
        return _few(len(measured), "pairs with people's preference")
    ratio = np.array([np.log(a / b) for a, b in (row.preference.detail["words"] for row in measured)])
    liked = np.array([WORTH[str(row.people)] - 0.5 for row in measured])
    said = np.array([WORTH[str(row.preference.verdict)] for row in measured])
    groups = groups_of({row.preference.preference_id: row.product for row in measured})
    columns = [np.ones(len(said)), ratio, *([liked] if liked.std() > 0 else [])]
    return _slope(np.column_stack(columns), said, groups)


def _slope(x: Floats, y: Floats, groups: Ints) -> Interval:
    """The second coefficient, its bounds by a Bayesian bootstrap over products (Rubin 1981)."""
    count = int(groups.max()) + 1
    estimate = logistic(x, y, np.ones(len(y)))
    if estimate is None or count < 2:
        why = "one product" if estimate is not None else "length does not vary apart from the rest, or it alone decides"
        return no_interval(LEVEL, len(y), count, f"not measurable: {why}")
    rng = np.random.default_rng(0)
    drawn = [logistic(x, y, rng.exponential(size=count)[groups]) for _ in range(DRAWS)]
    slopes = [float(one[1]) for one in drawn if one is not None]
    middle = float(estimate[1])
    if len(slopes) < MIN_FITTED * DRAWS:
        return no_interval(LEVEL, len(y), count, "not measurable: it hangs on a few pairs", middle)
    tail = (1 - LEVEL) / 2
    low, high = float(np.quantile(slopes, tail)), float(np.quantile(slopes, 1 - tail))
    return Interval(middle, min(low, middle), max(high, middle), LEVEL, "Bayesian bootstrap over products", len(y), count)


def _own(rows: Sequence[Judged], kin: str | None) -> Interval:
    """Over pairs of which one output is the family's: mean of (the judge's preference for it − people's)."""
    if kin is None:
        return no_interval(LEVEL, 0, 0, "not measurable: the judge's model has no name")
    found = list(_of_kin(rows, kin))
    if len(found) < MIN_PAIRS:
        return _few(len(found), f"pairs of which one output is by {kin} and people said which they prefer")
    groups = groups_of({row.preference.preference_id: row.product for row, _ in found})
    apart = np.array([extra for _, extra in found])
    at = interval(mean_of((apart + 1) / 2, groups), n=len(found), level=LEVEL)
    estimate, low, high = (None if one is None else 2 * one - 1 for one in (at.estimate, at.low, at.high))
    return replace(at, estimate=estimate, low=low, high=high)


def _of_kin(rows: Sequence[Judged], kin: str) -> Iterator[tuple[Judged, float]]:
    for row in rows:
        mine = [family(model) == kin for model in row.preference.detail.get("wrote", (None, None))]
        if sum(mine) == 1:
            extra = WORTH[str(row.preference.verdict)] - WORTH[str(row.people)]
            yield row, extra if mine[0] else -extra


def _agreement(rows: Sequence[Judged]) -> Interval:
    both = [row for row in rows if "tie" not in (row.people, row.preference.verdict)]
    if len(both) < MIN_PAIRS:
        return _few(len(both), "pairs on which judge and people both choose")
    groups = groups_of({row.preference.preference_id: row.product for row in both})
    one = np.array([row.preference.verdict == "a" for row in both])
    other = np.array([row.people == "a" for row in both])
    return interval(kappa(one, other, groups), n=len(both), level=LEVEL)


def _few(n: int, of: str) -> Interval:
    return no_interval(LEVEL, n, n, f"not measurable: {n} {of}, {MIN_PAIRS} are needed")
