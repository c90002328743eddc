"""Letters that only look like others: ``раypal`` with Cyrillic letters reads as paypal and matches no word list.

Judged per word, and only where each foreign letter has a Latin look-alike: ``iPhoneは``, ``अच्छा phone``, µm, kΩ and β-carotene mix
scripts honestly. In a text that is itself Greek or Cyrillic, an ending behind a brand ("iPhoneа") is grammar, and a Latin capital in
front of a word the wrong keyboard: only letters inside words count there. Look-alikes are Unicode's (confusable-homoglyphs).
"""

from __future__ import annotations

import importlib
import unicodedata
from collections.abc import Iterator
from functools import cache

import regex

from guardrails.base import Span, SpanRail

# Scripts with letters that look Latin.
_SCRIPTS = ("Cyrillic", "Greek", "Armenian", "Cherokee", "Coptic", "Lisu", "Deseret", "Tifinagh")
_FOREIGN = "".join(rf"\p{{{script}}}" for script in _SCRIPTS)
_WORD = regex.compile(rf"[\p{{Latin}}{_FOREIGN}\p{{M}}]++")
_LATIN = regex.compile(r"\p{Latin}")
_LETTERS = regex.compile(rf"[{_FOREIGN}]")
_INSIDE = regex.compile(rf"^[{_FOREIGN}]\p{{Latin}}{{2}}|\p{{Latin}}[{_FOREIGN}]+\p{{Latin}}|[{_FOREIGN}]\p{{Latin}}+[{_FOREIGN}]")


@cache
def look_alikes() -> frozenset[str]:
    """Letters of other scripts that look like a basic Latin letter."""
    table = importlib.import_module("confusable_homoglyphs.confusables").confusables_data  # 0.1 s: only for those who meet such a letter
    return frozenset(letter for letter, twins in table.items() if _LETTERS.fullmatch(letter) and any(map(_basic, twins)))


def _basic(twin: dict[str, str]) -> bool:
    return len(twin["c"]) == 1 and twin["c"].isascii() and twin["c"].isalpha()


def spans(text: str, language: str) -> Iterator[Span]:
    """Words that mix scripts so that it cannot be seen, and whole words of another script that read as Latin.

    >>> list(spans("log in at pаypal", "en")), list(spans("ѕсоре of it", "en")), list(spans("iPhoneは 5 µm, β-carotene, Ωmega", "ja"))
    ([(10, 16, 'look-alike letters of another script')], [(0, 5, 'a word in look-alike letters')], [])
    """
    if not _LETTERS.search(text):
        return
    words = [match for match in _WORD.finditer(text) if _LETTERS.search(match.group())]
    whole = [match.group() for match in words if not _LATIN.search(match.group())]
    honest = {"GREEK"} if language == "el" else set()
    honest |= {script for word in whole if not _all_alike(word) for script in _scripts(word)}
    for match in words:
        word = match.group()
        if not _all_alike(word):
            continue
        strange = bool(_scripts(word) - honest)
        if _LATIN.search(word):
            if strange or _INSIDE.search(word):
                yield match.start(), match.end(), "look-alike letters of another script"
        elif strange and len(word) > 2:
            yield match.start(), match.end(), "a word in look-alike letters"


def _scripts(word: str) -> set[str]:
    return {unicodedata.name(letter, "unnamed").split()[0] for letter in _LETTERS.findall(word)}


def _all_alike(word: str) -> bool:
    """Each foreign letter has a Latin twin; a symbol of science (µ, Ω, β, λ) has none, or stands alone in front."""
    foreign = _LETTERS.findall(word)
    return all(letter in look_alikes() for letter in foreign) and not (len(foreign) == 1 and regex.match(r"[αγνρ]\p{Lu}", word))


HOMOGLYPHS = SpanRail(
    "homoglyphs", frozenset({"input", "evidence", "output"}), "•••", lambda text, language, _context: spans(text, language)
)
