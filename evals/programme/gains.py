"""What was gained, and what to expect of it: a gain is reported because it passed, and so it flatters.

Read from the stored decisions: each non-inferiority requirement's overall difference, with its line and interval. A promotion asks more
than this one line, and may be read more than once: what is taken off is the selection by the line, at the look that decided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from scipy import stats

from evals.records import Decision
from evals.statistics.intervals import Interval
from evals.statistics.shrinkage import after_selection, total_after_selection

LEVEL = 0.90  # of the interval of what to expect


class Gain(NamedTuple):
    """One candidate's difference under one requirement: as reported; its `spread` and the estimate it had to exceed (`line`), from the
    interval; and what to expect (`expected`), None with a reason where it was not selected."""

    requirement: str
    reported: float
    spread: float
    line: float
    promoted: bool
    expected: Interval


class Total(NamedTuple):
    """All promoted gains under one requirement: as reported and as to be expected, over `promoted` of `tested` candidates."""

    requirement: str
    promoted: int
    tested: int
    reported: float
    expected: float


def gains(decision: Decision) -> list[Gain]:
    """One a measured non-inferiority requirement; those without an interval have nothing to correct and are left out."""
    rows = [row for row in decision.body["requirements"] if row["kind"] == "non_inferiority"]
    chosen = decision.outcome == "promote"
    return [found for row in rows if (found := _gain(row, chosen and row["cells"][0]["verdict"] == "pass"))]


def _gain(requirement: Mapping[str, Any], promoted: bool) -> Gain | None:
    """σ is read from the lower half of the interval, and the line from how far the lower bound was from the policy's."""
    cell = requirement["cells"][0]
    if cell["low"] is None or cell["line"] is None or cell["estimate"] <= cell["low"]:
        return None
    half = cell["estimate"] - cell["low"]
    spread, line = half / float(stats.norm.ppf((1 + cell["level"]) / 2)), cell["line"] + half
    selected = line if promoted else float("inf")
    expected = after_selection(cell["estimate"], spread, selected, level=LEVEL, n=cell["n"])
    return Gain(requirement["name"], cell["estimate"], spread, line, promoted, expected)


def totals(found: Iterable[Gain]) -> list[Total]:
    """By requirement: what a year of promotions adds up to. Every tested candidate counts, promoted or not."""
    groups: dict[str, list[Gain]] = defaultdict(list)
    for gain in found:
        groups[gain.requirement].append(gain)
    return [_total(name, rows) for name, rows in sorted(groups.items())]


def _total(name: str, rows: list[Gain]) -> Total:
    """One that passed this line and failed by another is not promoted: it counts as if this line had kept it out."""
    lines = [gain.line if gain.promoted else max(gain.line, gain.reported) for gain in rows]
    reported, expected = total_after_selection([gain.reported for gain in rows], [gain.spread for gain in rows], lines)
    return Total(name, sum(gain.promoted for gain in rows), len(rows), reported, expected)
