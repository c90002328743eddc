"""Where one sentence makes several statements: at a semicolon, at "but", between "Sound: praised, battery: criticised".

>>> [clause.text for clause in clauses("The battery lasts long, but the screen is dim.", "en")]
['The battery lasts long', 'the screen is dim.']

Conservative, because a claim must be true or false by itself: nothing is cut inside quotations, brackets and numbers, after "not only", or
where one side cannot stand alone. Words of contrast ask for less than "and" and bare commas do: "praise the sound and the battery" is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import regex

from evals.bands import QUANTITIES, SPOKEN
from evals.claims.marks import BRACKETED, QUOTATION, STRAIGHT, without_citations
from evals.claims.matching import LETTER, matcher, normal
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.text import Span

MAX_SENTENCE = 2000  # code points; what is longer is no sentence that anybody wrote and stays whole
MIN_LETTERS = {"Latn": 10, "Grek": 10, "Arab": 7, "Hebr": 7, "Kore": 5, "Jpan": 4, "Hans": 4}  # a clause of subject and verb
_MIN_LETTERS = 6  # Indic scripts: vowel signs are no letters
Kind = Literal["semicolon", "contrast", "subordinate", "contrast without comma", "addition", "addition without comma", "comma"]

_WEAK = frozenset({"contrast without comma", "addition without comma"})
_COMMA = r"(?:[،、，]|,(?!\p{Nd}))"
_MARKS = r"(?P<marks>(?:\s*\[[\d\s,]{1,40}\])*)"
_WORD = regex.compile(rf"{LETTER}+")
_ALPHA = regex.compile(r"\p{L}")
_COLON = regex.compile(r"\s*[:：–—-]")
_WORDS = ("contrast", "subordinate", "addition")
_SIDES = ("positive", "negative")


@dataclass(frozen=True)
class _Features:
    """What a piece of a sentence has.

    `topic`: an aspect or attribute; `early`: it begins with one; `opening`: with one and a colon; `ended`: not at a colon; `sided`: praise
    or complaint; `counted`: who or how many; `correlative`: "not only".
    """

    letters: int
    words: int
    topic: bool
    early: bool
    opening: bool
    ended: bool
    sided: bool
    counted: bool
    correlative: bool

    @property
    def said(self) -> bool:
        return self.sided or self.counted

    def and_then(self, other: _Features) -> _Features:
        return _Features(
            self.letters + other.letters,
            self.words + other.words,
            self.topic or other.topic,
            self.early,
            self.opening,
            other.ended,
            self.sided or other.sided,
            self.counted or other.counted,
            self.correlative or other.correlative,
        )


@dataclass(frozen=True)
class _Joint:
    """What stands between two pieces: the first ends at `end`, the second starts at `start`."""

    kind: Kind
    end: int
    start: int


def clauses(text: str, language: str) -> list[Span]:
    """The statements of one sentence, in order, as slices of `text`; one where the language is not ours or the text too long."""
    if language not in LANGUAGES or len(text) > MAX_SENTENCE:
        return [Span(text, 0, len(text))]
    grammar = _grammar(language)
    joints = list(grammar.joints(text))
    found = [(0, len(text))]
    for weak in (False, True):  # what a comma or more divides first, so that "and" sees whole clauses
        some = [joint for joint in joints if (joint.kind in _WEAK) is weak]
        found = [part for start, end in found for part in _parts(text, start, end, some, grammar)]
    return [Span(text[start:end], start, end) for start, end in found]


def _parts(text: str, start: int, end: int, joints: Sequence[_Joint], grammar: _Grammar) -> Iterator[tuple[int, int]]:
    """``text[start:end]`` divided at those of the joints that have a statement on both sides, each without spaces behind it."""
    inside = [joint for joint in joints if start < joint.end and joint.start < end]
    if not inside:
        yield start, end
        return
    starts, ends = [start, *(joint.start for joint in inside)], [*(joint.end for joint in inside), end]
    left = grammar.features(text[start : ends[0]])
    for joint, begin, until in zip(inside, starts[1:], ends[1:], strict=True):
        piece = grammar.features(text[begin:until])
        if grammar.separate(joint.kind, left, piece):
            yield start, start + len(text[start : joint.end].rstrip())
            start, left = begin, piece
        else:
            left = left.and_then(piece)
    yield start, start + len(text[start:end].rstrip())


@cache
def _grammar(language: str) -> _Grammar:
    return _Grammar(language)


class _Grammar:
    """One language's joints and words."""

    def __init__(self, language: str) -> None:
        words = pack(language)
        row = LANGUAGES[language]
        self._spaced = row.words == "spaces"
        self._enough = MIN_LETTERS.get(row.script, _MIN_LETTERS)
        names = [aspect.name for aspect in words.aspects.values()] + list(words.attributes.values())
        terms = [term for aspect in words.aspects.values() for term in aspect.terms]
        counts = [word for some in (words.words, words.quantities) for key in QUANTITIES for word in some.get(key, ())]
        counts += [word for key in SPOKEN for word in words.quantities[key]]
        self._name = matcher(names, language)
        self._topic = matcher([*names, *terms], language)
        self._side = matcher([word for some in (words.words, words.opinions) for side in _SIDES for word in some[side]], language)
        self._count = matcher([*counts, *words.people["reviewers"], *words.people["others"]], language)
        self._correlative = matcher(words.clauses["correlative"], language)
        self._joint = _joint(words.clauses, language)
        self._means = {entry.strip("-").casefold(): key for key in reversed(_WORDS) for entry in words.clauses[key]}

    def joints(self, text: str) -> Iterator[_Joint]:
        """Where `text` may be cut, outside of quotations and brackets."""
        whole = sorted(match.span() for pattern in (QUOTATION, STRAIGHT, BRACKETED) for match in pattern.finditer(text))
        reach, place = 0, 0
        for match in self._joint.finditer(text):
            while place < len(whole) and whole[place][0] < match.end():
                reach = max(reach, whole[place][1])
                place += 1
            if reach <= match.start("gap") and match.start("gap") > 0 and match.end() < len(text):
                end = match.end("marks") if match["marks"] else match.start("gap")
                yield _Joint(self._kind(match), end, match.end())

    def _kind(self, match: regex.Match[str]) -> Kind:
        if match["semicolon"]:
            return "semicolon"
        means = [self._means.get(match[name].casefold()) for name in ("ending", "word") if match[name]]
        comma = match["comma"] is not None
        if "contrast" in means or "subordinate" in means:
            certain = comma or match["ending"]
            return "contrast without comma" if not certain else "subordinate" if "subordinate" in means else "contrast"
        if means or match["prefix"] is not None:
            return "addition" if comma else "addition without comma"
        return "comma"

    def features(self, piece: str) -> _Features:
        plain = normal(without_citations(piece))
        topic = self._topic.search(plain)
        name = self._name.match(plain)
        return _Features(
            letters=len(_ALPHA.findall(plain)),
            words=len(_WORD.findall(plain)),
            topic=topic is not None,
            early=topic is not None and self._is_early(plain[: topic.start("w")]),
            opening=name is not None and _COLON.match(plain, name.end()) is not None,
            ended=plain[-1:] not in (":", "："),
            sided=self._side.search(plain) is not None,
            counted=self._count.search(plain) is not None,
            correlative=self._correlative.search(plain) is not None,
        )

    def _is_early(self, before: str) -> bool:
        return len(_WORD.findall(before)) <= 1 if self._spaced else len(before) <= 2

    def separate(self, kind: Kind, left: _Features, right: _Features) -> bool:
        """Whether the pieces on both sides of a joint are statements of their own."""
        if left.correlative or not left.ended:
            return False
        if kind == "comma" and left.opening:
            return right.opening and right.said
        if kind == "semicolon":
            return self._stands(left) and self._stands(right)
        if kind != "subordinate" and left.counted and (right.topic or right.said) and not (right.counted or right.early or right.opening):
            return False  # "most praise the sound but dislike the battery": who dislikes it stands on the left
        if kind in ("contrast", "subordinate"):
            return self._stands(left) and self._stands(right)
        if kind == "contrast without comma":
            return all(self._alone(side) and (side.topic or side.said) for side in (left, right))
        full = all(self._stands(side) and side.said and (side.topic or (side.sided and side.counted)) for side in (left, right))
        return full and (kind != "addition without comma" or (left.counted and right.counted))

    def _alone(self, side: _Features) -> bool:
        return side.letters >= self._enough and (side.words > 1 or not self._spaced)

    def _stands(self, side: _Features) -> bool:
        return side.opening or self._alone(side) or (side.topic and side.said)


