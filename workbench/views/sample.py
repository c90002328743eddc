"""Sample: one case, its claims against their evidence both ways, and what every scorer and every person says of each."""

from __future__ import annotations

import streamlit as st

from evals.errors import UnknownIdError
from evals.records import Case, Feature, Review, Run
from workbench import cards, claim_cards, queries, sample_record, sample_rows
from workbench.context import now
from workbench.sample_rows import Weighed, Weighing
from workbench.session import empty_state, language_name, run_slugs, store, title

CANDIDATE, CHAMPION, BOTH = "candidate", "champion", "both"


def unknown(text: str) -> None:
    """Something the address names is not stored: say so, and show the way back."""
    st.warning(text, icon=":material/search_off:")
    st.page_link("views/compare.py", label="Back to Compare", icon=":material/arrow_back:")


# ---------------------------------------------------------------------------------------------- from case to case


def neighbours(champion: Run, candidate: Run, case_id: str) -> tuple[list[str], int] | None:
    """The cases of the list this one was opened from, and its place in it; None where it was opened on its own."""
    metric, language = st.query_params.get("metric"), st.query_params.get("lang")
    if metric is None:
        return None
    frame = queries.worst_frame(store(), champion, candidate, metric, None if language in (None, queries.EVERYWHERE) else language)
    cases = [] if frame.empty else frame["case_id"].tolist()
    return (cases, cases.index(case_id)) if case_id in cases else None


def go(case_id: str) -> None:
    st.query_params.pop("look", None)
    st.query_params["case"] = case_id


def stepper(cases: list[str], place: int) -> None:
    """Previous and next within the list: k and j."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
        st.markdown(f":gray[{place + 1} of {len(cases)}, largest loss first]", width="content")
        first, last = place == 0, place == len(cases) - 1
        st.button("Previous", shortcut="k", disabled=first, on_click=go, args=(cases[max(0, place - 1)],), icon=":material/chevron_left:")
        st.button(
            "Next", shortcut="j", disabled=last, on_click=go, args=(cases[min(len(cases) - 1, place + 1)],), icon=":material/chevron_right:"
        )


# ---------------------------------------------------------------------------------------------- from claim to claim


def look_at(kind: str, number: int | None) -> None:
    """A claim or a passage is chosen, never both: one parameter, so that the browser's back button takes one step."""
    if number is None:
        st.query_params.pop("look", None)
    else:
        st.query_params["look"] = f"{kind}-{number}"


def picked(kind: str, key: str) -> None:
    look_at(kind, st.session_state[key])


def pick(kind: str, label: str, numbers: list[int], current: int | None, show: dict[int, str], keys: dict[int, str]) -> None:
    """Numbers to choose from, by mouse, arrow keys, or the shortcuts of the buttons beside them (step → key)."""
    key = f"pick_{kind}"
    st.session_state[key] = current
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.pills(label, numbers, key=key, format_func=lambda number: show[number], on_change=picked, args=(kind, key), width="content")
        for step, shortcut in keys.items():
            word, icon = ("Next", "chevron_right") if step > 0 else ("Previous", "chevron_left")
            st.button(
                f"{word} {kind}",
                key=f"{kind}_{word}",
                shortcut=shortcut,
                type="tertiary",
                icon=f":material/{icon}:",
                on_click=look_at,
                args=(kind, sample_rows.next_of(numbers, current, step)),
                disabled=not numbers,
            )


def chosen(found: Weighing) -> tuple[Weighed | None, int | None]:
    """The claim, or the passage, that the address names; else the claim to look at first."""
    kind, number = sample_rows.asked(st.query_params.get("look"))
    if kind == "passage" and any(passage.number == number for passage in found.sample.output.passages):
        return None, number
    return (found.claim(number) if kind == "claim" else None) or found.first(), None


# ---------------------------------------------------------------------------------------------- one output, closely


def closely(run: Run, case: Case) -> None:
    """The output on the left, its evidence on the right, below them what is said of the chosen claim."""
    try:
        found = sample_rows.weigh(store(), run, case, now=now())
    except UnknownIdError:
        st.caption("This variant has not run on this case.")
        return
    reviews = queries.reviews_behind(store(), found.sample.output.passages)
    claim, passage = chosen(found)
    sample_record.stopped(found.sample)
    left, right = st.columns([3, 2])
    with left, st.container(border=True, height="stretch"):
        st.html(claim_cards.output_block(case, found, claim, passage))
        claims(found, claim)
        st.html(claim_cards.status(found, claim, passage))
        if claim is not None:
            st.html(claim_cards.scorers_block(case.language, claim))
    with right, st.container(border=True, height="stretch"):
        evidence(found, claim, passage, reviews)
    sample_record.findings(found.sample.findings)
    sample_record.measures(found.sample)


