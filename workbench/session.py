"""What pages share: one store per process, and choices whose only home is the address bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from evals.languages import LANGUAGES
from evals.paths import database_url
from evals.records import FEATURES, Feature, Run
from evals.store import Store
from workbench import queries
from workbench.cards import plain


@st.cache_resource(show_spinner=False)
def store_at(url: str) -> Store:
    """The store at `url`, opened once per process. Functions that cache what they read take the url, so that each store has its own."""
    return Store.open(url)


def store() -> Store:
    """The store of this installation."""
    return store_at(database_url())


def dark() -> bool:
    """Whether the page is drawn on a dark ground."""
    return bool(st.context.theme.type == "dark")


def title(text: str, caption: str) -> None:
    """A page's heading and one line on what it answers."""
    st.title(text, anchor=False)
    st.caption(caption)


def choose(
    label: str,
    options: Sequence[str],
    param: str,
    *,
    default: str | None = None,
    show: Callable[[str], str] = str,
    clears: Sequence[str] = (),
) -> str:
    """One of `options` (slugs), kept in the address bar as ``?param=slug`` whatever `show` calls it; else `default`, else the first.

    Streamlit's own binding would put what `show` says into the address. Only a choice writes it, never the drawing of a page, so that
    the browser's back button is not caught. Choosing drops the parameters in `clears`, which depended on what was chosen before. A slug
    of the address that is no option is named in a warning below the control.
    """
    asked = st.query_params.get(param)
    value = next((name for name in (asked, default) if name is not None and name in options), options[0])
    key = f"choose_{param}"
    st.session_state[key] = value
    st.selectbox(label, options, key=key, format_func=show, on_change=_chosen, args=(key, param, tuple(clears)))
    if asked is not None and asked != value:
        st.warning(f"There is no {label.lower()} “{plain(asked[:60])}” here: showing {plain(show(value))}.")
    return value


def _chosen(key: str, param: str, clears: Sequence[str]) -> None:
    st.query_params[param] = st.session_state[key]
    _clear(clears)


def _clear(names: Sequence[str]) -> None:
    for name in names:
        st.query_params.pop(name, None)


def choose_feature() -> Feature:
    """Highlights or Assistant, as ``?feature=``; bound by Streamlit, so that it stays from page to page."""
    return st.segmented_control(
        "Feature",
        FEATURES,
        default=FEATURES[0],
        required=True,
        key="feature",
        bind="query-params",
        on_change=_clear,
        args=(("a", "b", "lang", "metric", "case", "decision", "requirement", "slice"),),
    )


def choose_run(label: str, runs: Mapping[str, Run], param: str, default: str) -> str:
    """The slug of one of the runs."""
    return choose(label, list(runs), param, default=default, show=lambda name: name.replace(".", " · "))


def run_slugs(feature: Feature) -> dict[str, Run]:
    """Every run of a feature, oldest first, by a slug like ``lm-int8.3fa29c``."""
    return queries.run_slugs(store(), feature)


def language_name(tag: str) -> str:
    return LANGUAGES[tag].name if tag in LANGUAGES else tag


def empty_state(icon: str, text: str, command: str | None = None) -> None:
    """Nothing here yet: what it will show, and the command that brings it."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        # Not a Markdown heading: a page has one h1, its title.
        st.html(f'<span class="pl-empty-icon" aria-hidden="true">{icon}</span>', width="content")
        st.markdown(text, width="content", text_alignment="center")
        if command:
            st.code(command, language="bash", width="content")
        st.space("small")
