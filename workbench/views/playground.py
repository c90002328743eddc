"""Playground: highlights as a shopper sees them, and the assistant, live."""

from __future__ import annotations

import streamlit as st

from workbench import ask, showcase
from workbench.session import title

TABS = ("Highlights", "Assistant")

title(
    "Playground",
    "What a shopper would see, with the evidence a click away. Highlights are read from finished runs; the assistant answers live.",
)
tabs = dict(zip(TABS, st.tabs(TABS, key="play", on_change="rerun", bind="query-params"), strict=True))
if tabs["Highlights"].open:
    with tabs["Highlights"]:
        showcase.page()
if tabs["Assistant"].open:
    with tabs["Assistant"]:
        ask.page()
