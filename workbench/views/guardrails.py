"""Guardrails: what the rails found by rail and language, whether people say it was right, and what each rail was measured to be worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from evals.records import Feature, FindingReview
from evals.store import Found, HitCount
from guardrails import RAILS, measured
from workbench import charts, guardrail_rows
from workbench.cards import plain
from workbench.context import now
from workbench.queries import EVERYWHERE
from workbench.session import choose, choose_feature, dark, empty_state, language_name, run_slugs, store, title

TABS = ("Findings", "Measured", "Policy")
ANY = "any"
FITS = 10  # rows of the table shown whole
MOST = 200  # findings listed
ACTIONS = ("allow", "redact", "block", "escalate")
REVIEWER = "rails_reviewer"  # kept from finding to finding, of this browser tab
TOLD = "rails_told"


# ---------------------------------------------------------------------------------------------- findings


def toolbar() -> tuple[Feature, str | None]:
    """The feature, and the run that is asked for; None for all runs."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        feature = choose_feature()
        runs = run_slugs(feature)
        slug = choose("Run", [EVERYWHERE, *runs], "run", show=lambda name: "all runs" if name == EVERYWHERE else name.replace(".", " · "))
    return feature, None if slug == EVERYWHERE else runs[slug].run_id


def numbers(counts: Sequence[HitCount]) -> None:
    found = guardrail_rows.totals(counts)
    with st.grid(3, min_column_width=150):
        st.metric("Withheld", f"{found['withheld']:,}", border=True, help="block and escalate: the text, passage or question was not used")
        st.metric("Masked", f"{found['redact']:,}", border=True, help="redact: the words were masked, or cut out of the evidence")
        st.metric("Only recorded", f"{found['allow']:,}", border=True, help="allow: nothing was changed")


def map_of(counts: Sequence[HitCount]) -> None:
    """Hits by rail and language; a click filters the list below."""
    picked: Any = st.plotly_chart(
        guardrail_rows.heat_map(counts, dark()),
        key="rails_map",
        on_select="rerun",
        selection_mode="points",
        config=charts.CONFIG,
        alt="Findings by language and rail",
    )
    points = picked["selection"]["points"]
    cell = tuple(points[0]["customdata"]) if points else None
    if cell and cell != st.session_state.get("rails_cell"):
        st.query_params["rail"], st.query_params["lang"] = cell
    st.session_state["rails_cell"] = cell


def filters(counts: Sequence[HitCount]) -> dict[str, str | None]:
    """Rail, language and action that are asked for; None for any."""
    rails = [name for name in RAILS if any(row.rail == name for row in counts)]
    rails += sorted({row.rail for row in counts} - set(rails))
    tags = sorted({row.language for row in counts}, key=language_name)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rail = choose("Rail", [ANY, *rails], "rail", show=lambda name: "any rail" if name == ANY else name)
        language = choose("Language", [ANY, *tags], "lang", show=lambda tag: "any language" if tag == ANY else language_name(tag))
        action = choose("Action", [ANY, *ACTIONS], "action", show=lambda name: "any action" if name == ANY else name)
    chosen = {"rail": rail, "language": language, "action": action}
    return {name: None if value == ANY else value for name, value in chosen.items()}


def table(rows: Sequence[Found]) -> None:
    frame = guardrail_rows.table(rows)
    st.dataframe(
        frame,
        key="rails_rows",
        on_select=lambda: pick(rows),
        selection_mode="single-row",
        hide_index=True,
        height="content" if len(frame) <= FITS else 380,
        column_config={"what": st.column_config.TextColumn("what was found", width="large"), "people": "people say"},
        alt="Findings: those nobody has looked at first",
    )


def pick(rows: Sequence[Found]) -> None:
    """A row was clicked: its finding goes into the address."""
    chosen = st.session_state["rails_rows"]["selection"]["rows"]
    if chosen and chosen[0] < len(rows):
        go(guardrail_rows.short(rows[chosen[0]]))


def go(name: str) -> None:
    st.query_params["finding"] = name


def current(names: list[str]) -> int:
    """The place of the finding that the address names, else the first; one that is not here is named."""
    asked = st.query_params.get("finding")
    if asked is None or asked in names:
        return 0 if asked is None else names.index(asked)
    st.warning(f"There is no finding “{plain(asked[:60])}” among these: showing the first.", icon=":material/search_off:")
    return 0


