"""What somebody can do on the page Gate: queue the labels a hold lacks, propose a waiver. Each with a name for the audit log."""

from __future__ import annotations

from datetime import date, timedelta

import streamlit as st

from evals.errors import PlumblineError
from evals.gate.policy import Policy, Waiver
from evals.records import Decision
from workbench import label_plan, waiving
from workbench.cards import plain
from workbench.context import now
from workbench.session import store
from workbench.verdicts import slice_name
from workbench.waiving import Open

OPEN, SAID = "gate_dialog", "gate_said"  # of this browser tab: which dialog is open, and what the last click did
NAME_HELP = "The workbench has no sign-in: the audit log notes what stands here."
FITS = 8  # rows of a table shown whole
DAYS = 30  # how long a waiver is proposed for, unless somebody says otherwise


def show(name: str) -> None:
    """Open a dialog; as a button's callback, so that it stays open while its own fields are used."""
    st.session_state[OPEN] = name
    forget()


def close() -> None:
    st.session_state.pop(OPEN, None)
    forget()


def shown(decision: Decision, policy: Policy | str) -> None:
    """The dialog that is open, if one is."""
    if st.session_state.get(OPEN) == "queue":
        queue_dialog(decision)
    elif st.session_state.get(OPEN) == "waive" and isinstance(policy, Policy):
        waive_dialog(decision, policy)


# ---------------------------------------------------------------------------------------------- labels


@st.dialog("Queue the missing labels", on_dismiss=close)
def queue_dialog(decision: Decision) -> None:
    """What would be queued, and the button that does it; when it is done there is nothing left to press."""
    try:
        found = label_plan.preview(store(), decision, now=now())
    except PlumblineError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if found.tasks:
        promise(found)
        with st.form("queue_labels", border=False):
            actor = st.text_input("Your name", max_chars=waiving.MAX_NAME, help=NAME_HELP)
            if st.form_submit_button("Queue them", type="primary", icon=":material/playlist_add:"):
                queue(decision, actor)
    elif SAID not in st.session_state:
        st.info("All of it is queued already.", icon=":material/playlist_add_check:")
    tell()


def promise(found: label_plan.Preview) -> None:
    st.markdown(f"**{found.tasks:,} new tasks** for people, drawn with known probabilities.")
    st.dataframe(found.rows, hide_index=True, height="content" if len(found.rows) <= FITS else 300, alt="New cases and tasks by language")
    if found.beyond:
        st.caption(f"The dataset lacks about {found.beyond:,} cases: no draw can settle those.")


def queue(decision: Decision, actor: str) -> None:
    try:
        st.session_state[SAID] = ("success", plain(label_plan.queue(store(), decision, actor=actor, now=now())))
    except PlumblineError as error:
        st.session_state[SAID] = ("error", plain(str(error)))


def tell() -> None:
    """What the last click did."""
    kind, text = st.session_state.get(SAID, (None, ""))
    if kind == "success":
        st.success(text, icon=":material/check_circle:")
    elif kind == "error":
        st.error(text, icon=":material/error:")


# ---------------------------------------------------------------------------------------------- waivers


@st.dialog("Propose a waiver", width="medium", on_dismiss=close)
def waive_dialog(decision: Decision, policy: Policy) -> None:
    """Which verdict, whose, why, until when and up to which loss; then the lines for the policy file."""
    st.caption("A waiver is never a pass. It holds once it stands in the policy file, under review, and the gate has read that file.")
    if policy.sha256 != decision.policy_sha256:
        st.warning("The policy file is not the one this decision was read by: owners and requirements are those it has now.")
    found = waiving.open_verdicts(policy, decision)
    looked_at = (st.session_state.get("choose_requirement"), st.session_state.get("choose_slice"))
    first = next((place for place, one in enumerate(found) if one[:2] == looked_at), 0)
    one = st.selectbox("Verdict to let go", found, index=first, format_func=named, on_change=forget)
    with st.form("propose_waiver", border=False):
        waiver, actor = fields(one, policy)
        if st.form_submit_button("Propose", type="primary", icon=":material/edit_note:"):
            propose(decision, policy, waiver, actor)
    written(policy)


def forget() -> None:
    """What was said was about another verdict."""
    st.session_state.pop(SAID, None)


def named(one: Open) -> str:
    return f"{one.requirement} · {slice_name(one.slice)}: {one.verdict}"


def fields(one: Open, policy: Policy) -> tuple[Waiver, str]:
    """What is asked. The ceiling starts at the loss that was seen."""
    today = date.fromisoformat(now()[:10])
    left, right = st.columns(2)
    owner = left.selectbox("Owner", policy.waiver_owners, help="the policy's waiver_owners, and nobody else")
    expires = right.date_input("Last day (UTC)", today + timedelta(days=DAYS), min_value=today, format="YYYY-MM-DD")
    reason = st.text_input("Why", max_chars=waiving.MAX_REASON)
    seen = "nothing was measured" if one.loss is None else f"the loss is {one.loss:.3f} by the estimate"
    ceiling = left.number_input(
        "Largest loss still let go",
        min_value=0.0,
        value=round(max(one.loss or 0.0, 0.0) + 0.0005, 3),
        step=0.01,
        format="%.3f",
        help=f"as a fraction, as the policy writes it: 0.05 is 5 percentage points; {seen}",
    )
    unmeasured = one.loss is None and right.checkbox("Although nobody knows the loss", help="nothing was measured here")
    actor = st.text_input("Your name", max_chars=waiving.MAX_NAME, help=NAME_HELP)
    return Waiver(one.requirement, owner, reason.strip(), expires.isoformat(), ceiling, one.slice, unmeasured), actor


def propose(decision: Decision, policy: Policy, waiver: Waiver, actor: str) -> None:
    try:
        st.session_state[SAID] = ("yaml", waiving.propose(store(), policy, decision, waiver, actor=actor, now=now()))
    except PlumblineError as error:
        st.session_state[SAID] = ("error", plain(str(error)))


def written(policy: Policy) -> None:
    """The lines to paste, or what was wrong."""
    kind, text = st.session_state.get(SAID, (None, ""))
    if kind == "yaml":
        where = "below `waivers:`" if policy.waivers else "at the end"
        file = waiving.policy_file(policy.feature).name
        st.success(f"Written to the audit log. Add this to `{file}`, {where}, then gate again:", icon=":material/history_edu:")
        st.code(text, language="yaml")
    else:
        tell()
