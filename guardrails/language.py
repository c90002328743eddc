"""An output in another language than asked for. It blocks: a shopper who cannot read an answer has none."""

from __future__ import annotations

from collections.abc import Iterator

from evals.claims import without_citations
from evals.identification import is_in
from evals.languages import LANGUAGES
from evals.text import Span as Sentence
from evals.text import sentences
from guardrails.base import Context, Span, SpanRail

MIN_WRONG_SHARE = 0.5  # of the letters whose language can be told; one quoted sentence is no wrong output


def _find(text: str, language: str, _context: Context) -> Iterator[Span]:
    """The sentences in another language, where they make up half of what can be told."""
    if language not in LANGUAGES:
        return
    judged = [(span, is_in(without_citations(span.text), language)) for span in sentences(text, language)]
    if all(inside is None for _, inside in judged):
        judged = [(Sentence(text, 0, len(text)), is_in(without_citations(text), language))]
    wrong = [span for span, inside in judged if inside is False]
    if wrong and _length(wrong) >= MIN_WRONG_SHARE * _length([span for span, inside in judged if inside is not None]):
        yield from ((span.start, span.end, f"not in {LANGUAGES[language].name}") for span in wrong)


def _length(spans: list[Sentence]) -> int:
    return sum(len(span.text) for span in spans)


LANGUAGE = SpanRail("language", frozenset({"output"}), "", _find)
