"""Numbers that lead to a person or to money: phone numbers, payment cards, bank accounts. And numbers that only look so.

Reviews are full of digits: model numbers, prices, dates, sizes. A run of digits is a phone number if (1) a word before it announces one,
or (2) it is a valid international number with its ``+``, or (3) it is a valid number of the language's marketplaces *and* written like
one (separators, and a leading 0 or bracket or the North American 3-3-4). A card passes Luhn and has a known prefix; an IBAN passes its
check digits.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import phonenumbers
import regex
import yaml
from stdnum import iban, luhn

from evals.languages import LANGUAGES
from evals.paths import DATA
from evals.text import fold
from guardrails.base import Span

MAX_VERIFIED = 200  # a text with more numbers that look like phones or accounts is no review: the rest is taken as found, unverified
HOME = {"bn": "BD", "cs": "CZ", "da": "DK", "el": "GR", "fi": "FI", "he": "IL", "id": "ID", "ko": "KR", "no": "NO", "pt": "PT", "ro": "RO"}
HOME |= {"vi": "VN", "zh": "CN"}
_WINDOW = 40  # how far before a number its announcing word may stand
_GAP = r"[ \t\u00a0\u202f\u3000().\-–‑/（）－．]{0,3}"
_PHONE = regex.compile(
    rf"(?:(?<![\p{{Latin}}\p{{N}}_.,#@/-])[(（]?|(?<![\p{{Latin}}\p{{N}}_.#@/-])[+＋])\d(?:{_GAP}\d){{5,16}}(?![\p{{N}}_@]|[.,]\d)"
)
_CARD = regex.compile(r"(?<![\p{N}\p{Latin}_])\d(?:[ \u00a0\u3000\-－]?\d){11,18}(?![\p{N}_])")
_IBAN = regex.compile(r"(?<![\p{Latin}\p{N}])[A-Za-zＡ-Ｚ]{2}\d{2}(?:[ \u00a0\u3000]?[A-Za-zＡ-Ｚ\d]){11,30}")
_DAY = r"(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])(?:[-/.](?:\d{4}|\d{2})?)?"
DATE = regex.compile(
    rf"(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|{_DAY}(?: ?[-–] ?{_DAY})?|\d{{4}} ?[-/–] ?\d{{4}})[.]?(?:\s+\d{{1,2}}(?:[.:]\d\d)*)?"
)
_PRICE = regex.compile(r"\d{1,3}(?:[., \u00a0]\d{3})+(?:[.,]\d{1,2})?")
_WRITTEN_AS_PHONE = regex.compile(r"(?:\(?0|\()\d*(?:[ \t\u00a0()\-–‑./]+\d+)+|\d{3}[-. ]\d{3}[-. ]\d{4}")
_SOCIAL_SECURITY = regex.compile(r"\d{3}-\d{2}-\d{4}")  # the form of another number: see national_ids
_NAMES_ITSELF = regex.compile(r"[-– (]{1,2}(?:fax|office|home|mobile|cell|work|tel|phone)(?!\p{L})", regex.IGNORECASE)
_CARD_PREFIX = regex.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12}|35\d{14}|(?:1800|2131)\d{11}|62\d{14,17}|(?:50|5[6-9]|6\d)\d{10,17}"
)


@cache
def _words() -> dict[str, Any]:
    raw: dict[str, Any] = yaml.safe_load((DATA / "guardrails" / "contact.yaml").read_text(encoding="utf-8"))
    return raw


@cache
def _announces(kind: str) -> regex.Pattern[str]:
    """The announcing words of all languages: a Japanese review may say "call"."""
    words = sorted({fold(word) for row in _words()[kind].values() for word in row}, key=lambda word: (-len(word), word))
    latin = "|".join(regex.escape(word) for word in words if word[0].isascii())
    others = "|".join(regex.escape(word) for word in words if not word[0].isascii())
    return regex.compile(rf"(?<!\p{{L}})(?:{latin})|(?:{others})")


@cache
def _denies() -> regex.Pattern[str]:
    words = "|".join(regex.escape(fold(word)) for word in _words()["not_phone"])
    return regex.compile(rf"(?<!\p{{L}})(?:{words})[.:]?\s*$")


def _announced(kind: str, text: str, start: int) -> bool:
    before = fold(text[max(0, start - _WINDOW) : start])
    return bool(_announces(kind).search(before))


def phones(text: str, language: str) -> Iterator[Span]:
    """Phone numbers, by the rule above.

    >>> [text[s:e] for text in ["Call 0171 555 01 99 now, model 0171 555 01 99"] for s, e, _ in phones(text, "de")]
    ['0171 555 01 99']
    """
    verified = 0
    for match in _PHONE.finditer(text):
        found = ascii_digits(match.group())
        if (
            DATE.fullmatch(found.strip("()"))
            or _SOCIAL_SECURITY.fullmatch(found)
            or _denies().search(fold(text[max(0, match.start() - 10) : match.start()]))
        ):
            continue
        announced = _NAMES_ITSELF.match(text, match.end()) or _announced("phone", text, match.start())
        if announced and len(_digits(found)) >= 7:
            yield match.start(), match.end(), "phone number (announced)"
            continue
        if _PRICE.fullmatch(found) or not (found[0] == "+" or _WRITTEN_AS_PHONE.fullmatch(found)):
            continue
        verified += 1
        region = "unverified" if verified > MAX_VERIFIED else _region(found, language)
        if region:
            yield match.start(), match.end(), f"phone number ({region})"


def ascii_digits(text: str) -> str:
    """`text` with the digits, signs and Latin letters of other scripts as ASCII ones, code point by code point.

    >>> ascii_digits("＋٩٦٦ ５０－１"), ascii_digits("ＧＢ８２")
    ('+966 50-1', 'GB82')
    """
    return text if text.isascii() else "".join(map(_plain, text))


@lru_cache(maxsize=1024)
def _plain(character: str) -> str:
    """Not where NFKC makes several of one, or none."""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    folded = "-" if character in "–‑" else unicodedata.normalize("NFKC", character)
    return folded if len(folded) == 1 and folded.isascii() else character


def _digits(text: str) -> str:
    return "".join(character for character in ascii_digits(text) if character.isdecimal())


def countries(language: str) -> tuple[str, ...]:
    """Where a language is sold, and its home where that is no marketplace; none for a language that is not ours."""
    if language not in LANGUAGES:
        return ()
    return (*LANGUAGES[language].marketplaces, *([HOME[language]] if language in HOME else []))


@lru_cache(maxsize=4096)
def _region(number: str, language: str) -> str | None:
    """The region in which `number` is valid, of those its language is sold or at home in; None if in none."""
    regions = ("ZZ",) if number[0] == "+" else countries(language)
    for region in regions:
        try:
            parsed = phonenumbers.parse(number, None if region == "ZZ" else region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return str(phonenumbers.region_code_for_number(parsed) or region)
    return None


def cards(text: str) -> Iterator[Span]:
    """Payment card numbers; one of fewer than 14 digits must be announced, since barcodes are as long.

    >>> list(cards("paid with 4111 1111 1111 1111"))
    [(10, 29, 'payment card number')]
    """
    for match in _CARD.finditer(text):
        digits = _digits(match.group())
        known = _CARD_PREFIX.fullmatch(digits) and luhn.is_valid(digits)
        if known and (len(digits) >= 14 or _announced("card", text, match.start())):
            yield match.start(), match.end(), "payment card number"


def ibans(text: str) -> Iterator[Span]:
    """Bank accounts, with or without spaces.

    >>> list(ibans("to GB82 WEST 1234 5698 7654 32 please"))
    [(3, 30, 'bank account (IBAN)')]
    """
    position = verified = 0
    while match := _IBAN.search(text, position):
        verified += 1
        end = len(match.group()) if verified > MAX_VERIFIED else _iban_end(match.group())
        position = match.start() + (end or 2)
        if end:
            yield match.start(), position, "bank account (IBAN)"


def _iban_end(candidate: str) -> int | None:
    """Length of the IBAN `candidate` begins with: the one length its country has."""
    candidate = ascii_digits(candidate)
    ends = [i + 1 for i, character in enumerate(candidate) if character.isalnum()]
    return next((end for end in ends[14:] if iban.is_valid(candidate[:end], check_country=False)), None)
