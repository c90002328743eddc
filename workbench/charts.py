"""Plotly figures, tested as JSON. Blue is better, orange is worse, grey is too few to say; a number stands beside every colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go

from evals.languages import LANGUAGES
from workbench.queries import EVERYWHERE, SMALL

CONFIG = {"displaylogo": False, "displayModeBar": False, "showSendToCloud": False, "responsive": True}


class Palette(NamedTuple):
    """What a figure is drawn with on a light or a dark ground; the theme has no say in markers and lines."""

    worse: str
    middle: str
    better: str
    few: str
    line: str
    ink: str


_LIGHT = Palette("#eba36a", "#eef1f5", "#8dbbe6", "#f1f3f6", "#7b8794", "#16202c")
_DARK = Palette("#8f4d1d", "#1f2935", "#275f93", "#1a222d", "#8b98a8", "#e6ebf2")
VERDICT_COLOURS = {"pass": "#2e9e62", "fail": "#d9482b", "inconclusive": "#d9a22b", "error": "#a8324a", "waived": "#3f7fc7"}
UNDECIDED = "#8b98a8"


def palette(dark: bool) -> Palette:
    return _DARK if dark else _LIGHT


def layout(figure: go.Figure, height: int, dark: bool, **more: Any) -> go.Figure:
    """What all figures share: transparent ground, narrow margins, no zoom, ink that can be read."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False,
        font={"size": 13, "color": palette(dark).ink},
        dragmode=False,
        **more,
    )
    ticks = {"size": 13, "color": palette(dark).ink}
    figure.update_xaxes(fixedrange=True, automargin=True, ticks="", tickfont=ticks)
    figure.update_yaxes(fixedrange=True, automargin=True, ticks="", tickfont=ticks)
    return figure


def slice_heatmap(frame: pd.DataFrame, metrics: Sequence[str], dark: bool = False) -> go.Figure:
    """Language × metric by the candidate's difference; cells with fewer than SMALL cases keep their number and lose their colour.

    A row a language, so that 28 fit. A heat map reports no click, so transparent markers lie above it: their customdata is
    ``[metric, language]``.
    """
    chosen = frame[frame["metric"].isin(metrics)]
    languages = [EVERYWHERE, *sorted(set(chosen["language"]) - {EVERYWHERE})]
    order = {"index": languages, "columns": list(metrics)}
    table = chosen.pivot(index="language", columns="metric", values="difference").reindex(**order)
    counts = chosen.pivot(index="language", columns="metric", values="n").reindex(**order)
    figure = go.Figure([_cells(table, counts, palette(dark)), _targets(chosen, palette(dark))])
    layout(figure, 44 + 36 * len(languages), dark, clickmode="event+select", hoverdistance=200)
    figure.update_xaxes(side="top", type="category", showgrid=False, range=[-0.5, len(metrics) - 0.5])
    figure.update_xaxes(tickvals=list(metrics), ticktext=[shown(name) for name in metrics])
    figure.update_yaxes(type="category", showgrid=False, range=[len(languages) - 0.5, -0.5])
    figure.update_yaxes(tickvals=languages, ticktext=[_language(tag) for tag in languages])
    return figure


def _language(tag: str) -> str:
    return "<b>all</b>" if tag == EVERYWHERE else LANGUAGES[tag].name if tag in LANGUAGES else tag


def _cells(table: pd.DataFrame, counts: pd.DataFrame, colours: Palette) -> go.Heatmap:
    bound = max(0.02, float(table.abs().max(axis=None)))
    return go.Heatmap(
        z=table.where(counts >= SMALL, 0.0).where(counts.notna()).to_numpy().tolist(),
        x=list(table.columns),
        y=list(table.index),
        zmin=-bound,
        zmax=bound,
        colorscale=[[0.0, colours.worse], [0.5, colours.middle], [1.0, colours.better]],
        showscale=False,
        xgap=3,
        ygap=3,
        hoverinfo="skip",
    )


def _targets(rows: pd.DataFrame, colours: Palette) -> go.Scatter:
    few = rows["n"] < SMALL
    return go.Scatter(
        x=rows["metric"].tolist(),
        y=rows["language"].tolist(),
        mode="markers+text",
        text=[f"{signed(d)}  <span style='font-size:.8em'>n {n}</span>" for d, n in zip(rows["difference"], rows["n"], strict=True)],
        textposition="middle center",
        textfont={"color": [colours.line if small else colours.ink for small in few], "size": 13},
        marker={"symbol": "square", "size": 32, "color": "rgba(0,0,0,0)"},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}, "textfont": {"color": colours.line}},
        customdata=rows[["metric", "language"]].to_numpy().tolist(),
        hovertext=[_hover(row) for row in rows.to_dict("records")],
        hoverinfo="text",
    )


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign, the true minus included; nothing that rounds to zero has one.

    >>> signed(-0.104), signed(0.001), signed(0.5, 1)
    ('−0.10', '0.00', '+0.5')
    """
    return f"{value:+.{digits}f}".replace("-", "−") if round(value, digits) else f"{0:.{digits}f}"


def shown(metric: str) -> str:
    """A metric's name for people."""
    return metric.replace("_", " ")


