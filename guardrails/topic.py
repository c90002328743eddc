"""Questions that a shop assistant is not there for: poems, homework, politics, the world at large. Words only, and conservative: what it
does not know it takes for a question about the product."""

from __future__ import annotations

from collections.abc import Iterator

from guardrails.base import Context, Span, SpanRail
from guardrails.phrases import folded
from guardrails.words import found


def _find(text: str, language: str, _context: Context) -> Iterator[Span]:
    plain = folded(text)
    elsewhere = found("topic", "elsewhere", language, plain)
    if elsewhere and not found("topic", "shop", language, plain):
        for start, end in elsewhere:
            yield *plain.span(start, end), "not about products or shopping"


TOPIC = SpanRail("topic", frozenset({"input"}), "", _find)
