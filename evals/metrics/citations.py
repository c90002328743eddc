"""How much of an output can be followed to its evidence."""

from __future__ import annotations

from collections.abc import Sequence

from evals.grounding.passages import says_unknown
from evals.metric import Measured, Metric, signature
from evals.records import Case, Claim, Output


def valid_citations(claim: Claim, output: Output) -> tuple[int, ...]:
    """The citations of a claim that name a passage the output really has."""
    numbers = {passage.number for passage in output.passages}
    return tuple(n for n in claim.citations if n in numbers)


def _compute(case: Case, output: Output, claims: Sequence[Claim]) -> list[Measured]:
    claims = [claim for claim in claims if claim.citations or not says_unknown(claim.text, case.language)]
    if not claims:
        return [Measured(None, f"not measurable: the {case.feature} output makes no claim")]
    cited = sum(bool(valid_citations(claim, output)) for claim in claims)
    dangling = sum(len(claim.citations) - len(valid_citations(claim, output)) for claim in claims)
    return [Measured(cited / len(claims), detail={"claims": len(claims), "cited": cited, "dangling": dangling})]


CITATIONS = Metric(
    name="citation_share",
    source="code",
    subject="output",
    signature=signature(1, claims="sentences", valid="passage exists", unknown="out"),
    compute=_compute,
    meaning='share of the claims, "the evidence does not say" left out, with at least one citation of a passage that exists',
)
