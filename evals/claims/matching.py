"""Words of a language pack in running text.

Matching: NFC, case folded, one kind of apostrophe; the longest entry at the leftmost place wins, so that 不满意 is not read as 满意 and
বাজেট not as বাজে. Where words are spaced an entry matches at a word start only; short ones match whole words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import regex

from evals.languages import LANGUAGES

WHOLE_UP_TO = 3  # letters; shorter entries would match inside too many words
LETTER = r"[\p{L}\p{M}\p{N}]"
_WHOLE_SCRIPTS = frozenset({"Latn", "Grek", "Arab", "Hebr"})
_PROCLITICS = {"ar": "(?:[وف]?(?:ال|لل|[بلك](?:ال)?)?)", "he": "(?:[והבלמשכ]{0,2})"}
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ‘`´", "'"))
_GROUPED = regex.compile(r"(?<=\p{Nd})[\u00a0\u2009\u202f](?=\p{Nd}{3}(?!\p{Nd}))")


def normal(text: str) -> str:
    """For comparing: NFC, case folded, plain apostrophes, single spaces, none inside a number. Changes offsets.

    >>> normal("12\\u00a0345  Users’")
    "12345 users'"
    """
    return " ".join(unicodedata.normalize("NFC", _GROUPED.sub("", text.translate(_APOSTROPHES))).casefold().split())


def matcher(entries: Iterable[str], tag: str) -> regex.Pattern[str]:
    """Finds `entries` of the language `tag` in text that is `normal`; the group ``w`` is the entry itself.

    >>> [found["w"] for found in matcher(["some", "a few"], "en").finditer("a few of some; lonesome")]
    ['a few', 'some']
    """
    folded = sorted({normal(entry) for entry in entries}, key=lambda entry: (-len(entry), entry))
    longest = "|".join(_entry(entry, tag) for entry in folded) or r"(?!)"
    if LANGUAGES[tag].words == "characters":
        return regex.compile(f"(?P<w>{longest})")
    return regex.compile(rf"(?<!{LETTER}){_PROCLITICS.get(tag, '')}(?P<w>{longest})")


def _entry(entry: str, tag: str) -> str:
    letters = sum(character.isalpha() for character in entry)
    whole = letters <= WHOLE_UP_TO and LANGUAGES[tag].script in _WHOLE_SCRIPTS and entry[-1:].isalpha()
    return regex.escape(entry) + (rf"(?!{LETTER})" if whole else "")
