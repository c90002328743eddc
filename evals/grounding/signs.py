"""How many words of a text deny, praise and complain, counted fast: single words of the language's pack, no clauses, no reach."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from evals.grounding.lexicon import normal
from evals.languages import LANGUAGES
from evals.packs import pack

_CLASSES = ("negation", "positive", "negative")
_SHORT = 3  # letters; an entry not longer matches whole words only


@dataclass(frozen=True)
class Signs:
    """Counts of words."""

    denies: int = 0
    praises: int = 0
    complains: int = 0

    @property
    def side(self) -> int:
        """1 pleased, −1 not, 0 neither or both; an odd number of denials turns it."""
        balance = (self.praises > self.complains) - (self.praises < self.complains)
        return -balance if self.denies % 2 else balance


def signs(text: str, words: Sequence[str], tag: str) -> Signs:
    """Of a text whose folded words are `words`; all 0 for a language that is not ours.

    >>> signs("It isn't good", ["it", "isn't", "good"], "en").side
    -1
    """
    if tag not in LANGUAGES:
        return Signs()
    if LANGUAGES[tag].words == "spaces":
        found = [_class(word, tag) for word in words]
    else:
        found = [_entries(tag)[entry] for entry in _pattern(tag).findall(normal(text))]
    return Signs(found.count(0), found.count(1), found.count(2))


def denies(word: str, tag: str) -> bool:
    """Whether a folded word is one of the language's negations."""
    return tag in LANGUAGES and _class(word, tag) == 0


@lru_cache(maxsize=1 << 16)
def _class(word: str, tag: str) -> int | None:
    """The place in `_CLASSES` of the longest entry that the word begins with."""
    entries = _entries(tag)
    if word in entries:
        return entries[word]
    if tag == "en" and word.endswith("n't"):
        return 0
    stems = (word[:size] for size in range(min(len(word) - 1, _longest(tag)), _SHORT, -1))
    return next((entries[stem] for stem in stems if stem in entries), None)


@cache
def _entries(tag: str) -> dict[str, int]:
    listed = pack(tag).words
    return {normal(entry): place for place, name in reversed(list(enumerate(_CLASSES))) for entry in listed.get(name, ())}


@cache
def _longest(tag: str) -> int:
    return max(map(len, _entries(tag)))


@cache
def _pattern(tag: str) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(entry) for entry in sorted(_entries(tag), key=lambda entry: (-len(entry), entry))))
