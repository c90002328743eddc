"""What every format says in the same words: intervals, lines, notes, order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from evals.gate.reasons import is_difference, number
from evals.text import visible

VERDICTS = ("fail", "error", "unverified", "inconclusive", "waived", "pass")
SHARES = ("ceiling", "tail_latency", "parity", "length")  # shown in per cent
UPPER = ("ceiling", "tail_latency", "cost")  # must stay at or below their line

Row = Mapping[str, Any]


def worst_first(requirement: Row) -> list[Row]:
    """A requirement's cells: the whole, then its slices with the worst verdict first and, among equals, the lowest estimate."""
    overall, *slices = requirement["cells"]
    return [overall, *sorted(slices, key=lambda cell: (VERDICTS.index(cell["verdict"]), _height(requirement, cell), cell["slice"]))]


def slice_name(cell: Row) -> str:
    """``ja`` of ``language=ja``; empty for the whole."""
    return "" if cell["slice"] == "overall" else plain(str(cell["slice"]).split("=", 1)[1])


def interval_text(requirement: Row, cell: Row) -> str:
    """``−0.021 (−0.060 to +0.010)``, in per cent for shares, times or USD for cost, a dash where there is nothing."""
    shown = [_value(requirement, cell[name]) for name in ("estimate", "low", "high")]
    return shown[0] if cell["estimate"] is None or cell["low"] is None else f"{shown[0]} ({shown[1]} to {shown[2]})"


def line_text(requirement: Row, cell: Row) -> str:
    """What the interval is held against: ``> −0.050``, ``≤ 5 %``, ``≥ 99 %``."""
    line, kind = cell["line"], requirement["kind"]
    if line is None:
        return "–"
    if kind in SHARES:
        return f"{'≤' if kind in UPPER else '≥'} {100 * line:.3g} %"
    return f"≤ {_value(requirement, line)}" if kind in UPPER else f"> {_value(requirement, line)}"


def _value(requirement: Row, value: float | None) -> str:
    if value is None:
        return "–"
    if requirement["kind"] in SHARES:
        return f"{100 * value:.1f} %"
    if requirement["kind"] == "cost":
        return f"{value:.3g}{' USD' if 'max_usd_per_million_tokens' in requirement['stated'] else '×'}"
    return number(value, signed=is_difference(requirement))


def notes(body: Row) -> list[str]:
    """What a reader must know before believing the numbers."""
    evidence, policy, found = body["evidence"], body["policy"], []
    if evidence["simulated_annotators"]:
        found.append(f"Simulated: {evidence['simulated_annotators']} of {evidence['annotators']} annotators are scripts, not people.")
    if policy["looks"] == "any":
        found.append(f"Look {policy['look']}; any number is planned: human labels are read by a bound that holds at every look.")
    elif policy["looks"] > 1 or policy["look"] > 1:
        level = policy.get("level", policy["alpha"] / policy["looks"])
        found.append(f"Look {policy['look']} of {policy['looks']} planned: human labels are read at level {level:.3g}.")
    found += [line for requirement in body["requirements"] if (line := _moved(requirement))]
    if body["plan"]["beyond"] and body.get("outcome") == "hold":
        found.append(f"The dataset would have to grow by about {body['plan']['beyond']} cases to settle everything.")
    return found


def _moved(requirement: Row) -> str | None:
    """That labels known to err hide a part of a loss, so that the margin is read smaller (`evals.gate.verdicts`)."""
    margin, line = requirement["stated"].get("margin"), requirement["cells"][0]["line"]
    if not is_difference(requirement) or margin is None or line is None or abs(margin + line) < 1e-6:
        return None
    hidden = "a part of the labels is wrong and hides that part of a loss"
    return f"{requirement['name']}: {hidden}, so the margin {margin:g} is read as {-line:.3g}."


def waived(body: Row) -> list[str]:
    """Each verdict that somebody let go: which, what it was, who, until when and why."""
    return [_waiver(row) for row in body.get("waivers", ())]


def _waiver(row: Row) -> str:
    where = row["requirement"] if row["slice"] == "overall" else f"{row['requirement']} in {str(row['slice']).split('=', 1)[-1]}"
    loss = "nothing was measured" if row["loss"] is None else f"loss {row['loss']:.3g}, at most {row['max_loss']:.3g}"
    signed = "signed" if row["signature"] else "unsigned"
    return f"{where}: {row['was']} waived by {row['owner']} until {row['expires']} ({loss}; {signed}): {row['reason']}"


def self_test(body: Row) -> str | None:
    """That the policy was tried on what it must promote and reject, and how often; None where a decision has no self-test."""
    tested = body.get("self_test")
    if not tested or not tested["requirements"]:
        return None
    said = "passed" if tested["passed"] else "failed"
    return f"Self-test {said}: {len(tested['requirements'])} requirements, {tested['repetitions']} repetitions of each trial"


def levels(body: Row) -> str:
    """``90 %``: which intervals are shown, the narrowest first."""
    found = sorted({cell["level"] for row in body["requirements"] for cell in row["cells"] if cell["low"] is not None})
    return ", ".join(f"{100 * level:.4g} %" for level in found)


def methods(body: Row) -> list[str]:
    return sorted({cell["method"] for row in body["requirements"] for cell in row["cells"] if cell["method"] != "none"})


def _height(requirement: Row, cell: Row) -> float:
    """Small is bad: a lost share for differences and floors, a high rate for ceilings."""
    if cell["estimate"] is None:
        return 0.0
    return float(-cell["estimate"] if requirement["kind"] in UPPER else cell["estimate"])


def plain(text: str) -> str:
    """One line without control, bidi or other characters that XML forbids."""
    return re.sub(r"[￾￿]", "\ufffd", " ".join(visible(text).split()))
