"""Queues: what waits for people, in which language, for how long, and who labels."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench import charts, links, queries
from workbench.session import dark, empty_state, language_name, store, title

FITS = 16  # rows of a table shown whole


def numbers(frame: pd.DataFrame) -> None:
    with st.grid(4, min_column_width=150):
        st.metric("Items", f"{frame['items'].sum():,}", border=True, help="claims put before people")
        st.metric("Open", f"{frame['open'].sum():,}", border=True, help="with fewer labels than asked for")
        st.metric("Labels", f"{frame['annotations'].sum():,}", border=True)
        st.metric("Languages", frame["language"].nunique(), border=True)


def server_state(frame: pd.DataFrame, url: str | None) -> None:
    """Whether people can label now, and what is not on the server yet."""
    unsent = int((frame["items"] - frame["sent"]).sum())
    if url is None:
        st.warning(
            "Label Studio is not running: these figures are of the last collection. Start it with `plumb label-studio start`.",
            icon=":material/cloud_off:",
        )
    elif unsent:
        st.warning(f"{unsent:,} items are not on the labelling server yet: `plumb queue` again sends them.", icon=":material/outbox:")
    missing = queries.uncovered(store())
    if missing:
        st.warning(f"Nobody who labels covers: {', '.join(language_name(tag) for tag in missing)}.", icon=":material/person_off:")


def table(frame: pd.DataFrame, url: str | None) -> None:
    shown = frame.sort_values(["open", "items"], ascending=False).assign(
        language=frame["language"].map(language_name), label=frame["queue"].map(links.label_stream(store(), url))
    )
    st.dataframe(
        shown[["language", "feature", "progress", "open", "items", "annotations", "oldest_open_at", "label"]],
        hide_index=True,
        column_config={
            "progress": st.column_config.ProgressColumn("done", min_value=0, max_value=100, format="%d%%"),
            "annotations": st.column_config.NumberColumn("labels"),
            "oldest_open_at": st.column_config.DatetimeColumn("oldest open", format="distance"),
            "label": st.column_config.LinkColumn("Label Studio", display_text="label ↗"),
        },
        placeholder="–",
        height="content" if len(shown) <= FITS else "auto",
        alt="Queues with their backlog, longest first",
    )


def people() -> None:
    st.subheader("Annotators", anchor=False)
    known = store().labels.annotators()
    if not known:
        empty_state("group", "Nobody has labelled yet.")
        return
    rows = [
        {"name": person.name, "languages": list(person.languages), "kind": ["simulated" if person.simulated else "person"]}
        for person in known
    ]
    kinds = st.column_config.MultiselectColumn("kind", options=["person", "simulated"], color=["green", "violet"])
    st.dataframe(rows, hide_index=True, column_config={"kind": kinds}, alt="Annotators and their languages")
    if any(person.simulated for person in known):
        st.caption("Simulated annotators are scripts with known error rates, for the demo. Their labels decide nothing real.")


def page() -> None:
    title("Queues", "Claims that wait for people, by language. Labelling itself happens in Label Studio.")
    frame = queries.queue_frame(store().queue.status())
    if frame.empty:
        empty_state(
            "inbox",
            "Nothing is queued yet. Queueing draws cases with known probabilities and puts their claims before people.",
            "plumb queue highlights",
        )
        return
    url = links.studio_url()
    server_state(frame, url)
    numbers(frame)
    st.plotly_chart(charts.backlog(frame, dark()), config=charts.CONFIG, alt="Done and open items per language, longest backlog first")
    left, right = st.columns([2, 1])
    with left:
        st.subheader("By language", anchor=False)
        table(frame, url)
    with right:
        people()


page()
