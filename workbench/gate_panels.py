"""The slices of a decision on the page Gate: a heat map of verdicts, a forest plot a requirement, and one verdict in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from evals.records import Decision
from workbench import charts, gate_charts, gate_rows, verdicts
from workbench.cards import plain
from workbench.session import choose, dark, store
from workbench.units import unit_of

Requirement = Mapping[str, Any]
MAP = "gate_map_cells"


def slices(decision: Decision) -> None:
    """The heat map, then a forest plot a requirement, worst slice on top."""
    drawn = verdicts.sliced(decision)
    if not drawn:
        return
    st.subheader("Slices", anchor=False)
    tabs = st.tabs(["Heat map", *(plain(row["name"]) for row in drawn)])
    with tabs[0]:
        heat_map(drawn)
    for tab, requirement in zip(tabs[1:], drawn, strict=True):
        with tab:
            forest(requirement)


def heat_map(drawn: Sequence[Requirement]) -> None:
    rows = gate_rows.map_rows(drawn)
    cells, columns = gate_rows.map_cells(drawn, rows), [row["name"] for row in drawn]
    figure = gate_charts.verdict_map(cells, columns, rows, dark())
    least = gate_charts.least_width(len(columns))
    st.html(f"<style>.st-key-gate_map{{overflow-x:auto}}.st-key-gate_map>*{{min-width:{least}px}}</style>")
    with st.container(key="gate_map"):
        st.plotly_chart(
            figure, config=charts.CONFIG, alt=gate_rows.map_alt(cells, rows), key=MAP, on_select=picked, selection_mode="points"
        )
    st.caption(f"{gate_rows.legend()}. n: cases it rests on. Choose a cell to read it.")


def picked() -> None:
    """A cell of the heat map was chosen: it goes into the address."""
    points = st.session_state[MAP]["selection"]["points"]
    if points:
        st.query_params["requirement"], st.query_params["slice"] = points[0]["customdata"][:2]


def forest(requirement: Requirement) -> None:
    unit = unit_of(requirement)
    figure = charts.forest(
        gate_rows.forest_rows(requirement),
        dark(),
        unit.axis,
        ticks="+~f" if unit.signed else "~f",
        zero=unit.signed,
        high_is_bad=unit.upper,
    )
    alt = f"{requirement['name']} by slice, {unit.axis}, worst first"
    st.plotly_chart(figure, config=charts.CONFIG, alt=alt, key=f"forest_{requirement['name']}")
    st.caption(gate_rows.levels_sentence(requirement))


def one_slice(decision: Decision) -> None:
    """One verdict in words, with its worst case; which one stands in the address."""
    requirement, cell = gate_rows.worst(decision)
    with st.container(border=True):
        rows = {row["name"]: row for row in decision.body["requirements"]}
        chosen = rows[choose("Requirement", list(rows), "requirement", default=requirement["name"], clears=("slice",))]
        names = [one["slice"] for one in chosen["cells"]]
        name = choose("Slice", names, "slice", default=cell["slice"], show=verdicts.slice_name)
        said = gate_rows.look(chosen, next(one for one in chosen["cells"] if one["slice"] == name))
        for line in said:
            st.markdown(line)
        address = gate_rows.sample_address(store(), decision, chosen, name)
        if address:
            st.page_link("views/sample.py", label="Open the worst case", icon=":material/article:", query_params=address)
            st.caption("Largest loss first, by the machine's score; people's verdicts stand on the page of the case.")
