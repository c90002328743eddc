"""Gate: one verdict, why, on which evidence, and what would change it: the stored decision that CI read too. Nothing is decided here."""

from __future__ import annotations

import streamlit as st

from evals import report
from evals.gate.policy import Policy
from evals.records import Decision
from workbench import gate_dialogs, gate_panels, gate_rows, sentences, verdicts, waiving
from workbench.cards import plain
from workbench.context import now
from workbench.session import choose, choose_feature, empty_state, store, title
from workbench.verdicts import slice_name

FITS = 12  # rows of a table shown whole
PROPOSALS = 5  # of waivers, the newest

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
        look, level = f"{body['policy']['look']} of {body['policy']['looks']}", body["policy"].get("level", body["policy"]["alpha"])
        why = f"Human labels are read at the one-sided level {level:.3g}: each look at accumulating labels is a chance to be fooled."
        st.metric("Look", look, border=True, help=why)


def requirements(decision: Decision) -> None:
    st.subheader("Requirements", anchor=False)
    rows = verdicts.requirement_rows(decision)
    st.table([row._asdict() for row in rows], border="horizontal", hide_index=True, alt=f"{len(rows)} requirements, failing ones first")


# ---------------------------------------------------------------------------------------------- what was tried and what was let go


def self_test(decision: Decision) -> None:
    """Whether the policy decided as it says on evidence of this shape."""
    tested = decision.body.get("self_test")
    if not tested or not tested["requirements"]:
        said = "there is no critical requirement on a mean to simulate" if tested else "this decision was made before there was one"
        st.caption(f"No self-test: {said}.")
        return
    sign, icon = ("✓", "check_circle") if tested["passed"] else ("✗", "cancel")
    with st.expander(f"{sign} Self-test: {plain(sentences.self_tested(tested))}", icon=f":material/{icon}:"):
        st.dataframe(gate_rows.self_test_rows(tested), hide_index=True, height="content", alt="Self-test: each trial, how often, the limit")
        st.caption(
            "Equal candidates must not be rejected, planted regressions hardly ever pass, and known-bad candidates must be rejected."
        )


def waived(decision: Decision) -> None:
    """What a named owner let go, which is not a pass; and what somebody proposed."""
    rows = gate_rows.waived_rows(decision, now()[:10])
    if rows:
        st.markdown(f"**Waived** :gray[{len(rows)} verdict{'s' * (len(rows) > 1)} let go, which is not a pass]")
        st.table(rows, border="horizontal", hide_index=True, alt=f"{len(rows)} waived verdicts with owner, end and reason")
    for event in waiving.proposals(store(), decision)[:PROPOSALS]:
        what = f"{plain(str(event.detail['requirement']))}, {plain(slice_name(str(event.detail['slice'])))}"
        st.caption(
            f"{event.created_at[:10]}: {plain(event.actor)} proposed a waiver of {what}, "
            f"owner {plain(str(event.detail['owner']))}, until {plain(str(event.detail['expires']))}."
        )


# ---------------------------------------------------------------------------------------------- what can be done


def label_plan(decision: Decision) -> None:
    """What a hold needs, and the button that asks people for it; nothing for any other outcome."""
    sentence = verdicts.plan_sentence(decision)
    if sentence is None or decision.outcome != "hold":
        return
    with st.container(border=True):
        st.markdown("**What would settle it**")
        st.markdown(plain(sentence))
        frame = verdicts.plan_frame(decision)
        st.dataframe(frame, hide_index=True, height="content" if len(frame) <= FITS else "auto", alt="Missing labels by slice, most first")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Queue these labels", icon=":material/playlist_add:", on_click=gate_dialogs.show, args=("queue",))
            st.page_link("views/queues.py", label="Open the queues", icon=":material/inbox:")


def waiver(decision: Decision, policy: Policy | str) -> None:
    """The way to let one verdict go, or why nobody can."""
    if decision.outcome == "promote":
        return
    why_not = plain(policy) if isinstance(policy, str) else waiving.refusal(policy, decision)
    with st.container(border=True):
        st.markdown("**Letting one verdict go**")
        st.button(
            "Propose a waiver", icon=":material/assignment_turned_in:", on_click=gate_dialogs.show, args=("waive",), disabled=bool(why_not)
        )
        st.caption(why_not or "By an owner the policy names, with a reason, an end and a ceiling on the loss.")


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
                clears=("requirement", "slice"),
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
    waived(decision)
    self_test(decision)
    policy = waiving.load(feature)
    left, right = st.columns([3, 2])
    with left:
        gate_panels.slices(decision)
    with right:
        gate_panels.one_slice(decision)
        label_plan(decision)
        waiver(decision, policy)
        downloads(decision)
    history(decisions)
    gate_dialogs.shown(decision, policy)


page()
