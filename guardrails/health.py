"""Claims about health, which are regulated almost everywhere: that a product cures, treats or prevents an illness, that it is clinically
proven or makes slim. Words in 28 languages. A claim that a passage makes is reported too, because the shop repeats it: the policy decides.
"""

from __future__ import annotations

from collections.abc import Iterator

from guardrails.base import Context, Span, SpanRail
from guardrails.phrases import folded
from guardrails.words import found, together


def claims(text: str, language: str) -> Iterator[Span]:
    """What a text promises for the health."""
    plain = folded(text)
    acts, conditions, promises = (found("health", key, language, plain) for key in ("acts", "conditions", "promises"))
    for start, end in together(acts, conditions, language):
        yield *plain.span(start, end), "effect on an illness"
    for start, end in promises:
        yield *plain.span(start, end), "regulated promise"


def _find(text: str, language: str, context: Context) -> Iterator[Span]:
    hits = list(claims(text, language))
    said = hits and any(True for passage in context.passages for _ in claims(passage.text, passage.language))
    for start, end, detail in hits:
        yield start, end, f"{detail}; a passage makes such a claim" if said else detail


HEALTH = SpanRail("health", frozenset({"output"}), "•••", _find)