def stepper(names: list[str], place: int) -> None:
    """Previous and next within what is shown: k and j."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
        st.markdown(f":gray[{place + 1} of {len(names)}]", width="content")
        before, after = names[max(0, place - 1)], names[min(len(names) - 1, place + 1)]
        st.button("Previous", shortcut="k", disabled=place == 0, on_click=go, args=(before,), icon=":material/chevron_left:")
        st.button("Next", shortcut="j", disabled=place == len(names) - 1, on_click=go, args=(after,), icon=":material/chevron_right:")


def detail(row: Found) -> None:
    """The hit in its text, and what people say of it."""
    left, right = st.columns([3, 2])
    with left, st.container(border=True, height="stretch"):
        st.html(guardrail_rows.heading(row))
        block = guardrail_rows.around_block(guardrail_rows.shown(store(), row))
        if guardrail_rows.folded(row.finding):
            with st.expander("Personal, hateful or unsafe text: open to read", icon=":material/visibility_off:"):
                st.html(block)
        else:
            st.html(block)
    with right, st.container(border=True, height="stretch"):
        review(row)


def review(row: Found) -> None:
    """Right or wrong, by whom, and why."""
    st.markdown("**Was the rail right?**")
    st.session_state.setdefault(REVIEWER, "")
    name = guardrail_rows.short(row)
    who = st.text_input("Your name", key=REVIEWER, max_chars=80, help="The workbench has no sign-in: what stands here is stored with it.")
    comment = st.text_input("Comment", key=f"comment_{name}", max_chars=500)
    with st.container(horizontal=True):
        for label, right, icon in (("Right", True, "check"), ("Wrong", False, "close")):
            if st.button(label, key=f"{label}_{name}", icon=f":material/{icon}:"):
                judge(row, who, right, comment)
    others = guardrail_rows.said(row)
    st.caption(f"People say: {others}." if others else "Nobody has looked at it yet.")


def judge(row: Found, who: str, right: bool, comment: str) -> None:
    if not who.strip():
        st.error("Say who you are: your name is stored with what you say.", icon=":material/edit:")
        return
    said = FindingReview(row.finding.finding_id, who.strip(), right, now(), comment.strip() or None)
    store().judging.review_findings([said])
    st.session_state[TOLD] = f"{plain(row.finding.rail)} was {'right' if right else 'wrong'}, says {plain(said.reviewer)}."
    go(guardrail_rows.short(row))
    st.rerun()


def trust() -> None:
    """How often people say that a rail was wrong."""
    frame = guardrail_rows.wrong_shares(store().findings.judged())
    st.markdown("**Judged wrong**")
    if frame.empty:
        st.caption("Nobody has looked at a finding yet: say of some whether the rail was right.")
        return
    st.dataframe(frame, hide_index=True, height="content", alt="Share of findings judged wrong, by rail")
    st.caption(
        "Of the findings people looked at, all languages, with the exact 95 % interval (Clopper–Pearson). They were not drawn at random."
    )


def findings() -> None:
    if told := st.session_state.pop(TOLD, None):
        st.success(told, icon=":material/fact_check:")
    feature, run_id = toolbar()
    counts = store().findings.counts(feature, run_id)
    if not counts:
        empty_state("shield", "The rails found nothing in these runs, or nothing has run yet.", f"plumb run {feature} --variant template")
        return
    numbers(counts)
    map_of(counts)
    rows = store().findings.rows(feature, run_id, limit=MOST, **filters(counts))
    if not rows:
        empty_state("filter_alt_off", "No finding of this rail, language and action.")
        return
    names = [guardrail_rows.short(row) for row in rows]
    place = current(names)
    table(rows)
    if len(rows) == MOST:
        st.caption(f"The first {MOST}: narrow rail, language or action to see others.")
    stepper(names, place)
    detail(rows[place])
    trust()


# ---------------------------------------------------------------------------------------------- measured, policy


def worth() -> None:
    st.dataframe(
        guardrail_rows.matrix(measured.load()), hide_index=True, height="content", alt="Recall and false positives by language and rail"
    )
    st.caption(
        "Recall / false positives in percent: of attacks and of benign texts of named public sets, or made for it. *unverified*: nobody "
        "measured the rail in that language, or its words, model or code have changed since. `python -m benchmarks.quality --only rails`"
    )


def rules() -> None:
    st.dataframe(guardrail_rows.actions(), hide_index=True, height="content", alt="Action by rail, feature and target")
    st.caption(
        "What a finding leads to, from `data/guardrails/policy.yaml`: allow records it, redact masks the words, block withholds the text, "
        "escalate withholds it and puts the case before annotators. –: the rail does not run there."
    )


title(
    "Guardrails", "What was kept from models and shoppers, whether that was right, and how far each rail can be trusted in each language."
)
shown = dict(zip(TABS, st.tabs(TABS, key="rails_tab", on_change="rerun", bind="query-params"), strict=True))
for name, draw in zip(TABS, (findings, worth, rules), strict=True):
    if shown[name].open:
        with shown[name]:
            draw()
