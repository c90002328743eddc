"""Names that a text announces: "my name is Anna", "contact Mr Smith", "Frau Schmidt". Never a guess.

A rail that guesses names would cut every review that thanks a host; this one has its own row in the policy, so that a feature may
record, mask or allow them apart from contact data. What nothing announces is not found, and the recall it is measured with says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import regex
import yaml

from evals.languages import LANGUAGES
from evals.paths import DATA
from evals.text import fold
from guardrails.base import Span, SpanRail

_PARTICLE = r"(?:(?:de|da|dos|del|della|di|van|von|der|den|la|le|el|bin|ibn|al|af|zu|ter|ten|do|e|y|z) ){0,2}"
_CAPITAL = r"(?:(?:d'|O'|O’)?\p{Lu}[\p{Latin}\p{Greek}\p{Cyrillic}\p{M}'’\-]+|\p{Lu}\.?)"
_CASED = rf"{_CAPITAL}(?: {_PARTICLE}{_CAPITAL}){{0,3}}"
_SURNAME = rf"{_PARTICLE}{_CASED}"
_UNCASED = r"[\p{Arabic}\p{Hebrew}\p{Devanagari}\p{Bengali}\p{Tamil}\p{Telugu}]"
_WORD = rf"{_UNCASED}[\p{{L}}\p{{M}}'’\-]+"
_JAPANESE = r"[\p{Han}\p{Katakana}ー]{2,8}(?=です|と申し|といい|と言い|だよ)"
_KOREAN = r"[가-힣]{2,4}?(?=이라고|라고|입니다|이에요|예요)"
_CHINESE = r"\p{Han}{2,3}(?=[，,。！!\s\p{Latin}]|$)"
_ENDS = r"(?![\p{Latin}\p{Greek}\p{Cyrillic}\p{M}])"


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load((DATA / "guardrails" / "names.yaml").read_text(encoding="utf-8"))
    return table


def _words(key: str) -> str:
    """The words of all languages."""
    return _either({word for tag in LANGUAGES for word in _table()[tag].get(key, ())})


def _titles(language: str) -> str:
    """Those of the language and of English, also with a capital: Turkish "bu" is "this", Indonesian "Bu" a lady."""
    found = {word for tag in ("en", language) for word in _table().get(tag, {}).get("titles", ())}
    return _either(found | {word[0].upper() + word[1:] for word in found} | {"MR", "MRS", "DR", "MR.", "MRS.", "DR."})


def _either(found: Iterable[str]) -> str:
    return "|".join(regex.escape(word) for word in sorted(found, key=lambda word: (-len(word), word)))


@cache
def _announced(language: str) -> regex.Pattern[str]:
    is_word = r"(?:[:：]|,)?\s{0,4}"
    names = rf"{_SURNAME}|{_JAPANESE}|{_KOREAN}|{_CHINESE}|{_WORD}(?: {_WORD}){{0,1}}"
    return regex.compile(
        rf"(?<![\p{{L}}\p{{M}}])(?:"
        rf"(?i:{_words('self')}){is_word}(?P<self>{names}|(?-i:\p{{Ll}}[\p{{L}}’']+ \p{{Ll}}[\p{{L}}’']+(?=[.!?,\n]|$)))"
        rf"|(?:(?i:{_words('asks')}) )(?!(?:{_titles(language)}) )(?P<asks>{_CAPITAL}(?: {_PARTICLE}{_CAPITAL}){{1,2}}){_ENDS}"
        rf"|(?:{_titles(language)})\s{{1,2}}(?P<title>{_SURNAME}|{_WORD}){_ENDS})"
        rf"|(?P<after>[{_table()['surnames']}])(?:{_words('after')})(?!们)"
        rf"|(?P<calls>{_JAPANESE})と申し|저는 (?P<named>[가-힣]{{2,4}}?)이?라고",
        regex.V1,
    )


_MEANING = {"self": "a name (announced)", "asks": "a name to contact", "title": "a name behind a title", "after": "a name before a title"}
_MEANING |= {"calls": _MEANING["self"], "named": _MEANING["self"]}


def spans(text: str, language: str) -> Iterator[Span]:
    """Announced names.

    >>> [text[s:e] for text in ["My name is Anna Berg, ask Mr. Smith. Dr. Martens, thanks Tom!"] for s, e, _ in spans(text, "en")]
    ['Anna Berg', 'Smith']
    >>> [text[s:e] for text in ["我叫王小明，很好", "私の名前は山田太郎です", "मेरा नाम राहुल शर्मा"] for s, e, _ in spans(text, "en")]
    ['王小明', '山田太郎', 'राहुल शर्मा']
    """
    for match in _announced(language if language in LANGUAGES else "en").finditer(text):
        kind = str(match.lastgroup)
        start, end = match.span(kind)
        if fold(text[start:end].split()[0]).strip(".") not in _table()["not_names"]:
            yield start, end, _MEANING[kind]


NAMES = SpanRail("names", frozenset({"input", "evidence", "output"}), "•••", lambda text, language, _context: spans(text, language))
