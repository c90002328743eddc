"""Evidence, read once for all claims that rest on it: its sentences and which words each holds, pieces of words, stated attributes.

Words are those of `evals.text.words`: folded, and character bigrams where words are not spaced. All work is linear in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import regex

from evals.grounding.signs import Signs, denies, signs
from evals.languages import LANGUAGES
from evals.records import Passage
from evals.text import Span, sentences

LONGEST = 400  # code points of a sentence; a longer one is cut, so that the best place in it can be named
MOST_CHARACTERS = 200_000  # of all evidence that is read; what lies behind is not
STEM = 5  # letters that inflected forms of a word share
_GRAM = 4  # letters of the pieces of a word; one where words are not spaced, since their words are bigrams
_STRETCH = 6  # characters of a run across words; half as many where words are not spaced
_ASCII = re.compile(r"[A-Za-z0-9]+(?:['.,][A-Za-z0-9]+)*")
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’.,][\p{L}\p{M}\p{N}]+)*")
_DIGITS = regex.compile(r"\p{Nd}+(?:[.,]\p{Nd}+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:\.\d{3})+")


def spaced(tag: str) -> bool:
    return tag not in LANGUAGES or LANGUAGES[tag].words == "spaces"


def runs_in(text: str) -> list[str]:
    """Runs of letters and digits, as written."""
    return _ASCII.findall(text) if text.isascii() else _WORD.findall(unicodedata.normalize("NFKC", text))


def words_of(runs: Sequence[str], tag: str) -> list[str]:
    """Folded runs; character bigrams of those that are not ASCII where words are not spaced.

    >>> words_of(runs_in("Très bon!"), "fr"), words_of(runs_in("USBが良い"), "ja")
    (['très', 'bon'], ['us', 'sb', 'bが', 'が良', '良い'])
    """
    folded = [run.casefold() for run in runs]
    if spaced(tag):
        return folded
    return [piece for run in folded for piece in ([run] if len(run) < 2 or run.isascii() else _bigrams(run))]


def line_of(runs: Sequence[str], tag: str) -> str:
    """Folded runs in one line."""
    return (" " if spaced(tag) else "").join(runs).casefold()


def _bigrams(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


@lru_cache(maxsize=1 << 16)
def grams(word: str, size: int) -> frozenset[str]:
    """The pieces of a word; a shorter word is one piece."""
    return frozenset(word[i : i + size] for i in range(max(1, len(word) - size + 1)))


def size_of_grams(tag: str) -> int:
    return _GRAM if spaced(tag) else 1


def stretches(line: str, tag: str) -> set[str]:
    """All runs of so many characters in a line of folded words, across words too."""
    size = _STRETCH if spaced(tag) else _STRETCH // 2
    return {line[i : i + size] for i in range(max(1, len(line) - size + 1))}


@lru_cache(maxsize=1 << 16)
def figure(word: str) -> str | None:
    """The number in a word, comparable: 1,000 and 1000 are one, 2.0 and 2 too; None where there is none.

    >>> figure("1,000"), figure("2.50"), figure("٣"), figure("x")
    ('1000', '2.5', '3', None)
    """
    found = None if word.isalpha() else _DIGITS.search(word)
    if not found:
        return None
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else "." for c in found.group())
    if _THOUSANDS.fullmatch(plain):
        return plain.replace(".", "")
    return plain.rstrip("0").rstrip(".") if plain.count(".") == 1 else plain


@dataclass(frozen=True)
class Place:
    """A sentence of a passage: ``passage.text[start:end]``, and its words in order."""

    passage: Passage
    start: int
    end: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class Attribute:
    """``name: value`` in words. `denied`: the value is a no, or there is none."""

    name: frozenset[str]
    value: frozenset[str]
    denied: bool


_NO, YES = frozenset({"false", "no", "none", "null", "0"}), frozenset({"true", "yes", "1"})


def attribute(text: str, tag: str) -> Attribute | None:
    """None for a text without a colon."""
    name, colon, value = text.partition(":")
    known, said = (frozenset(words_of(runs_in(part), tag)) for part in (name, value))
    if not colon or not known:
        return None
    return Attribute(known, said, all(word in _NO or denies(word, tag) for word in said))


class Evidence:
    """Passages in one language; made once for all claims that rest on the same ones.

    `holding`: word → places that hold it, ascending; `pairs` and `triples`: words that follow each other; `pieces`: of words;
    `stretches`: of characters, across words.
    """

    def __init__(self, passages: Sequence[Passage], tag: str) -> None:
        self.tag = tag
        self.places: list[Place] = []
        self.holding: dict[str, list[int]] = {}
        self.pairs: set[tuple[str, str]] = set()
        self.triples: set[tuple[str, str, str]] = set()
        self.stretches: set[str] = set()
        self.attributes: list[Attribute] = []
        self.characters = 0
        self._signs: dict[int, Signs] = {}
        for passage in passages:
            self._read(passage)
        size = size_of_grams(tag)
        self.pieces = frozenset[str]().union(*(grams(word, size) for word in self.holding))
        self.stems = {word[:STEM] for word in self.holding}
        self.figures = {number for word in self.holding if (number := figure(word)) is not None}

    def _read(self, passage: Passage) -> None:
        text = passage.text[: max(0, MOST_CHARACTERS - self.characters)]
        self.characters += len(text)
        together: list[str] = []
        lines: list[str] = []
        for span in sentences_of(text, self.tag):
            runs = runs_in(span.text)
            words = words_of(runs, self.tag)
            lines.append(line_of(runs, self.tag))
            for word in set(words):
                self.holding.setdefault(word, []).append(len(self.places))
            self.places.append(Place(passage, span.start, span.end, tuple(words)))
            together += words
            if passage.source == "attribute" and (stated := attribute(span.text, self.tag)):
                self.attributes.append(stated)
        self.stretches |= stretches(line_of(lines, self.tag), self.tag)
        self.pairs.update(pairwise(together))
        self.triples.update(zip(together, together[1:], together[2:], strict=False))

    def signs_at(self, place: int) -> Signs:
        """What a place denies, praises, complains of."""
        if place not in self._signs:
            at = self.places[place]
            self._signs[place] = signs(at.passage.text[at.start : at.end], at.words, self.tag)
        return self._signs[place]


def sentences_of(text: str, tag: str) -> Iterator[Span]:
    """Sentences, those longer than `LONGEST` cut, at spaces where there are any."""
    for span in sentences(text, tag):
        start = span.start
        while span.end - start > LONGEST:
            cut = text.rfind(" ", start + LONGEST // 2, start + LONGEST)
            cut = cut if cut > 0 else start + LONGEST
            yield Span(text[start:cut], start, cut)
            start = cut
        yield Span(text[start : span.end], start, span.end)
