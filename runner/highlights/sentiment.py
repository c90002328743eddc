"""Positive, neutral or negative, per mention.

A value is the sum of three opinions, each from -1 to 1: an n-gram model trained on the pack's sentences, the pack's polarity words
with negation, and, weakly, the review's rating; LEAN is added. Above BAND it is positive, below -BAND negative, else neutral.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import regex

from evals.languages import LANGUAGES
from evals.packs import LanguagePack, pack
from evals.records import Polarity
from runner.highlights.aspects import term_pattern
from runner.highlights.ngrams import NgramModel
from runner.highlights.segment import folded

# Chosen on the dev part of M-ABSA, seven languages (benchmarks/aspects.py). LEAN: packs are balanced, opinions in reviews are not.
MODEL, WORDS, RATING = 1.0, 0.8, 0.35
LEAN = 0.06
BAND = 0.04
BEFORE, AFTER = 12, 10  # characters around a polarity word in which a negation turns it
_NEGATION_FOLLOWS = {"bn", "hi", "ja", "ko", "mr", "ta", "te", "tr"}  # the verb, and what denies it, end the clause


class SentimentModel:
    """One language's model; make it with `model`."""

    def __init__(self, words: LanguagePack) -> None:
        self._tag = words.tag
        self._value = {folded(w).text: sign for name, sign in (("positive", 1), ("negative", -1)) for w in words.words[name]}
        self._polar = term_pattern(words.tag, list(self._value))
        self._negation = _negations(words)
        self._model = _train(words)

    def values(self, texts: Sequence[str], ratings: Sequence[float | None]) -> list[float]:
        """One value a text; `ratings` are the reviews' stars, 1 to 5, or None."""
        learned = np.clip(self._model.predict(texts)[:, 0], -1, 1)
        return [
            round(MODEL * float(value) + WORDS * self.words(text) + RATING * _stars(rating) + LEAN, 6)
            for value, text, rating in zip(learned, texts, ratings, strict=True)
        ]

    def words(self, text: str) -> float:
        """The polarity words' opinion: their mean after negation, 0 without any."""
        plain = folded(text).text
        signs = [self._signed(plain, match) for match in self._polar.finditer(plain)]
        return sum(signs) / len(signs) if signs else 0.0

    def _signed(self, text: str, match: regex.Match[str]) -> int:
        before = text[max(0, match.start() - BEFORE) : match.start()]
        denied = self._negation.search(before) is not None
        if self._tag in _NEGATION_FOLLOWS:
            denied = denied or self._negation.search(text[match.end() : match.end() + AFTER]) is not None
        value = self._value[match.group("term")]
        return -value if denied else value


@cache
def model(tag: str) -> SentimentModel:
    """The model of a language, trained at the first call; raises UnknownIdError for a language that is not ours."""
    return SentimentModel(pack(tag))


def polarity(value: float) -> Polarity:
    """The name of a value.

    >>> polarity(0.9), polarity(-0.01), polarity(-1.2)
    ('positive', 'neutral', 'negative')
    """
    return "positive" if value > BAND else "negative" if value < -BAND else "neutral"


def _stars(rating: float | None) -> float:
    """-1 for one star to 1 for five; 0 where nobody said."""
    return 0.0 if rating is None else max(-1.0, min(1.0, (rating - 3) / 2))


def _negations(words: LanguagePack) -> regex.Pattern[str]:
    some = "|".join(regex.escape(folded(word).text) for word in sorted(words.words["negation"], key=len, reverse=True))
    if LANGUAGES[words.tag].words == "characters":
        return regex.compile(some)
    return regex.compile(rf"(?<![\p{{L}}\p{{M}}\p{{N}}])(?:{some})(?![\p{{L}}\p{{M}}\p{{N}}])")


def _train(words: LanguagePack) -> NgramModel:
    groups: list[tuple[float, Sequence[str]]] = []
    for row in words.aspects.values():
        groups += [(1.0, row.positive), (-1.0, row.negative), (0.0, row.neutral)]
    for extra in (words.openers, words.closers):
        groups += [(1.0, extra["positive"]), (-1.0, extra["negative"])]
    groups += [(1.0, words.words["positive"]), (-1.0, words.words["negative"])]
    texts = [text for _, some in groups for text in some]
    targets = np.array([[value] for value, some in groups for _ in some])
    return NgramModel(words.tag, texts, targets, ridge=0.2)
