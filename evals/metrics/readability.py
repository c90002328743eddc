"""How easy an output is to read, by the published formula of its language; where there is none, no value.

A formula's scale is its own: compare within a language only. Syllables are groups of vowel letters, the usual approximation. Texts of a
few sentences move these formulas a lot: a signal, never a requirement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import regex

from evals.claims import without_citations
from evals.languages import LANGUAGES
from evals.metric import Measured, Metric, signature
from evals.metrics.length import length
from evals.records import Case, Claim, Output
from evals.text import sentences

MIN_WORDS = 15
_RUN = regex.compile(r"[\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*")
LONG_WORD = 6  # LIX: letters above which a word is long


@dataclass(frozen=True)
class Counts:
    """`asl`: words a sentence; `asw`: syllables a word; `long`: share of words of more than 6 letters."""

    asl: float
    asw: float
    long: float


@dataclass(frozen=True)
class Formula:
    """`higher`: what a higher value means."""

    name: str
    source: str
    higher: str
    of: Callable[[Counts], float]


def _flesch(name: str, source: str, base: float, per_word: float, per_syllable: float) -> Formula:
    return Formula(name, source, "easier", lambda c: base - per_word * c.asl - per_syllable * c.asw)


_LIX = Formula("LIX", "Björnsson 1968", "harder", lambda c: c.asl + 100 * c.long)
FORMULAS: dict[str, Formula] = {
    "en": _flesch("Reading Ease", "Flesch 1948", 206.835, 1.015, 84.6),
    "de": _flesch("Flesch–Amstad", "Amstad 1978", 180, 1, 58.5),
    "es": _flesch("INFLESZ", "Szigriszt-Pazos 1993", 206.835, 1, 62.3),
    "fr": _flesch("Kandel–Moles", "Kandel & Moles 1958", 207, 1.015, 73.6),
    "it": _flesch("Flesch–Vacca", "Franchina & Vacca 1972", 217, 1.3, 60),
    "nl": _flesch("Flesch–Douma", "Douma 1960", 206.84, 0.93, 77),
    "pt": _flesch("Flesch–Martins", "Martins et al. 1996", 248.835, 1.015, 84.6),
    "tr": _flesch("Ateşman", "Ateşman 1997", 198.825, 2.61, 40.175),
    "sv": _LIX,
    "da": _LIX,
    "no": _LIX,
    "fi": _LIX,
}
_VOWELS = {
    "de": "aeiouyäöü",
    "en": "aeiouy",
    "es": "aeiouáéíóúü",
    "fr": "aeiouyàâäéèêëîïôöùûüœæ",
    "it": "aeiouàèéìíòóù",
    "nl": "aeiouyáéíóúëïöü",
    "pt": "aeiouáâãàéêíóôõúü",
    "tr": "aeıioöuüâîû",
}


@cache
def _groups(language: str) -> regex.Pattern[str]:
    return regex.compile(f"[{_VOWELS[language]}]+")


def syllables(word: str, language: str) -> int:
    """Groups of vowel letters, at least one; in English a silent e at the end is none, in Turkish each vowel is one.

    >>> syllables("table", "en"), syllables("Akku", "de"), syllables("saat", "tr"), syllables("nice", "en")
    (2, 2, 2, 1)
    """
    word = word.casefold() if language != "tr" else word.replace("I", "ı").replace("İ", "i").lower()
    if language == "tr":
        return max(1, sum(letter in _VOWELS["tr"] for letter in word))
    count = len(_groups(language).findall(word))
    silent = language == "en" and regex.search(r"[^aeiouyl]e$", word)
    return max(1, count - bool(silent))


def counts(text: str, language: str) -> Counts | None:
    """None where there are fewer than `MIN_WORDS` words."""
    words = _RUN.findall(text)
    if len(words) < MIN_WORDS:
        return None
    asw = sum(syllables(word, language) for word in words) / len(words) if language in _VOWELS else 0.0
    return Counts(len(words) / len(sentences(text, language)), asw, sum(len(word) > LONG_WORD for word in words) / len(words))


def _compute(case: Case, output: Output, _claims: Sequence[Claim]) -> list[Measured]:
    text = without_citations(output.text)
    formula = FORMULAS.get(case.language)
    detail = {"words_per_sentence": round(length(text, case.language) / max(1, len(sentences(text, case.language))), 2)}
    if formula is None:
        name = LANGUAGES[case.language].name if case.language in LANGUAGES else repr(case.language)
        return [Measured(None, f"not measurable: no published formula for {name} is known here", detail)]
    found = counts(text, case.language)
    if found is None:
        return [Measured(None, f"not measurable: fewer than {MIN_WORDS} words", detail)]
    return [Measured(formula.of(found), detail=detail | {"formula": formula.name, "source": formula.source, "higher": formula.higher})]


READABILITY = Metric(
    name="readability",
    source="code",
    subject="output",
    signature=signature(1, formulas=",".join(FORMULAS), syllables="vowel groups", words=MIN_WORDS),
    compute=_compute,
    meaning="the reading formula of the language, on its own scale; no value where the language has none",
)
