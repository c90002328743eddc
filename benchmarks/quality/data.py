"""The public sets, one part of each: ``dev``, on which things are tuned, or ``holdout``, where it is unsealed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from evals.paths import shared_data
from evals.statistics.auroc import auroc
from evals.statistics.bootstrap import groups_of, interval, mean_of
from evals.statistics.intervals import Interval

Row = dict[str, Any]
LEVEL = 0.95


@dataclass(frozen=True)
class Sets:
    """The rows of each public set in one part. `part`: ``dev`` or ``holdout``."""

    part: str = "dev"

    def rows(self, name: str, keep: Callable[[Row], bool] = lambda _row: True) -> list[Row]:
        """The rows of a set, in order. Raises FileNotFoundError naming the file."""
        return [row for row in _rows(name, self.part) if keep(row)]

    def has(self, name: str) -> bool:
        return _path(name, self.part).exists()


def _path(name: str, part: str) -> Any:
    return shared_data() / name / part / "data.jsonl.gz"


@cache
def _rows(name: str, part: str) -> tuple[Row, ...]:
    with gzip.open(_path(name, part), "rt", encoding="utf-8") as file:
        return tuple(map(json.loads, file))


def area(scores: Sequence[float], right: Sequence[bool], groups: Sequence[str]) -> Interval:
    """AUROC of scores in [0, 1] with a 95 % interval clustered by `groups`; no estimate where only one class is there."""
    numbers = groups_of({str(i): group for i, group in enumerate(groups)})
    found = auroc(np.asarray(scores, dtype=float), np.asarray(right, dtype=bool), numbers)
    return interval(found, n=len(scores), level=LEVEL)


def share(values: Sequence[float], groups: Sequence[str]) -> Interval:
    """Mean of values in [0, 1] with a 95 % interval clustered by `groups`."""
    numbers = groups_of({str(i): group for i, group in enumerate(groups)})
    return interval(mean_of(np.asarray(values, dtype=float), numbers), n=len(values), level=LEVEL)


def shown(found: Interval, digits: int = 3) -> str:
    """``0.812 (0.770–0.850)``; the reason where there is no estimate."""
    if found.estimate is None:
        return "—"
    if found.low is None or found.high is None:
        return f"{found.estimate:.{digits}f}"
    return f"{found.estimate:.{digits}f} ({found.low:.{digits}f}–{found.high:.{digits}f})"
