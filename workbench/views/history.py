"""History: what was live on that day, and why; every change of champion, every decision, and who did what."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date

import streamlit as st

from evals import registry
from evals.errors import InputError
from evals.records import Decision, Feature
from evals.registry import audit, champions
from evals.registry.champions import Served
from workbench import history_rows, verdicts
from workbench.cards import plain
from workbench.context import now
from workbench.session import choose, choose_feature, empty_state, store, title

FITS = 10  # rows of the table shown whole
DAY = "history_day"
FIRST, LAST = date(2000, 1, 1), date(2099, 12, 31)


def asked_day() -> date:
    """The day of the address (``?on=2026-11-01``), else today, in UTC; one that is no day is named."""
    today, asked = date.fromisoformat(now()[:10]), st.query_params.get("on")
    if asked is None:
        return today
    with suppress(ValueError):
        if FIRST <= (day := date.fromisoformat(asked)) <= LAST:
            return day
    st.warning(f"“{plain(asked[:60])}” is no day: showing {today}.", icon=":material/event_busy:")
    return today


def toolbar() -> tuple[Feature, str, date]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        feature = choose_feature()
        place = choose("Marketplace", list(registry.MARKETPLACES), "place", show=lambda name: "everywhere" if name == "all" else name)
        st.session_state[DAY] = asked_day()
        day = st.date_input("Day (UTC)", key=DAY, format="YYYY-MM-DD", min_value=FIRST, max_value=LAST, on_change=_picked)
    return feature, place, day


def _picked() -> None:
    if st.session_state[DAY] is not None:
        st.query_params["on"] = st.session_state[DAY].isoformat()


def on_that_day(feature: Feature, place: str, day: date) -> None:
    """A card for each champion of the day, in order."""
    st.subheader(f"Live on {day}", anchor=False)
    spans = champions.on(store(), feature, day.isoformat(), place)
    if not spans:
        st.info(f"Nothing served {feature} on {day}: no champion was named before.", icon=":material/event_busy:")
    for one in spans:
        card(history_rows.live(store(), one))
    places = history_rows.places_frame(store(), feature, day.isoformat())
    if len(places) > 1:
        st.dataframe(
            places,
            hide_index=True,
            height="content" if len(places) <= FITS else 380,
            column_config={
                "since": st.column_config.DatetimeColumn("since", format="YYYY-MM-DD HH:mm"),
                "why": st.column_config.TextColumn("why", width="large"),
            },
            alt="Who served at the end of the day, by marketplace",
        )


def card(live: history_rows.Live) -> None:
    with st.container(border=True):
        st.markdown(live.heading)
        for line in live.lines:
            st.markdown(line)
        if live.decision:
            address = {"feature": live.decision.feature, "decision": live.decision.decision_id.removeprefix("decision-")[:12]}
            st.page_link("views/gate.py", label="Open the decision", icon=":material/gavel:", query_params=address)


def changes(spans: Sequence[Served]) -> None:
    st.subheader("In service", anchor=False)
    st.dataframe(
        history_rows.served_frame(store(), spans),
        hide_index=True,
        height="content" if len(spans) <= FITS else 380,
        placeholder="–",
        column_config={
            "since": st.column_config.DatetimeColumn("since", format="YYYY-MM-DD HH:mm"),
            "until": st.column_config.DatetimeColumn("until", format="YYYY-MM-DD HH:mm"),
            "why": st.column_config.TextColumn("why", width="large"),
        },
        alt="Who served since when and why, newest first",
    )


def decided(decisions: list[Decision]) -> None:
    st.subheader("Decisions", anchor=False)
    if not decisions:
        st.caption("None yet.")
        return
    colours = [colour for colour, _ in verdicts.OUTCOMES.values()]
    st.dataframe(
        verdicts.history_frame(decisions),
        hide_index=True,
        height="content" if len(decisions) <= FITS else 380,
        column_config={
            "when": st.column_config.DatetimeColumn("decided", format="YYYY-MM-DD HH:mm"),
            "outcome": st.column_config.MultiselectColumn("outcome", options=list(verdicts.OUTCOMES), color=colours),
            "reason": st.column_config.TextColumn("reason", width="large"),
        },
        alt="All decisions, newest first",
    )


def log() -> None:
    """The newest events, and the whole log checked when somebody asks."""
    st.subheader("Audit log", anchor=False)
    events = store().ledger.events(history_rows.SHOWN_EVENTS)
    if not events:
        st.caption("Nothing is written yet.")
        return
    st.dataframe(
        history_rows.event_frame(events),
        hide_index=True,
        height="content" if len(events) <= FITS else 380,
        placeholder="–",
        column_config={
            "when": st.column_config.DatetimeColumn("when", format="YYYY-MM-DD HH:mm"),
            "why": st.column_config.TextColumn("why", width="large"),
        },
        alt=f"The newest {len(events)} events, newest first",
    )
    if st.button("Check the whole log", icon=":material/fact_check:", help="recompute every hash, and compare the log with who served"):
        check()


def check() -> None:
    try:
        whole = audit.verify(store())
    except InputError as error:
        st.error(plain(str(error)), icon=":material/gpp_bad:")
        return
    st.success(
        f"{whole.events:,} events, none changed, removed or slipped in. The last hash is {whole.end[:12]}.", icon=":material/verified:"
    )


def page() -> None:
    title("History", "What was live on that day, and why: changes of champion, decisions, and who did what. Nothing here is ever changed.")
    feature, place, day = toolbar()
    spans = registry.served(store(), feature, place)
    decisions = store().ledger.decisions(feature)
    if not spans:
        empty_state(
            "history",
            f"No champion of {feature} was named yet. The first needs no decision; every later one does.",
            f"plumb install {feature} template --actor me",
        )
    else:
        on_that_day(feature, place, day)
        changes(spans)
    decided(decisions)
    log()


page()
