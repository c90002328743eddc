"""How far a hit may run over the end of a sentence: what `guardrails.stream` must have seen before it shows the sentence.

A rail that is not listed judges the whole text, or has hits whose reach nobody measured: it is asked sentence by sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import regex

_GAP = r"[ \t\u00a0\u202f\u3000().\-–‑/（）－．]{0,3}"  # within a phone number
_NUMBER_BEFORE = regex.compile(rf"\d{_GAP}$")
_NUMBER_AFTER = regex.compile(rf"{_GAP}(?:\d|$)")
_WORD = r"\s?\p{L}[\p{L}-]{0,15}\s?"  # "at", "dot", "apenstaartje"
_SPELT_BEFORE = regex.compile(rf"[\[({{（](?:{_WORD}[\])}}）]?)?\s*$")
_SPELT_AFTER = regex.compile(rf"[\[({{（](?:{_WORD})?(?:[\])}}）]|$)")


@dataclass(frozen=True)
class Reach:
    """`characters`: no hit is longer, counted from the end of the sentence it begins in. `crosses(before, after)`: whether one that begins
    in `before`, which ends with a sentence, may end in `after` or in what will come behind it."""

    characters: int
    crosses: Callable[[str, str], bool]

    def may_cross(self, before: str, after: str) -> bool:
        return len(after) < self.characters and self.crosses(before[-self.characters :], after)


def contact_crosses(before: str, after: str) -> bool:
    """A number that goes on behind a full stop, and an address that is spelt with brackets.

    >>> contact_crosses("Call 030. ", "901820"), contact_crosses("joe\\n", "(at) shop.example"), contact_crosses("It costs 30. ", "Good")
    (True, True, False)
    """
    number = _NUMBER_BEFORE.search(before[-4:]) and _NUMBER_AFTER.match(after)
    return bool(number or _SPELT_AFTER.match(after) or _SPELT_BEFORE.search(before[-24:]))


def identity_crosses(before: str, _after: str) -> bool:
    """A number at the end of a sentence: the day of a date of birth is written with a full stop in many languages.

    >>> identity_crosses("geboren am 12. ", "März 1990"), identity_crosses("It is light [1]. ", "Good")
    (True, False)
    """
    return bool(_NUMBER_BEFORE.search(before[-4:]))


def never(_before: str, _after: str) -> bool:
    return False


REACH: dict[str, Reach] = {
    "contact": Reach(360, contact_crosses),  # an address: 64 characters, an at sign spelt in 16, a domain of 255
    "identity": Reach(80, identity_crosses),
    "hidden": Reach(1, never),  # an end of a sentence is visible
}
