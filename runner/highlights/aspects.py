"""Which aspects a sentence speaks of: words of the language pack first, a character n-gram model where none of them occurs.

The model is trained on the pack's own sentences, per language, when first asked for; it speaks only when sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import regex

from evals.languages import LANGUAGES
from evals.packs import LanguagePack, pack
from runner.highlights.ngrams import Matrix, NgramModel
from runner.highlights.segment import folded

SURE = 0.35  # of the model's value for its first choice (1 = like the training sentences)
AHEAD = 0.10  # ... and its lead over the second
_WORD_START = r"(?<![\p{L}\p{M}\p{N}])"
# What Arabic and Hebrew write as part of the next word: and, so, in, for, like, the.
_PROCLITICS = {"ar": r"(?:[وف]?(?:ال|لل|[بلك](?:ال)?)?)", "he": r"(?:[והבלמשכ]{0,3})"}


@dataclass(frozen=True)
class AspectHit:
    """`start` and `end` are the term's place in the sentence; a hit by the model (`term` False) covers the sentence."""

    aspect: str
    start: int
    end: int
    term: bool


class AspectFinder:
    """One language's finder; make it with `finder`."""

    def __init__(self, words: LanguagePack) -> None:
        self._by_term = _terms(words)
        self._pattern = term_pattern(words.tag, list(self._by_term))
        self._aspects = list(words.aspects)
        self._model = _train(words, self._aspects)

    def find(self, sentences: Sequence[str]) -> list[list[AspectHit]]:
        """The aspects of each sentence, each once, in order of appearance."""
        found = [self._by_terms(sentence) for sentence in sentences]
        silent = [index for index, hits in enumerate(found) if not hits]
        for index, row in zip(silent, self._model.predict([sentences[index] for index in silent]), strict=True):
            found[index] = self._by_model(sentences[index], row)
        return found

    def named(self, sentence: str) -> list[str]:
        """The aspects that a word of the language pack names: quick, and never a guess."""
        return [hit.aspect for hit in self._by_terms(sentence)]

    def _by_terms(self, sentence: str) -> list[AspectHit]:
        text = folded(sentence)
        hits: dict[str, AspectHit] = {}
        for match in self._pattern.finditer(text.text):
            for aspect in self._by_term[match.group("term")]:
                hits.setdefault(aspect, AspectHit(aspect, text.place(match.start("term")), text.place(match.end("term")), True))
        return list(hits.values())

    def _by_model(self, sentence: str, values: Matrix) -> list[AspectHit]:
        second, first = np.argsort(values, kind="stable")[-2:]
        if first == len(self._aspects) or values[first] < SURE or values[first] - values[second] < AHEAD:
            return []
        return [AspectHit(self._aspects[first], 0, len(sentence), False)]


@cache
def finder(tag: str) -> AspectFinder:
    """The finder of a language, trained at the first call; raises UnknownIdError for a language that is not ours."""
    return AspectFinder(pack(tag))


def term_pattern(tag: str, terms: Sequence[str]) -> regex.Pattern[str]:
    """Finds folded `terms` as group ``term``, the longest first: at the start of a word, or anywhere where words are not spaced."""
    longest = "|".join(regex.escape(term) for term in sorted(terms, key=lambda term: (-len(term), term)))
    if LANGUAGES[tag].words == "characters":
        return regex.compile(rf"(?P<term>{longest})")
    return regex.compile(rf"{_WORD_START}{_PROCLITICS.get(tag, '')}(?P<term>{longest})")


def _terms(words: LanguagePack) -> dict[str, list[str]]:
    by_term: dict[str, list[str]] = {}
    for aspect, row in words.aspects.items():
        for term in row.terms:
            by_term.setdefault(folded(term).text, []).append(aspect)
    return by_term


def _train(words: LanguagePack, aspects: Sequence[str]) -> NgramModel:
    """One target an aspect, and a last one for sentences about none: openers and closers."""
    texts, classes = [], []
    for number, aspect in enumerate(aspects):
        row = words.aspects[aspect]
        some = [*row.positive, *row.negative, *row.neutral, row.name, *row.terms]
        texts += some
        classes += [number] * len(some)
    about_none = [text for group in (words.openers, words.closers) for some in group.values() for text in some]
    texts += about_none
    classes += [len(aspects)] * len(about_none)
    return NgramModel(words.tag, texts, np.eye(len(aspects) + 1)[classes])
