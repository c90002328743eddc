"""What a claim is about: what reviews say, who the reviewers are, or the product itself. By words, deterministically, in 28 languages.

>>> [kind_of(text, "en", "highlights") for text in ("Most reviewers praise the sound", "Most buyers are nurses", "It weighs 1.5 kg")]
['review', 'reviewer', 'fact']
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import regex

from evals.bands import QUANTITIES, SPOKEN
from evals.claims.clauses import MAX_SENTENCE
from evals.claims.marks import QUOTATION, STRAIGHT, without_citations
from evals.claims.matching import matcher, normal
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import Feature

ClaimKind = Literal["review", "reviewer", "fact"]
KINDS: tuple[ClaimKind, ...] = ("review", "reviewer", "fact")
_NUMBER = regex.compile(r"\p{Nd}")
_COLON = regex.compile(r"\s*[:：–—-]")


def kind_of(text: str, language: str, feature: Feature) -> ClaimKind:
    """The kind of one claim; what is quoted is not looked at, and of a long text only its first `MAX_SENTENCE` code points are.

    *reviewer*: says of reviewers that they are nurses, parents, women. *fact*: gives an attribute, or nothing that people think; a language
    that is not ours gives nothing else. A highlight that names an aspect and no number tells what reviewers say.
    """
    if language not in LANGUAGES:
        return "fact"
    said = STRAIGHT.sub(" ", QUOTATION.sub(" ", without_citations(text[:MAX_SENTENCE])))
    return _words(language).kind(normal(said), feature)


def traits_in(text: str, language: str) -> frozenset[str]:
    """The entries of the pack's `people.traits` in a text: what it says people are."""
    return _words(language).traits(normal(text[:MAX_SENTENCE]))


@cache
def _words(language: str) -> _Words:
    return _Words(language)


class _Words:
    def __init__(self, language: str) -> None:
        words = pack(language)
        aspects = words.aspects.values()
        counts = [word for some in (words.words, words.quantities) for key in QUANTITIES if key != "mixed" for word in some.get(key, ())]
        counts += [word for key in SPOKEN for word in words.quantities[key]]
        sides = [word for some in (words.words, words.opinions) for side in ("positive", "negative") for word in some[side]]
        self._trait = matcher(words.people["traits"], language)
        self._people = matcher([*words.people["reviewers"], *counts], language)
        self._opinion = matcher([*words.words["mixed"], *sides], language)
        self._attribute = matcher(words.attributes.values(), language)
        self._aspect = matcher([aspect.name for aspect in aspects], language)
        self._topic = matcher([term for aspect in aspects for term in (aspect.name, *aspect.terms)], language)

    def traits(self, plain: str) -> frozenset[str]:
        return frozenset(match["w"] for match in self._trait.finditer(plain))

    def kind(self, plain: str, feature: Feature) -> ClaimKind:
        people = self._people.search(plain) is not None
        if people and self._trait.search(plain):
            return "reviewer"
        if self._opinion.search(plain):
            return "review"
        if self._opens(self._attribute, plain) and not self._opens(self._aspect, plain):
            return "fact"
        told = feature == "highlights" and self._topic.search(plain) and not _NUMBER.search(plain)
        return "review" if people or told else "fact"

    def _opens(self, pattern: regex.Pattern[str], plain: str) -> bool:
        match = pattern.match(plain)
        return match is not None and _COLON.match(plain, match.end()) is not None
