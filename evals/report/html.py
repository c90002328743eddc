"""One HTML page without network: everything inline, light and dark, escaped by the template engine and fenced by a content policy."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from evals.gate.reasons import is_difference
from evals.records import Decision
from evals.report.wording import Row, interval_text, line_text, notes, plain, worst_first

TEMPLATES = Path(__file__).with_name("templates")


def html(decision: Decision) -> str:
    """The page."""
    rows = [
        {
            "requirement": requirement,
            "cells": [
                {
                    "cell": cell,
                    "name": "" if cell["slice"] == "overall" else plain(cell["slice"].split("=", 1)[1]),
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
    return str(template.render(d=decision, body=decision.body, rows=rows, notes=notes(decision.body), plain=plain))


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _bar(requirement: Row, cell: Row) -> dict[str, float] | None:
    """Positions, in per cent of the drawing's width, of the interval, its estimate and the line it is held against."""
    points = [cell["low"], cell["estimate"], cell["high"], cell["line"]]
    if any(point is None for point in points):
        return None
    ends = [*points, 0.0] if is_difference(requirement) else points
    low, high = min(ends), max(ends)
    scale = 96 / (high - low) if high > low else 0.0
    left, middle, right, line = (2 + (point - low) * scale for point in points)
    return {"left": left, "width": max(right - left, 0.5), "middle": middle, "line": line}
