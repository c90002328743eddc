"""Overview: where things stand, and what to do next."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from evals.paths import database_url
from evals.records import FEATURES, Decision
from workbench import queries, verdicts
from workbench.cards import plain
from workbench.session import empty_state, language_name, store, store_at, title

SHOWN = 8  # lines of what needs attention


@st.cache_data(ttl=10, show_spinner=False)
def figures(url: str) -> queries.Figures:
    return queries.figures(store_at(url))


def verdict_card(feature: str, decision: Decision | None) -> None:
    """The newest decision of a feature in one sentence."""
    with st.container(border=True, height="stretch"):
        if decision is None:
            st.markdown(f"**{feature.title()}** :gray-badge[:material/help: no decision yet]")
            st.markdown(":gray[Nothing was compared by a policy so far.]")
            st.code(f"plumb gate {feature}", language="bash")
            return
        colour, icon = verdicts.OUTCOMES[decision.outcome]
        st.markdown(f"**{feature.title()}** :{colour}-badge[:material/{icon}: {decision.outcome}]")
        runs = decision.body["runs"]
        names = f"{plain(runs['champion']['variant'])} → {plain(runs['candidate']['variant'])}"
        st.markdown(f":gray[{names}, {decision.created_at[:16].replace('T', ' ')}]")
        st.markdown(plain(verdicts.sentence(decision)))
        st.page_link("views/gate.py", label="Open the gate", icon=":material/gavel:", query_params={"feature": feature})


class Line(NamedTuple):
    """One thing that needs somebody, and where to go for it."""

    icon: str
    sentence: str
    page: str = "queues"
    address: dict[str, str] | None = None


def attention() -> list[Line]:
    """What the gate waits for or refused, then what waits for people, the longest backlog first."""
    statuses = sorted(store().queue.status(), key=lambda row: -row.open)
    unsent = sum(row.items - row.sent for row in statuses)
    return [
        *(line for feature in FEATURES if (line := verdict_line(feature, queries.latest_decision(store(), feature)))),
        *(Line("person_off", f"{language_name(tag)} has open items and nobody who labels them") for tag in queries.uncovered(store())),
        *([Line("outbox", f"{unsent:,} items are not on the labelling server yet")] if unsent else []),
        *(
            Line("inbox", f"{language_name(row.language)} {row.feature}: {row.open:,} of {row.items:,} items wait for a label")
            for row in statuses
            if row.open
        ),
    ]


def verdict_line(feature: str, decision: Decision | None) -> Line | None:
    """A hold with what it lacks, or a rejection; a promotion needs nobody."""
    if decision is None or decision.outcome == "promote":
        return None
    candidate, missing = decision.body["runs"]["candidate"]["variant"], decision.body["plan"]["cases"]
    said = "was rejected" if decision.outcome == "reject" else "is on hold"
    lacking = f", {missing:,} labelled cases missing" if decision.outcome == "hold" and missing else ""
    return Line(
        verdicts.OUTCOMES[decision.outcome][1], f"{feature.title()}: {plain(candidate)} {said}{lacking}", "gate", {"feature": feature}
    )


def numbers_row(numbers: queries.Figures) -> None:
    with st.grid(4, min_column_width=150):
        st.metric("Reviews", f"{numbers.reviews:,}", border=True, help=f"{numbers.products:,} products in {numbers.languages} languages")
        st.metric("Runs", numbers.runs, border=True, help="one variant over one dataset")
        st.metric("Open tasks", f"{numbers.open_tasks:,}", border=True, help=f"{numbers.done_tasks:,} have all their labels")
        st.metric("Labels", f"{numbers.annotations:,}", border=True, help="people's verdicts on single claims")


def runs_table() -> None:
    st.subheader("Runs", anchor=False)
    frame = queries.runs_frame(store())
    if frame.empty:
        empty_state("play_circle", "No runs yet. A run is one variant over all cases.", "plumb run highlights")
        return
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="–",
        column_config={
            "state": st.column_config.MultiselectColumn("state", options=["finished", "unfinished"], color=["green", "orange"]),
            "tokens_per_s": st.column_config.NumberColumn(
                "tokens/s", format="%.0f", help="generated tokens per second of the outputs' wall time"
            ),
            "created": st.column_config.DatetimeColumn("started", format="distance"),
        },
        alt="Runs with their totals, newest first",
    )


def needs() -> None:
    st.subheader("Needs attention", anchor=False)
    lines = attention()
    with st.container(border=True, gap=None):
        for line in lines[:SHOWN]:
            st.page_link(f"views/{line.page}.py", label=line.sentence, icon=f":material/{line.icon}:", query_params=line.address)
        if len(lines) > SHOWN:
            st.caption(f"and {len(lines) - SHOWN} more on the queues page")
        if not lines:
            st.markdown(":material/check_circle: :gray[Nothing: every queued item has its labels.]")


def page() -> None:
    title("Overview", "May the candidate replace the one in service, in every language? Where each feature stands, and what to do next.")
    numbers = figures(database_url())
    if not numbers.reviews:
        empty_state("rocket_launch", "Nothing is stored yet. This runs the whole loop on the sample catalogue:", "make run")
        st.caption("Or begin with your own reviews: `plumb import reviews FILE…`, then `plumb run highlights`.")
        return
    numbers_row(numbers)
    for column, feature in zip(st.columns(len(FEATURES)), FEATURES, strict=True):
        with column:
            verdict_card(feature, queries.latest_decision(store(), feature))
    left, right = st.columns([3, 2])
    with left:
        runs_table()
    with right:
        needs()


page()
