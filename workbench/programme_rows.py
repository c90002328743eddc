"""Behind the page Programme: experiments as a table, months beside the cadence meant, what labels have served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd
import plotly.graph_objects as go
import yaml

from evals.programme import Rules
from evals.programme.experiments import Shown
from evals.programme.exposure import Exposed
from evals.programme.gains import Gain, gains
from evals.records import Experiment, SealedSet
from evals.store import Month, Store
from workbench.charts import layout, palette
from workbench.programme_words import arm_names, gain_cells, short

STATES = {"planned": "gray", "running": "blue", "decided": "green", "abandoned": "orange"}  # as the table colours them
FULL = {"fresh": "green", "worn": "orange", "spent": "red"}
SHOWN_MONTHS = 12
_BAR, _BAND = "#4f87c2", "rgba(46,158,98,.18)"


# ---------------------------------------------------------------------------------------------- experiments


def experiment_frame(store: Store, found: Sequence[Shown]) -> pd.DataFrame:
    """A row an experiment: running and planned ones first, then the newest."""
    names = arm_names(store)
    order = sorted(sorted(found, key=lambda one: one.experiment.created_at, reverse=True), key=lambda one: one.ending is not None)
    return pd.DataFrame(
        [
            {
                "state": [one.state],
                "hypothesis": one.experiment.hypothesis,
                "kind": "exploratory" if one.experiment.exploratory else "registered",
                "candidates": ", ".join(names[run] for run in one.experiment.candidate_run_ids),
                "labels": one.labels,
                "read at": one.experiment.alpha,
                "allowed": one.experiment.level,
                "promoted": one.ending.promoted if one.ending else None,
                "planned": pd.Timestamp(one.experiment.created_at),
                "because": one.ending.reason if one.ending else None,
                "id": short(one.experiment),
            }
            for one in order
        ]
    )


def frozen(experiment: Experiment) -> str:
    """The policy as it was frozen, as YAML."""
    return str(yaml.safe_dump(dict(experiment.policy), sort_keys=False, allow_unicode=True))


def gains_of(store: Store, found: Sequence[Shown]) -> list[tuple[Shown, Gain]]:
    """The gains of all candidates of registered experiments that were decided."""
    decided = [one for one in found if one.ending and one.ending.outcome == "decided" and not one.experiment.exploratory]
    names = [(one, name) for one in decided if one.ending for name in one.ending.body.get("decisions", [])]
    return [(one, gain) for one, name in names for gain in gains(store.ledger.decision(str(name)))]


def gain_frame(found: Sequence[tuple[Shown, Gain]]) -> pd.DataFrame:
    """Promoted gains, newest first, as reported and as to be expected."""
    rows = [(one, gain) for one, gain in reversed(found) if gain.promoted]
    return pd.DataFrame(
        [
            {"hypothesis": one.experiment.hypothesis, **dict(zip(("requirement", "reported", "expected", "interval"), cells, strict=True))}
            for one, gain in rows
            for cells in [gain_cells(gain)]
        ]
    )


# ---------------------------------------------------------------------------------------------- months, exposure, sealed sets


def calendar(months: Sequence[Month], today: date) -> list[Month]:
    """The last months up to today's, those in which nothing happened too."""
    known = {month.month: month for month in months}
    last = today.year * 12 + today.month - 1
    names = [f"{index // 12:04}-{index % 12 + 1:02}" for index in range(last - SHOWN_MONTHS + 1, last + 1)]
    return [known.get(name, Month(name, 0, 0, 0)) for name in names]


def cadence(months: Sequence[Month], meant: tuple[int, int], dark: bool = False) -> go.Figure:
    """Experiments planned a month, over the band of how many are meant."""
    names = [month.month for month in months]
    hover = [f"{month.month}: {month.planned} planned, {month.decided} decided, {month.abandoned} abandoned" for month in months]
    bar = go.Bar(
        x=names, y=[month.planned for month in months], text=[month.planned or "" for month in months], textposition="outside",
        marker_color=_BAR, width=0.6, hovertext=hover, hoverinfo="text", textfont={"color": palette(dark).ink},
    )  # fmt: skip
    figure = go.Figure([bar])
    figure.add_hrect(y0=meant[0], y1=meant[1], fillcolor=_BAND, line_width=0, layer="below")
    layout(figure, 220, dark)
    most = max([meant[1], *(month.planned for month in months)]) + 1
    figure.update_yaxes(range=[0, most], tickformat="d", dtick=1 if most < 12 else None, gridcolor=palette(dark).middle, zeroline=False)
    return figure.update_xaxes(type="category", nticks=6, tickangle=0)


def cadence_alt(months: Sequence[Month], meant: tuple[int, int]) -> str:
    """The chart in words."""
    said = ", ".join(f"{month.month} {month.planned}" for month in months if month.planned)
    return f"Experiments planned a month, meant {meant[0]} to {meant[1]}: {said or 'none'}"


def exposure_frame(found: Sequence[Exposed], rules: Rules) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "dataset": one.reads.name,
                "feature": one.reads.feature,
                "standing": [one.standing],
                "used": 100 * min(one.reads.comparisons, rules.comparisons) // rules.comparisons,
                "comparisons": one.reads.comparisons,
                "left": one.left,
                "decisions": one.reads.decisions,
                "candidates": one.reads.candidates,
                "cases": one.reads.cases,
                "id": one.reads.dataset_id,
            }
            for one in found
        ]
    )


def sealed_frame(found: Sequence[SealedSet]) -> pd.DataFrame:
    """What is kept, and what was opened by whom and why; never what is in it."""
    return pd.DataFrame(
        [
            {
                "name": one.name,
                "feature": one.feature,
                "state": ["opened" if one.opened_at else "sealed"],
                "cases": one.cases,
                "sealed": pd.Timestamp(one.created_at),
                "opened": pd.Timestamp(one.opened_at) if one.opened_at else pd.NaT,
                "by": one.opened_by or one.actor,
                "because": one.opened_because,
                "commitment": one.commitment,
            }
            for one in found
        ]
    )
