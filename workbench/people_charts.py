"""Figures about people: agreement by question and language, who agrees with whom, rates with intervals, gold over time, speed."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from workbench.charts import UNDECIDED, VERDICT_COLOURS, Palette, Row, layout, palette
from workbench.queries import SMALL

TENTATIVE, RELIABLE = 0.667, 0.8  # Krippendorff's: below the first nothing should rest on it, from the second on anything may
_WORST = 0.4  # alpha at and under which a cell is as orange as it gets; the other end lies as far above TENTATIVE
_SECONDS = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000]
_LINE, _BAND = "#4c9be8", "rgba(76,155,232,.2)"


class HeatCell(NamedTuple):
    """One cell: its column and row (keys and what is shown of them), the figure and how many items it rests on; `hover`: HTML."""

    column: str
    row: str
    value: float | None
    n: int
    hover: str


def heatmap(cells: Sequence[HeatCell], columns: dict[str, str], rows: dict[str, str], dark: bool = False) -> go.Figure:
    """Alpha by question and language; `columns` and `rows`: what to write for each key. A cell with fewer than SMALL items keeps its number
    and loses its colour, one that cannot be measured has a dash. Transparent markers take the clicks: customdata is [column, row]."""
    known = {(cell.row, cell.column): cell.value for cell in cells if cell.value is not None and cell.n >= SMALL}
    there, colours = {(cell.row, cell.column) for cell in cells}, palette(dark)
    z = [[known.get((row, column), TENTATIVE if (row, column) in there else None) for column in columns] for row in rows]
    figure = go.Figure([_ground(z, list(columns), list(rows), colours, TENTATIVE - _WORST, TENTATIVE), _texts(cells, colours)])
    return _grid(figure, columns, rows, dark, 34)


def pair_matrix(cells: Sequence[HeatCell], names: dict[str, str], dark: bool = False) -> go.Figure:
    """Share of the items on which two people said the same; who shared fewer than SMALL items has a number and no colour."""
    keys, colours = list(names), palette(dark)
    both = [*cells, *(HeatCell(cell.row, cell.column, cell.value, cell.n, cell.hover) for cell in cells)]
    known = {(cell.row, cell.column): cell.value for cell in both if cell.value is not None and cell.n >= SMALL}
    there = {(cell.row, cell.column) for cell in both}
    z = [[known.get((row, column), 0.75 if (row, column) in there else None) for column in keys] for row in keys]
    figure = go.Figure([_ground(z, keys, keys, colours, 0.25, 0.75), _texts(both, colours)])
    return _grid(figure, names, names, dark, 40)


def _ground(
    z: list[list[float | None]], columns: list[str], rows: list[str], colours: Palette, half: float, middle: float
) -> go.Heatmap:  # fmt: skip
    return go.Heatmap(
        z=z,
        x=columns,
        y=rows,
        zmin=middle - half,
        zmax=middle + half,
        colorscale=[[0.0, colours.worse], [0.5, colours.middle], [1.0, colours.better]],
        showscale=False,
        xgap=3,
        ygap=3,
        hoverinfo="skip",
    )


def _texts(cells: Sequence[HeatCell], colours: Palette) -> go.Scatter:
    return go.Scatter(
        x=[cell.column for cell in cells],
        y=[cell.row for cell in cells],
        mode="markers+text",
        text=[f"{_number(cell.value)}  <span style='font-size:.8em'>n {cell.n}</span>" for cell in cells],
        textposition="middle center",
        textfont={"color": [colours.ink if cell.value is not None and cell.n >= SMALL else colours.line for cell in cells], "size": 13},
        marker={"symbol": "square", "size": 30, "color": "rgba(0,0,0,0)"},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        customdata=[[cell.column, cell.row] for cell in cells],
        hovertext=[cell.hover for cell in cells],
        hoverinfo="text",
    )


def _grid(figure: go.Figure, columns: dict[str, str], rows: dict[str, str], dark: bool, row_px: int) -> go.Figure:
    lines = max(text.count("<br>") for text in columns.values()) + 1
    layout(figure, 30 + 18 * lines + row_px * len(rows), dark, clickmode="event+select", hoverdistance=200)
    figure.update_xaxes(side="top", type="category", showgrid=False, zeroline=False, range=[-0.5, len(columns) - 0.5], tickangle=0)
    figure.update_xaxes(tickvals=list(columns), ticktext=list(columns.values()))
    figure.update_yaxes(type="category", showgrid=False, zeroline=False, range=[len(rows) - 0.5, -0.5])
    return figure.update_yaxes(tickvals=list(rows), ticktext=list(rows.values()))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 2) or 0:.2f}".replace("-", "−")


# ---------------------------------------------------------------------------------------------- rates with intervals


def rates(rows: Sequence[Row], dark: bool = False, *, ends: tuple[float, float] = (0.0, 1.0), lines: Sequence[float] = ()) -> go.Figure:
    """Dots with whiskers in the order given, the first on top; `lines`: limits to compare with. What has no estimate says why at its place
    (`Row.hover`)."""
    colours = palette(dark)
    figure = go.Figure()
    for line in lines:
        figure.add_vline(x=line, line_color=colours.line, line_width=1, line_dash="dot")
    for row in rows:
        if row.low is not None and row.high is not None:
            colour = VERDICT_COLOURS.get(row.verdict, UNDECIDED)
            figure.add_scatter(
                x=[row.low, row.high], y=[row.label] * 2, mode="lines", line={"color": colour, "width": 2.5}, hoverinfo="skip"
            )
    _dots(figure, rows)
    for row in rows:
        if row.estimate is None:
            figure.add_annotation(
                x=ends[0], y=row.label, text=row.hover, showarrow=False, xanchor="left", font={"color": colours.line, "size": 12}
            )
    layout(figure, 52 + 28 * max(1, len(rows)), dark)
    figure.update_yaxes(categoryorder="array", categoryarray=[row.label for row in rows][::-1], type="category", showgrid=False)
    figure.update_yaxes(range=[-0.6, len(rows) - 0.4])
    margin = 0.03 * (ends[1] - ends[0])
    return figure.update_xaxes(range=[ends[0] - margin, ends[1] + margin], zeroline=False, gridcolor=colours.middle, tickformat=".2~f")


def _dots(figure: go.Figure, rows: Sequence[Row]) -> None:
    known = [row for row in rows if row.estimate is not None]
    figure.add_scatter(
        x=[row.estimate for row in known],
        y=[row.label for row in known],
        mode="markers",
        marker={"size": 10, "color": [VERDICT_COLOURS.get(row.verdict, UNDECIDED) for row in known]},
        hovertext=[row.hover or row.label for row in known],
        hoverinfo="text",
    )


class Window(NamedTuple):
    """Accuracy over the gold items that end at a time, with its bounds; `number`: of the last of them."""

    at: str
    number: int
    share: float
    low: float
    high: float


def rolling(windows: Sequence[Window], floor: float, dark: bool = False) -> go.Figure:
    """Gold over time: the share right in a moving window, its interval as a band, and the floor below which somebody is paused."""
    colours, x = palette(dark), [window.number for window in windows]
    figure = go.Figure()
    figure.add_scatter(x=x, y=[w.low for w in windows], mode="lines", line={"width": 0}, hoverinfo="skip")
    figure.add_scatter(x=x, y=[w.high for w in windows], mode="lines", line={"width": 0}, fill="tonexty", fillcolor=_BAND, hoverinfo="skip")
    figure.add_scatter(
        x=x,
        y=[w.share for w in windows],
        mode="lines+markers",
        line={"color": _LINE, "width": 2.5},
        marker={"size": 6},
        hovertext=[f"{w.at[:10]}: {w.share:.0%} ({w.low:.0%} … {w.high:.0%})" for w in windows],
        hoverinfo="text",
    )
    figure.add_hline(y=floor, line_color=VERDICT_COLOURS["fail"], line_width=1, line_dash="dot")
    layout(figure, 240, dark)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", gridcolor=colours.middle, zeroline=False)
    return figure.update_xaxes(showgrid=False, zeroline=False, title="gold items answered", tickformat="d")


class Pace(NamedTuple):
    """Seconds a label in one queue: my median; of the others the median and the middle 80 %."""

    label: str
    mine: float
    n: int
    low: float | None
    median: float | None
    high: float | None
    others: int


def pace(rows: Sequence[Pace], dark: bool = False) -> go.Figure:
    """My median (dot) beside the others' median (tick) and the middle 80 % of their labels (bar); seconds on a logarithmic scale."""
    colours, figure = palette(dark), go.Figure()
    beside = [row for row in rows if row.low is not None]
    for row in beside:
        figure.add_scatter(
            x=[row.low, row.high], y=[row.label] * 2, mode="lines", line={"color": UNDECIDED, "width": 9}, opacity=0.4, hoverinfo="skip"
        )
    figure.add_scatter(
        x=[row.median for row in beside],
        y=[row.label for row in beside],
        mode="markers",
        marker={"symbol": "line-ns", "size": 18, "line": {"width": 2.5, "color": colours.line}},
        hovertext=[f"others: median {row.median:.0f} s, n {row.others}" for row in beside],
        hoverinfo="text",
    )
    figure.add_scatter(
        x=[row.mine for row in rows],
        y=[row.label for row in rows],
        mode="markers",
        marker={"size": 11, "color": _LINE},
        hovertext=[f"median {row.mine:.0f} s, n {row.n}" for row in rows],
        hoverinfo="text",
    )
    layout(figure, 60 + 30 * max(1, len(rows)), dark)
    figure.update_yaxes(categoryorder="array", categoryarray=[row.label for row in rows][::-1], type="category", showgrid=False)
    figure.update_yaxes(range=[-0.6, len(rows) - 0.4])
    figure.update_xaxes(type="log", gridcolor=colours.middle, zeroline=False, title="seconds a label")
    return figure.update_xaxes(tickvals=_SECONDS)


def whisker(estimate: float | None, low: float | None, high: float | None, floor: float, *, enough: bool, dark: bool = False) -> str:
    """A rate with its interval as a small picture for a cell of a table (a data address): dot, whisker, and a tick at the floor."""
    colours = palette(dark)
    shapes = [_line(6, 114, colours.middle, 2), f'<path d="M{_x(floor)} 5V19" stroke="{colours.worse}" stroke-width="2"/>']
    if estimate is not None and low is not None and high is not None:
        verdict = "fail" if high < floor else "pass" if estimate >= floor else "inconclusive"
        colour = VERDICT_COLOURS[verdict] if enough else UNDECIDED
        shapes += [_line(_x(low), _x(high), colour, 2.5), f'<circle cx="{_x(estimate)}" cy="12" r="4.5" fill="{colour}"/>']
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" width="120" height="24" viewBox="0 0 120 24">{"".join(shapes)}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()}"


def _x(share: float) -> float:
    return round(6 + 108 * share, 1)


def _line(start: float, end: float, colour: str, width: float) -> str:
    return f'<path d="M{start} 12H{end}" stroke="{colour}" stroke-width="{width}" stroke-linecap="round"/>'
