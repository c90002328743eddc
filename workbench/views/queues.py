"""Queues: what waits for people, in which language, for how long, how fast it shrinks, and who can work on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from annotators.asking.alerts import Alert, alerts
from annotators.asking.budget import load_plan
from evals.paths import database_url
from evals.store.labels import Given
from workbench import charts, links, listening, queue_rows
from workbench.cards import cell, plain
from workbench.context import now
from workbench.session import choose, dark, empty_state, language_name, store, store_at, title

EVERY_S = 4  # seconds between two looks: with a listener's second, a label shows up well within ten
AGREED_S = 300  # how old the agreement may be: it is computed from all labels
ALERTS = 5  # shown at once
FITS = 16  # rows of a table shown whole
LATEST = 6
EVERYTHING = "all"
AGREEMENT = "Krippendorff's alpha of the question people agree on least, over items judged by two or more; intervals on the page Agreement"
FILTERS = (("Feature", "feature", "show"), ("Language", "language", "lang"), ("Asked", "rubric", "rubric"))  # label, column, address


@st.cache_data(ttl=2, show_spinner=False)
def figures(url: str) -> pd.DataFrame:
    """Read once for everybody who looks at the same moment."""
    return queue_rows.backlog_frame(store_at(url), load_plan(), now=now())


@st.cache_data(ttl=2, show_spinner=False)
def latest(url: str) -> list[Given]:
    return store_at(url).labels.latest(LATEST)


@st.cache_data(ttl=2, show_spinner=False)
def alarms(url: str) -> list[Alert]:
    return alerts(store_at(url), load_plan(), now=now())


@st.cache_data(ttl=AGREED_S, show_spinner=False, refresh_mode="background")
def agreed(url: str) -> dict[str, tuple[float, int]]:
    return queue_rows.agreement(store_at(url))


# ---------------------------------------------------------------------------------------------- what needs somebody


def warnings(found: Sequence[Alert]) -> None:
    """What needs the lead, worst first."""
    if not found:
        return
    with st.container(border=True, gap=None):
        for alert in found[:ALERTS]:
            st.markdown(warning(alert))
        if len(found) > ALERTS:
            with st.expander(f"{len(found) - ALERTS} more"):
                for alert in found[ALERTS:]:
                    st.markdown(warning(alert))


def warning(alert: Alert) -> str:
    """A badge and the sentence, in which people may have typed; queues and languages are already named in it."""
    badge = ":red-badge[:material/priority_high: urgent]" if alert.severity == "urgent" else ":gray-badge[:material/info: notice]"
    return f"{badge} {plain(alert.sentence)}"


def server_state(frame: pd.DataFrame, url: str | None) -> None:
    """Whether people can label now, whether their labels come in by themselves, and what is not on the server yet."""
    unsent = int((frame["items"] - frame["sent"]).sum())
    if url is None:
        st.warning(
            "Label Studio is not running: these figures are of the last collection. Start it with `plumb label-studio start`.",
            icon=":material/cloud_off:",
        )
        return
    if unsent:
        st.warning(f"{unsent:,} items are not on the labelling server yet: `plumb queue` again sends them.", icon=":material/outbox:")
    st.markdown(f"{listener_state(listening.heard(url))} :gray[·] [Label Studio ↗]({url})")


def listener_state(said: Mapping[str, Any] | None) -> str:
    """One line on the process that brings labels in."""
    if said is None:
        return (
            ":gray-badge[:material/hearing_disabled: nobody listens] :gray[labels come in with `plumb collect`; `plumb listen` pulls them]"
        )
    if said.get("last_error"):
        return f":orange-badge[:material/sync_problem: cannot pull] {plain(str(said['last_error'])[:300])}"
    return ":green-badge[:material/hearing: listening] :gray[labels come in by themselves]"


# ---------------------------------------------------------------------------------------------- figures


def numbers(frame: pd.DataFrame) -> None:
    today = sum(row[-1] for row in frame["per_day"])
    with st.grid(5, min_column_width=140):
        st.metric("Open", f"{frame['open'].sum():,}", border=True, help="items with fewer labels than asked for")
        st.metric("Done", f"{frame['done'].sum():,}", border=True, help="items with all their labels")
        st.metric("Overdue queues", int(frame["late"].sum()), border=True, help="their oldest open item waits longer than the plan allows")
        st.metric("Labels", f"{frame['annotations'].sum():,}", border=True)
        st.metric("Labels today", f"{today:,}", border=True, help="since midnight UTC")


def pictures(frame: pd.DataFrame) -> None:
    left, right = st.columns(2)
    with left:
        st.subheader("Backlog by language", anchor=False)
        figure = charts.backlog(frame, dark())
        st.plotly_chart(figure, config=charts.CONFIG, key="backlog", alt="Done and open items per language, longest backlog first")
    with right:
        st.subheader("Labels a day", anchor=False)
        figure = charts.per_day(queue_rows.day_frame(frame, now=now()), dark())
        st.plotly_chart(figure, config=charts.CONFIG, key="per_day", alt="Labels per day over the last two weeks, today last")


def table(frame: pd.DataFrame, url: str | None) -> None:
    found = agreed(database_url())
    shown = frame.assign(
        language=frame["language"].map(language_name),
        people=frame["people"].map(cell),
        agreement=[agreement(*found[queue]) if queue in found else None for queue in frame["queue"]],
        waiting=[waits(row) for row in frame.to_dict("records")],
        label=frame["queue"].map(links.label_stream(store(), url)),
    )
    columns = [
        "language",
        "feature",
        "rubric",
        "progress",
        "open",
        "items",
        "annotations",
        "waiting",
        "per_day",
        "agreement",
        "people",
        "label",
    ]
    st.dataframe(
        shown[columns],
        hide_index=True,
        column_config={
            "language": st.column_config.TextColumn("language", pinned=True),
            "rubric": st.column_config.TextColumn("asked"),
            "progress": st.column_config.ProgressColumn("done", min_value=0, max_value=100, format="%d%%"),
            "annotations": st.column_config.NumberColumn("labels"),
            "waiting": st.column_config.TextColumn("oldest open", help="and the longest the plan allows; ⚠ overdue"),
            "per_day": st.column_config.BarChartColumn("labels a day", help="the last 14 days, today last", y_min=0),
            "agreement": st.column_config.TextColumn("agreement", help=AGREEMENT),
            "people": st.column_config.TextColumn("covered by"),
            "label": st.column_config.LinkColumn("Label Studio", display_text="label ↗"),
        },
        placeholder="–",
        height="content" if len(shown) <= FITS else "auto",
        alt="Queues with their backlog, overdue ones first, then the longest",
    )


def waits(row: Mapping[Any, Any]) -> str:
    """``⚠ 4 d of 72 h``: the age of the oldest open item, and what the plan allows."""
    age = queue_rows.age(row["age_h"])
    if not age or row["service_level_h"] is None or pd.isna(row["service_level_h"]):
        return age
    return f"{'⚠ ' if row['late'] else ''}{age} of {row['service_level_h']:g} h"


def agreement(alpha: float, items: int) -> str:
    """``0.71 · n 40``: never without the number of items behind it."""
    return f"{alpha:.2f} · n {items}".replace("-", "−")


def newest() -> None:
    """The last labels as they came in: the proof that somebody's work arrives."""
    rows = latest(database_url())
    if not rows:
        empty_state("group", "Nobody has labelled yet.")
        return
    shown = [
        {
            "given": row.created_at,
            "by": cell(row.name)[:60],
            "language": language_name(row.language),
            "said": row.verdict.replace("_", " "),
            "kind": ["simulated" if row.simulated else "person"],
        }
        for row in rows
    ]
    frame = pd.DataFrame(shown).assign(given=lambda rows: pd.to_datetime(rows["given"], format="ISO8601", utc=True))
    kinds = st.column_config.MultiselectColumn("kind", options=["person", "simulated"], color=["green", "violet"])
    given = st.column_config.DatetimeColumn("given", format="distance")
    st.dataframe(frame, hide_index=True, column_config={"kind": kinds, "given": given}, alt="The newest labels")
    if any(row.simulated for row in rows):
        st.caption("Simulated annotators are scripts with known error rates, for the demo. Their labels decide nothing real.")


