"""Plotly figures, tested as JSON. Blue is better, orange is worse, grey is too few to say; numbers stand beside colour."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from workbench.queries import SMALL

CONFIG = {"displaylogo": False, "displayModeBar": False, "showSendToCloud": False}
_SCALE = [[0.0, "#c4621a"], [0.5, "#e9edf2"], [1.0, "#0b5cad"]]


def _layout(figure: go.Figure, height: int, title: str | None = None) -> go.Figure:
    figure.update_layout(
        height=height,
        title=title,
        margin={"l": 10, "r": 10, "t": 34 if title else 10, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False,
        font_size=13,
    )
    return figure


def slice_heatmap(frame: pd.DataFrame) -> go.Figure:
    """Metric × language, coloured by the candidate's difference; cells with fewer than SMALL cases are left uncoloured."""
    table = frame.pivot(index="metric", columns="language", values="difference")
    counts = frame.pivot(index="metric", columns="language", values="n").reindex_like(table)
    shown = table.where(counts >= SMALL)
    bound = max(0.02, float(table.abs().max(axis=None)))
    cells = [[_cell(table.iloc[r, c], counts.iloc[r, c]) for c in range(table.shape[1])] for r in range(table.shape[0])]
    heat = go.Heatmap(
        z=shown,
        x=list(table.columns),
        y=list(table.index),
        text=cells,
        texttemplate="%{text}",
        zmin=-bound,
        zmax=bound,
        colorscale=_SCALE,
        showscale=False,
        xgap=2,
        ygap=2,
        hovertemplate="%{y} · %{x}<br>%{text}<extra></extra>",
    )
    return _layout(go.Figure(heat), 90 + 44 * len(table.index))


def _cell(difference: float, n: float) -> str:
    return "" if pd.isna(difference) else f"{difference:+.2f}<br>n={int(n)}"


def forest(rows: Sequence[dict[str, object]], margin: float | None = None, height: int | None = None) -> go.Figure:
    """Differences with intervals, worst first; the margin is a dotted line. Rows: ``label, estimate, low, high, verdict``."""
    ordered = sorted(rows, key=lambda row: _number(row["estimate"]), reverse=True)
    estimates = [_number(row["estimate"]) for row in ordered]
    figure = go.Figure(
        go.Scatter(
            x=estimates,
            y=[str(row["label"]) for row in ordered],
            mode="markers",
            marker={"size": 10, "color": [_VERDICT_COLOURS.get(str(row.get("verdict")), "#8b98a8") for row in ordered]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [_number(row["high"]) - e for row, e in zip(ordered, estimates, strict=True)],
                "arrayminus": [e - _number(row["low"]) for row, e in zip(ordered, estimates, strict=True)],
                "color": "#8b98a8",
            },
            hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
        )
    )
    figure.add_vline(x=0, line_color="#8b98a8", line_width=1)
    if margin is not None:
        figure.add_vline(x=-margin, line_color="#c4621a", line_dash="dot", line_width=2)
    return _layout(figure, height or 80 + 28 * len(ordered))


_VERDICT_COLOURS = {"pass": "#2e9e62", "fail": "#c4321a", "inconclusive": "#d9a22b", "unverified": "#8b98a8"}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def backlog(frame: pd.DataFrame) -> go.Figure:
    """Open and done items per language."""
    by_language = frame.groupby("language")[["done", "open"]].sum()
    figure = go.Figure()
    for name, colour in (("done", "#2e9e62"), ("open", "#d9a22b")):
        figure.add_bar(x=by_language.index, y=by_language[name], name=name, marker_color=colour)
    figure.update_layout(barmode="stack")
    return _layout(figure, 240).update_layout(showlegend=True, legend={"orientation": "h", "y": 1.15})
