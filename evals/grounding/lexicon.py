"""What a sentence says, as far as a language pack's words tell: which aspect or attribute, how many people, pleased or not, which numbers.

Matching: NFC, case folded, one kind of apostrophe; the longest entry at the leftmost place wins, so that 不满意 is not read as 满意 and
বাজেট not as বাজে. Where words are spaced an entry matches at a word start only; short ones match whole words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import regex

from evals.claims import without_citations
from evals.languages import LANGUAGES
from evals.packs import LanguagePack, pack

VERSION = 1
Side = Literal["positive", "negative"]
Quantity = Literal["most", "some", "mixed", "all", "none"]
QUANTITIES: tuple[Quantity, ...] = ("most", "some", "mixed", "all", "none")

NEGATION_WORDS = 3  # words between a negation and what it turns; characters // 2 where words are not spaced
_AFTER = frozenset({"bn", "hi", "ja", "ko", "mr", "ta", "te", "tr"})  # the negation follows what it turns
_EITHER = frozenset({"da", "de", "nl", "no", "sv", "fi"})
_WHOLE_UP_TO = 3  # letters; shorter entries would match inside too many words
_WHOLE_SCRIPTS = frozenset({"Latn", "Grek", "Arab", "Hebr"})
_PROCLITICS = {"ar": "(?:[وف]?(?:ال|لل|[بلك](?:ال)?)?)", "he": "(?:[והבלמשכ]{0,2})"}
_LETTER = r"[\p{L}\p{M}\p{N}]"
_WORD = regex.compile(rf"{_LETTER}+")
_CLAUSE = regex.compile(r"[,;:.!?،؛、，；：。！？।…—–()]")
_COLON = regex.compile(r"\s*[:：–—-]")
_NUMBER = regex.compile(r"\p{Nd}+(?:[.,]\p{Nd}+)*")
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ‘`´", "'"))


@dataclass(frozen=True)
class Reading:
    """`aspect` and `attribute` are ids; `at_start`: the claim opens with that name, as in "Sound: …".

    `sides`: the sides taken, after negation; `numbers`: those outside the aspect's name.
    """

    aspect: str | None
    attribute: str | None
    at_start: bool
    sides: frozenset[Side]
    quantity: Quantity | None
    numbers: tuple[str, ...]

    @property
    def side(self) -> Side | None:
        """The one side taken, if it is one."""
        return next(iter(self.sides)) if len(self.sides) == 1 else None


def normal(text: str) -> str:
    """For comparing: NFC, case folded, plain apostrophes, single spaces. Changes offsets."""
    return " ".join(unicodedata.normalize("NFC", text.translate(_APOSTROPHES)).casefold().split())


def numbers_in(text: str) -> tuple[str, ...]:
    """Numbers in ASCII digits with a decimal point.

    >>> numbers_in("1,5 kg, ٣ of 10")
    ('1.5', '3', '10')
    """
    return tuple(_ascii(match.group()) for match in _NUMBER.finditer(text))


def _ascii(number: str) -> str:
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else "." for c in number)


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
        self._name = self._matcher(list(self._names))
        self._term = self._matcher(list(self._terms))
        self._attribute = self._matcher(list(self._attributes))
        self._token = self._matcher([*self._classes, *(term for term in self._terms if term not in self._classes)])

    def read(self, text: str) -> Reading:
        """What `text` says; citation marks are not part of it."""
        plain = normal(without_citations(text))
        attribute = self._longest(self._attribute, plain)
        topic = self._opening(plain) or self._longest(self._name, plain) or self._longest(self._term, plain)
        rest = plain if topic is None else plain[: topic.start("w")] + "\n" + plain[topic.end("w") :]
        tokens = list(self._tokens(rest))
        first = attribute or topic
        return Reading(
            aspect=(self._names if topic.re is self._name else self._terms)[topic["w"]] if topic else None,
            attribute=self._attributes[attribute["w"]] if attribute else None,
            at_start=first is not None and first.start() <= 1,
            sides=frozenset(self._sides(rest, tokens)),
            quantity=next((q for _, _, found in tokens for q in QUANTITIES if q in found), None),
            numbers=numbers_in(rest),
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

    def _longest(self, pattern: regex.Pattern[str], plain: str) -> regex.Match[str] | None:
        found = list(pattern.finditer(plain))
        return max(found, key=lambda match: (len(match["w"]), -match.start())) if found else None

    def _tokens(self, plain: str) -> Iterator[tuple[int, int, frozenset[str]]]:
        for match in self._token.finditer(plain):
            yield match.start("w"), match.end("w"), self._classes.get(match["w"], frozenset())

    def _sides(self, plain: str, tokens: Sequence[tuple[int, int, frozenset[str]]]) -> Iterator[Side]:
        negations = [(start, end) for start, end, found in tokens if "negation" in found]
        for start, end, found in tokens:
            for side in ("positive", "negative"):
                if side in found:
                    turned = any(self._turns(plain, negation, (start, end)) for negation in negations)
                    yield side if not turned else "negative" if side == "positive" else "positive"

    def _turns(self, plain: str, negation: tuple[int, int], word: tuple[int, int]) -> bool:
        """Whether a negation reaches a word: close by, in the same clause, on the side where this language puts it."""
        before = negation[1] <= word[0] and self.tag not in _AFTER
        after = negation[0] >= word[1] and self.tag in _AFTER | _EITHER
        between = plain[negation[1] : word[0]] if before else plain[word[1] : negation[0]]
        distance = len(_WORD.findall(between)) if self._spaced else len(between) / 2
        return (before or after) and distance <= NEGATION_WORDS and not _CLAUSE.search(between)

    def _matcher(self, entries: Sequence[str]) -> regex.Pattern[str]:
        longest = "|".join(self._entry(entry) for entry in sorted(set(entries), key=lambda entry: (-len(entry), entry)))
        if not self._spaced:
            return regex.compile(f"(?P<w>{longest})")
        return regex.compile(rf"(?<!{_LETTER}){_PROCLITICS.get(self.tag, '')}(?P<w>{longest})")

    def _entry(self, entry: str) -> str:
        letters = sum(character.isalpha() for character in entry)
        whole = letters <= _WHOLE_UP_TO and LANGUAGES[self.tag].script in _WHOLE_SCRIPTS and entry[-1:].isalpha()
        return regex.escape(entry) + (rf"(?!{_LETTER})" if whole else "")


def _classes(words: LanguagePack) -> dict[str, frozenset[str]]:
    """Entry to the classes that list it."""
    classes: dict[str, set[str]] = {}
    for name, entries in words.words.items():
        for entry in entries:
            classes.setdefault(normal(entry), set()).add(name)
    return {entry: frozenset(found) for entry, found in classes.items()}
