"""What a sentence says, as far as a language pack's words tell: which aspect or attribute, how many, pleased or not, what numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import regex

from evals.bands import QUANTITIES, Quantity
from evals.claims import without_citations
from evals.claims.matching import LETTER, matcher, normal
from evals.grounding.shares import Range, numbers_in, shares, ungrouped
from evals.languages import LANGUAGES
from evals.packs import LanguagePack, pack

__all__ = ["NEGATION_WORDS", "QUANTITIES", "VERSION", "Quantity", "Reading", "Said", "Side", "normal", "numbers_in", "reader"]

VERSION = 2
Side = Literal["positive", "negative"]

NEGATION_WORDS = 3  # words between a negation and what it turns; characters // 2 where words are not spaced
_FARTHEST = 100  # code points between the two; more are more than three words
_AFTER = frozenset({"bn", "hi", "ja", "ko", "mr", "ta", "te", "tr"})  # the negation follows what it turns
_EITHER = frozenset({"da", "de", "nl", "no", "sv", "fi"})
_WORD = regex.compile(rf"{LETTER}+")
_CLAUSE = regex.compile(r"[,;:.!?،؛、，；：。！？।…—–()]")
_COLON = regex.compile(r"\s*[:：–—-]")
_Token = tuple[int, int, frozenset[str]]


@dataclass(frozen=True)
class Said:
    """How many took which side: a word of quantity, or a share in figures, or neither ("reviewers are pleased")."""

    quantity: Quantity | None
    share: Range | None
    sides: frozenset[Side]

    @property
    def side(self) -> Side | None:
        return next(iter(self.sides)) if len(self.sides) == 1 else None


@dataclass(frozen=True)
class Reading:
    """`aspect` and `attribute` are ids; `at_start`: the claim opens with that name, as in "Sound: …".

    `sides`: the sides taken, after negation; `numbers`: those outside the aspect's name that are exact counts; `bounds`: "over 20";
    `aspects`: all it names, the one it is about first; `said`: how many took which side, one after the other where a sentence says
    several ("most praise it, some complain").
    """

    aspect: str | None
    attribute: str | None
    at_start: bool
    sides: frozenset[Side]
    quantity: Quantity | None
    numbers: tuple[str, ...]
    said: tuple[Said, ...] = ()
    bounds: tuple[Range, ...] = ()
    aspects: tuple[str, ...] = ()

    @property
    def side(self) -> Side | None:
        """The one side taken, if it is one."""
        return next(iter(self.sides)) if len(self.sides) == 1 else None

    @property
    def shares(self) -> tuple[Range, ...]:
        return tuple(said.share for said in self.said if said.share)


@cache
def reader(tag: str) -> Reader:
    """The compiled matchers of a language, made once; raises UnknownIdError for a language that is not ours."""
    return Reader(pack(tag))


class Reader:
    """One language's reader; make it with `reader`."""

    def __init__(self, words: LanguagePack) -> None:
        self.tag = words.tag
        self._spaced = LANGUAGES[words.tag].words == "spaces"
        self._names = {normal(row.name): aspect for aspect, row in reversed(list(words.aspects.items()))}
        self._terms = {normal(term): aspect for aspect, row in reversed(list(words.aspects.items())) for term in row.terms}
        self._attributes = {normal(name): attribute for attribute, name in words.attributes.items()}
        self._classes = _classes(words)
        self._shares = shares(words.tag)
        self._name = matcher(self._names, words.tag)
        self._term = matcher(self._terms, words.tag)
        self._attribute = matcher(self._attributes, words.tag)
        self._token = matcher([*self._classes, *(term for term in self._terms if term not in self._classes)], words.tag)

    def read(self, text: str) -> Reading:
        """What `text` says; citation marks are not part of it."""
        plain = ungrouped(normal(without_citations(text)), self.tag)
        attribute = next(iter(self._longest(self._attribute, plain)), None)
        opening, topics = self._opening(plain), [*self._longest(self._name, plain), *self._longest(self._term, plain)]
        topic = opening or next(iter(topics), None)
        rest = plain if topic is None else plain[: topic.start("w")] + "\n" + plain[topic.end("w") :]
        found = self._shares(rest)
        bounds = self._shares.bounds(rest, found)
        tokens = list(self._outside(found, rest))
        sides = list(self._sides(rest, tokens))
        first = attribute or topic
        return Reading(
            aspect=self._aspect(topic) if topic else None,
            attribute=self._attributes[attribute["w"]] if attribute else None,
            at_start=first is not None and first.start() <= 1,
            sides=frozenset(side for _, side, _ in sides),
            quantity=next((q for q in QUANTITIES for _, _, classes in tokens if q in classes), None),
            numbers=numbers_in(_masked(rest, sorted([*found, *bounds], key=lambda one: one.start)), self.tag),
            said=_said(tokens, sides, found),
            bounds=tuple(bounds),
            aspects=tuple(dict.fromkeys(self._aspect(match) for match in ([opening] if opening else topics))),
        )

    def mentions(self, text: str, aspect: str) -> bool:
        """Whether `text` names the aspect or uses one of its terms."""
        plain = normal(text)
        return any(
            names[match["w"]] == aspect
            for pattern, names in ((self._name, self._names), (self._term, self._terms))
            for match in pattern.finditer(plain)
        )

    def _opening(self, plain: str) -> regex.Match[str] | None:
        """The name a claim opens with, if a colon or its like follows: in "Sound: quality praised" the topic is sound."""
        match = self._name.match(plain)
        return match if match and _COLON.match(plain, match.end()) else None

    def _longest(self, pattern: regex.Pattern[str], plain: str) -> list[regex.Match[str]]:
        return sorted(pattern.finditer(plain), key=lambda match: (-len(match["w"]), match.start()))

    def _aspect(self, topic: regex.Match[str]) -> str:
        return (self._names if topic.re is self._name else self._terms)[topic["w"]]

    def _outside(self, found: Sequence[Range], plain: str) -> Iterator[_Token]:
        """The words of the pack outside of shares: in "less than half" nothing is "less"."""
        starts = [share.start for share in found]
        for match in self._token.finditer(plain):
            share = bisect_right(starts, match.start("w")) - 1
            if share < 0 or match.start("w") >= found[share].end:
                yield match.start("w"), match.end("w"), self._classes.get(match["w"], frozenset())

    def _sides(self, plain: str, tokens: Sequence[_Token]) -> Iterator[tuple[int, Side, Side]]:
        """(place, side after negation, side as the word has it) of each word that takes one."""
        negations = [(start, end) for start, end, found in tokens if "negation" in found]
        starts = [start for start, _ in negations]
        for start, end, found in tokens:
            place = bisect_right(starts, start)
            near = negations[max(0, place - 1) : place + 1]
            for side in ("positive", "negative"):
                if side in found:
                    turned = any(self._turns(plain, negation, (start, end)) for negation in near)
                    other: Side = "negative" if side == "positive" else "positive"
                    yield start, other if turned else side, side

    def _turns(self, plain: str, negation: tuple[int, int], word: tuple[int, int]) -> bool:
        """Whether a negation reaches a word: close by, in the same clause, on the side where this language puts it."""
        before = negation[1] <= word[0] and self.tag not in _AFTER
        after = negation[0] >= word[1] and self.tag in _AFTER | _EITHER
        start, end = (negation[1], word[0]) if before else (word[1], negation[0])
        if not (before or after) or end - start > _FARTHEST:
            return False
        between = plain[start:end]
        distance = len(_WORD.findall(between)) if self._spaced else len(between) / 2
        return distance <= NEGATION_WORDS and not _CLAUSE.search(between)


