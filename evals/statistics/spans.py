"""How far people mark the same spans.

>>> marks = [Marked("a", "Ann", [(0, 4)]), Marked("a", "Bo", [(2, 6)]), Marked("b", "Ann", []), Marked("b", "Bo", [])]
>>> round(span_iou(marks).interval.estimate, 4)
0.6667
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evals.errors import InputError
from evals.statistics.agreement import Agreement, no_doubles, too_few
from evals.statistics.bootstrap import DRAWS, groups_of, interval, mean_of, nothing


class Marked(NamedTuple):
    """The spans one rater marked in one item, as code points [start, end); none is an answer too. `source` as in `agreement.Rated`."""

    item: str
    rater: str
    spans: Sequence[tuple[int, int]]
    source: str | None = None


def span_iou(marked: Sequence[Marked], *, level: float = 0.95, draws: int = DRAWS, seed: int = 0) -> Agreement:
    """Mean over items of the mean over pairs of raters of |both marked| ÷ |either marked|, in characters; 1 where neither marked.

    Not corrected for chance: where most of a text is marked by everybody it is high without skill. Raises InputError for a span that ends
    before it begins, and for two answers of one rater to one item.
    """
    no_doubles(marked)
    by_item: dict[str, list[Marked]] = defaultdict(list)
    for mark in sorted(marked, key=lambda mark: (mark.item, mark.rater)):
        by_item[mark.item].append(mark)
    shared = {item: marks for item, marks in by_item.items() if len(marks) > 1}
    values = np.array([_mean_iou([_characters(mark) for mark in marks]) for marks in shared.values()])
    groups = groups_of({item: marks[0].source for item, marks in shared.items()})
    found = mean_of(values, groups) if shared else nothing(too_few(len({mark.rater for mark in marked})))
    raters = tuple(sorted({mark.rater for marks in shared.values() for mark in marks}))
    bounds = interval(found, n=len(shared), level=level, draws=draws, seed=seed)
    return Agreement("span IoU", bounds, raters, sum(map(len, shared.values())))


def _characters(mark: Marked) -> frozenset[int]:
    bad = next((span for span in mark.spans if span[0] < 0 or span[1] < span[0]), None)
    if bad is not None:
        raise InputError(f"item {mark.item}: {mark.rater} marked {tuple(bad)}, which is no span")
    return frozenset(itertools.chain.from_iterable(range(start, end) for start, end in mark.spans))


def _mean_iou(marks: Sequence[frozenset[int]]) -> float:
    pairs = [len(a & b) / len(a | b) if a or b else 1.0 for a, b in itertools.combinations(marks, 2)]
    return sum(pairs) / len(pairs)
