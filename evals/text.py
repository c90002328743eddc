"""Sentences, words and safe display of text in 28 languages, with offsets in code points.

>>> [s.text for s in sentences("軽いです。音は悪い！", "ja")]
['軽いです。', '音は悪い！']
>>> [s.text for s in sentences("It weighs 1.5 kg. Good [1]! Fine", "en")]
['It weighs 1.5 kg.', 'Good [1]!', 'Fine']
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

import regex

from evals.languages import LANGUAGES

_ALL_ENDS = ".!?…。！？؟।॥;"
_BIDI_AND_HIDDEN = regex.compile(r"[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]")


@dataclass(frozen=True)
class Span:
    """``text == source[start:end]``."""

    text: str
    start: int
    end: int


@cache
def _boundary(tag: str) -> regex.Pattern[str]:
    ends = regex.escape(LANGUAGES[tag].ends if tag in LANGUAGES else _ALL_ENDS)
    wide = "。！？।॥؟"  # end a sentence without a space behind them
    closers = r"[\"'”’»」』)\]]*(?:\s*\[\d+\])*"  # a citation mark belongs to the sentence before it
    return regex.compile(rf"(?:[{wide}]+{closers}|[{ends}]+{closers}(?=\s|$)|\n+)")


def sentences(text: str, tag: str) -> list[Span]:
    """The sentences of `text`, trimmed, empty ones left out.

    A full stop between digits or inside a word does not end one; a new line does.
    """
    spans, start = [], 0
    for match in _boundary(tag).finditer(text):
        spans.append(_trimmed(text, start, match.end()))
        start = match.end()
    spans.append(_trimmed(text, start, len(text)))
    return [span for span in spans if span.text]


def _trimmed(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    piece = piece.strip()
    return Span(piece, start, start + len(piece))


_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’.,][\p{L}\p{M}\p{N}]+)*")


def words(text: str, tag: str) -> list[str]:
    """Folded words; for languages without spaces, character bigrams of each run (a word list would be a guess).

    >>> words("Très bon!", "fr"), words("音質が良い", "ja")
    (['très', 'bon'], ['音質', '質が', 'が良', '良い'])
    """
    runs = [match.group() for match in _WORD.finditer(fold(text))]
    if tag not in LANGUAGES or LANGUAGES[tag].words == "spaces":
        return runs
    return [piece for run in runs for piece in _bigrams(run)]


def _bigrams(run: str) -> list[str]:
    return [run] if len(run) < 2 or run.isascii() else [run[i : i + 2] for i in range(len(run) - 1)]


def fold(text: str) -> str:
    """For comparing: NFKC, case folded. Changes offsets: never for spans."""
    return unicodedata.normalize("NFKC", text).casefold()


def shortened(text: str, most: int) -> str:
    """On one line, and of at most so many code points: what is longer ends in ``…``.

    >>> shortened("two  words\\nmore", 8), shortened("short", 8)
    ('two wor…', 'short')
    """
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def visible(text: str) -> str:
    """For showing hostile text: bidi controls, zero-width and tag characters and other controls become ``�``; new lines and tabs stay."""
    text = _BIDI_AND_HIDDEN.sub("\ufffd", text)
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") else "\ufffd" for c in text)
