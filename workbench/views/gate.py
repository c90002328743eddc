"""Gate: one verdict, why, on which evidence, and what would change it: the stored decision that CI read too. Nothing is decided here."""

from __future__ import annotations

import streamlit as st

from evals import report
from evals.records import Decision
from workbench import charts, verdicts
from workbench.cards import plain
from workbench.session import choose, choose_feature, dark, empty_state, store, title

# What can be downloaded: the kind of `report.render`, its button, the file's ending and type.
REPORTS: tuple[tuple[report.Kind, str, str, str], ...] = (
    ("md", "Markdown", ".md", "text/markdown"),
    ("html", "HTML", ".html", "text/html"),
    ("json", "JSON", ".json", "application/json"),
    ("junit", "JUnit", ".junit.xml", "application/xml"),
)


def short(decision: Decision) -> str:
    """Enough of a decision's id for an address."""
    return decision.decision_id.removeprefix("decision-")[:12]


def banner(decision: Decision) -> None:
    """The verdict in one sentence, and whose labels it rests on."""
    box = {"promote": st.success, "reject": st.error}.get(decision.outcome, st.warning)
    box(
        plain(verdicts.sentence(decision)),
        title=decision.outcome.title(),
        icon=f":material/{verdicts.OUTCOMES[decision.outcome][1]}:",
    )
    evidence = decision.body["evidence"]
    if evidence["simulated_annotators"]:
        st.info(
            f"{evidence['simulated_annotators']} of {evidence['annotators']} annotators are simulated: scripts with known error rates, "
            "for the demo. Nothing real may rest on their labels.",
            icon=":material/smart_toy:",
        )


def facts(decision: Decision) -> None:
    """Who against whom, by which policy, at which look."""
    body = decision.body
    with st.grid(4, min_column_width=150):
        st.metric("Champion", body["runs"]["champion"]["variant"], border=True, help=body["runs"]["champion"]["run_id"])
        st.metric("Candidate", body["runs"]["candidate"]["variant"], border=True, help=body["runs"]["candidate"]["run_id"])
        st.metric("Labelled claims", f"{body['evidence']['votes']:,}", border=True, help=f"by {body['evidence']['annotators']} annotators")
        look = f"{body['policy']['look']} of {body['policy']['looks']}"
        st.metric(
            "Look", look, border=True, help="Reading accumulating labels more often than planned would be another chance to be fooled."
        )


def requirements(decision: Decision) -> None:
    st.subheader("Requirements", anchor=False)
    rows = verdicts.requirement_rows(decision)
    st.table([row._asdict() for row in rows], border="horizontal", hide_index=True, alt=f"{len(rows)} requirements, failing ones first")


def forests(decision: Decision) -> None:
    """A forest plot for each requirement with slices, worst slice on top."""
    drawn = verdicts.sliced(decision)
    if not drawn:
        return
    st.subheader("Slices", anchor=False)
    for tab, requirement in zip(st.tabs([plain(row["name"]) for row in drawn]), drawn, strict=True):
        with tab:
            rows = verdicts.forest_rows(requirement)
            difference = requirement["kind"] == "non_inferiority"
            meaning = "Candidate − champion; the orange line is the loss the policy allows." if difference else "The candidate's own value."
            st.caption(
                f"{meaning} Bars are {100 * requirement['cells'][0]['level']:.3g} % intervals; a slice without a bar has no labels yet."
            )
            figure = charts.forest(rows, dark())
            st.plotly_chart(
                figure, config=charts.CONFIG, alt=f"{requirement['name']} by slice, worst first", key=f"forest_{requirement['name']}"
            )


def label_plan(decision: Decision) -> None:
    """What a hold needs; nothing for any other outcome."""
    sentence = verdicts.plan_sentence(decision)
    if sentence is None or decision.outcome != "hold":
        return
    with st.container(border=True):
        st.markdown("**What would settle it**")
        st.markdown(plain(sentence))
        st.dataframe(verdicts.plan_frame(decision), hide_index=True, height="content", alt="Missing labels by slice, most first")
        st.page_link("views/queues.py", label="Open the queues", icon=":material/inbox:")


def downloads(decision: Decision) -> None:
    """The same bytes that CI writes."""
    with st.container(border=True):
        st.markdown("**Report**")
        with st.container(horizontal=True):
            for kind, name, ending, mime in REPORTS:
                text, file = report.render(decision, kind), f"gate-{decision.feature}-{short(decision)}{ending}"
                st.download_button(name, text, file, mime, key=f"download_{kind}", on_click="ignore", icon=":material/download:")
        st.caption("Policy, decision and runs are named by their content: the same evidence read again gives the same names.")
        names = f"policy   {decision.policy_sha256[:24]}\ndecision {short(decision)}\nseed     {decision.body['policy']['seed']}"
        st.code(names, language=None, wrap_lines=True)


def history(decisions: list[Decision]) -> None:
    st.subheader("History", anchor=False)
    colours = [colour for colour, _ in verdicts.OUTCOMES.values()]
    st.dataframe(
        verdicts.history_frame(decisions),
        hide_index=True,
        column_config={
            "when": st.column_config.DatetimeColumn("decided", format="distance"),
            "outcome": st.column_config.MultiselectColumn("outcome", options=list(verdicts.OUTCOMES), color=colours),
            "reason": st.column_config.TextColumn("reason", width="large"),
        },
        alt="All decisions, newest first",
    )


def page() -> None:
    title("Gate", "May the candidate replace the champion, in every language? Read from the stored decision, the same that CI reads.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        feature = choose_feature()
        decisions = store().ledger.decisions(feature)
        if decisions:
            named = {short(decision): decision for decision in decisions}
            chosen = choose(
                "Decision",
                list(named),
                "decision",
                show=lambda name: f"{named[name].created_at[:16].replace('T', ' ')} · {named[name].outcome}",
            )
    if not decisions:
        empty_state(
            "gavel",
            f"No decision about {feature} yet. A gate reads the labels by a policy and says promote, reject or hold.",
            f"plumb gate {feature}",
        )
        return
    decision = named[chosen]
    banner(decision)
    facts(decision)
    requirements(decision)
    left, right = st.columns([3, 2])
    with left:
        forests(decision)
    with right:
        label_plan(decision)
        downloads(decision)
    history(decisions)


page()
