"""Annotators: how much each person labels, how well and how fast, what to do about it, and everything behind that for one of them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from annotators.raters import pausing, standing
from annotators.raters.standing import ErrorRates
from evals.errors import PlumblineError
from evals.records import Annotator
from evals.store import Store, Time
from workbench import annotator_rows, charts, measured, people_charts, vote_cards
from workbench.annotator_rows import KINDS, LIMITS, STANDINGS, Standing
from workbench.cards import plain
from workbench.context import now
from workbench.queries import EVERYWHERE
from workbench.session import choose, dark, empty_state, language_name, store, title

FITS = 16  # rows of the table shown whole
SHOWN = 25  # disagreements shown
TOLD = "annotators_told"  # what a button did, shown once


def times_of(store: Store) -> list[Time]:
    return store.people.times()


def attention(rows: Sequence[Standing]) -> None:
    """Whom the figures say to pause or look at, each in a sentence."""
    found = annotator_rows.attention(rows)
    if not found:
        return
    with st.container(border=True):
        st.markdown("**Needs a look**")
        for who, row in found[:6]:
            colour, icon = ("red", "pause_circle") if row.verdict == "pause" else ("orange", "visibility")
            reasons = plain(" ".join(annotator_rows.sentences(who, row)))
            st.markdown(f":{colour}-badge[:material/{icon}: {row.verdict}] **{plain(who.name[:60])}** · {reasons}")
        if len(found) > 6:
            st.caption(f"and {len(found) - 6} more in the table")


def toolbar(rows: Sequence[Standing]) -> list[Standing]:
    """Language and kind; the people who are left."""
    tags = sorted({tag for who, _ in rows for tag in who.languages}, key=language_name)
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        tag = choose(
            "Language", [EVERYWHERE, *tags], "speaks", show=lambda name: "all languages" if name == EVERYWHERE else language_name(name)
        )
    kind = right.segmented_control("Who", [EVERYWHERE, *KINDS], default=EVERYWHERE, required=True, key="people_kind", bind="query-params")
    return annotator_rows.chosen(rows, *(None if name == EVERYWHERE else name for name in (tag, kind)))


def table(rows: Sequence[Standing], times: Sequence[Time]) -> None:
    frame = annotator_rows.table(rows, store().people.worked(now()), times, dark())
    text, badges, number = st.column_config.TextColumn, st.column_config.MultiselectColumn, st.column_config.NumberColumn
    st.dataframe(
        frame,
        key="people_rows",
        on_select=lambda: pick(rows),
        selection_mode="single-row",
        hide_index=True,
        height="content" if len(frame) <= FITS else "auto",
        column_config={
            "name": text("name", pinned=True, width=106),
            "kind": badges("kind", options=["simulated", "expert"], color=["violet", "blue"], width=80),
            "languages": st.column_config.ListColumn("speaks", width=48),
            "standing": badges("standing", options=list(STANDINGS), color=["green", "orange", "red", "gray", "gray"], width=84),
            "gold": st.column_config.ImageColumn(
                "gold accuracy", width=112, help=f"Dot and {LIMITS.level:.0%} interval from 0 to 100 %; the tick is the floor."
            ),
            "on gold": text("right", width=76, help=f"gold items right; at least {LIMITS.min_gold} are needed to tell"),
            "controls": text("controls", width=92, help="pairs in which the degraded copy got the worse verdict"),
            "peers": text("with peers", width=104, help="the same answer as most of the others, where others judged it too"),
            "seconds": text("median", width=84, help="seconds a label, over all queues"),
            "today": number("today", width=46, help="labels made today, UTC"),
            "7 days": number("7 d", width=44, help="labels of seven days, today included"),
            "all": number("all", width=44, help="labels"),
            "why": text("why", width="large"),
        },
        placeholder="–",
        alt="Annotators: those to be paused or looked at first",
    )


def pick(rows: Sequence[Standing]) -> None:
    """A row was clicked: the person goes into the address."""
    chosen = st.session_state["people_rows"]["selection"]["rows"]
    if chosen and chosen[0] < len(rows):
        st.query_params["annotator"] = annotator_rows.short(rows[chosen[0]][0].annotator_id)


# ---------------------------------------------------------------------------------------------- one person


def heading(who: Annotator, row: ErrorRates) -> None:
    colours = {"ok": "green", "watch": "orange", "pause": "red"}
    said = [f":{colours.get(name, 'gray')}-badge[{name}]" for name in annotator_rows.standings(who, row)]
    kinds = [f":{'violet' if name == 'simulated' else 'blue'}-badge[{name}]" for name in annotator_rows.kinds(who)]
    st.subheader(plain(who.name[:80]), anchor=False)
    st.markdown(" ".join([*said, *kinds]) + f" :gray[{plain(', '.join(who.languages)) or 'no language'} · {plain(who.email)}]")
    for sentence in annotator_rows.sentences(who, row):
        st.markdown(f"- {plain(sentence)}")


def desk(who: Annotator) -> None:
    """Pause or resume, with a reason and a name for the audit log."""
    paused = who.paused_because is not None
    with st.form(f"pausing_{annotator_rows.short(who.annotator_id)}", border=True):
        left, right = st.columns(2)
        actor = left.text_input("Your name", max_chars=80, help="The workbench has no sign-in: the audit log notes what stands here.")
        because = right.text_input("Why", max_chars=pausing.MAX_REASON)
        label, icon = ("Resume", "play_arrow") if paused else ("Pause", "pause")
        if st.form_submit_button(label, icon=f":material/{icon}:"):
            act = pausing.resume if paused else pausing.pause
            try:
                act(store(), who.annotator_id, because=because, actor=actor, now=now())
            except PlumblineError:
                st.error("Say why, and who you are: both stand in the audit log.", icon=":material/edit:")
            else:
                st.session_state[TOLD] = f"{plain(who.name[:60])} {'gets tasks again' if paused else 'is given nothing more'}."
                st.rerun()
        st.caption("Who is paused is given no tasks; what they have said stays. No sign-in here: anybody who sees this page can do this.")


def over_time(row: ErrorRates) -> None:
    st.markdown("**Gold over time**")
    windows = annotator_rows.windows(row)
    if not windows:
        st.caption(f"Drawn from {LIMITS.window} gold items on: {row.gold.n} are answered, {max(0, LIMITS.window - row.gold.n)} to go.")
        return
    st.plotly_chart(
        people_charts.rolling(windows, LIMITS.gold_floor, dark()), config=charts.CONFIG, alt="Share of gold items right, moving window"
    )
    drift = row.drift
    fell = (
        f"p = {drift.p:.3f} that nothing changed"
        if drift.p is not None
        else f"{plain(drift.reason or 'too few')}: too few to tell whether it fell"
    )
    st.caption(
        f"Right in the last {LIMITS.window} gold items, with {LIMITS.level:.0%} interval; the dotted line is the floor. "
        f"All {row.gold.n}: {annotator_rows.of(row.gold, LIMITS.min_gold)}; {fell}."
    )


def speed(who: Annotator, times: Sequence[Time]) -> None:
    st.markdown("**Speed beside the others**")
    rows = annotator_rows.paces(times, who.annotator_id)
    if not rows:
        st.caption("Too few times are measured: five in one queue are needed.")
        return
    st.plotly_chart(people_charts.pace(rows, dark()), config=charts.CONFIG, alt="Median seconds a label by queue, beside the others")
    st.caption("Dot: their median. Bar and tick: the middle 80 % and the median of the others, where five labels or more are timed.")


def queues(who: Annotator, row: ErrorRates) -> None:
    st.markdown("**By queue**")
    frame = annotator_rows.queue_table(row, store().people.per_queue(who.annotator_id))
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "p": st.column_config.NumberColumn("p", format="%.3f", help="Fisher's exact test, adjusted over all annotators and queues"),
            "not enough": st.column_config.TextColumn("not enough", width="large"),
        },
        placeholder="–",
        height="content",
        alt="What they did in each queue",
    )


def disagreements(who: Annotator) -> None:
    st.markdown("**Where others said something else**")
    found = store().people.disagreements(who.annotator_id, SHOWN)
    if not found:
        st.caption("Nobody who judged the same said anything else.")
        return
    st.caption(
        f"The newest {len(found)}. Being alone is no proof of being wrong." if len(found) > 1 else "Being alone is no proof of being wrong."
    )
    with st.container(border=True, height=420):
        st.html("".join(vote_cards.disagreement_block(one) for one in found))


def detail(who: Annotator, row: ErrorRates, times: Sequence[Time]) -> None:
    left, right = st.columns([3, 2])
    with left:
        heading(who, row)
    with right:
        desk(who)
    if not row.labels:
        st.caption("No label yet.")
        return
    left, right = st.columns(2)
    with left:
        over_time(row)
    with right:
        speed(who, times)
    queues(who, row)
    disagreements(who)


def page() -> None:
    title("Annotators", "Who labels, how much, how well and how fast. Pause is said only for what gold or controls have shown.")
    rows = annotator_rows.current(measured.once(standing.error_rates), store().labels.annotators())
    if not rows:
        empty_state(
            "group", "Nobody labels yet. Whoever labels in Label Studio appears here when their labels are collected.", "plumb collect"
        )
        return
    if told := st.session_state.pop(TOLD, None):
        st.success(told, icon=":material/check:")
    times = measured.once(times_of)
    attention(rows)
    shown = toolbar(rows)
    if not shown:
        empty_state("filter_alt_off", "Nobody of this language and kind.")
        return
    table(shown, times)
    if any(who.simulated for who, _ in shown):
        st.caption("Simulated annotators are scripts with known error rates, for the demo. Their labels decide nothing real.")
    asked = st.query_params.get("annotator")
    chosen = next(((who, row) for who, row in rows if annotator_rows.short(who.annotator_id) == asked), None)
    if chosen is not None:
        detail(*chosen, times)
    elif asked is not None:
        st.warning(f"There is no annotator “{plain(asked[:60])}”.", icon=":material/search_off:")
    else:
        st.caption("Choose a row to see the person: gold over time, speed, each queue, disagreements; and to pause or resume them.")


page()