def claims(found: Weighing, claim: Weighed | None) -> None:
    numbers = [one.number for one in found.claims]
    show = {one.number: f"{one.number} {claim_cards.sign(one.verdict)}" for one in found.claims}
    pick("claim", "Claims", numbers, claim.number if claim else None, show, {-1: "p", 1: "n"})
    more = len(found.sample.claims) - len(numbers)
    if more:
        st.caption(f"{more} more claims of this output are not listed.")


def evidence(found: Weighing, claim: Weighed | None, passage: int | None, reviews: dict[str, Review]) -> None:
    """What the chosen claim rests on first, then the rest; a passage that is chosen first of all."""
    passages = found.sample.output.passages
    if not passages:
        st.caption("No evidence was used.")
        return
    numbers = [one.number for one in passages]
    pick("passage", "Evidence", numbers, passage, {number: f"[{number}]" for number in numbers}, {1: "e"})
    near = [one for one in passages if one.number == passage or (claim is not None and claim.rests_on(one.number))]
    blocks = {
        one.number: claim_cards.passage_block(one, reviews.get(one.source_id), found, claim, picked=one.number == passage)
        for one in passages
    }
    st.html("".join(blocks[one.number] for one in near) or '<p class="pl-meta">The claim rests on no passage.</p>')
    rest = [one for one in passages if one not in near]
    if rest:
        with st.expander(f"Other passages ({len(rest)})", expanded=not near, icon=":material/format_quote:"):
            st.html("".join(blocks[one.number] for one in rest))


# ---------------------------------------------------------------------------------------------- the page


def heading(case: Case) -> None:
    product = store().catalog.product(case.product_id)
    st.html(cards.title_block(product.title, f"{language_name(case.language)} · {case.category} · {case.product_id}"))
    if "question" in case.inputs:
        st.html(cards.text_block(case.language, str(case.inputs["question"])))


def body(feature: Feature, case: Case) -> None:
    slugs = run_slugs(feature)
    names = {role: st.query_params.get(param, "") for role, param in ((CHAMPION, "a"), (CANDIDATE, "b"))}
    missing = [name for name in names.values() if name not in slugs]
    if missing:
        unknown(f"No {feature} run “{cards.plain(missing[0][:60])}” is stored.")
        return
    runs = {role: slugs[name] for role, name in names.items()}
    placed = neighbours(runs[CHAMPION], runs[CANDIDATE], case.case_id)
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        heading(case)
    with right:
        side = switch(names)
        if placed:
            stepper(*placed)
    if side != BOTH:
        closely(runs[side], case)
        return
    for column, (role, run) in zip(st.columns(2), runs.items(), strict=True):
        with column, st.container(border=True, height="stretch"):
            sample_record.show(role, names[role], run, case)


def switch(names: dict[str, str]) -> str:
    """Whose output is looked at, as ``?side=``; one run has but one side."""
    if names[CHAMPION] == names[CANDIDATE]:
        return CANDIDATE
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right", key="side_of"):
        return st.segmented_control(
            "Whose output",
            (CANDIDATE, CHAMPION, BOTH),
            default=CANDIDATE,
            required=True,
            key="side",
            bind="query-params",
            label_visibility="collapsed",
            on_change=lambda: look_at("claim", None),
            help=f"champion: {cards.plain(names[CHAMPION])}; candidate: {cards.plain(names[CANDIDATE])}",
        )


def page() -> None:
    title("Sample", "One case, claim by claim: choose a claim to see what decided, or a passage to see what rests on it.")
    case_id = st.query_params.get("case")
    if case_id is None:
        empty_state("article", "A sample is opened from the list on the Compare page.")
        st.page_link("views/compare.py", label="Open Compare", icon=":material/compare_arrows:")
        return
    try:
        case = store().runs.case(case_id)
    except UnknownIdError:
        unknown(f"No case “{cards.plain(case_id[:60])}” is stored.")
        return
    st.html(f"<style>{claim_cards.CSS}</style>")
    body(case.feature, case)


page()
