"""My work: an annotator's next task, in their own language. Labelling itself happens in Label Studio.

Nothing is reserved by looking: the first task by pressing the button, each next one because the label of the last has arrived. So a page
left open holds one task at most, until its reservation ends.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from annotators.asking import routing
from annotators.asking.budget import LabellingPlan, load_plan
from annotators.asking.routing import Turn
from annotators.label_studio import server
from annotators.label_studio.server import RunningServer
from annotators.label_studio.studio import Studio
from evals.errors import PolicyError, RetryError, StudioError, UnknownIdError
from evals.packs import pack
from evals.paths import home
from evals.records import Annotator
from evals.text import visible
from workbench import links, listening, work
from workbench.cards import direction, plain
from workbench.context import now
from workbench.session import store

BUSY_S, IDLE_S = 3, 20  # seconds between two looks: while a task is theirs, and while none is
NOTHING = Turn(None, "nothing_to_do")
# Of this browser tab: the task that is theirs, whether it was looked for this very moment, whether a label has arrived.
HELD, NEW, THANKED = "work_held", "work_new", "work_thanked"


@st.cache_resource(show_spinner=False)
def studio_at(url: str, token: str) -> Studio:
    return Studio(url, token)


@st.cache_data(ttl=60, show_spinner=False)
def plan() -> LabellingPlan:
    return load_plan()


def pick(label: str, options: Sequence[str], param: str, value: str | None, show: Callable[[str], str], clears: Sequence[str]) -> None:
    """One of `options`, kept in the address; nothing but the label is said, for that is in the annotator's language."""
    key = f"pick_{param}"

    def chosen() -> None:
        for name in clears:
            st.query_params.pop(name, None)
        st.query_params[param] = st.session_state[key]
        for name in (HELD, NEW, THANKED):
            st.session_state.pop(name, None)

    st.session_state[key] = value
    first = None if value is None else 0  # with None it could be cleared
    st.selectbox(label, options, index=first, key=key, format_func=show, placeholder=label, on_change=chosen)


def text(words: str, tag: str, style: str = "") -> None:
    """A line of ours in the direction of its language."""
    st.html(f'<div class="{style}" lang="{html.escape(tag)}" dir="{direction(tag)}">{words}</div>')


# ---------------------------------------------------------------------------------------------- one look at the desk


def look(person: Annotator, running: RunningServer) -> Turn:
    """The task that is theirs or would come next. When the one that was theirs has its label, the next one is reserved."""
    held, is_new = st.session_state.get(HELD), st.session_state.pop(NEW, False)
    if held and not is_new and not listening.works(listening.heard(running.url)):
        fetch(person, running, held)
    turn = peek(person, running)
    if held and not (turn.expires_at and turn.item and turn.item.item_id == held):
        st.session_state[HELD] = None
        if work.has_arrived(store(), held, person.annotator_id):
            st.session_state[THANKED] = True
            turn = reserve(person, running)
    if turn.item and turn.expires_at:
        st.session_state[HELD] = turn.item.item_id
    return turn


def fetch(person: Annotator, running: RunningServer, item_id: str) -> None:
    """Nobody listens, or cannot pull: see for ourselves."""
    if not work.has_arrived(store(), item_id, person.annotator_id):
        try:
            work.fetch(store(), studio_at(running.url, running.token), item_id, now=now())
        except (StudioError, UnknownIdError):
            return  # the next look is soon


def peek(person: Annotator, running: RunningServer) -> Turn:
    """The task that is theirs or would come next."""
    try:
        return routing.peek(store(), person, running.url, plan(), now=now())
    except PolicyError:
        return NOTHING


def reserve(person: Annotator, running: RunningServer) -> Turn:
    """The next task, theirs from now on."""
    try:
        return routing.next_item(store(), person, running.url, plan(), now=now())
    except (PolicyError, RetryError):  # a queue that the plan does not know, or others were faster: the lead is told on Queues
        return NOTHING


def open_next(person: Annotator, running: RunningServer) -> None:
    """What the button does."""
    turn = reserve(person, running)
    st.session_state[HELD] = turn.item.item_id if turn.item else None
    st.session_state[NEW] = True
    st.session_state[THANKED] = False