def _masked(plain: str, found: Sequence[Range]) -> str:
    starts, ends = [0, *(share.end for share in found)], [*(share.start for share in found), len(plain)]
    return " ".join(plain[start:end] for start, end in zip(starts, ends, strict=True))


def _said(tokens: Sequence[_Token], sides: Sequence[tuple[int, Side, Side]], found: Sequence[Range]) -> tuple[Said, ...]:
    """Each quantity with the sides behind it, up to the next one; the first also with those before it.

    One with no side behind it ("positive in 8 of 10") has that of its neighbour. In "nobody" and "not all" the negation is part of
    the quantity, also where a language says it twice: "nikdo si nestěžuje".
    """
    every: list[tuple[int, Quantity | None, Range | None]] = [(share.start, None, share) for share in found]
    every += [(start, quantity, None) for start, _, classes in tokens for quantity in QUANTITIES if quantity in classes]
    every.sort(key=lambda mark: mark[0])
    if not every:
        return (Said(None, None, frozenset(side for _, side, _ in sides)),) if sides else ()
    starts = [start for start, _, _ in every]
    taken: list[set[Side]] = [set() for _ in every]
    for place, side, raw in sides:
        nearest = max(0, bisect_right(starts, place) - 1)
        taken[nearest].add(raw if every[nearest][1] in ("none", "not_all") else side)
    for place in reversed(range(len(every) - 1)):
        taken[place] = taken[place] or taken[place + 1]
    if len(every) > 1:
        taken[-1] = taken[-1] or taken[-2]
    return tuple(Said(quantity, share, frozenset(side)) for (_, quantity, share), side in zip(every, taken, strict=True))


def _classes(words: LanguagePack) -> dict[str, frozenset[str]]:
    """Entry to the classes that list it."""
    classes: dict[str, set[str]] = {}
    listed = [*words.words.items(), *words.opinions.items(), *((name, words.quantities.get(name, ())) for name in QUANTITIES)]
    for name, entries in listed:
        for entry in entries:
            classes.setdefault(normal(entry), set()).add(name)
    return {entry: frozenset(found) for entry, found in classes.items()}
