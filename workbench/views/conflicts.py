"""Conflicts: what people disagree about, the claim beside its evidence, who said what, and the expert who settles it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from annotators.asking import conflicts as disputes
from annotators.asking.conflicts import Conflict
from annotators.label_studio import push, server
from annotators.label_studio.studio import Studio
from evals.errors import PlumblineError
from evals.paths import home
from workbench import conflict_rows, links, measured, vote_cards
from workbench.cards import plain
from workbench.conflict_rows import OPEN, SETTLED, STATES, WAITING
from workbench.context import now
from workbench.queries import EVERYWHERE
from workbench.session import choose, choose_feature, empty_state, language_name, store, title

ANY = "any"
FITS = 10  # rows of the table shown whole
TOLD = "conflicts_told"  # what the button did, shown once


def numbers(found: Sequence[Conflict]) -> None:
    counts = Counter(map(conflict_rows.state, found))
    with st.grid(3, min_column_width=150):
        st.metric("Open", counts[OPEN], border=True, help="no expert has them yet")
        st.metric("With experts", counts[WAITING], border=True, help="queued for the experts of the language, not yet answered")
        st.metric("Settled", counts[SETTLED], border=True, help="the expert's answer counts, with probability 1; the votes stay")


def hand_over() -> None:
    """Queue every open conflict for the experts and send it where they label."""
    new = disputes.queue_conflicts(store(), now=now())
    text = f"{new} conflict{'' if new == 1 else 's'} put before experts."
    running = server.status(home())
    if running is None:
        text += " Label Studio is not running: they are sent when it is, by `plumb conflicts`."
    else:
        try:
            sent = push.push(store(), Studio(running.url, running.token)).sent
            text += f" {sent} tasks sent to Label Studio."
        except PlumblineError as error:
            text += f" Not all could be sent; the next `plumb conflicts` sends the rest: {plain(str(error))[:300]}"
    st.session_state[TOLD] = text


def toolbar(everything: Sequence[Conflict]) -> tuple[list[Conflict], str | None]:
    """Feature, language, state, and the button; the conflicts of feature and language, and the state that is asked for."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        feature = choose_feature()
        tags = sorted({one.item.language for one in everything if one.item.feature == feature}, key=language_name)
        language = choose(
            "Language", [EVERYWHERE, *tags], "lang", show=lambda tag: "all languages" if tag == EVERYWHERE else language_name(tag)
        )
        state = choose("State", [ANY, *STATES], "state", show=lambda name: "any state" if name == ANY else name)
        waiting = sum(conflict_rows.state(one) == OPEN for one in everything)
        if st.button(
            f"Put {waiting} before experts" if waiting else "Experts have all",
            disabled=not waiting,
            type="primary",
            icon=":material/gavel:",
            help="Of both features and all languages. An expert sees the claim, its evidence and what was said, without names.",
        ):
            with st.spinner("Sending…"):
                hand_over()
            st.rerun()
    found = conflict_rows.chosen(everything, feature, None if language == EVERYWHERE else language, None)
    return found, None if state == ANY else state


def notices(found: Sequence[Conflict]) -> None:
    if told := st.session_state.pop(TOLD, None):
        st.success(told, icon=":material/outbox:")
    missing = conflict_rows.without_expert(found, store().labels.annotators())
    if missing:
        names = ", ".join(sorted(map(language_name, missing)))
        st.warning(f"No expert covers {names}: conflicts there stay open.", icon=":material/person_off:")


def table(shown: Sequence[Conflict]) -> None:
    frame = conflict_rows.table(shown)
    frame["language"] = frame["language"].map(language_name)
    st.dataframe(
        frame,
        key="conflict_rows",
        on_select=lambda: pick(shown),
        selection_mode="single-row",
        hide_index=True,
        height="content" if len(frame) <= FITS else "auto",
        column_order=["claim", "language", "said", "sure", "state", "last"],
        column_config={
            "claim": st.column_config.TextColumn("claim", width=370),
            "said": st.column_config.TextColumn("said", width=190),
            "sure": st.column_config.ProgressColumn(
                "sure", width=110, format="%d%%", min_value=50, max_value=100, help="probability that what most say is right"
            ),
            "state": st.column_config.MultiselectColumn("state", options=list(STATES), color=["orange", "blue", "green"]),
            "last": st.column_config.DatetimeColumn("last vote", format="distance"),
        },
        placeholder="–",
        alt="Conflicts: open ones first, the least sure first",
    )


