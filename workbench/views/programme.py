"""Programme: what is tried, registered before its labels; at which level, on how fresh data, and what the gains are worth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st

from evals.programme import Rules, experiments, exposure, levels, load_rules, registration
from evals.programme.experiments import Shown
from evals.programme.gains import totals
from evals.records import Feature
from workbench import charts, programme_rows, programme_words
from workbench.cards import plain
from workbench.context import now
from workbench.session import choose, choose_feature, dark, empty_state, store, title

FITS = 10  # rows of the table shown whole


def numbers(feature: Feature, found: Sequence[Shown], rules: Rules) -> None:
    """What is open, and what the next experiment may use."""
    wealth = levels.wealth(store(), rules, feature)
    kept = [one for one in store().programme.sealed_sets(feature) if one.opened_at is None]
    with st.grid(4, min_column_width=150):
        st.metric("Running", sum(one.state == "running" for one in found), border=True, help="registered, and labels have come")
        st.metric("Planned", sum(one.state == "planned" for one in found), border=True, help="registered; nobody has labelled it yet")
        st.metric("Next level", f"{wealth.level:.3g}", border=True, help=plain(programme_words.level_sentence(wealth, rules)))
        st.metric("Sealed sets", len(kept), border=True, help="kept for later: nobody has seen them")


def table(found: Sequence[Shown]) -> None:
    st.subheader("Experiments", anchor=False)
    frame = programme_rows.experiment_frame(store(), found)
    states = programme_rows.STATES
    st.dataframe(
        frame,
        hide_index=True,
        height="content" if len(frame) <= FITS else 380,
        placeholder="–",
        column_config={
            "hypothesis": st.column_config.TextColumn("hypothesis", width="large"),
            "state": st.column_config.MultiselectColumn("state", options=list(states), color=list(states.values())),
            "kind": st.column_config.TextColumn(
                "kind", help="exploratory: registered after labels or beyond the rules; it promotes nothing"
            ),
            "read at": st.column_config.NumberColumn("read at", format="%.3g", help="one-sided level of each candidate"),
            "allowed": st.column_config.NumberColumn("allowed", format="%.3g", help="what the programme allowed when it was planned"),
            "planned": st.column_config.DatetimeColumn("planned", format="distance"),
            "because": st.column_config.TextColumn("because", width="large"),
        },
        alt="Experiments, open ones first",
    )
    st.caption(
        "A registration's name is the hash of hypothesis, arms, policy, dataset, looks and seed. `plumb experiment show ID` checks it."
    )


def detail(found: Sequence[Shown]) -> None:
    """One experiment: what was frozen, whether that is what is stored, and its decisions."""
    named = {programme_words.short(one.experiment): one for one in reversed(found)}
    chosen = choose("Experiment", list(named), "experiment", show=lambda name: programme_words.heading(named[name]))
    shown = named[chosen]
    one, arms = shown.experiment, programme_words.arm_names(store())
    whole = registration.verified(one)
    with st.container(border=True):
        st.markdown(f"**{plain(one.hypothesis)}**")
        st.markdown(
            ":green-badge[:material/verified: as registered]" if whole else ":red-badge[:material/gpp_bad: not what was registered]"
        )
        candidates = ", ".join(plain(arms[run]) for run in one.candidate_run_ids)
        st.markdown(f"{candidates} against {plain(arms[one.champion_run_id])}, looks: {plain(one.looks)}, seed {one.seed}.")
        st.markdown(f"Registered {one.created_at[:16].replace('T', ' ')} by {plain(one.actor)}; dataset `{one.dataset_id}`.")
        if shown.ending:
            st.markdown(f"{shown.ending.outcome.title()} by {plain(shown.ending.actor)}: {plain(shown.ending.reason)}")
            for name in shown.ending.body.get("decisions", []):
                address = {"feature": one.feature, "decision": str(name).removeprefix("decision-")[:12]}
                st.page_link("views/gate.py", label="Open the decision", icon=":material/gavel:", query_params=address)
        with st.expander("The policy as frozen", icon=":material/lock:"):
            st.code(programme_rows.frozen(one), language="yaml")


def cadence(feature: Feature, rules: Rules) -> None:
    st.subheader("Cadence", anchor=False)
    months = programme_rows.calendar(store().programme.months(feature), date.fromisoformat(now()[:10]))
    figure = programme_rows.cadence(months, rules.cadence, dark())
    st.plotly_chart(figure, config=charts.CONFIG, alt=programme_rows.cadence_alt(months, rules.cadence), key="cadence")
    st.caption(f"Experiments planned a month; the band is what is meant, {rules.cadence[0]} to {rules.cadence[1]}.")


def read(feature: Feature, rules: Rules) -> None:
    """How often the labels of each dataset version have been chosen by."""
    st.subheader("Labels read", anchor=False)
    found = [one for one in exposure.exposures(store(), rules) if one.reads.feature == feature]
    if not found:
        st.caption("No decision has read a label yet.")
        return
    full = programme_rows.FULL
    st.dataframe(
        programme_rows.exposure_frame(found, rules),
        hide_index=True,
        height="content" if len(found) <= FITS else 380,
        column_config={
            "feature": None,
            "standing": st.column_config.MultiselectColumn("standing", options=list(full), color=list(full.values())),
            "used": st.column_config.ProgressColumn("used", format="%d %%", min_value=0, max_value=100),
        },
        alt="Comparisons by dataset version, most used first",
    )
    st.caption(
        f"Candidates chosen by the same labels flatter the next: a dataset version serves {rules.comparisons} comparisons, then only "
        "exploratory ones. What somebody read by eye is not counted."
    )


def gains(found: Sequence[Shown]) -> None:
    """What was promoted, before and after the winner's curse."""
    rows = programme_rows.gains_of(store(), found)
    frame = programme_rows.gain_frame(rows)
    if frame.empty:
        return
    st.subheader("Gains", anchor=False)
    for total in totals(gain for _, gain in rows):
        st.markdown(plain(programme_words.total_sentence(total)))
    st.dataframe(
        frame,
        hide_index=True,
        height="content" if len(frame) <= FITS else 380,
        column_config={
            "hypothesis": st.column_config.TextColumn("hypothesis", width="large"),
            "reported": "as reported",
            "expected": st.column_config.TextColumn("to expect", help="less the bias of having been selected for passing"),
            "interval": "90 % interval",
        },
        alt="Promoted gains as reported and as to be expected, newest first",
    )