def _joint(words: Mapping[str, tuple[str, ...]], language: str) -> regex.Pattern[str]:
    """A semicolon, a comma, a word that opens a clause, an ending that closes one, or several; ``gap`` is what belongs to neither side.

    ``word`` and ``ending`` are entries of the pack, ``prefix`` is where one is written together with the next word.
    """
    spaced = LANGUAGES[language].words == "spaces"
    edge, gap = (rf"(?!{LETTER})", rf"(?:{_COMMA}|\s)") if spaced else ("", _COMMA)
    entries = [entry for key in _WORDS for entry in words[key]]
    opening = _any(entry for entry in entries if "-" not in (entry[0], entry[-1]))
    ending = _any(entry[1:] for entry in entries if entry[0] == "-")
    prefix = _any(entry[:-1] for entry in entries if entry[-1] == "-")
    semicolon = "[·\u0387]" if language == "el" else "[;；؛]"
    word = rf"(?:(?P<word>{opening}){edge}|(?P<prefix>(?=(?:{prefix})\p{{L}})))"
    after = rf"{_MARKS}\s*(?:{word}{_COMMA}?\s*)?"
    return regex.compile(
        rf"(?:(?<=\w)(?P<ending>{ending})(?P<gap>(?={gap})(?P<comma>{_COMMA})?{after})"
        rf"|(?P<gap>(?P<semicolon>{semicolon}){after})|(?P<gap>(?P<comma>{_COMMA}){after})|(?P<gap>\s+{_MARKS}{word}(?<=\S)\s+))",
        regex.IGNORECASE,
    )


def _any(entries: Iterator[str]) -> str:
    return "|".join(map(regex.escape, sorted(entries, key=lambda entry: (-len(entry), entry)))) or r"(?!)"