def skip(person: Annotator, running: RunningServer, item_id: str) -> None:
    """Pass over the task and take another one."""
    routing.skip(store(), item_id, person.annotator_id, now=now())
    open_next(person, running)


# ---------------------------------------------------------------------------------------------- what is shown


def figures(person: Annotator, tag: str, running: RunningServer | None, queue: str | None) -> None:
    words, load = work.words(tag), work.load(store(), person, running.url if running else None, plan(), queue, now=now())
    with st.grid(2, min_column_width=150):
        st.metric(words["waiting"], "–" if load.waiting is None else f"{load.waiting}", border=True)
        st.metric(words["done_today"], f"{load.done_today}/{load.limit}" if load.limit else f"{load.done_today}", border=True)


def task(person: Annotator, tag: str, running: RunningServer, turn: Turn) -> None:
    """The task that is theirs, with the way to it; or the button that makes the next one theirs; or why there is none."""
    words = work.words(tag)
    if turn.item is None:
        st.info(words[turn.reason], icon=":material/pause_circle:" if turn.reason == "paused" else ":material/task_alt:")
        return
    if turn.practice:
        st.info(words["practice"], icon=":material/school:")
    if turn.expires_at is None:
        st.button(words["open_next"], type="primary", icon=":material/play_arrow:", on_click=open_next, args=(person, running))
    else:
        mine(person, words, tag, running, turn)
    guideline(words, turn.item.queue)


def mine(person: Annotator, words: Mapping[str, str], tag: str, running: RunningServer, turn: Turn) -> None:
    assert turn.item is not None and turn.expires_at is not None
    item, url = turn.item, links.task_url(store(), running.url, turn.item.item_id)
    with st.container(border=True):
        text(html.escape(work.queue_title(item.queue)), item.language, "pl-product")
        until = f"<bdi>{work.clock(turn.expires_at, st.context.timezone)}</bdi>"
        text(html.escape(words["reserved_until"]).replace("{time}", until), tag, "pl-meta")
        with st.container(horizontal=True):
            if url:
                st.link_button(words["open_in_label_studio"], url, type="primary", icon=":material/open_in_new:")
            st.button(words["skip"], type="tertiary", icon=":material/skip_next:", on_click=skip, args=(person, running, item.item_id))
        text(html.escape(words["next_comes"]), tag, "pl-meta")
        text(f"{html.escape(words['sign_in_hint'])} <bdi>{html.escape(visible(person.email))}</bdi>", tag, "pl-meta")


def guideline(words: Mapping[str, str], queue: str) -> None:
    with st.expander(words["guideline"], key="work_guideline", icon=":material/menu_book:"):
        st.html(work.guideline(queue))


def desk(person: Annotator, tag: str, every_s: int) -> None:
    """Everything that changes while the annotator works; looks again every `every_s` seconds."""
    running, words = server.status(home()), work.words(tag)
    if running is None:
        figures(person, tag, None, None)
        st.warning(words["not_running"], icon=":material/cloud_off:")
        return
    turn = look(person, running)
    if every_s != (BUSY_S if turn.expires_at else IDLE_S):
        st.session_state[NEW] = True
        st.rerun()  # at another pace
    figures(person, tag, running, turn.item.queue if turn.item else None)
    if st.session_state.get(THANKED):
        st.success(words["thanks"], icon=":material/check_circle:")
    task(person, tag, running, turn)


def page() -> None:
    people = work.workers(store())
    chosen = st.query_params.get("annotator")
    person = people.get(chosen or "")
    tags = work.spoken(person) if person else [work.language_of(st.context.locale)]
    asked = st.query_params.get("lang")
    tag = asked if asked in tags else tags[0]
    words = work.words(tag)
    st.set_page_config(page_title=f"{words['my_work']} · Plumbline")
    with st.container(key=f"work_{direction(tag)}"):
        st.title(plain(words["my_work"]), anchor=False)
        with st.container(horizontal=True):
            pick(words["who"], list(people), "annotator", chosen if person else None, lambda slug: work.called(people[slug]), ("lang",))
            if person:
                pick(words["my_languages"], tags, "lang", tag, lambda one: pack(one).autonym, ())
        if person:
            every_s = BUSY_S if st.session_state.get(HELD) else IDLE_S
            st.fragment(desk, run_every=every_s)(person, tag, every_s)


page()
