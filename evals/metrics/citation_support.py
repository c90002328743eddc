"""Is a sentence supported by the passages it cites? Not by any passage: a right sentence with a wrong [n] misleads who follows it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from evals.grounding.base import Item, Judgement, Scorer
from evals.grounding.passages import says_unknown
from evals.grounding.rules import Rules
from evals.metric import Measured, Metric, Sample, signature
from evals.metrics.citations import valid_citations
from evals.records import Case, Claim, Output

SUPPORTED = 0.5  # probability from which a passage supports; of a scorer that gives none, the verdict grounded
MOST = 20  # passages tried one by one for a claim
_Cited = tuple[Case, Output, Claim]


def make_citation_support(scorer: Scorer) -> Metric:
    """`citation_support` by `scorer`: the value is what it gives a claim whose output has only the passages that the claim cites.

    The aspect table of a highlight stays: "most" is counted, no snippet says it. Detail: `supporting`, the cited passages that support
    the claim by themselves; `better`, where the cited ones do not support it, the uncited ones that would.
    """

    def compute(samples: Sequence[Sample]) -> list[list[Measured]]:
        found = iter(_measured(scorer, [(case, output, claim) for case, output, claims in samples for claim in claims]))
        return [[next(found) for _ in claims] for _, _, claims in samples]

    return Metric(
        name="citation_support",
        source=scorer.source,
        subject="claim",
        signature=f"{signature(1, by=scorer.name, supported=SUPPORTED, most=MOST)}|{scorer.signature}",
        compute=lambda case, output, claims: compute([(case, output, claims)])[0],
        meaning="whether the passages that a claim cites support it, as the scorer in the signature judges; None where it cites nothing",
        compute_many=compute,
    )


def _measured(scorer: Scorer, claims: Sequence[_Cited]) -> list[Measured]:
    """In two rounds of the scorer: what a claim cites all together; then passages one by one, where that says more."""
    places = [place for place, (_, output, claim) in enumerate(claims) if valid_citations(claim, output)]
    together = dict(zip(places, _judged(scorer, [(claims[place], _valid(claims[place])) for place in places]), strict=True))
    tried = [(place, number) for place in places for number in _to_try(claims[place], together[place])]
    alone = _judged(scorer, [(claims[place], (number,)) for place, number in tried])
    supporting: dict[int, list[int]] = defaultdict(list)
    for (place, number), judgement in zip(tried, alone, strict=True):
        supporting[place] += [number] if _supports(judgement) else []
    return [
        _score(claim, together[place], supporting[place]) if place in together else _nothing_cited(claim[0], claim[2])
        for place, claim in enumerate(claims)
    ]


def _judged(scorer: Scorer, asked: Sequence[tuple[_Cited, tuple[int, ...]]]) -> Sequence[Judgement]:
    return scorer.judge([_reduced(*claim, numbers) for claim, numbers in asked]) if asked else []


def _reduced(case: Case, output: Output, claim: Claim, numbers: tuple[int, ...]) -> Item:
    passages = tuple(passage for passage in output.passages if passage.number in numbers)
    return Item(case, replace(output, passages=passages), replace(claim, citations=numbers))


def _valid(claim: _Cited) -> tuple[int, ...]:
    return valid_citations(claim[2], claim[1])


def _to_try(claim: _Cited, together: Judgement) -> list[int]:
    """The cited passages if there are several, and the others if the cited ones do not support the claim."""
    cited = _valid(claim)
    several = [*cited] if len(cited) > 1 else []
    others = [passage.number for passage in claim[1].passages if passage.number not in cited]
    wanted = several if _supports(together) or together.verdict == "not_checkable" else several + others
    return wanted[:MOST]


def _supports(judgement: Judgement) -> bool:
    if judgement.probability is None or judgement.verdict == "not_checkable":
        return judgement.verdict == "grounded"
    return judgement.probability >= SUPPORTED


def _score(claim: _Cited, together: Judgement, supporting: Sequence[int]) -> Measured:
    cited = _valid(claim)
    alone = [*cited] if len(cited) == 1 and _supports(together) else [n for n in supporting if n in cited]
    found = together.measured()
    detail = {"cited": list(claim[2].citations), "supporting": alone, "better": [n for n in supporting if n not in cited]}
    return replace(found, detail={**found.detail, **detail})


def _nothing_cited(case: Case, claim: Claim) -> Measured:
    if claim.citations:
        detail = {"cited": list(claim.citations), "supporting": [], "better": []}
        return Measured(0.0, detail={"verdict": "unsupported", "why": "cites passages that do not exist", **detail})
    if says_unknown(claim.text, case.language):
        return Measured(None, "not measurable: says that the evidence does not tell")
    return Measured(None, "not measurable: cites nothing")


CITATION_SUPPORT = make_citation_support(Rules())
