"""What every format says in the same words: intervals, lines, notes, order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from evals.gate.reasons import is_difference, number
from evals.text import visible

VERDICTS = ("fail", "error", "unverified", "inconclusive", "waived", "pass")

Row = Mapping[str, Any]


def worst_first(requirement: Row) -> list[Row]:
    """A requirement's cells: the whole, then its slices with the worst verdict first and, among equals, the lowest estimate."""
    overall, *slices = requirement["cells"]
    return [overall, *sorted(slices, key=lambda cell: (VERDICTS.index(cell["verdict"]), _height(requirement, cell), cell["slice"]))]


def interval_text(requirement: Row, cell: Row) -> str:
    """``−0.021 (−0.060 to +0.010)``, in per cent for shares of outputs, a dash where there is nothing."""
    values = [cell["estimate"], cell["low"], cell["high"]]
    if values[0] is None:
        return "–"
    if requirement["kind"] in ("ceiling", "tail_latency"):
        shown = [f"{100 * value:.1f} %" if value is not None else "–" for value in values]
    else:
        shown = [number(value, signed=is_difference(requirement)) for value in values]
    return shown[0] if cell["low"] is None else f"{shown[0]} ({shown[1]} to {shown[2]})"


def line_text(requirement: Row, cell: Row) -> str:
    """What the interval is held against: ``> −0.050``, ``≤ 5.0 %``."""
    if cell["line"] is None:
        return "–"
    if requirement["kind"] in ("ceiling", "tail_latency"):
        return f"≤ {100 * cell['line']:.3g} %"
    return f"≤ {cell['line']:.3g}" if requirement["kind"] == "cost" else f"> {number(cell['line'], signed=is_difference(requirement))}"


def notes(body: Row) -> list[str]:
    """What a reader must know before believing the numbers."""
    found, policy = [], body["policy"]
    if body["evidence"]["simulated_annotators"]:
        found.append(
            f"Simulated: {body['evidence']['simulated_annotators']} of {body['evidence']['annotators']} annotators are scripts, not people."
        )
    if policy["looks"] > 1 or policy["look"] > 1:
        found.append(
            f"Look {policy['look']} of {policy['looks']} planned: human labels are read at level {policy['alpha'] / policy['looks']:.3g}."
        )
    if body["plan"]["beyond"]:
        found.append(f"The dataset would have to grow by about {body['plan']['beyond']} cases to settle everything.")
    return found


def _height(requirement: Row, cell: Row) -> float:
    """Small is bad: a lost share for differences and floors, a high rate for ceilings."""
    if cell["estimate"] is None:
        return 0.0
    return float(-cell["estimate"] if requirement["kind"] in ("ceiling", "tail_latency", "cost") else cell["estimate"])


def plain(text: str) -> str:
    """One line without control, bidi or other characters that XML forbids."""
    return re.sub(r"[￾￿]", "\ufffd", " ".join(visible(text).split()))
