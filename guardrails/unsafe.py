"""Requests for help with doing harm, and answers that give it: how to build weapons, poison, steal; advice that gets people hurt.

Questions: words that ask how beside words that name the harm, and a small trained model (``docs/models/unsafe.md``). Answers: an act and a
thing that are dangerous together ("mix", "bleach"), unless the sentence warns of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from evals.text import sentences
from guardrails.base import Context, Span, SpanRail
from guardrails.linear import Linear, load
from guardrails.phrases import Folded, folded
from guardrails.words import found, together


def requests(text: str, language: str, model: Linear) -> Iterator[Span]:
    """What in a question asks for harm."""
    yield from _asked(folded(text), language)
    for start, end in model.spans(text, language):
        yield start, end, "reads like a request for harm (trained model)"


def _asked(plain: Folded, language: str) -> Iterator[Span]:
    asks, harms = (found("unsafe", key, language, plain) for key in ("asks", "harms"))
    for start, end in together(harms, asks, language):
        yield *plain.span(start, end), "asks how to do harm"


def advice(text: str, language: str) -> Iterator[Span]:
    """What in an answer is dangerous to follow."""
    for sentence in sentences(text, language):
        plain = folded(sentence.text)
        acts, things, warnings = (found("unsafe", key, language, plain) for key in ("acts", "things", "warnings"))
        for start, end in () if warnings else together(acts, things, language):
            begin, stop = plain.span(start, end)
            yield sentence.start + begin, sentence.start + stop, "dangerous advice"


def _find(text: str, language: str, context: Context) -> Iterator[Span]:
    if context.target == "input":
        yield from requests(text, language, load("unsafe"))
    else:
        yield from _asked(folded(text), language)
        yield from advice(text, language)


UNSAFE = SpanRail("unsafe", frozenset({"input", "output"}), "", _find)
