"""Queues: what waits for people, in which language, for how long."""

from __future__ import annotations

import streamlit as st

from workbench import charts, links, queries
from workbench.session import empty_state, language_name, store

st.title("Queues")
frame = queries.queue_frame(store().queue.status())
if frame.empty:
    empty_state("inbox", "Nothing is queued yet.", "plumb queue highlights --champion template --candidate lm-int8")
    st.stop()

cards = st.columns(4)
cards[0].metric("Items", f"{frame['items'].sum():,}", border=True)
cards[1].metric("Open", f"{frame['open'].sum():,}", border=True)
cards[2].metric("Labels", f"{frame['annotations'].sum():,}", border=True)
cards[3].metric("Languages", frame["language"].nunique(), border=True)

st.plotly_chart(charts.backlog(frame), config=charts.CONFIG, alt="Open and done items per language")

frame["language"] = frame["language"].map(language_name)
frame["label"] = frame["queue"].map(links.label_stream(store()))
st.dataframe(
    frame[["feature", "language", "items", "progress", "open", "annotations", "oldest_open_at", "label"]],
    hide_index=True,
    column_config={
        "progress": st.column_config.ProgressColumn("done", min_value=0, max_value=1, format="percent"),
        "oldest_open_at": st.column_config.DatetimeColumn("oldest open", format="distance"),
        "label": st.column_config.LinkColumn("Label Studio", display_text="label ↗"),
    },
    alt="Queues with their backlog",
)
covered = {language for person in store().queue.annotators() for language in person.languages}
uncovered = sorted(set(queries.queue_frame(store().queue.status())["language"]) - covered)
if uncovered:
    st.warning(f"No annotator covers: {', '.join(language_name(tag) for tag in uncovered)}", icon=":material/person_off:")

st.subheader("Annotators")
people = [
    {"name": a.name, "languages": list(a.languages), "kind": "simulated" if a.simulated else "person"} for a in store().queue.annotators()
]
if people:
    st.dataframe(people, hide_index=True, alt="Annotators and their languages")
    if any(person["kind"] == "simulated" for person in people):
        st.caption("Simulated annotators are scripts with known error rates, for the demo. Their labels decide nothing real.")
else:
    st.caption("Nobody has labelled yet.")
