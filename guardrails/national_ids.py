"""Numbers of identity, by the check digits of their country, for the 22 marketplaces and the home countries of the 28 languages.

A number counts without an announcement where its country writes it like nothing else (``\\d{3}.\\d{3}.\\d{3}-\\d{2}``), or where its check
digits, dates and letters leave less than about one chance in 200: alone in languages of its country if it is all digits, in every language
if letters are part of it. All others must be announced: one in ten numbers of a product passes Luhn.
Checks are python-stdnum's; SG, AE and EG are not there and follow the rules their authorities publish.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

import regex
from stdnum import luhn

from guardrails.base import Span
from guardrails.numbers import ascii_digits, countries


@dataclass(frozen=True)
class Scheme:
    """`check`: a module of python-stdnum, or a function of the number without separators.

    `alone`: how it is written where no word announces it; empty if it must be announced.
    """

    country: str
    name: str
    length: int
    check: str | Callable[[str], bool]
    alone: str = ""

    @property
    def detail(self) -> str:
        return f"national id ({self.country} {self.name})"

    def valid(self, compact: str) -> bool:
        return bool(_check(self.check)(compact)) if isinstance(self.check, str) else self.check(compact)


@cache
def _check(module: str) -> Callable[[str], bool]:
    found: Callable[[str], bool] = importlib.import_module(f"stdnum.{module}").is_valid
    return found


def _emirates(number: str) -> bool:
    """784, year of birth, seven digits, Luhn."""
    return number.startswith("784") and "1900" <= number[3:7] <= "2100" and luhn.is_valid(number)


def _egypt(number: str) -> bool:
    """Century, date of birth, governorate, serial, and a check digit whose rule is not published.

    >>> _egypt("29001011234567"), _egypt("29013011234567")
    (True, False)
    """
    if number[0] not in "23" or not 1 <= int(number[7:9]) <= 88:
        return False
    try:
        return date(1700 + 100 * int(number[0]) + int(number[1:3]), int(number[3:5]), int(number[5:7])) <= date(2100, 1, 1)
    except ValueError:
        return False


def _nric(number: str) -> bool:
    """A weighted sum modulo 11 selects the letter.

    >>> _nric("S1234567D"), _nric("S1234567A")
    (True, False)
    """
    first, total = number[0], sum(int(d) * w for d, w in zip(number[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "XWUTRQPNJLK"}[first]
    return letters[(total + {"T": 4, "G": 4, "M": 3}.get(first, 0)) % 11] == number[8]


def _form(_number: str) -> bool:
    """No check digit is published: the form is all there is."""
    return True


NUMBERS = (
    Scheme("AE", "Emirates ID", 15, _emirates, r"784-?\d{4}-?\d{7}-?\d"),
    Scheme("AU", "TFN", 9, "au.tfn"),
    Scheme("BE", "national number", 11, "be.nn", r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d"),
    Scheme("BR", "CPF", 11, "br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d\d"),
    Scheme("CA", "SIN", 9, "ca.sin"),
    Scheme("CN", "identity card", 18, "cn.ric", r"\d{18}"),
    Scheme("CZ", "birth number", 10, "cz.rc", r"\d{6}/\d{4}"),
    Scheme("DE", "tax id", 11, "de.idnr"),
    Scheme("DK", "CPR", 10, "dk.cpr", r"\d{6}-\d{4}"),
    Scheme("EG", "national id", 14, _egypt, r"\d{14}"),
    Scheme("FR", "NIR", 15, "fr.nir", r"[12] ?\d\d ?\d\d ?\d\d ?\d{3} ?\d{3} ?\d\d"),
    Scheme("FR", "tax number", 13, "fr.nif"),
    Scheme("GB", "NHS number", 10, "gb.nhs"),
    Scheme("GR", "AMKA", 11, "gr.amka", r"\d{11}"),
    Scheme("GR", "AFM", 9, "gr.vat"),
    Scheme("ID", "NIK", 16, "id.nik", r"\d{16}"),
    Scheme("IL", "identity number", 9, "il.idnr"),
    Scheme("IN", "Aadhaar", 12, "in_.aadhaar"),
    Scheme("JP", "My Number", 12, "jp.in_"),
    Scheme("KR", "resident number", 13, "kr.rrn", r"\d{6}-\d{7}"),
    Scheme("NL", "BSN", 9, "nl.bsn"),
    Scheme("NO", "birth number", 11, "no.fodselsnummer", r"\d{6} ?\d{5}"),
    Scheme("PL", "PESEL", 11, "pl.pesel", r"\d{11}"),
    Scheme("PT", "NIF", 9, "pt.nif"),
    Scheme("RO", "CNP", 13, "ro.cnp", r"\d{13}"),
    Scheme("SA", "national id or Iqama", 10, lambda number: number[0] in "12" and luhn.is_valid(number)),
    Scheme("SE", "personal number", 10, "se.personnummer", r"\d{6}[-+]\d{4}"),
    Scheme("SE", "personal number", 12, "se.personnummer", r"\d{8}-?\d{4}"),
    Scheme("TR", "identity number", 11, "tr.tckimlik"),
    Scheme("US", "SSN", 9, "us.ssn", r"\d{3}-\d\d-\d{4}"),
    Scheme("US", "ITIN", 9, "us.itin", r"\d{3}-\d\d-\d{4}"),
    Scheme("VN", "citizen id", 12, lambda number: "001" <= number[:3] <= "096"),
)
LETTERED = (  # `alone` finds them; `length` is only for people
    Scheme("ES", "DNI", 9, "es.dni", r"\d{8}[- ]?[A-Za-z]"),
    Scheme("ES", "NIE", 9, "es.nie", r"[XYZxyz][- ]?\d{7}[- ]?[A-Za-z]"),
    Scheme("FI", "personal identity code", 11, "fi.hetu", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Ya-y]"),
    Scheme("GB", "NINO", 9, _form, r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] \d\d \d\d \d\d [A-D]"),
    Scheme("IE", "PPS", 8, "ie.pps", r"\d{7}[A-W][ABW-Z]?"),
    Scheme("IN", "PAN", 10, "in_.pan", r"[A-Z]{3}P[A-Z]\d{4}[A-Z]"),
    Scheme("IT", "codice fiscale", 16, "it.codicefiscale", r"[A-Za-z]{6}\d\d[A-Za-z]\d\d[A-Za-z]\d{3}[A-Za-z]"),
    Scheme("MX", "CURP", 18, "mx.curp", r"[A-Za-z]{4}\d{6}[HMXhmx][A-Za-z]{5}[A-Za-z\d]\d"),
    Scheme("PT", "cartão de cidadão", 12, "pt.cc", r"\d{8} ?\d ?[A-Z]{2}\d"),
    Scheme("SG", "NRIC", 9, _nric, r"[STFGM]\d{7}[A-Z]"),
)

_SEPARATOR = r"[ .\-/\u00a0\u3000－．·]"
DIGITS = regex.compile(rf"(?<![\p{{Latin}}\p{{N}}_,#@]|\p{{N}}[.\-/])\d(?:{_SEPARATOR}?\d){{7,17}}(?![\p{{Latin}}\p{{N}}_@]|[.,/\-]\d)")
_LETTERED = regex.compile(
    r"(?<![\p{Latin}\p{N}_-])(?:" + "|".join(f"(?P<s{i}>{scheme.alone})" for i, scheme in enumerate(LETTERED)) + r")(?![\p{Latin}\p{N}_-])"
)


@cache
def _lengths() -> dict[int, tuple[Scheme, ...]]:
    return {length: tuple(s for s in NUMBERS if s.length == length) for length in {scheme.length for scheme in NUMBERS}}


def compact(number: str) -> str:
    """ASCII, upper case, without separators."""
    return "".join(c for c in ascii_digits(number) if c.isalnum()).upper()


def unannounced(text: str, language: str) -> Iterator[Span]:
    """National ids that need no word before them.

    >>> list(unannounced("my SSN is 536-90-4399", "en")), list(unannounced("CPF 390.533.447-05", "pt"))
    ([(10, 21, 'national id (US SSN)')], [(4, 18, 'national id (BR CPF)')])
    >>> list(unannounced("536904399", "en"))
    []
    """
    here = countries(language)
    for match in DIGITS.finditer(text):
        written = ascii_digits(match.group())
        schemes = (s for s in _lengths().get(len(compact(written)), ()) if s.alone and (s.country in here or not here))
        if found := next((s for s in schemes if regex.fullmatch(s.alone, written) and s.valid(compact(written))), None):
            yield match.start(), match.end(), found.detail
    for match in _LETTERED.finditer(text, overlapped=True):
        scheme = LETTERED[int(str(match.lastgroup)[1:])]
        if scheme.valid(ascii_digits(match.group()).replace(" ", "").upper()):  # Finland's sign is a century
            yield match.start(), match.end(), scheme.detail
