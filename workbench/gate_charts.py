"""The gate's slice heat map: which requirement says what of which slice. Each cell has a sign and a count, so colour is never needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from workbench.charts import UNDECIDED, VERDICT_COLOURS, Palette, layout, palette

# What stands for a verdict in a cell. Only the first is a pass.
SIGNS = {"pass": "✓", "fail": "✗", "inconclusive": "~", "unverified": "?", "error": "!", "waived": "w"}
COLUMN_PX, LABELS_PX, ROW_PX = 104, 110, 30
_FAINT = 0.34  # of the ground, so that ink can be read on it in both themes


class VerdictCell(NamedTuple):
    """One cell; `verdict` None: the decision says nothing there, and `absence` stands in its place. `hover`: HTML."""

    requirement: str
    slice: str
    verdict: str | None
    n: int
    hover: str
    absence: str = ""


def verdict_map(cells: Sequence[VerdictCell], columns: Sequence[str], rows: Mapping[str, str], dark: bool = False) -> go.Figure:
    """Requirement × slice. `columns`: requirements, `rows`: slice → what is written, first on top. Transparent markers take the clicks:
    customdata is ``[requirement, slice]``."""
    figure = go.Figure([_ground(cells, columns, rows), _signs(cells, columns, palette(dark))])
    layout(figure, 44 + ROW_PX * len(rows), dark, clickmode="event+select", hoverdistance=200)
    places = list(range(len(columns)))
    figure.update_xaxes(side="top", showgrid=False, zeroline=False, range=[-0.5, len(columns) - 0.5], tickvals=places)
    figure.update_xaxes(ticktext=[_short(name) for name in columns])
    figure.update_yaxes(type="category", showgrid=False, range=[len(rows) - 0.5, -0.5], tickvals=list(rows), ticktext=list(rows.values()))
    return figure


def least_width(columns: int) -> int:
    """Pixels below which the signs would touch."""
    return LABELS_PX + COLUMN_PX * columns


def _ground(cells: Sequence[VerdictCell], columns: Sequence[str], rows: Mapping[str, str]) -> go.Heatmap:
    known = list(SIGNS)
    at = {(cell.slice, cell.requirement): known.index(cell.verdict) for cell in cells if cell.verdict in SIGNS}
    edges = [step / len(known) for step in range(len(known) + 1)]
    fills = [_faint(VERDICT_COLOURS.get(verdict, UNDECIDED)) for verdict in known]
    return go.Heatmap(
        z=[[at.get((row, column)) for column in columns] for row in rows],
        x=list(range(len(columns))),
        y=list(rows),
        zmin=-0.5,
        zmax=len(known) - 0.5,
        colorscale=[[edge, fill] for number, fill in enumerate(fills) for edge in edges[number : number + 2]],
        showscale=False,
        xgap=3,
        ygap=3,
        hoverinfo="skip",
    )


def _signs(cells: Sequence[VerdictCell], columns: Sequence[str], colours: Palette) -> go.Scatter:
    places = {name: number for number, name in enumerate(columns)}
    return go.Scatter(
        x=[places[cell.requirement] for cell in cells],
        y=[cell.slice for cell in cells],
        mode="markers+text",
        text=[_text(cell) for cell in cells],
        textposition="middle center",
        textfont={"color": [colours.ink if cell.verdict else colours.line for cell in cells], "size": 13},
        marker={"symbol": "square", "size": ROW_PX, "color": "rgba(0,0,0,0)"},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}, "textfont": {"color": colours.ink}},
        customdata=[[cell.requirement, cell.slice] for cell in cells],
        hovertext=[cell.hover for cell in cells],
        hoverinfo="text",
    )


def _text(cell: VerdictCell) -> str:
    if cell.verdict is None:
        return f"<span style='font-size:.8em'>{cell.absence}</span>"
    return f"<b>{SIGNS.get(cell.verdict, '?')}</b>  <span style='font-size:.8em'>n {cell.n}</span>"


def _short(name: str) -> str:
    """A column's heading, which must not run into the next. Plotly reads HTML."""
    cut = name if len(name) <= 14 else f"{name[:13]}…"
    return cut.replace("&", "&amp;").replace("<", "&lt;")


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{_FAINT})"
