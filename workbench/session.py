"""What pages share: one store per process, and choices whose only home is the address bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from evals.languages import LANGUAGES
from evals.paths import database_url
from evals.records import FEATURES, Feature, Run
from evals.store import Store
from workbench import queries
from workbench.cards import plain

REMEMBERED = "remembered"  # what was last chosen, by parameter: another page starts from it


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
    as_: Literal["select", "segments"] = "select",
    clears: Sequence[str] = (),
) -> str:
    """One of `options` (slugs), kept in the address bar as ``?param=slug`` whatever `show` calls it.

    The address decides; else what was chosen last on another page; else `default`, else the first. A slug of the address that is
    no option is named in a warning below the control. Choosing another one drops the parameters in `clears`, which depended on it.
    """
    remembered, asked = st.session_state.setdefault(REMEMBERED, {}), st.query_params.get(param)
    value = _first_known(options, asked, remembered.get(param), default)
    key = f"choose_{param}"
    st.session_state[key] = remembered[param] = value
    if asked != value:
        st.query_params[param] = value
    arguments: dict[str, Any] = {"key": key, "format_func": show, "on_change": _chosen, "args": (key, param, tuple(clears))}
    if as_ == "select":
        st.selectbox(label, options, **arguments)
    else:
        st.segmented_control(label, options, required=True, **arguments)
    if asked is not None and asked != value:
        st.warning(f"There is no {label.lower()} “{plain(asked[:60])}” here: showing {plain(show(value))}.")
    return value


def _first_known(options: Sequence[str], *wanted: str | None) -> str:
    return next((name for name in wanted if name is not None and name in options), options[0])


def _chosen(key: str, param: str, clears: Sequence[str]) -> None:
    st.query_params[param] = st.session_state[key]
    for name in clears:
        st.query_params.pop(name, None)


def choose_feature() -> Feature:
    """Highlights or Assistant, as ``?feature=``."""
    name = choose("Feature", FEATURES, "feature", show=str.title, as_="segments", clears=("a", "b", "lang", "metric", "case", "decision"))
    return next(feature for feature in FEATURES if feature == name)


def choose_run(label: str, runs: Mapping[str, Run], param: str, default: str | None = None) -> Run:
    """One of the runs by slug."""
    return runs[choose(label, list(runs), param, default=default, show=lambda name: name.replace(".", " · "))]


def run_slugs(feature: Feature) -> dict[str, Run]:
    """Every run of a feature, oldest first, by a slug like ``lm-int8.3fa29c``."""
    return queries.run_slugs(store(), feature)


def language_name(tag: str) -> str:
    return LANGUAGES[tag].name if tag in LANGUAGES else tag


def empty_state(icon: str, text: str, command: str | None = None) -> None:
    """Nothing here yet: what it will show, and the command that brings it."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown(f"# :gray[:material/{icon}:]", width="content")
        st.markdown(text, width="content", text_alignment="center")
        if command:
            st.code(command, language="bash", width="content")
        st.space("small")
