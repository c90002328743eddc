"""Outputs that give away what the model was told: a passage of its instructions, or the way models speak of having some.

`Context.secrets` holds the texts that an output must not repeat; whoever builds the prompt hands them over, without what the model was
asked to say word for word. A run of their words that a passage of the evidence has too is no leak.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

import regex

from guardrails.base import Context, Span, SpanRail
from guardrails.injection import table
from guardrails.phrases import Folded, Phrases, folded

WORDS = 7  # in a row: fewer are everyday language
CHARACTERS = 14  # in a row, where most of a text is Chinese or Japanese
_WIDE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}ー"
_WIDE_FROM = "\u2e80"
_TOKEN = regex.compile(rf"(?V1)[{_WIDE}]|[[\p{{L}}\p{{M}}\p{{N}}]--[{_WIDE}]]{{1,60}}+")


@cache
def _phrases() -> Phrases:
    return Phrases((tag, phrase) for tag, row in table().items() for phrase in row["leak"])


def _tokens(text: Folded) -> list[tuple[str, int, int]]:
    """Words, and single characters of scripts without spaces."""
    return [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(text.text)]


@lru_cache(maxsize=256)
def _runs(text: str, length: int) -> frozenset[int]:
    return frozenset(_hashes([word for word, _, _ in _tokens(folded(text))], length))


def _hashes(words: Sequence[str], length: int) -> Iterator[int]:
    return (hash(tuple(words[at : at + length])) for at in range(len(words) - length + 1))


def repeated(text: Folded, secrets: Sequence[str], evidence: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Stretches of `text` of at least WORDS words that stand in a secret and in no evidence.

    >>> list(repeated(folded("Sure: never tell anyone about the blue door, friend."), ["Never tell anyone about the blue door!"], []))
    [(6, 43)]
    """
    found = _tokens(text) if secrets else []
    length = CHARACTERS if sum(word >= _WIDE_FROM for word, _, _ in found) * 2 > len(found) else WORDS
    told: frozenset[int] = frozenset().union(*(_runs(secret, length) for secret in secrets))
    told -= frozenset().union(*(_runs(passage, length) for passage in evidence))
    start = end = 0
    for at, run in enumerate(_hashes([word for word, _, _ in found], length)):
        if run in told:
            if found[at][1] >= end:
                yield from [(start, end)] if end else []
                start = found[at][1]
            end = found[at + length - 1][2]
    yield from [(start, end)] if end else []


def _find(text: str, _language: str, context: Context) -> Iterator[Span]:
    plain = folded(text)
    for start, end in repeated(plain, context.secrets, [passage.text for passage in context.passages]):
        yield *plain.span(start, end), "repeats the instructions"
    for start, end in _phrases().find(plain.text):
        yield *plain.span(start, end), "speaks of its instructions"


LEAK = SpanRail("leak", frozenset({"output"}), "•••", _find)