def pick(shown: Sequence[Conflict]) -> None:
    """A row was clicked: its conflict goes into the address."""
    rows = st.session_state["conflict_rows"]["selection"]["rows"]
    if rows and rows[0] < len(shown):
        go(conflict_rows.short(shown[rows[0]]))


def go(name: str) -> None:
    st.query_params["conflict"] = name


def stepper(names: list[str], place: int) -> None:
    """Previous and next within what is shown: k and j."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
        st.markdown(f":gray[{place + 1} of {len(names)}]", width="content")
        before, after = names[max(0, place - 1)], names[min(len(names) - 1, place + 1)]
        st.button("Previous", shortcut="k", disabled=place == 0, on_click=go, args=(before,), icon=":material/chevron_left:")
        st.button("Next", shortcut="j", disabled=place == len(names) - 1, on_click=go, args=(after,), icon=":material/chevron_right:")


def current(shown: Sequence[Conflict]) -> int:
    """The place of the conflict that the address names, else the first; one that is not here is named."""
    asked, names = st.query_params.get("conflict"), [conflict_rows.short(one) for one in shown]
    if asked is None or asked in names:
        return 0 if asked is None else names.index(asked)
    st.warning(f"There is no conflict “{plain(asked[:60])}” among these: showing the first.", icon=":material/search_off:")
    return 0


def detail(conflict: Conflict) -> None:
    """What was shown on the left, what was said on the right."""
    said = conflict_rows.votes(store(), conflict)
    left, right = st.columns([3, 2])
    with left, st.container(border=True, height="stretch"):
        st.markdown(f":gray[{language_name(conflict.item.language)} · {conflict.item.feature} · shown to everybody who judged it]")
        st.html(vote_cards.shown_block(conflict.item.language, conflict.item.data, said))
        if any(vote.spans for vote in said):
            st.caption("Marked in the evidence: what people said decides.")
    with right, st.container(border=True, height="stretch"):
        st.markdown(f"**{len(said)} votes** · {plain(conflict_rows.together(conflict.settled))}")
        st.html(vote_cards.votes_block(said))
        expert(conflict)


def expert(conflict: Conflict) -> None:
    """The answer that ended it, or where it can be given; then the way to the sample."""
    st.markdown("**Expert**")
    answer = conflict_rows.answer(store(), conflict)
    if answer is not None:
        st.html(vote_cards.vote_block(answer))
    elif conflict.queued:
        st.caption("Before the experts of the language; no answer yet.")
    else:
        st.caption("Not before experts yet.")
    url = links.studio_url()
    task = links.task_url(store(), url, disputes.item_id(conflict.claim_id)) if url and conflict.queued else None
    address = conflict_rows.sample_address(store(), conflict)
    with st.container(horizontal=True):
        if task:
            st.link_button("Settle it in Label Studio", task, icon=":material/open_in_new:")
        if address:
            st.page_link("views/sample.py", label="Open the sample", icon=":material/article:", query_params=address)


def page() -> None:
    title("Conflicts", "Claims about which people disagree. An expert of the language settles them; until then a tie counts one half.")
    everything = measured.once(disputes.conflicts)
    if not everything:
        empty_state(
            "handshake",
            "No conflicts. One appears when two people judge the same claim and differ; the plan says how many claims two people see.",
            "plumb queue highlights --overlap 2",
        )
        return
    found, state = toolbar(everything)
    notices(everything)
    numbers(found)
    shown = conflict_rows.chosen(found, None, None, state)
    if not shown:
        empty_state("filter_alt_off", "No conflict of this feature, language and state.")
        return
    place = current(shown)
    table(shown)
    stepper([conflict_rows.short(one) for one in shown], place)
    detail(shown[place])


page()
