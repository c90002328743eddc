"""What can be seen of each word of a text without knowing the world: its shape, its place, its neighbours, whether the question or the
evidence has it, how common it is. The same features in every language; where words are not spaced each character is a unit.

All work is linear in the texts.

>>> [unit.text for unit in units("Sie kam 1,5 h später (2019).")]
['Sie', 'kam', '1,5', 'h', 'später', '(', '2019', ')', '.']
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Protocol

import numpy as np
import regex

from evals.grounding.span_context import CHARACTER, MARK, NUMBER, WORD, Columns, Floats, context
from evals.text import Span, fold

COMMON = math.log(30)  # a word in more than 29 of 100 answers says nothing new
STEM = 5  # letters that inflected forms of a word share
MOST_EVIDENCE = 200_000  # code points of evidence that are read
_UNIT = regex.compile(
    r"[\p{Han}\p{Hiragana}]|\p{Katakana}+|\p{N}+(?:[.,:٫٬]\p{N}+)*|[\p{L}\p{M}]+(?:['’\-\u200c][\p{L}\p{M}]+)*|\S",
)
_FIRST_NUMBER, _FIRST_LETTER, _FIRST_WIDE = map(regex.compile, (r"\p{N}", r"[\p{L}\p{M}]", r"[\p{Han}\p{Hiragana}]"))
_ENDS = frozenset(".!?…。！？؟।॥")
_OPENING, _CLOSING, _STRAIGHT = frozenset("«《「『"), frozenset("»》」』"), frozenset('"“”„')
_MARKS = {
    mark: place for place, marks in enumerate((".。।", ",،、，", '"“”„«»《》「」', "()（）[]", ":：;", "!?？！؟"), 1) for mark in marks
}
_OTHER_MARK = 7


class Words(Protocol):
    """How common a word is, log(1 + answers in 100 that have it), and how often people marked it as wrong."""

    def base(self, language: str) -> float: ...
    def look(self, language: str, word: str) -> tuple[float, float]: ...


def units(text: str) -> list[Span]:
    """Words, numbers and marks in order, spaces left out."""
    return [Span(match.group(), match.start(), match.end()) for match in _UNIT.finditer(text)]


def folded(text: str) -> list[str]:
    return [fold(match.group()) for match in _UNIT.finditer(text)]


@dataclass(frozen=True)
class Reading:
    """An answer cut into units, and what it is read against."""

    text: str
    units: Sequence[Span]
    words: Sequence[str]
    question: Sequence[str]
    evidence: Sequence[str]
    language: str

    @cached_property
    def seen(self) -> Columns:
        """The features that need no `Words`, made once."""
        return _shape(self) | _places(self) | _repeats(self) | _asked(self) | _evident(self)


def read(text: str, language: str, question: str = "", evidence: str = "") -> Reading:
    found = units(text)
    return Reading(text, found, [fold(unit.text) for unit in found], folded(question), folded(evidence[:MOST_EVIDENCE]), language)


def columns(reading: Reading, words: Words) -> Columns:
    """Each feature by name, a value a unit; what was not looked at (no evidence) is NaN, which the trees know."""
    found = reading.seen | _common(reading, words)
    found["novel"] = _novel(found)
    return context(found, reading.question, reading.words, words.base(reading.language))


def _array(values: Sequence[float]) -> Floats:
    return np.asarray(values, dtype=float)


def _shape(reading: Reading) -> Columns:
    raw = [unit.text for unit in reading.units]
    kinds = [_kind(word) for word in reading.words]
    return {
        "kind": _array(kinds),
        "length": _array([len(text) for text in raw]),
        "digits": _array([sum(map(str.isdecimal, word)) for word in reading.words]),
        "year": _array([len(word) == 4 and word.isdecimal() and 1000 <= int(word) <= 2100 for word in reading.words]),
        "capital": _array([text[:1].isupper() for text in raw]),
        "capitals": _array([len(text) > 1 and text.isupper() for text in raw]),
        "ascii": _array([kind == WORD and text[:1].isascii() for kind, text in zip(kinds, raw, strict=True)]),
        "mark": _array([_MARKS.get(text, _OTHER_MARK) if kind == MARK else 0 for kind, text in zip(kinds, raw, strict=True)]),
        "quoted": _open(raw, _STRAIGHT, _OPENING, _CLOSING),
        "bracketed": _open(raw, frozenset(), frozenset("(（["), frozenset(")）]")),
    }


@lru_cache(maxsize=65536)
def _kind(word: str) -> int:
    first = word[:1]
    if _FIRST_NUMBER.match(first):
        return NUMBER
    if not _FIRST_LETTER.match(first):
        return MARK
    return CHARACTER if len(word) == 1 and _FIRST_WIDE.match(first) else WORD


def _open(raw: Sequence[str], either: frozenset[str], opening: frozenset[str], closing: frozenset[str]) -> Floats:
    """1 between an opening mark and its partner."""
    found, now = [], 0
    for text in raw:
        now = 1 - now if text in either else 1 if text in opening else 0 if text in closing else now
        found.append(now)
    return _array(found)


def _places(reading: Reading) -> Columns:
    n = len(reading.units)
    index = np.arange(n, dtype=float)
    before = [0, *(unit.end for unit in reading.units[:-1])]
    gaps = [reading.text[end : unit.start] for end, unit in zip(before, reading.units, strict=True)] if n else []
    last = ["", *(unit.text for unit in reading.units)][:n]
    starts = _array([i == 0 or "\n" in gap or mark in _ENDS for i, (gap, mark) in enumerate(zip(gaps, last, strict=True))])
    capitals = _array([unit.text[:1].isupper() for unit in reading.units])
    return {
        "start": starts,
        "sentence": np.cumsum(starts) - 1,
        "gap": _array([2 if "\n" in gap else 1 if gap else 0 for gap in gaps]),
        "name": capitals * (1 - starts),
        "place": np.log1p(index),
        "place_from_end": np.log1p(n - 1 - index),
        "relative_place": (index + 0.5) / max(n, 1),
    }


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    return list(pairwise(["", *words]))


def _repeats(reading: Reading) -> Columns:
    return {"again": _again(reading.words), "pair_again": _again(_pairs(reading.words))}


def _again(items: Sequence[Hashable]) -> Floats:
    """1 where an item stood before."""
    first = {item: place for place, item in reversed(list(enumerate(items)))}
    return _array([first[item] < place for place, item in enumerate(items)])


def _asked(reading: Reading) -> Columns:
    """1: the question has the word; 0.8: one that begins alike; and the share of its letter trigrams (for characters: a pair) there."""
    asked, stems = set(reading.question), {word[:STEM] for word in reading.question if len(word) >= STEM}
    pairs = set(_pairs(reading.question))
    known = {gram for word in asked for gram in _trigrams(word)}
    shares = {word: _share(_trigrams(word), known) for word in set(reading.words)}
    around = _pairs([*reading.words, ""])
    letters = [
        float(around[i] in pairs or around[i + 1] in pairs) if _kind(word) == CHARACTER else shares[word]
        for i, word in enumerate(reading.words)
    ]
    return {
        "asked": _array([_likeness(word, asked, stems, 0.8) for word in reading.words]),
        "asked_letters": _array(letters),
        "asked_pair": _array([pair in pairs for pair in _pairs(reading.words)]),
    }


def _trigrams(word: str) -> set[str]:
    word = f"^{word}$"
    return {word[i : i + 3] for i in range(max(1, len(word) - 2))}


def _share(grams: set[str], known: set[str]) -> float:
    return len(grams & known) / len(grams)


def _likeness(word: str, known: set[str], stems: set[str], alike: float) -> float:
    return 1.0 if word in known else alike if len(word) >= STEM and word[:STEM] in stems else 0.0


def _evident(reading: Reading) -> Columns:
    """Whether the evidence has the word, one that begins alike, the pair; how rare the word is there."""
    n, counts = len(reading.words), Counter(reading.evidence)
    if not counts:
        return {name: np.full(n, np.nan) for name in ("evident", "rare", "evident_pair")}
    known, pairs, total = set(counts), set(_pairs(reading.evidence)), len(reading.evidence)
    stems = {word[:STEM] for word in known if len(word) >= STEM}
    return {
        "evident": _array([_likeness(word, known, stems, 0.6) for word in reading.words]),
        "rare": _array([math.log(total / (1 + counts[word])) if word in counts else 10.0 for word in reading.words]),
        "evident_pair": _array([pair in pairs for pair in _pairs(reading.words)]),
    }


def _common(reading: Reading, words: Words) -> Columns:
    looked: Mapping[str, tuple[float, float]] = {word: words.look(reading.language, word) for word in set(reading.words)}
    return {
        "frequency": _array([looked[word][0] for word in reading.words]),
        "rate": _array([looked[word][1] for word in reading.words]),
    }


def _novel(found: Columns) -> Floats:
    """Neither asked for nor common: where an answer says something."""
    return _array((found["kind"] != MARK) & (found["asked_letters"] < 0.5) & (found["asked"] == 0) & (found["frequency"] < COMMON))
