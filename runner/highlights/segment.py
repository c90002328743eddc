"""Reviews cut into sentences and sentences into clauses, with exact offsets; and folding that keeps them.

>>> [s.text for s in segment("Great sound, poor battery. Fine", "en")]
['Great sound, poor battery.', 'Fine']
>>> [c.text for c in clauses(Span("Great sound, poor battery.", 0, 26))]
['Great sound,', 'poor battery.']
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import pairwise

import regex

from evals.text import Span, fold, sentences

MAX_SENTENCE = 400  # code points; nobody reads a longer snippet, and reviews without a full stop exist
_BREAK = regex.compile(r"[,;:،؛、，；：—–|/]+\s*|\s+-+\s+")
_SPACE = regex.compile(r"\s")
_ALIKE = str.maketrans({**dict.fromkeys("’ʼ‘`´＇", "'"), "ı": "i", "İ": "i"})  # Turkish writes its capitals otherwise


def segment(text: str, tag: str) -> list[Span]:
    """The sentences of a review: ``span.text == text[span.start:span.end]``; one longer than MAX_SENTENCE comes in pieces."""
    return [piece for span in sentences(text, tag) for piece in _pieces(span)]


def _pieces(span: Span) -> list[Span]:
    """Cut at the last clause end, else the last space, else hard, before each MAX_SENTENCE."""
    pieces, start, text = [], 0, span.text
    while len(text) - start > MAX_SENTENCE:
        window = text[start : start + MAX_SENTENCE]
        cut = _last(_BREAK, window) or _last(_SPACE, window) or MAX_SENTENCE
        pieces.append(_trimmed(span, start, start + cut))
        start += cut
    return [piece for piece in [*pieces, _trimmed(span, start, len(text))] if piece.text]


def _last(pattern: regex.Pattern[str], window: str) -> int:
    return max((match.end() for match in pattern.finditer(window)), default=0)


def clauses(sentence: Span) -> list[Span]:
    """The parts of a sentence between commas and their like; offsets in the same text as the sentence's."""
    cuts = [0, *(match.end() for match in _BREAK.finditer(sentence.text)), len(sentence.text)]
    parts = [_trimmed(sentence, start, end) for start, end in pairwise(cuts)]
    return [part for part in parts if part.text]


def _trimmed(span: Span, start: int, end: int) -> Span:
    piece = span.text[start:end]
    start += len(piece) - len(piece.lstrip())
    piece = piece.strip()
    return Span(piece, span.start + start, span.start + start + len(piece))


@dataclass(frozen=True)
class Folded:
    """`text` for comparing; `at` gives for each of its characters, and its end, the place in the original (None: the same place)."""

    text: str
    at: tuple[int, ...] | None = None

    def place(self, index: int) -> int:
        return index if self.at is None else self.at[index]


def folded(text: str) -> Folded:
    """`text` case folded, in NFKC, with one kind of apostrophe, and the way back.

    >>> folded("L’ÉCRAN").text
    "l'écran"
    >>> decomposed = folded("Le\u0301ger"); decomposed.text, decomposed.place(2)
    ('léger', 3)
    """
    text = text.translate(_ALIKE)
    if unicodedata.is_normalized("NFKC", text):
        same = text.casefold()
        if len(same) == len(text):
            return Folded(same)
    return _mapped(text)


def _mapped(text: str) -> Folded:
    pieces, at = [], []
    for match in regex.finditer(r"\X", text):
        piece = fold(match.group())
        kept = len(piece) == len(match.group())
        at += [match.start() + i if kept else match.start() for i in range(len(piece))]
        pieces.append(piece)
    return Folded("".join(pieces), (*at, len(text)))
