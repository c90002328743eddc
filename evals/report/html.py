"""One HTML page without network: everything inline, light and dark, escaped by the template engine and fenced by a content policy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from evals.gate.reasons import is_difference, number
from evals.records import Decision
from evals.report.regressions import Regression
from evals.report.wording import Row, interval_text, levels, line_text, notes, plain, self_test, slice_name, waived, worst_first

TEMPLATES = Path(__file__).with_name("templates")


def html(decision: Decision, regressions: Sequence[Regression] = ()) -> str:
    """The page."""
    rows = [
        {
            "requirement": requirement,
            "cells": [
                {
                    "cell": cell,
                    "name": slice_name(cell),
                    "interval": interval_text(requirement, cell),
                    "line": line_text(requirement, cell),
                    "bar": _bar(requirement, cell),
                    "reason": plain(cell["reason"]),
                }
                for cell in worst_first(requirement)
            ],
        }
        for requirement in decision.body["requirements"]
    ]
    template = _environment().get_template("decision.html")
    said = {"notes": notes(decision.body), "waived": map(plain, waived(decision.body)), "self_test": self_test(decision.body)}
    found = [(one, plain(one.product), number(one.champion), number(one.candidate), plain(one.requirement)) for one in regressions]
    return str(
        template.render(d=decision, body=decision.body, rows=rows, regressions=found, levels=levels(decision.body), plain=plain, **said)
    )


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _bar(requirement: Row, cell: Row) -> dict[str, float] | None:
    """Positions, in per cent of the drawing's width, of the interval, its estimate and the line it is held against: on one scale for all
    slices of a requirement."""
    drawn = [points for other in requirement["cells"] if (points := _points(other))]
    mine = _points(cell)
    if mine is None:
        return None
    ends = [point for points in drawn for point in points] + ([0.0] if is_difference(requirement) else [])
    low, high = min(ends), max(ends)
    scale = 96 / (high - low) if high > low else 0.0
    left, middle, right, line = (2 + (point - low) * scale for point in mine)
    return {"left": left, "width": max(right - left, 0.5), "middle": middle, "line": line}


def _points(cell: Row) -> list[float] | None:
    points = [cell["low"], cell["estimate"], cell["high"], cell["line"]]
    return None if any(point is None for point in points) else points
