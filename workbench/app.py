"""The workbench: ``plumb ui``. This file is the frame; each page is a file in ``views``."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from workbench.cards import BASE_CSS
from workbench.session import store

HERE = Path(__file__).parent

# The icon comes first: without one of ours, the browser would fetch the current page's icon from the internet.
st.set_page_config(page_icon=str(HERE / "static" / "favicon.png"), layout="wide")
st.html(f"<style>{BASE_CSS}</style>")
st.logo(str(HERE / "static" / "logo.svg"), size="large")


def page(name: str, title: str, icon: str, *, default: bool = False, hidden: bool = False) -> st.Page:
    return st.Page(HERE / "views" / f"{name}.py", title=title, icon=icon, default=default, visibility="hidden" if hidden else "visible")


pages = st.navigation(
    {
        "": [page("overview", "Overview", ":material/dashboard:", default=True)],
        "Experiments": [
            page("compare", "Compare", ":material/compare_arrows:"),
            page("sample", "Sample", ":material/article:", hidden=True),
            page("judges", "Judges", ":material/balance:"),
            page("programme", "Programme", ":material/calendar_month:"),
        ],
        "Annotation": [
            page("queues", "Queues", ":material/inbox:"),
            page("my_work", "My work", ":material/assignment_ind:"),
            page("annotators", "Annotators", ":material/group:"),
            page("agreement", "Agreement", ":material/diversity_3:"),
            page("conflicts", "Conflicts", ":material/handshake:"),
        ],
        "Safety": [page("guardrails", "Guardrails", ":material/shield:")],
        "Release": [page("gate", "Gate", ":material/gavel:"), page("history", "History", ":material/history:")],
        "Explore": [page("playground", "Playground", ":material/science:")],
    },
    expanded=True,  # else the last pages hide behind "view more"
)
# An annotator has no use for the other pages: they are one click away, and not in English beside an Arabic task.
st.set_page_config(page_title=f"{pages.title} · Plumbline", initial_sidebar_state="collapsed" if pages.url_path == "my_work" else "auto")
with st.sidebar:
    engine = store().engine.url.get_backend_name()
    st.caption(f"{engine} · local, no sign-in", help="Served on loopback only. Put a proxy with sign-in before it to share it.")
pages.run()
