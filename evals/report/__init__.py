"""A decision for people and for CI: Markdown, HTML, JSON, JUnit. Everything is drawn from the decision alone, but for the cases that lost
most (`regressions`), which Markdown and HTML show where they are given.

Names and reasons in it may hold hostile text: it is made visible (no bidi, no control characters) and escaped for each format.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from evals.errors import InputError
from evals.records import Decision
from evals.report.html import html
from evals.report.junit import junit
from evals.report.markdown import markdown, shortened_report
from evals.report.regressions import Regression, worst_regressions

Kind = Literal["md", "html", "json", "junit"]
KINDS: tuple[Kind, ...] = ("md", "html", "json", "junit")
EXIT_STATUS = {"promote": 0, "reject": 3, "hold": 4}


def render(decision: Decision, kind: Kind, regressions: Sequence[Regression] = ()) -> str:
    """The report of a decision as text; the same decision gives the same text. Raises InputError for another kind."""
    if kind == "json":
        return _json(decision)
    if kind == "md":
        return markdown(decision, regressions)
    if kind == "html":
        return html(decision, regressions)
    if kind == "junit":
        return junit(decision)
    raise InputError(f"a report is one of {', '.join(KINDS)}, not {kind!r}")


def kind_of(path: Path) -> Kind:
    """The format a file name asks for: ``.md``, ``.html``, ``.json``, ``.junit.xml`` or ``.xml``. Raises InputError for another."""
    endings: dict[str, Kind] = {".md": "md", ".html": "html", ".json": "json", ".xml": "junit"}
    if path.suffix not in endings:
        raise InputError(f"{path}: a report ends in .md, .html, .json or .junit.xml")
    return endings[path.suffix]


def exit_status(decision: Decision) -> int:
    """0 promote, 3 reject, 4 hold."""
    return EXIT_STATUS[decision.outcome]


def from_json(text: str) -> Decision:
    """The decision that `render(decision, "json")` wrote. Raises InputError."""
    try:
        return Decision(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise InputError(f"not a decision in JSON: {error}") from error


def _json(decision: Decision) -> str:
    text = json.dumps(dataclasses.asdict(decision), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate in a name: written as \udXXX it survives the file
        return json.dumps(dataclasses.asdict(decision), indent=2, sort_keys=True, allow_nan=False) + "\n"
    return text


__all__ = [
    "EXIT_STATUS",
    "KINDS",
    "Kind",
    "Regression",
    "exit_status",
    "from_json",
    "kind_of",
    "render",
    "shortened_report",
    "worst_regressions",
]
