"""What commands print: sentences for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from evals.text import visible


def say(text: str, *, quiet: bool = False) -> None:
    """A sentence on stdout, with hidden and bidi controls made visible: it may quote reviews."""
    if not quiet:
        typer.echo(visible(text))


def echo_json(value: Any) -> None:
    """A record, or anything JSON can hold."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}  # asdict breaks a Counter
    return list(value)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table as wide as the terminal, or plain where there is none."""
    drawn = Table(*header, title=title, title_justify="left", header_style="bold")
    for row in rows:
        drawn.add_row(*(visible("–" if cell is None else str(cell)) for cell in row))
    Console(markup=False, highlight=False).print(drawn)
