"""Sample: one case under both variants, claim by claim, with the evidence that decided and what people said."""

from __future__ import annotations

import streamlit as st

from evals.errors import UnknownIdError
from evals.records import Case, Feature, Review, Run
from workbench import cards, queries
from workbench.session import empty_state, language_name, run_slugs, store, title


def unknown(text: str) -> None:
    """Something the address names is not stored: say so, and show the way back."""
    st.warning(text, icon=":material/search_off:")
    st.page_link("views/compare.py", label="Back to Compare", icon=":material/arrow_back:")


def neighbours(champion: Run, candidate: Run, case_id: str) -> tuple[list[str], int] | None:
    """The cases of the list this one was opened from, and its place in it; None where it was opened on its own."""
    metric, language = st.query_params.get("metric"), st.query_params.get("lang")
    if metric is None:
        return None
    frame = queries.worst_frame(store(), champion, candidate, metric, None if language in (None, queries.EVERYWHERE) else language)
    cases = [] if frame.empty else frame["case_id"].tolist()
    return (cases, cases.index(case_id)) if case_id in cases else None


def go(case_id: str) -> None:
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


def show(role: str, name: str, run: Run, case: Case) -> None:
    """One variant's output: claims underlined by the machine's verdict, a line for each that opens its evidence, then everything else."""
    st.markdown(f":gray[{role}] **{cards.plain(name.split('.')[0])}**")
    try:
        sample = queries.sample(store(), run, case.case_id)
    except UnknownIdError:
        st.caption("This variant has not run on this case.")
        return
    reviews = queries.reviews_behind(store(), sample.output.passages)
    checks = [cards.checked(claim, sample.scores.get(claim.claim_id, []), sample.labels.get(claim.claim_id, [])) for claim in sample.claims]
    if sample.output.status != "ok":
        st.warning(
            f"{sample.output.status}: {cards.plain(sample.output.error or 'a rail stopped the text; shoppers see what stands below')}"
        )
    st.html(cards.text_block(case.language, sample.output.text, [check.mark() for check in checks]))
    st.html("".join(cards.claim_block(case.language, check, sample.output.passages, reviews) for check in checks) or "<p>No claims.</p>")
    details(sample, reviews)


def details(sample: queries.Sample, reviews: dict[str, Review]) -> None:
    """Evidence, findings, scores of the whole, and the record."""
    output = sample.output
    with st.expander(f"Evidence ({len(output.passages)})", icon=":material/format_quote:"):
        st.html(cards.evidence_blocks(output.passages, reviews) or "<p>No evidence was used.</p>")
    if sample.findings:
        with st.expander(f"Guardrail findings ({len(sample.findings)})", icon=":material/shield:"):
            columns = ("rail", "action", "target", "detail")
            st.dataframe(
                [{name: getattr(finding, name) for name in columns} for finding in sample.findings], hide_index=True, alt="Findings"
            )
    with st.expander("Scores and times", icon=":material/straighten:"):
        scores = sample.scores.get(output.output_id, [])
        rows = [{"what": score.metric, "value": score.value, "why none": score.reason} for score in scores]
        times = {"first token, s": output.first_token_s, "total, s": output.total_s, "generated tokens": output.generated_tokens}
        rows += [{"what": name, "value": value, "why none": None} for name, value in times.items()]
        st.dataframe(rows, hide_index=True, alt="Scores of the whole output and its times")


def heading(case: Case) -> None:
    product = store().catalog.product(case.product_id)
    st.html(cards.title_block(product.title, f"{language_name(case.language)} · {case.category} · {case.product_id}"))
    if "question" in case.inputs:
        st.html(cards.text_block(case.language, str(case.inputs["question"])))


def body(feature: Feature, case: Case) -> None:
    slugs = run_slugs(feature)
    names = {role: st.query_params.get(param, "") for role, param in (("Champion", "a"), ("Candidate", "b"))}
    missing = [name for name in names.values() if name not in slugs]
    if missing:
        unknown(f"No {feature} run “{cards.plain(missing[0][:60])}” is stored.")
        return
    runs = {role: slugs[name] for role, name in names.items()}
    placed = neighbours(runs["Champion"], runs["Candidate"], case.case_id)
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        heading(case)
    with right:
        if placed:
            stepper(*placed)
    for column, (role, run) in zip(st.columns(2), runs.items(), strict=True):
        with column, st.container(border=True, height="stretch"):
            show(role, names[role], run, case)


def page() -> None:
    title("Sample", "One case under both variants. Open a claim to see the evidence that decided and what people said.")
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
    body(case.feature, case)


page()
