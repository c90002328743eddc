"""What pages share: one store and one model per process, and the choices kept in the address bar."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from evals.languages import LANGUAGES
from evals.records import FEATURES, Feature, Run
from evals.store import Store
from workbench.context import variant_name


@st.cache_resource
def _store(url: str) -> Store:
    return Store.open(url)


def store() -> Store:
    """The store, opened once per process and database."""
    from evals.paths import database_url

    return _store(database_url())


def choose_feature() -> Feature:
    """Highlights or Assistant, in the address bar as ``?feature=``."""
    chosen = st.segmented_control("Feature", FEATURES, default="highlights", key="feature", bind="query-params", format_func=str)
    return chosen or "highlights"


def choose_runs(feature: Feature) -> tuple[Run, Run] | None:
    """Champion and candidate by slug, as ``?a=`` and ``?b=``; None where there are fewer than two runs."""
    runs = {slug(store(), run): run for run in reversed(store().runs.runs(feature))}
    if len(runs) < 2:
        return None
    names = list(runs)
    left, right = st.columns(2)
    a = left.selectbox("Champion", names, index=0, key=f"a_{feature}", bind="query-params")
    b = right.selectbox("Candidate", names, index=len(names) - 1, key=f"b_{feature}", bind="query-params")
    return runs[a], runs[b]


def slug(store: Store, run: Run) -> str:
    """``lm-int8.3fa29c``: the variant's name and enough of the run's id to be unique."""
    return f"{variant_name(store, run)}.{run.run_id.removeprefix('run-')[:6]}"


def choose_language(tags: Sequence[str], key: str = "lang") -> str | None:
    """One of the tags, or all of them (None)."""
    chosen = st.selectbox("Language", ["all", *tags], key=key, bind="query-params")
    return None if chosen == "all" else chosen


def language_name(tag: str) -> str:
    return LANGUAGES[tag].name if tag in LANGUAGES else tag


def empty_state(icon: str, text: str, command: str) -> None:
    """Nothing here yet: what to do next."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(f"### :material/{icon}:")
        st.markdown(text)
        st.code(command, language="bash")
