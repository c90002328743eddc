"""A claim that cites nothing, or something that is not there. Recorded so that a release owner sees it; never shown as a pass.

"The evidence does not say" needs no citation.
"""

from __future__ import annotations

from collections.abc import Iterator

from evals.claims import citations_in, statements
from evals.grounding.passages import says_unknown
from guardrails.base import Context, Span, SpanRail


def _find(text: str, language: str, context: Context) -> Iterator[Span]:
    numbers = {passage.number for passage in context.passages}
    for claim in statements(text, language):
        citations = citations_in(claim.text)
        dangling = [n for n in citations if n not in numbers]
        if not citations and not says_unknown(claim.text, language):
            yield claim.start, claim.end, "uncited claim"
        elif dangling:
            yield claim.start, claim.end, f"cites passages that do not exist: {', '.join(map(str, dangling[:5]))}"


CITATION = SpanRail("citation", frozenset({"output"}), "", _find)
