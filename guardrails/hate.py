"""Hatred of people for what they are: slurs, calls for violence against a group, and what a small trained model takes for either.

Words in 28 languages, the model where it was measured (``docs/models/hate.md``). Neither can tell who speaks: quoted hate, a word that its
targets use of themselves, a negation are the known mistakes, measured one by one in ``docs/benchmarks.md``.
"""

from __future__ import annotations

from collections.abc import Iterator

from guardrails.base import Context, Span, SpanRail
from guardrails.linear import Linear, load
from guardrails.phrases import folded
from guardrails.words import found, together


def spans(text: str, language: str, model: Linear) -> Iterator[Span]:
    """What the words and `model` object to."""
    plain = folded(text)
    for start, end in found("hate", "slurs", language, plain):
        yield *plain.span(start, end), "slur"
    acts, groups = (found("hate", key, language, plain) for key in ("acts", "groups"))
    for start, end in together(acts, groups, language):
        yield *plain.span(start, end), "violence or contempt towards a group"
    for start, end in model.spans(text, language):
        yield start, end, "reads like hate (trained model)"


def _find(text: str, language: str, _context: Context) -> Iterator[Span]:
    return spans(text, language, load("hate"))


HATE = SpanRail("hate", frozenset({"input", "evidence", "output"}), "•••", _find)
