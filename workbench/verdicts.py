"""A decision's body as pages show it: the requirements' table, the label plan, the history. Pure; nothing is decided here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from evals.languages import LANGUAGES
from evals.records import Decision
from workbench.cards import plain
from workbench.units import unit_of

# What a verdict looks like: colour and icon of its badge. Only `pass` is green.
VERDICTS = {
    "fail": ("red", "cancel"),
    "error": ("red", "error"),
    "unverified": ("gray", "help"),
    "inconclusive": ("orange", "hourglass_empty"),
    "waived": ("blue", "assignment_turned_in"),
    "pass": ("green", "check_circle"),
}
OUTCOMES = {"promote": ("green", "check_circle"), "reject": ("red", "cancel"), "hold": ("orange", "pause_circle")}
_KINDS = {
    "non_inferiority": "not worse than the champion",
    "floor": "the candidate's own mean",
    "ceiling": "share of outputs",
    "tail_latency": "slow answers",
    "cost": "cost of an answer",
    "regression": "what customers reported",
    "parity": "share of the champion's mean",
    "length": "share of the champion's length",
}


class RequirementRow(NamedTuple):
    """One line of the requirements table, as Streamlit Markdown."""

    requirement: str
    verdict: str
    observed: str
    interval: str
    threshold: str
    n: str
    slices: str
    why: str


def badge(verdict: str) -> str:
    """A verdict as a Markdown badge; an unknown word is shown in grey."""
    colour, icon = VERDICTS.get(verdict, ("gray", "help"))
    return f":{colour}-badge[:material/{icon}: {verdict}]"


def sentence(decision: Decision) -> str:
    """The reason without the outcome before it, which a badge or a title says already."""
    text = decision.reason.removeprefix(f"{decision.outcome.title()}: ")
    return text[:1].upper() + text[1:]


def requirement_rows(decision: Decision) -> list[RequirementRow]:
    """Failing ones first, then critical ones, then as in the policy."""
    order = list(VERDICTS)
    rows = sorted(decision.body["requirements"], key=lambda row: (order.index(row["verdict"]), not row["critical"]))
    return [_requirement_row(row) for row in rows]


def _requirement_row(requirement: Mapping[str, Any]) -> RequirementRow:
    cell, kind, unit = requirement["cells"][0], requirement["kind"], unit_of(requirement)
    critical = "" if requirement["critical"] else " :gray[not critical]"
    return RequirementRow(
        requirement=f"**{plain(requirement['name'])}**{critical}  \n:gray[{_KINDS.get(kind, plain(kind))}]",
        verdict=badge(requirement["verdict"]),
        observed=unit.text(cell["estimate"]),
        interval=unit.interval(cell),
        threshold=unit.line(cell["line"]),
        n=str(cell["n"]),
        slices=_slices(requirement),
        why=_why(requirement),
    )


def _why(requirement: Mapping[str, Any]) -> str:
    """The reason of the cell that gave the requirement its verdict: the whole, or else the first such slice, by name."""
    cells = requirement["cells"]
    cell = next((cell for cell in cells if cell["verdict"] == requirement["verdict"]), cells[0])
    others = sum(cell["verdict"] == requirement["verdict"] for cell in cells) - 1
    where = "" if cell is cells[0] else f"{slice_name(cell['slice'])}: "
    return plain(f"{where}{cell['reason']}") + (f" (and {others} more)" if where and others else "")


def _slices(requirement: Mapping[str, Any]) -> str:
    """How many slices pass, ``3 of 8 pass, 1 waived``; a dash where the requirement has none. What was waived did not pass."""
    cells = requirement["cells"][1:]
    counts = Counter(cell["verdict"] for cell in cells)
    waived = f", {counts['waived']}\u00a0waived" if counts["waived"] else ""
    return "–" if not cells else f"{counts['pass']}\u00a0of\u00a0{len(cells)} pass{waived}"


def sliced(decision: Decision) -> list[Mapping[str, Any]]:
    """The requirements that have slices: each can be drawn as a forest plot."""
    return [requirement for requirement in decision.body["requirements"] if len(requirement["cells"]) > 1]


def slice_name(name: str) -> str:
    """``language=ja`` as *Japanese*; ``overall`` as *all cases*."""
    attribute, _, value = name.partition("=")
    if attribute == "language" and value in LANGUAGES:
        return LANGUAGES[value].name
    return value or "all cases"


def plan_frame(decision: Decision) -> pd.DataFrame:
    """Further labelled cases by slice, most first; empty where no labels are missing."""
    needed = sorted(decision.body["plan"]["by_slice"].items(), key=lambda pair: (-pair[1], pair[0]))
    return pd.DataFrame([{"slice": slice_name(name), "labelled cases missing": count} for name, count in needed])


def plan_sentence(decision: Decision) -> str | None:
    """What would settle it, with hours and money and what that assumes; None where labels would not help or are not needed."""
    plan = decision.body["plan"]
    if not plan["cases"]:
        return None
    rate = plan["assumes"]
    return (
        f"{plan['cases']:,} more labelled cases: {plan['claims']:,} claims, {plan['minutes'] / 60:.1f} hours, {plan['usd']:,.0f} USD "
        f"at {rate['minutes_per_claim']:g} minutes a claim and {rate['usd_per_hour']:g} USD an hour."
    )


def history_frame(decisions: list[Decision]) -> pd.DataFrame:
    """All decisions, newest first."""
    return pd.DataFrame(
        [
            {
                "when": pd.Timestamp(decision.created_at),
                "outcome": [decision.outcome],
                "champion": decision.body["runs"]["champion"]["variant"],
                "candidate": decision.body["runs"]["candidate"]["variant"],
                "look": decision.body["policy"]["look"],
                "labels": decision.body["evidence"]["votes"],
                "reason": decision.reason,
            }
            for decision in decisions
        ]
    )
