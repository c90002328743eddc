"""Shares that a sentence states as numbers: "85 %", "٨٥٪", "eight out of ten", "八割", "百分之八十五", with "more than" and its like.

>>> [(share.low, share.high) for share in shares("en")("around 40 percent, over 85.0 % and eight out of ten")]
[(0.35, 0.45), (0.85, 1.0), (0.75, 0.85)]

What a share that is written with so many digits may have been before it was rounded is what it says: 85 % holds from 84.5 to 85.5.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import regex

from evals.bands import NEARLY, SPOKEN
from evals.claims.matching import LETTER, matcher, normal
from evals.packs import pack

_DECIMAL_COMMA = frozenset(["cs", "da", "de", "el", "es", "fi", "fr", "id", "it", "nl", "no", "pl", "pt", "ro", "sv", "tr", "vi"])
_SPACED_GROUPS = frozenset(["cs", "da", "es", "fi", "fr", "it", "no", "pl", "pt", "ro", "sv"])  # "12 345"
_NUMBER = regex.compile(r"\p{Nd}+(?:[.,٫٬']\p{Nd}+)*")
_IN_GROUPS = regex.compile(r"(?!0)\p{Nd}{1,3}([.,٬'])(?:\p{Nd}{2,3}\1)*\p{Nd}{3}")
_SPACE_IN_NUMBER = regex.compile(r"(?<=(?<![\p{Nd}.,])\p{Nd}{1,3}(?: \p{Nd}{3}){0,3}) (?=\p{Nd}{3}(?!\p{Nd}))")
_SAME = 1e-9
_NEAR = 40  # code points that a modifier may take
_SIGN = "[%٪％﹪]"
_SIGN_FIRST = frozenset({"ar", "he", "tr"})  # %85
_TENTHS = {"ja": "割", "zh": "成"}
_HAN = {character: number for number, character in enumerate("零一二三四五六七八九十")} | {"两": 2, "〇": 0}


@dataclass(frozen=True)
class Range:
    """What the text says of a share (of 1) or of a count holds of the values in ``[low, high]``; `above`, `below`: of those inside only.

    `start` and `end`: where it stands in the text that was read; `text`: how it is written there.
    """

    low: float
    high: float
    start: int
    end: int
    text: str
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        over = value > self.low + _SAME if self.above else value >= self.low - _SAME
        return over and (value < self.high - _SAME if self.below else value <= self.high + _SAME)


def ungrouped(plain: str, tag: str) -> str:
    """`plain` with "12 345" written as one number, in languages that write thousands so."""
    return _SPACE_IN_NUMBER.sub("", plain) if tag in _SPACED_GROUPS else plain


def numbers_in(text: str, tag: str | None = None) -> tuple[str, ...]:
    """Numbers in ASCII digits with a decimal point. With a `tag` thousands are told from decimals as the language writes them.

    >>> numbers_in("1,5 kg, ٣ of 10")
    ('1.5', '3', '10')
    >>> numbers_in("1.250 von 2.000, 4,5", "de"), numbers_in("1,250 of 1,00,000, 4.5", "en")
    (('1250', '2000', '4.5'), ('1250', '100000', '4.5'))
    """
    found = (_ascii(match.group(), tag) for match in _NUMBER.finditer(text))
    return tuple(number for number in found if number.strip("."))  # digits younger than Python's Unicode are none


def _ascii(number: str, tag: str | None) -> str:
    if tag:
        number = _without_groups(number, tag)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else "." for c in number)


def _without_groups(number: str, tag: str) -> str:
    """Of two kinds of separator the last is the decimal one; a single kind is read as the language writes."""
    marks = [character for character in number if not character.isdecimal()]
    if len(set(marks)) == 2 and marks.count(marks[-1]) == 1:
        return "".join(character for character in number if character.isdecimal() or character == marks[-1])
    decimal = ",٫" if tag in _DECIMAL_COMMA else ".٫"
    grouped = len(set(marks)) == 1 and _IN_GROUPS.fullmatch(number) and (len(marks) > 1 or marks[0] not in decimal)
    return "".join(filter(str.isdecimal, number)) if grouped else number


@cache
def shares(tag: str) -> _Shares:
    """What finds the shares in text that is `normal`, in order."""
    return _Shares(tag)


class _Shares:
    def __init__(self, tag: str) -> None:
        words = pack(tag).quantities
        self._tag = tag
        self._percent = _percent(words["percent"], tag)
        self._tenth = regex.compile(rf"(?P<n>[\p{{Nd}}一二三四五六七八九]){_TENTHS[tag]}") if tag in _TENTHS else None
        self._numbers = {normal(form): n for n, forms in enumerate(words["numbers"], 1) for form in forms.split("|")}
        self._ratios = [_ratio(pattern, self._numbers) for pattern in words["ratio"]]
        self._spoken = matcher([entry for name in SPOKEN for entry in words[name]], tag)
        self._names = {normal(entry): name for name in SPOKEN for entry in words[name]}
        modifiers = ("over", "at_least", "under", "at_most", "about")
        self._before = {key: _modifier([w for w in words[key] if w[0] != "-"], before=True) for key in modifiers}
        self._after = {key: _modifier([w[1:] for w in words[key] if w[0] == "-"], before=False) for key in modifiers}

    def __call__(self, plain: str) -> list[Range]:
        found: list[Range] = []
        for share in sorted(self._all(plain), key=lambda share: (share.start, -share.end)):
            if not found or share.start >= found[-1].end:
                found.append(self._modified(share, plain))
        return found

    def _all(self, plain: str) -> Iterator[Range]:
        for match in self._percent.finditer(plain):
            if (value := _value(match["n"], self._tag)) is not None:
                digits = numbers_in(match["n"], self._tag)[-1:]
                half = 0.5 * 10 ** -len(digits[0].partition(".")[2]) if digits else 0.5
                yield _share((value - half) / 100, (value + half) / 100, match)
        for match in self._tenth.finditer(plain) if self._tenth else ():
            value = _value(match["n"], self._tag) or 0.0
            yield _share(value / 10 - NEARLY, value / 10 + NEARLY, match)
        for pattern in self._ratios:
            for match in pattern.finditer(plain):
                yield from self._of_ratio(match)
        for match in self._spoken.finditer(plain):
            low, high = SPOKEN[self._names[match["w"]]]
            yield Range(low, high, match.start("w"), match.end("w"), match["w"])

    def _of_ratio(self, match: regex.Match[str]) -> Iterator[Range]:
        """Two numbers in digits are counts, not a rate, and left to those who know the counts."""
        part, whole = (self._numbers.get(match[name]) or _value(match[name], self._tag) or 0 for name in ("part", "whole"))
        in_digits = match["part"][0].isdecimal() and match["whole"][0].isdecimal()
        if 0 < part <= whole and whole > 1 and (not in_digits or self._tag in _TENTHS):
            yield _share(part / whole - NEARLY, part / whole + NEARLY, match)

    def bounds(self, plain: str, found: Sequence[Range]) -> list[Range]:
        """Numbers outside of shares that say at least, at most or about how many."""
        starts = [share.start for share in found]
        bounded = []
        for match in _NUMBER.finditer(plain):
            share = bisect_right(starts, match.start()) - 1
            if share >= 0 and match.start() < found[share].end:
                continue
            modifier, count = self._modifier(plain, match.start(), match.end()), _value(match.group(), self._tag)
            if modifier and count is not None:
                exact = Range(count, count, match.start() - modifier[1], match.end(), match.group())
                bounded.append(_bounded(exact, modifier[0], count * 2 * NEARLY, math.inf))
        return bounded

    def _modified(self, share: Range, plain: str) -> Range:
        modifier = self._modifier(plain, share.start, share.end)
        if modifier is None:
            return share
        return _bounded(replace(share, start=share.start - modifier[1]), modifier[0], NEARLY, 1.0)

    def _modifier(self, plain: str, start: int, end: int) -> tuple[str, int] | None:
        """The longest one before or behind ("ít hơn" is less, though "hơn" is more), with its length if it stands before.

        None of them stands between two numbers: "162 trên 5793" is "162 of 5793", though "trên" alone is "over".
        """
        before, after = plain[max(0, start - _NEAR) : start], plain[end : end + _NEAR]
        found = []
        for key in self._before:
            if (match := self._before[key].search(before)) and not before[: match.start()].rstrip()[-1:].isdecimal():
                found.append((len(match.group()), key, len(match.group())))
            if match := self._after[key].match(after):
                found.append((len(match.group()), key, 0))
        longest = max(found, default=None)
        return (longest[1], longest[2]) if longest else None


def _share(low: float, high: float, match: regex.Match[str]) -> Range:
    return Range(max(0.0, round(low, 9)), min(1.0, round(high, 9)), match.start(), match.end(), match.group())


def _bounded(said: Range, key: str, about: float, most: float) -> Range:
    """ "over" and "under" are about the middle of what a share says alone; "about" lets it be `about` more or less."""
    middle = round((said.low + said.high) / 2, 9)
    if key == "about":
        low, high = min(said.low, middle - about), max(said.high, middle + about)
        return replace(said, low=max(0.0, round(low, 9)), high=min(most, round(high, 9)))
    if key in ("over", "at_least"):
        return replace(said, low=middle, high=most, above=key == "over")
    return replace(said, low=0.0, high=middle, below=key == "under")


def _value(text: str, tag: str) -> float | None:
    """A number in digits or Chinese characters up to 100."""
    found = numbers_in(text, tag)
    if found:
        return float(found[0]) if found[0].count(".") <= 1 and len(found[0]) <= 9 else None
    tens, ten, ones = text.partition("十")
    if text == "百":
        return 100.0
    return float((_HAN.get(tens, 1) * 10 if ten else 0) + _HAN.get(ones if ten else text, 0))


def _percent(words: Sequence[str], tag: str) -> regex.Pattern[str]:
    number = r"(?P<n>\p{Nd}{1,9}(?:[.,٫]\p{Nd}{1,4})?)"
    named = "|".join(regex.escape(normal(word)) for word in words)
    if tag == "zh":
        return regex.compile(
            rf"{number} ?{_SIGN}|(?:{named})(?P<n>\p{{Nd}}{{1,3}}(?:\.\p{{Nd}}{{1,4}})?|[零〇一二三四五六七八九十百两]{{1,4}})"
        )
    before = rf"|(?:{_SIGN}|(?<!{LETTER})(?:{named})) ?{number}" if tag in _SIGN_FIRST else ""
    return regex.compile(rf"(?<![\p{{Nd}}.,٫]){number} ?(?:{_SIGN}|(?:{named})){before}")


def _ratio(pattern: str, numbers: dict[str, int]) -> regex.Pattern[str]:
    forms = "|".join(regex.escape(form) for form in sorted(numbers, key=lambda form: (-len(form), form)))
    text = regex.escape(normal(pattern), special_only=True, literal_spaces=True)
    for name in ("part", "whole"):
        text = text.replace(rf"\{{{name}\}}", rf"(?P<{name}>{forms}|\p{{Nd}}{{1,9}})", 1)
    return regex.compile(rf"(?<!{LETTER}){text}" if normal(pattern)[0] == "{" else text)


def _modifier(entries: Sequence[str], before: bool) -> regex.Pattern[str]:
    named = "|".join(regex.escape(normal(entry)) for entry in sorted(entries, key=len, reverse=True)) or r"(?!)"
    return regex.compile(rf"(?:^|(?<=[^\p{{L}}\p{{M}}]))(?:{named}) ?$" if before else rf"['’]?\p{{L}}{{0,4}} ?(?:{named})")
