"""Who somebody is, in numbers: national ids by check digits, and what a word announces: ids, passports, driving licences, number plates,
dates of birth. The words are those of all 28 languages: a German page may say "passport"."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import regex
import yaml

from evals.paths import DATA
from evals.text import fold
from guardrails import national_ids
from guardrails.base import Context, Span, SpanRail
from guardrails.numbers import DATE

MEANING = {
    "id": "national id (announced)",
    "passport": "passport number (announced)",
    "licence": "driving licence number (announced)",
    "plate": "number plate (announced)",
    "birth": "date of birth (announced)",
}
WINDOW = 48  # how far before a number its announcing word may begin
_DOCUMENT = regex.compile(
    r"(?<![\p{Latin}\p{N}_@])(?:[A-Z]{1,5}[ \-]?|[a-z]{1,4})?\d[\dA-Za-z]*(?:[ ./\-－·]\d[\dA-Za-z]*|-[A-Z]{1,3}(?![a-z])){0,6}"
    r"(?![\p{Latin}\p{N}_@])"
)
_PLATE = regex.compile(
    r"(?<![\p{L}\p{N}_-])(?=[A-Z\d \-·.]{0,9}\d)[A-Z\d]{1,4}(?:[ \-·.]?[A-Z\d]{1,4}){1,4}(?![\p{Latin}\p{N}])"
    r"|\d{2,3}[가-힣] ?\d{4}|\p{Han}[A-Z][·. ]?[A-Z\d]{5,6}|\p{Han}{1,4} ?\d{2,3} ?[ぁ-ん] ?\d\d-?\d\d"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th|er|º|ª|\.)?"
_MONTH = r"(?:de |d')?\p{L}[\p{L}\p{M}]{2,11}\.?(?: de| del)?"
_BIRTH = regex.compile(
    rf"(?<![\p{{N}}.,/-])(?:\d{{1,4}}[-/.]\s?\d{{1,2}}[-/.]\s?\d{{2,4}}|{_DAY} {_MONTH},? \d{{4}}|{_MONTH} {_DAY},? \d{{4}}"
    r"|\d{4} ?[年년] ?\d{1,2} ?[月월] ?\d{1,2} ?[日일]?|\d{1,2} tháng \d{1,2}(?: năm |[ ,/]+)\d{4})(?![\p{N}/-])"
)


@cache
def _announces() -> regex.Pattern[str]:
    """The last word of a kind before the end of the text, with no other number behind it."""
    table = yaml.safe_load((DATA / "guardrails" / "identity.yaml").read_text(encoding="utf-8"))
    kinds = []
    for kind in MEANING:
        words = sorted({fold(word) for row in table[kind].values() for word in row}, key=lambda word: (-len(word), word))
        kinds.append(f"(?P<{kind}>{'|'.join(map(_stem, words))})")
    return regex.compile(
        rf"(?:(?<![\p{{L}}\p{{N}}])|(?<=[^\p{{Latin}}])(?=[^\p{{Latin}}]))(?:{'|'.join(kinds)})[^\d]{{0,30}}?$", regex.REVERSE
    )


def _stem(word: str) -> str:
    """Short Latin words end where they end: "nie" is no beginning."""
    return regex.escape(word) + (r"(?!\p{L})" if word.isascii() and len(word) <= 4 else "")


def _announced(text: str, start: int, *kinds: str) -> str | None:
    """The kind of document that the words before `start` announce, if it is one of `kinds`."""
    match = _announces().search(fold(text[max(0, start - WINDOW) : start]))
    return match.lastgroup if match and match.lastgroup in kinds else None


def documents(text: str) -> Iterator[Span]:
    """Announced ids, passports, licences.

    >>> list(documents("My passport number is K1234567, room 12345678")), list(documents("Personalausweis: L01X00T47"))
    ([(22, 30, 'passport number (announced)')], [(17, 26, 'national id (announced)')])
    """
    for match in _DOCUMENT.finditer(text):
        long_enough = 5 <= sum(character.isdecimal() for character in match.group()) <= 18
        if not long_enough or DATE.fullmatch(match.group()):
            continue
        if kind := _announced(text, match.start(), "id", "passport", "licence"):
            yield match.start(), match.end(), MEANING[kind]


def plates(text: str) -> Iterator[Span]:
    """Announced number plates: at least one letter and one digit.

    >>> list(plates("Kennzeichen B-MW 1234 und M-X1"))
    [(12, 21, 'number plate (announced)')]
    """
    for match in _PLATE.finditer(text):
        both = any(c.isdigit() for c in match.group()) and any(c.isalpha() for c in match.group())
        if both and _announced(text, match.start(), "plate"):
            yield match.start(), match.end(), MEANING["plate"]


def births(text: str) -> Iterator[Span]:
    """Announced dates of birth, with the year.

    >>> list(births("She was born on 7/30/1964, bought 1/2/2020")), list(births("生年月日は1990年3月12日"))
    ([(16, 25, 'date of birth (announced)')], [(5, 15, 'date of birth (announced)')])
    """
    for match in _BIRTH.finditer(text):
        if _announced(text, match.start(), "birth"):
            yield match.start(), match.end(), MEANING["birth"]


def _find(text: str, language: str, _context: Context) -> Iterator[Span]:
    if regex.search(r"\d", text):
        yield from national_ids.unannounced(text, language)
        yield from documents(text)
        yield from plates(text)
        yield from births(text)


IDENTITY = SpanRail("identity", frozenset({"input", "evidence", "output"}), "•••", _find)
