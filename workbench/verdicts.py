"""A decision's body as the gate page shows it: rows for the table, the forest plot and the label plan. Pure; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from evals.languages import LANGUAGES
from evals.records import Decision
from workbench.cards import plain
from workbench.charts import Row

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
    "floor": "at least",
    "ceiling": "at most",
    "tail_latency": "slow answers",
    "cost": "cost ratio",
    "regression": "what customers reported",
}
MINUS = "−"


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


def number(value: float | None, *, signed: bool = False) -> str:
    """Three decimals with a true minus; a dash where nothing was measured.

    >>> number(-0.0521, signed=True), number(None)
    ('−0.052', '–')
    """
    if value is None:
        return "–"
    return f"{value:+.3f}".replace("-", MINUS) if signed else f"{value:.3f}".replace("-", MINUS)


def requirement_rows(decision: Decision) -> list[RequirementRow]:
    """Failing ones first, then critical ones, then as in the policy."""
    order = list(VERDICTS)
    rows = sorted(decision.body["requirements"], key=lambda row: (order.index(row["verdict"]), not row["critical"]))
    return [_requirement_row(row) for row in rows]


def _requirement_row(requirement: Mapping[str, Any]) -> RequirementRow:
    cell, kind = requirement["cells"][0], requirement["kind"]
    signed, critical = kind == "non_inferiority", "" if requirement["critical"] else " :gray[not critical]"
    return RequirementRow(
        requirement=f"**{plain(requirement['name'])}**{critical}  \n:gray[{_KINDS.get(kind, plain(kind))}]",
        verdict=badge(requirement["verdict"]),
        observed=number(cell["estimate"], signed=signed),
        interval=_interval(cell, signed),
        threshold=_threshold(kind, cell["line"]),
        n=str(cell["n"]),
        slices=_slices(requirement),
        why=_why(requirement),
    )


def _interval(cell: Mapping[str, Any], signed: bool) -> str:
    if cell["low"] is None or cell["high"] is None:
        return "–"
    return f"{number(cell['low'], signed=signed)}\u00a0…\u00a0{number(cell['high'], signed=signed)}"


def _why(requirement: Mapping[str, Any]) -> str:
    """The reason of the cell that gave the requirement its verdict: the whole, or else the first such slice, by name."""
    cells = requirement["cells"]
    cell = next((cell for cell in cells if cell["verdict"] == requirement["verdict"]), cells[0])
    others = sum(cell["verdict"] == requirement["verdict"] for cell in cells) - 1
    where = "" if cell is cells[0] else f"{slice_name(cell['slice'])}: "
    return plain(f"{where}{cell['reason']}") + (f" (and {others} more)" if where and others else "")


def _threshold(kind: str, line: float | None) -> str:
    sign = "≥" if kind in ("non_inferiority", "floor") else "≤"
    return "–" if line is None else f"{sign} {number(line, signed=kind == 'non_inferiority')}"


def _slices(requirement: Mapping[str, Any]) -> str:
    """How many slices pass, ``3 of 8``; a dash where the requirement has none."""
    cells = requirement["cells"][1:]
    return "–" if not cells else f"{sum(cell['verdict'] == 'pass' for cell in cells)}\u00a0of\u00a0{len(cells)} pass"


def sliced(decision: Decision) -> list[Mapping[str, Any]]:
    """The requirements that have slices: each can be drawn as a forest plot."""
    return [requirement for requirement in decision.body["requirements"] if len(requirement["cells"]) > 1]


def forest_rows(requirement: Mapping[str, Any]) -> list[Row]:
    """The whole and its slices. For a difference the margin is drawn; other kinds have no common zero and show their line as text."""
    difference = requirement["kind"] == "non_inferiority"
    return [
        Row(
            label=f"{slice_name(cell['slice'])} (n {cell['n']})",
            estimate=cell["estimate"],
            low=cell["low"],
            high=cell["high"],
            verdict=cell["verdict"],
            margin=-cell["line"] if difference and cell["line"] is not None else None,
            hover=f"{slice_name(cell['slice'])}: {cell['verdict']}<br>{_hover(cell)}",
        )
        for cell in requirement["cells"]
    ]


def _hover(cell: Mapping[str, Any]) -> str:
    if cell["estimate"] is None:
        return "nothing measured"
    bounds = " … ".join(number(cell[name], signed=True) for name in ("low", "high"))
    return f"{number(cell['estimate'], signed=True)} ({bounds}), {cell['method']}"


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
