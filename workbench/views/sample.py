"""Sample: one case under both variants, claim by claim, with the evidence that decided and what people said."""

from __future__ import annotations

import streamlit as st

from evals.errors import UnknownIdError
from evals.records import Run, Score
from workbench import cards, queries
from workbench.session import language_name, slug, store

st.title("Sample")


def find_run(feature: str, name: str) -> Run | None:
    return next((run for run in store().runs.runs(feature) if slug(store(), run) == name), None)  # type: ignore[arg-type]


def verdict(scores: list[Score]) -> Score | None:
    return next((score for score in scores if score.metric == "grounded"), None)


def show(run: Run, case_id: str, language: str) -> None:
    """One variant's output: claims underlined by verdict, a line for each, the evidence below."""
    sample = queries.sample(store(), run, case_id)
    decided = {claim.claim_id: verdict(sample.scores.get(claim.claim_id, [])) for claim in sample.claims}
    marks = [
        (claim.start, claim.end, "pl-good" if score.value else "pl-bad")
        for claim in sample.claims
        if (score := decided[claim.claim_id]) is not None and score.value is not None
    ]
    st.subheader(slug(store(), run))
    st.html(cards.text_block(language, sample.output.text, marks))
    rows = []
    for claim in sample.claims:
        score = decided[claim.claim_id]
        machine = "not scored" if score is None else str(score.detail.get("verdict") or score.reason)
        rows.append({"claim": claim.ordinal + 1, "machine": machine, "people": ", ".join(sample.labels.get(claim.claim_id, [])) or "–"})
    st.dataframe(rows, hide_index=True, alt="Verdict per claim by machine and people")
    with st.expander(f"Evidence ({len(sample.output.passages)})", expanded=True):
        st.html(cards.evidence_blocks(sample.output.passages) or "<p>No evidence was used.</p>")


asked = st.query_params
runs = [find_run(asked.get("feature", "highlights"), asked.get(key, "")) for key in ("a", "b")]
try:
    case = store().runs.case(asked.get("case", ""))
except UnknownIdError:
    st.info("Choose a case on the Compare page.")
    st.page_link("views/compare.py", label="Compare", icon=":material/compare_arrows:")
    st.stop()
product = store().catalog.product(case.product_id)
st.markdown(f"**{cards.visible(product.title)}** · {language_name(case.language)} · {case.feature}")
if "question" in case.inputs:
    st.html(cards.text_block(case.language, str(case.inputs["question"])))
for column, run in zip(st.columns(2), runs, strict=True):
    with column, st.container(border=True):
        if run is None:
            st.caption("This run is not stored here.")
        else:
            show(run, case.case_id, case.language)
