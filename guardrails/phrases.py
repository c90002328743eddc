"""Many words at once, found in linear time in hostile text, with the way back to its offsets.

Folding undoes what hides a word from a pattern: case, full-width letters, soft hyphens, zero-width and bidi characters inside it, strokes
laid over it, letters of other scripts that look the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import regex

from evals.languages import LANGUAGES
from evals.text import fold

_DROPPED = regex.compile("[\u00ad\u034f\u0334-\u0338\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
_PIECE = regex.compile(r"[\x00-\x7f]+|\X")
_SPACE = re.compile(r"\s")
_MARKS = "".join(chr(code) for code in range(0x300, 0x2000) if unicodedata.category(chr(code))[0] == "M")
_SPACED = rf"(?<![^\W_])(?<![{_MARKS}])"  # not within a word; `re` is three times as fast as `regex` here and has no classes of marks
_END = "\0"  # in a trie: here the word must end
_SHORT_LAST_WORD = regex.compile(r"(?:^|.*[^\p{L}])\p{Latin}{1,3}")
_LOOKALIKES = dict(zip("аеорсухіјѕһԁԛԝѵгкмтвнАВЕКМНОРСТУХІЈЅԌ", "aeopcyxijshdqwvrkmtbhABEKMHOPCTYXIJSG", strict=True))  # of UTS 39
_GREEK = dict(zip("αεικνορτυχωγΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeiknoptuxwyABEZHIKMNOPTYX", strict=True))
_SAME = str.maketrans(dict.fromkeys("’ʼ‘`´", "'") | {"ı": "i", "İ": "I"} | _LOOKALIKES)  # capitals cannot tell the Turkish letters apart
_GREEK_SAME = str.maketrans(_GREEK)
_GREEK_LETTER = re.compile("[\u0370-\u03ff]")
_LATIN_AND_GREEK = regex.compile(r"(?:\p{Latin}{1,30}+\p{Greek}|\p{Greek}{1,30}+\p{Latin})[\p{Latin}\p{Greek}]{0,30}+")


@dataclass(frozen=True)
class Folded:
    """`text` for matching; `at[i]` is the place of its i-th character in the original (None: the same place)."""

    text: str
    at: tuple[int, ...] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's span; a whole number of characters of it."""
        return (start, end) if self.at is None else (self.at[start], self.at[end - 1] + 1)


def folded(text: str) -> Folded:
    """`text` case folded in NFKC with plain apostrophes and spaces, invisible characters dropped.

    >>> f = folded("IG\\u200bNORE ｔｈｉｓ"); f.text, f.span(0, 6)
    ('ignore this', (0, 7))
    """
    text = _SPACE.sub(" ", text.translate(_SAME))
    if _GREEK_LETTER.search(text):
        text = _LATIN_AND_GREEK.sub(lambda match: match.group().translate(_GREEK_SAME), text)
    plain = fold(text)
    if len(plain) == len(text) and not _DROPPED.search(text):
        return Folded(plain)
    pieces: list[str] = []
    at: list[int] = []
    known: dict[str, str] = {}
    for match in _PIECE.finditer(text):
        piece, start = match.group(), match.start()
        kept = known.get(piece)
        if kept is None:
            kept = known[piece] = fold(_DROPPED.sub("", piece))
        pieces.append(kept)
        at += range(start, start + len(kept)) if len(kept) == len(piece) else [start] * len(kept)
    return Folded("".join(pieces), tuple(at))


class Phrases:
    """A set of phrases as one pattern per script, so that only the scripts in a text are searched for."""

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        """`rows`: (language tag, phrase)."""
        by_kind: dict[bool, set[str]] = {True: set(), False: set()}
        for tag, phrase in rows:
            plain = fold(phrase.translate(_SAME))
            by_kind[LANGUAGES[tag].words == "spaces"].add(plain + (_END if _SHORT_LAST_WORD.fullmatch(plain) else ""))
        self._patterns = [
            re.compile((_SPACED if spaced else "") + _trie(sorted(phrases))) for spaced, phrases in by_kind.items() if phrases
        ]

    def find(self, text: str) -> list[tuple[int, int]]:
        """Spans in a folded text, in order."""
        return sorted(match.span() for pattern in self._patterns for match in pattern.finditer(text))


def _trie(phrases: list[str]) -> str:
    """Sorted phrases as a pattern that looks at each character of a text once; the longest match wins.

    >>> _trie(["ab", "abc", "b"])
    '(?:a(?:b(?:c)?)|b)'
    """
    branches = []
    while phrases:
        first = phrases[0][0]
        same = [phrase[1:] for phrase in phrases if phrase[0] == first]
        phrases = phrases[len(same) :]
        rest = [phrase for phrase in same if phrase]
        optional = "?" if len(rest) < len(same) else ""
        here = r"(?![^\W\d_])" if first == _END else re.escape(first)
        branches.append(here + (_trie(rest) + optional if rest else ""))
    return f"(?:{'|'.join(branches)})"
