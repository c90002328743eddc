"""What both ways to look at a sample share: one variant's output as a whole, what stopped it, what rails found, scores and times."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from evals.errors import UnknownIdError
from evals.records import Case, Finding, Run
from workbench import cards, queries
from workbench.session import store


def show(role: str, name: str, run: Run, case: Case) -> None:
    """One variant's output: claims underlined by the machine's verdict, a line for each that opens its evidence, then everything else."""
    st.markdown(f":gray[{role.capitalize()}] **{cards.plain(name.split('.')[0])}**")
    try:
        sample = queries.sample(store(), run, case.case_id)
    except UnknownIdError:
        st.caption("This variant has not run on this case.")
        return
    reviews = queries.reviews_behind(store(), sample.output.passages)
    checks = [cards.checked(claim, sample.scores.get(claim.claim_id, []), sample.labels.get(claim.claim_id, [])) for claim in sample.claims]
    stopped(sample)
    st.html(cards.text_block(case.language, sample.output.text, [check.mark() for check in checks]))
    st.html("".join(cards.claim_block(case.language, check, sample.output.passages, reviews) for check in checks) or "<p>No claims.</p>")
    with st.expander(f"Evidence ({len(sample.output.passages)})", icon=":material/format_quote:"):
        st.html(cards.evidence_blocks(sample.output.passages, reviews) or "<p>No evidence was used.</p>")
    findings(sample.findings)
    measures(sample)


def stopped(sample: queries.Sample) -> None:
    if sample.output.status != "ok":
        why = cards.plain(sample.output.error or "a rail stopped the text; shoppers see what stands below")
        st.warning(f"{sample.output.status}: {why}")


def findings(rows: Sequence[Finding]) -> None:
    if rows:
        with st.expander(f"Guardrail findings ({len(rows)})", icon=":material/shield:"):
            columns = ("rail", "action", "target", "start", "end", "detail", "source_id")
            table = [{name: getattr(row, name) for name in columns} for row in rows]
            st.dataframe(table, hide_index=True, alt="Findings")
            st.page_link("views/guardrails.py", label="Say whether they are right", icon=":material/shield:")


def measures(sample: queries.Sample) -> None:
    """Scores of the whole, and the record of its making."""
    output = sample.output
    with st.expander("Scores and times", icon=":material/straighten:"):
        scores = sample.scores.get(output.output_id, [])
        rows = [{"what": score.metric, "value": score.value, "why none": score.reason} for score in scores]
        times = {"first token, s": output.first_token_s, "total, s": output.total_s, "generated tokens": output.generated_tokens}
        rows += [{"what": name, "value": value, "why none": None} for name, value in times.items()]
        st.dataframe(rows, hide_index=True, alt="Scores of the whole output and its times")
