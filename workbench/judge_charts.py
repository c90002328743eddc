"""The calibration curve of a judge: what it says against what people find, with how many claims each point rests on."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from workbench.charts import layout, palette
from workbench.queries import SMALL

_LINE = "#4c9be8"
_SMALLEST, _LARGEST = 8, 30  # diameters in pixels


def calibration(curve: Sequence[Sequence[float]], dark: bool = False) -> go.Figure:
    """Points ``[said, found, n]``; on the diagonal a judge means what it says. Area by n; fewer than SMALL claims: hollow."""
    colours, figure = palette(dark), go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": colours.line, "width": 1, "dash": "dot"}, hoverinfo="skip")
    most = max((n for _, _, n in curve), default=1)
    figure.add_scatter(
        x=[said for said, _, _ in curve],
        y=[found for _, found, _ in curve],
        mode="lines+markers+text",
        line={"color": _LINE, "width": 2},
        marker={
            "size": [max(_SMALLEST, _LARGEST * (n / most) ** 0.5) for _, _, n in curve],
            "symbol": ["circle-open" if n < SMALL else "circle" for _, _, n in curve],
            "color": _LINE,
        },
        text=[f"n {n:.0f}" for _, _, n in curve],
        textposition=["top left" if place % 2 else "bottom right" for place in range(len(curve))],  # neighbours apart
        textfont={"color": colours.ink, "size": 12},
        hovertext=[f"it says {said:.2f}, people find {found:.2f}<br>{n:.0f} claims" for said, found, n in curve],
        hoverinfo="text",
        cliponaxis=False,
    )
    layout(figure, 360, dark)
    figure.update_xaxes(range=[-0.03, 1.08], title="the judge says", tickformat=".1f", gridcolor=colours.middle, zeroline=False)
    return figure.update_yaxes(
        range=[-0.08, 1.05], title="people find grounded", tickformat=".0%", gridcolor=colours.middle, zeroline=False
    )
