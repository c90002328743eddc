"""In which unit a requirement is read: percentage points for a difference, per cent for shares, a ratio or USD for cost.

A decision's body holds everything as fractions; a page says ``−2.1 pp`` where the body says −0.0213.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

MINUS = "−"
NBSP = "\u00a0"

Row = Mapping[str, Any]


class Unit(NamedTuple):
    """`scale` × a value of the body is what is shown, with `suffix`. `upper`: small is good, so the value must stay at or below its line.
    `axis`: what a figure says below it."""

    suffix: str
    axis: str
    scale: float = 100.0
    digits: int = 1
    signed: bool = False
    upper: bool = False

    def bare(self, value: float | None) -> str:
        """Without the suffix; a dash where nothing was measured.

        >>> Unit("%", "share").bare(0.0312), Unit("pp", "difference", signed=True).bare(-0.0213), Unit("%", "share").bare(None)
        ('3.1', '−2.1', '–')
        """
        if value is None:
            return "–"
        shown = round(self.scale * value, self.digits) + 0.0
        return f"{shown:{'+' if self.signed and shown else ''}.{self.digits}f}".replace("-", MINUS)

    def text(self, value: float | None) -> str:
        """``−2.1 pp``."""
        return "–" if value is None else f"{self.bare(value)}{'' if self.suffix == '×' else NBSP}{self.suffix}"

    def interval(self, cell: Row) -> str:
        """``−6.0 … +1.0``; a dash where there is no interval."""
        return "–" if cell["low"] is None or cell["high"] is None else f"{self.bare(cell['low'])}{NBSP}…{NBSP}{self.bare(cell['high'])}"

    def line(self, value: float | None) -> str:
        """What an interval is held against: ``≥ −10.0 pp``."""
        return "–" if value is None else f"{'≤' if self.upper else '≥'}{NBSP}{self.text(value)}"


def unit_of(requirement: Row) -> Unit:
    """Of a requirement in a decision's body."""
    kind, stated = requirement["kind"], requirement["stated"]
    if kind == "tail_latency":
        return Unit(f"% over {stated.get('seconds', 0):g}{NBSP}s", f"% of answers slower than {stated.get('seconds', 0):g} s", upper=True)
    if kind == "cost":
        return _PRICE if "max_usd_per_million_tokens" in stated else _RATIO
    if kind == "floor" and _counts_what_is_bad(requirement):
        return _UNITS["floor"]._replace(upper=True)
    return _UNITS.get(kind, _UNITS["floor"])


def _counts_what_is_bad(requirement: Row) -> bool:
    """The policy's ``most``: its floor is one under 1 − value, and its line is shown as the ceiling over the value."""
    line, floor = requirement["cells"][0]["line"], requirement["stated"].get("floor")
    return line is not None and floor is not None and abs(line - (1 - floor)) < abs(line - floor)


_UNITS = {
    "non_inferiority": Unit("pp", "candidate − champion, percentage points", signed=True),
    "floor": Unit("%", "the candidate's mean, %"),
    "parity": Unit("%", "% of the champion's mean"),
    "length": Unit("%", "% of the champion's generated tokens"),
    "ceiling": Unit("%", "% of outputs", upper=True),
}
_RATIO = Unit("×", "times the champion's cost per generated token", scale=1.0, digits=2, upper=True)
_PRICE = Unit("USD", "USD per million generated tokens", scale=1.0, digits=2, upper=True)