def kept(feature: Feature) -> None:
    """Sealed sets: how many, and who opened which why. Never what is in them."""
    found = store().programme.sealed_sets(feature)
    st.subheader("Sealed sets", anchor=False)
    if not found:
        st.caption(
            "None. `plumb experiment seal` keeps cases of unused products for later: no run can see them before an owner opens them."
        )
        return
    st.dataframe(
        programme_rows.sealed_frame(found),
        hide_index=True,
        height="content" if len(found) <= FITS else 380,
        placeholder="–",
        column_config={
            "feature": None,
            "state": st.column_config.MultiselectColumn("state", options=["sealed", "opened"], color=["blue", "gray"]),
            "sealed": st.column_config.DatetimeColumn("sealed", format="distance"),
            "opened": st.column_config.DatetimeColumn("opened", format="distance"),
        },
        alt="Sealed sets, oldest first",
    )
    opened = sum(one.opened_at is not None for one in found)
    st.caption(f"{opened} of {len(found)} opened. The commitment was stored when the set was sealed, and is checked when it is opened.")


def page() -> None:
    title(
        "Programme",
        "What is tried, registered before anybody labelled it; at which level, on how fresh data, and what the gains are worth.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        feature = choose_feature()
    rules, found = load_rules(), experiments.shown(store(), feature)
    if not found:
        empty_state(
            "experiment",
            f"No experiment about {feature} is registered. One says what it expects and by which policy it is read, before anybody labels.",
            f'plumb experiment plan {feature} --hypothesis "…" --candidate lm-int8 --lower-alpha --actor me',
        )
        read(feature, rules)
        kept(feature)
        return
    numbers(feature, found, rules)
    table(found)
    detail(found)
    left, right = st.columns([2, 3])
    with left:
        cadence(feature, rules)
    with right:
        read(feature, rules)
    gains(found)
    kept(feature)


page()
