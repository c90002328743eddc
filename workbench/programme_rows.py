"""Behind the page Programme and ``plumb experiment``: experiments as a table, months beside the cadence meant, what labels have served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd
import plotly.graph_objects as go
import yaml

from evals.programme import Rules
from evals.programme.experiments import Shown
from evals.programme.exposure import Exposed
from evals.programme.gains import Gain, Total, gains
from evals.programme.levels import Wealth
from evals.records import Experiment, SealedSet
from evals.store import Month, Store
from evals.text import shortened, visible
from workbench.charts import layout, palette, signed

STATES = {"planned": "gray", "running": "blue", "decided": "green", "abandoned": "orange"}  # as the table colours them
FULL = {"fresh": "green", "worn": "orange", "spent": "red"}
SHOWN_MONTHS = 12
_BAR, _BAND = "#4f87c2", "rgba(46,158,98,.18)"


def short(experiment: Experiment) -> str:
    """Enough of an experiment's id for an address."""
    return experiment.experiment_id.removeprefix("experiment-")[:12]


def heading(one: Shown) -> str:
    """State, day and the beginning of the hypothesis, for a list to choose from."""
    return f"{one.state} · {one.experiment.created_at[:10]} · {shortened(visible(one.experiment.hypothesis), 60)}"


def arm_names(store: Store) -> dict[str, str]:
    """The variant's name of every run, by run id."""
    names = {variant.variant_id: variant.name for variant in store.runs.variants()}
    return {run.run_id: names[run.variant_id] for run in store.runs.runs()}


def level_sentence(found: Wealth, rules: Rules) -> str:
    """At which level the next candidate may be read, and what that rests on."""
    over = "expected share of false promotions" if rules.method == "lord" else "chance of any false promotion ever"
    tests = f"{found.tests:,} candidate{'' if found.tests == 1 else 's'} tested, {found.promotions:,} promoted"
    after = f"the one after at {found.after_promotion:.3g} if it is promoted, at {found.after_none:.3g} if not"
    return f"the next candidate may be read at {found.level:.3g}, {after} ({tests}; {over} at most {rules.alpha:g})"


def gain_cells(gain: Gain) -> tuple[str, str, str, str]:
    """Requirement, as reported, to expect, interval of that."""
    expected = gain.expected
    if expected.low is None or expected.high is None:
        return gain.requirement, signed(gain.reported, 3), "–", expected.reason or "–"
    bounds = f"{signed(expected.low, 3)} … {signed(expected.high, 3)}"
    return gain.requirement, signed(gain.reported, 3), signed(expected.estimate or 0.0, 3), bounds


def cadence_word(planned: int, cadence: tuple[int, int]) -> str:
    """
    >>> [cadence_word(n, (2, 3)) for n in (1, 2, 4)]
    ['fewer than meant', 'as meant', 'more than meant']
    """
    least, most = cadence
    return "fewer than meant" if planned < least else "more than meant" if planned > most else "as meant"


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


def total_sentence(total: Total) -> str:
    """What the promotions add up to, before and after."""
    reported, expected = (signed(value, 3) for value in (total.reported, total.expected))
    return f"{total.requirement}: {total.promoted} of {total.tested} candidates promoted, {reported} in all as reported; expect {expected}."


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
