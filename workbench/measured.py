"""What takes all labels to compute, computed once for each state of the store.

With many labels, of which new ones come in every second, the state is looked at once a minute only: such a page may be a minute old.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import streamlit as st

from evals.paths import database_url
from evals.store import Store
from workbench.session import store, store_at

MANY = 20_000  # labels; with fewer a page's figures take about a second
MINUTE = 60

_Asked = ParamSpec("_Asked")
_Found = TypeVar("_Found")


def once(reader: Callable[Concatenate[Store, _Asked], _Found], *args: _Asked.args, **asked: _Asked.kwargs) -> _Found:
    """``reader(store, **asked)``, remembered until the store changes. Read only: every page is given the same object."""
    assert not args  # by name, so that they can be part of the key
    return cast(_Found, _read(database_url(), version(), f"{reader.__module__}.{reader.__qualname__}", asked, reader))


def version() -> str:
    """The state of the store; with MANY labels that of the last minute."""
    people = store().people
    return people.version() if people.labels() < MANY else _of_the_minute(database_url())


@st.cache_resource(max_entries=32, show_spinner="Reading labels…")
def _read(url: str, version: str, name: str, asked: Mapping[str, Any], _reader: Callable[..., object]) -> object:
    del version, name  # parts of the key
    return _reader(store_at(url), **asked)


@st.cache_data(ttl=MINUTE, max_entries=8, show_spinner=False)
def _of_the_minute(url: str) -> str:
    return store_at(url).people.version()