# ---------------------------------------------------------------------------------------------- the page


def filters(frame: pd.DataFrame) -> dict[str, str | None]:
    """What is shown, from the address: column → value, None for all."""
    wanted: dict[str, str | None] = {}
    for place, (label, column, param) in zip(st.columns([1, 1, 1, 2]), FILTERS, strict=False):
        with place:
            options = [EVERYTHING, *sorted(frame[column].unique())]
            value = choose(label, options, param, show=language_name if column == "language" else str)
            wanted[column] = None if value == EVERYTHING else value
    return wanted


@st.fragment(run_every=EVERY_S)
def live(wanted: dict[str, str | None]) -> None:
    """Everything that changes while people label."""
    everything, url = figures(database_url()), links.studio_url()
    frame = queue_rows.chosen(everything, wanted)
    warnings(alarms(database_url()))
    server_state(everything, url)
    if frame.empty:
        empty_state("filter_alt_off", "No queue is like that: choose “all” above.")
        return
    numbers(frame)
    pictures(frame)
    st.subheader("By queue", anchor=False)
    table(frame, url)
    st.subheader("Newest labels", anchor=False)
    newest()


def page() -> None:
    title("Queues", "What waits for people, by feature, language and question. Labelling itself happens in Label Studio.")
    frame = figures(database_url())
    if frame.empty:
        empty_state(
            "inbox",
            "Nothing is queued yet. Queueing draws cases with known probabilities and puts their claims before people.",
            "plumb queue highlights",
        )
        return
    live(filters(frame))


page()