def _hover(row: dict[Any, Any]) -> str:
    interval = "" if pd.isna(row["half_width"]) else f" ± {row['half_width']:.3f}"
    return (
        f"{shown(row['metric'])} · {row['language']}<br>"
        f"{row['champion']:.3f} → {row['candidate']:.3f} ({signed(row['difference'], 3)}{interval})"
        f"<br>{row['n']} cases: {row['better']} better, {row['worse']} worse"
    )


class Row(NamedTuple):
    """One line of a forest plot: a difference with its interval (None: unknown), coloured by verdict; `margin`: the loss allowed here,
    so the line stands at its negative."""

    label: str
    estimate: float | None
    low: float | None
    high: float | None
    verdict: str = ""
    margin: float | None = None
    hover: str = ""


def forest(
    rows: Sequence[Row],
    dark: bool = False,
    axis: str = "candidate − champion",
    *,
    ticks: str = "+.2~f",
    zero: bool = True,
    high_is_bad: bool = False,
) -> go.Figure:
    """Values with intervals: the first row (the whole) stays on top, the others follow worst first, those without an estimate last.
    The grey vertical line is "no difference" (without `zero` there is none); the orange one is the line that each row is held against."""
    whole, *slices = rows
    worse = -1.0 if high_is_bad else 1.0
    ordered = [whole, *sorted(slices, key=lambda row: (row.estimate is None, worse * (row.estimate or 0.0), row.label))]
    colours, labels = palette(dark), [row.label for row in ordered]
    figure = go.Figure([_margins(ordered, colours), *_whiskers(ordered), _points(ordered)])
    if zero:
        figure.add_vline(x=0, line_color=colours.line, line_width=1)
    layout(figure, 64 + 30 * len(ordered), dark)
    figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1], type="category", showgrid=False)
    figure.update_xaxes(tickformat=ticks, zeroline=False, gridcolor=colours.middle, title=axis)
    return figure


def _margins(rows: Sequence[Row], colours: Palette) -> go.Scatter:
    """A mark as high as its row, so that equal lines join."""
    known = [row for row in rows if row.margin is not None]
    return go.Scatter(
        x=[-(row.margin or 0.0) for row in known],
        y=[row.label for row in known],
        mode="markers",
        marker={"symbol": "line-ns", "size": 30, "line": {"width": 2.5, "color": colours.worse}},
        hovertemplate="held against %{x}<extra></extra>",
    )


def _whiskers(rows: Sequence[Row]) -> list[go.Scatter]:
    return [
        go.Scatter(
            x=[row.low, row.high],
            y=[row.label, row.label],
            mode="lines",
            line={"color": VERDICT_COLOURS.get(row.verdict, UNDECIDED), "width": 2.5},
            hoverinfo="skip",
        )
        for row in rows
        if row.low is not None and row.high is not None
    ]


def _points(rows: Sequence[Row]) -> go.Scatter:
    return go.Scatter(
        x=[row.estimate for row in rows],
        y=[row.label for row in rows],
        mode="markers",
        marker={"size": 11, "color": [VERDICT_COLOURS.get(row.verdict, UNDECIDED) for row in rows]},
        hovertext=[row.hover or row.label for row in rows],
        hoverinfo="text",
    )


def backlog(frame: pd.DataFrame, dark: bool = False) -> go.Figure:
    """Done and open items per language, the longest backlog first."""
    by_language = frame.groupby("language")[["done", "open"]].sum().sort_values(["open", "done"], ascending=False)
    figure = go.Figure()
    for name, colour in (("done", "#2e9e62"), ("open", "#d9a22b")):
        figure.add_bar(x=by_language.index.tolist(), y=by_language[name].tolist(), name=name, marker_color=colour, width=0.6)
    layout(figure, 240, dark, barmode="stack")
    figure.update_yaxes(gridcolor=palette(dark).middle, zeroline=False)
    figure.update_xaxes(type="category", range=[-0.6, max(8, len(by_language)) - 0.4])
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, margin_t=30)


def per_day(frame: pd.DataFrame, dark: bool = False) -> go.Figure:
    """Labels a day, oldest first; today, which is not over, is lighter."""
    colours = ["#2e9e62"] * (len(frame) - 1) + ["rgba(46,158,98,.45)"]
    days = [f"{day:%b} {day.day}" for day in frame["day"]]
    figure = go.Figure(
        [go.Bar(x=days, y=frame["labels"].tolist(), marker_color=colours, width=0.7, hovertemplate="%{x}: %{y}<extra></extra>")]
    )
    layout(figure, 240, dark)
    figure.update_yaxes(gridcolor=palette(dark).middle, zeroline=False, range=[0, max(4, 1.1 * frame["labels"].max())], tickformat="d")
    return figure.update_xaxes(type="category", tickangle=0, nticks=7)
