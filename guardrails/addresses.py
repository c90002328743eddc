"""Postal addresses: a street with a number, a post-office box, an announced place with a number, then the town behind them.

A street or a town alone is no address of a person: reviews are full of "near Oxford Street", and of numbers followed by distances. The
words are those of all languages; Chinese, Japanese and Korean addresses have their own forms, by their order of districts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import regex
import yaml

from evals.paths import DATA
from guardrails.base import Span, SpanRail

_UNCASED = r"\p{Arabic}\p{Hebrew}\p{Devanagari}\p{Bengali}\p{Tamil}\p{Telugu}"
_PARTICLE = (
    r"(?:(?:de|del|della|delle|dei|di|du|des|den|der|da|do|dos|das|van|von|vom|la|le|les|los|las|el|y|e|al|von der|z|na|St\.) |d'|l'|d’|l’)"
)
_CAPITAL = r"\p{Lu}[\p{Latin}\p{Greek}\p{Cyrillic}\p{M}'’.\-]*"
_NAME = rf"{_PARTICLE}{{0,2}}{_CAPITAL}(?: {_PARTICLE}{{0,2}}{_CAPITAL}){{0,3}}"
_WORDS = rf"(?:{_NAME}|\d{{1,3}}(?:st|nd|rd|th)|[{_UNCASED}][\p{{L}}\p{{M}}'’.\-]*(?: [{_UNCASED}][\p{{L}}\p{{M}}'’.\-]*){{0,3}})"
_POSTCODE = (  # a year is none
    r"(?:\d{5}(?:-\d{3,4})?|\d{6}|\d{3} ?\d\d|(?!19|20)\d{4}|\d{4} ?[A-Z]{2}|\d\d-\d{3}|\d{4}-\d{3}"
    r"|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d)(?![\p{L}\p{N}])"
)
_NO = r"(?:[,،]? ?(?i:no|nr|núm|num|n|nº|n°|č|č\. ?p|br|number|رقم|מספר|מס'|अंक|नंबर|नं|क्रमांक)[.:]? ?|[,،]? )"
# Districts from the largest to the smallest, then the number: what makes a Chinese, Japanese or Korean line an address.
_KANA = r"[\p{Han}\p{Hiragana}\p{Katakana}ーケヶ]"
_STEP = r"(?:\d{0,4}(?:丁目|番地?|号)|[-−－の]\d{1,4})"
_PLACE = r"[\p{Han}--[在住到是于於址往去離离從从]]"  # no "lives in", "to", "from"
_NATIVE = regex.compile(
    rf"〒? ?\d{{3}}[-−－]\d{{4}}[\s　]*{_KANA}{{2,12}}[都道府県市区町村]{_KANA}{{0,12}}(?:\d{{1,4}}{_STEP}{{0,6}})?"
    rf"|\p{{Han}}{{2,3}}[都道府県]{_KANA}{{1,8}}[市区町村郡]{_KANA}{{0,14}}\d{{1,4}}{_STEP}{{1,6}}"
    rf"|[\p{{Han}}\p{{Katakana}}]{{1,6}}[市区町村]{_KANA}{{1,14}}\d{{1,4}}(?:丁目|番地?|[-−－]\d{{1,4}}){_STEP}{{1,6}}"
    rf"|(?:{_PLACE}{{2,4}}[省市区县縣區镇]){{0,4}}{_PLACE}{{1,6}}(?:路|街|道|巷|弄|胡同|大道)(?:\p{{Han}}{{1,2}}段)?\d{{1,5}}(?:弄\d{{1,4}})?"
    r"[号號](?![线線出楼店门口院])(?:\p{Han}{0,6}\d{1,5}(?:室|楼|单元|栋|號|号|座)){0,3}"
    r"|(?:[가-힣]{1,6}(?:특별시|광역시|시|도|군|구|읍|면) ){1,4}[가-힣\d]{1,12}(?:로|길|동|리) ?\d{1,4}(?:번?길 ?\d{1,4})?(?:-\d{1,4})?"
    r"(?:번지)?(?![\d분층호])(?:,? \d{1,4}동 \d{1,4}호)?",
    regex.V1,
)


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load((DATA / "guardrails" / "addresses.yaml").read_text(encoding="utf-8"))
    return table


@cache
def _lists() -> dict[str, list[str]]:
    """The words of all languages as named lists of `regex`, which looks a word up instead of trying one after the other."""
    rows = [row for row in _table().values() if isinstance(row, dict)]
    lists: dict[str, list[str]] = {}
    for key in ("before", "after", "weak", "endings", "unit", "box", "announce"):
        found = {word for row in rows for word in row.get(key, ())}
        lists |= {key: sorted(w for w in found if w == w.lower()), f"{key}_exact": sorted(w for w in found if w != w.lower())}
    return lists | {key: list(_table()[key]) for key in ("measures", "not_streets")}


def _words(key: str) -> str:
    """Entries with a capital as written, the others in either case."""
    lower = rf"(?i:\L<{key}>)"
    return rf"\L<{key}_exact>|{lower}" if _lists().get(f"{key}_exact") else lower


def _compiled(pattern: str) -> regex.Pattern[str]:
    named: dict[str, Any] = {name: words for name, words in _lists().items() if f"<{name}>" in pattern}
    return regex.compile(pattern, regex.V1, **named)


@cache
def _address() -> regex.Pattern[str]:
    """The forms of a street with its number, and the tail of town, unit and postcode that belongs to it."""
    before, after, weak = _words("before"), _words("after"), _words("weak")
    end = r"(?![\p{L}\p{M}])\.?"
    near = rf"(?! ?(?:(?=\p{{L}})(?:{_words('measures')})(?![\p{{L}}\p{{M}}])|[%€$£°\"”″])|[.,:]\d)"  # "5 min" is a distance
    number = r"\d{1,5}(?:[-/]\d{1,4})?(?: ?(?:bis|ter)|[A-Za-z])?(?![\p{L}\p{N}])"
    house = rf"{number}{near}"
    unit = rf"(?:{_words('unit')})\.? ?(?:#|nr\.?|no\.?)? ?\d{{1,5}}[A-Za-z]?(?![\p{{L}}\p{{N}}]){near}"
    no_street = rf"(?!(?:{_words('not_streets')}) \d)"
    street = rf"(?:{before})(?:(?<=[.'/]) ?| ){_WORDS}"
    behind_name = (
        rf" (?:{after}){end}(?:,? {house}|,?\s{{1,2}}{unit})?",
        rf" (?:{weak}){end}(?:,?\s{{1,2}}{unit}|(?=[,\s]{{1,4}}\p{{Lu}}[^.!?]{{0,40}}?{_POSTCODE}))",
        rf",?\s{{1,2}}{unit}|,? {house}[,\s]{{1,4}}{unit}|[,\s]{{1,4}}{_NAME},? [A-Z]{{2}},? {_POSTCODE}",
    )
    anything = rf"(?:[\p{{L}}\p{{M}}'’.]+ ){{1,5}}\d{{1,5}}\.?[,\s]{{1,4}}{unit}"
    forms = (
        rf"(?>(?:\d{{1,5}} )?{number}){near},? (?=\p{{L}})(?:{street}(?:{_NO}(?!\d{{5}}){house})?"
        rf"|{_WORDS}(?:{'|'.join(behind_name)})|{anything})",
        rf"\d{{1,5}} {house} {_WORDS} (?:{weak}){end}",
        rf"\d{{3,5}} {no_street}(?:{_PARTICLE}{{0,2}}\p{{Lu}}\p{{Ll}}[\p{{L}}’'\-]+ ){{1,3}}(?=\d\d){house}",
        rf"{street}{_NO}{house}",
        rf"{no_street}(?:\d{{1,5}} )?(?:{_CAPITAL} )?\p{{Lu}}[\p{{L}}\p{{M}}\-]+(?:{_words('endings')}){_NO}{house}",
        rf"(?:{_words('box')})[:.]? ?(?:nr\.? ?)?\d{{1,6}}|(?:PSC|Unit) \d{{3,5}},? Box \d{{2,5}}",
        r"(?i:(?:USS|USNS|USNV|USCGC) \p{L}+[,\s]{1,3})?(?i:[AFD]PO A[AEP]),? \d{5}",
        rf"{no_street}{_WORDS},? {house}[,\s]{{1,4}}(?:{unit}|(?:[A-Z]{{1,2}}-)?{_POSTCODE}\s(?=\p{{Lu}}))",
        rf"{_WORDS} (?:{after})[,\s]{{1,2}}(?i:no) ?[:.]? ?{house}",
        rf"{unit}(?:,? (?:{house} )?{_WORDS},? {house}|[,\s]{{1,3}}{_WORDS}[,\s]{{1,3}}(?:{after})(?![\p{{L}}\p{{M}}]))",
    )
    return _compiled(rf"(?<![\p{{L}}\p{{N}}_.,/#-])(?:{'|'.join(forms)}){_tail(unit)}")


def _tail(unit: str) -> str:
    """Town, district, unit and postcode behind a street: up to the last postcode or unit with its town, or a town before punctuation."""
    gap = r"[,،\s>|?]{1,6}"
    town = rf"(?: {_CAPITAL}){{1,2}}"
    strong = rf"(?>{gap}(?>(?:{_CAPITAL}|nan|\([\p{{L}} ]{{1,12}}\)){gap}){{0,6}}(?:{_POSTCODE}(?:{town})?|{unit})){{0,3}}"
    place = rf"(?:{_CAPITAL}(?: {_CAPITAL}){{0,2}}|[{_UNCASED}][\p{{L}}\p{{M}}]*)(?: \d{{1,2}}(?!\d))?"
    return rf"{strong}(?:[,،] ?{place}(?=\s*(?:[.,،;!?।\n]|$)|\s{{2}})){{0,2}}"


@cache
def _announced() -> regex.Pattern[str]:
    """What stands behind "my address is" and has a number in front or behind."""
    number = r"\d{1,5}[A-Za-z]?(?![\p{L}\p{N}:%])"
    tail = _tail(r"\d{1,4}[A-Za-z]?")
    near = rf"(?! ?{_words('measures')}(?![\p{{L}}\p{{M}}]))"
    lower = rf"\d{{2,5}}{near} (?:[\p{{L}}\p{{M}}'’.]+ ){{1,4}}{number}{near}"
    place = rf"(?:(?:\d{{1,5}} )?{_WORDS},? {number}|{number}{near},? {_WORDS}|{lower}){tail}"
    street = rf"(?!{_words('not_streets')}\b)"
    return _compiled(rf"(?<!\p{{L}})(?:{_words('announce')})(?:[^\p{{N}}.!?\n]{{0,24}}[:\s])?\s{{0,6}}{street}(?P<place>{place})")


def spans(text: str) -> Iterator[Span]:
    """Addresses.

    >>> [text[s:e] for text in ["Send it to 12 Main Street, Apt 4, we walked 5 min to Oxford Street"] for s, e, _ in spans(text)]
    ['12 Main Street, Apt 4']
    >>> [text[s:e] for text in ["ich wohne Hauptstraße 5, 10115 Berlin", "我住在北京市海淀区中关村大街27号", "東京都新宿区西新宿2-8-1"]
    ...  for s, e, _ in spans(text)]
    ['Hauptstraße 5, 10115 Berlin', '北京市海淀区中关村大街27号', '東京都新宿区西新宿2-8-1']
    """
    if not regex.search(r"\d", text):
        return
    yield from ((match.start(), match.end(), "street address") for match in _address().finditer(text))
    yield from ((*match.span("place"), "street address (announced)") for match in _announced().finditer(text))
    yield from ((match.start(), match.end(), "street address") for match in _NATIVE.finditer(text))


ADDRESSES = SpanRail("addresses", frozenset({"input", "evidence", "output"}), "•••", lambda text, _language, _context: spans(text))
