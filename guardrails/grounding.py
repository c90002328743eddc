"""A claim that the evidence contradicts, by the deterministic rules of `evals.grounding.rules`. The aspect table is not at hand here: what
a summary says about counts is scored later."""

from __future__ import annotations

from collections.abc import Iterator

from evals.claims import claims_of
from evals.grounding.base import Item
from evals.grounding.rules import Rules
from evals.records import Case, Output
from guardrails.base import Context, Span, SpanRail


def _find(text: str, language: str, context: Context) -> Iterator[Span]:
    if not context.passages:
        return
    case = Case("", context.feature, "", language, "", {})
    output = Output("", "", "", text, "ok", "", passages=context.passages)
    claims = claims_of(output, language)
    for claim, judgement in zip(claims, Rules().judge([Item(case, output, claim) for claim in claims]), strict=True):
        if judgement.verdict == "contradicted":
            passage = f" by passage {judgement.passage.number}" if judgement.passage else ""
            yield claim.start, claim.end, f"contradicted{passage}"


GROUNDING = SpanRail("grounding", frozenset({"output"}), "", _find)
