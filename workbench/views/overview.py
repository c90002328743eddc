"""Overview: where things stand, and what to do next."""

from __future__ import annotations

import streamlit as st

from evals.records import FEATURES, Decision
from workbench import queries
from workbench.session import empty_state, store

OUTCOMES = {"promote": ("green", "check_circle"), "reject": ("red", "cancel"), "hold": ("orange", "pause_circle")}


def verdict_card(feature: str, decision: Decision | None) -> None:
    """The newest decision of a feature in one sentence."""
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{feature.title()}**")
        if decision is None:
            st.badge("no decision yet", color="gray", icon=":material/help:")
            st.caption("Nothing was compared by a policy so far.")
            return
        colour, icon = OUTCOMES[decision.outcome]
        st.badge(decision.outcome, color=colour, icon=f":material/{icon}:")
        st.text(decision.reason)
        st.page_link("views/gate.py", label="Open the gate", icon=":material/gavel:", query_params={"feature": feature})


def attention() -> list[tuple[str, str, str]]:
    """What needs somebody: (icon, sentence, page)."""
    lines = []
    for row in store().queue.status():
        if row.sent < row.items:
            lines.append(("outbox", f"{row.queue}: {row.items - row.sent} items are not on the labelling server yet", "queues"))
        elif row.open:
            lines.append(("inbox", f"{row.queue}: {row.open} of {row.items} items wait for a label", "queues"))
    return lines


numbers = queries.figures(store())
st.title("Overview")
if not numbers.reviews:
    empty_state("rocket_launch", "Nothing is stored yet. The demo runs the whole loop on the sample catalogue.", "make run")
    st.stop()

cards = st.columns(4)
cards[0].metric("Reviews", f"{numbers.reviews:,}", border=True, help=f"{numbers.products:,} products, {numbers.languages} languages")
cards[1].metric("Runs", numbers.runs, border=True)
cards[2].metric("Open tasks", f"{numbers.open_tasks:,}", border=True, help=f"{numbers.done_tasks:,} done")
cards[3].metric("Labels", f"{numbers.annotations:,}", border=True)

for column, feature in zip(st.columns(len(FEATURES)), FEATURES, strict=True):
    with column:
        verdict_card(feature, queries.latest_decision(store(), feature))

left, right = st.columns([3, 2])
with left:
    st.subheader("Runs")
    frame = queries.runs_frame(store())
    if frame.empty:
        st.caption("No runs yet: plumb run highlights")
    else:
        columns = {
            "tokens/s": st.column_config.NumberColumn(format="%.0f", help="generated tokens per second of the outputs' wall time"),
            "created": st.column_config.DatetimeColumn(format="distance"),
        }
        st.dataframe(frame.drop(columns="run"), hide_index=True, column_config=columns, alt="All runs with their totals")
with right:
    st.subheader("Needs attention")
    lines = attention()
    for icon, sentence, page in lines[:8]:
        st.page_link(f"views/{page}.py", label=sentence, icon=f":material/{icon}:")
    if not lines:
        st.caption("Nothing: every queued item has its labels.")
