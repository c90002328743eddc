"""A claim against the text of passages, by words alone: quotations, attribute values, numbers, coverage, and which side is taken.

Without a model this sees copying and its errors, not paraphrase: a triage signal and a control variate, never a verdict on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

import regex

from evals.claims import QUOTATION, without_citations
from evals.grounding.base import Judgement
from evals.grounding.lexicon import Reading, Side, normal, numbers_in, reader
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import Passage

COVERAGE = 0.6  # share of the claim's character n-grams that the evidence must hold
NGRAM = {"spaces": 4, "characters": 2}
LIKE_UNKNOWN = 0.8  # Dice similarity of n-grams from which a claim is one of the pack's "the evidence does not say"
MIN_QUOTE = 4  # letters; a shorter quotation is a word in inverted commas
_STRAIGHT = regex.compile(r'"[^"\n]{1,1000}"')
_NOT_TEXT = regex.compile(r"[^\p{L}\p{M}\p{N}]+")


def against_passages(claim: str, reading: Reading, passages: Sequence[Passage], tag: str) -> Judgement:
    """The first rule that applies decides: quotation, attribute, then numbers, coverage and side together."""
    text = without_citations(claim)
    return _quoted(text, passages) or _attribute(text, reading, passages, tag) or _covered(text, reading, passages, tag)


def says_unknown(claim: str, tag: str) -> bool:
    """Whether a claim is the language's way to say that the evidence has no answer.

    >>> says_unknown("The reviews and product details do not answer this question.", "en")
    True
    """
    if tag not in LANGUAGES:
        return False
    grams = _grams(without_citations(claim), tag)
    return any(2 * len(grams & known) >= LIKE_UNKNOWN * (len(grams) + len(known)) for known in _unknown(tag))


@cache
def _unknown(tag: str) -> tuple[frozenset[str], ...]:
    return tuple(_grams(text, tag) for text in pack(tag).answer["unknown"])


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """Letters and digits only, so that spaces, quotes and cleaned marks make no difference."""
    return _NOT_TEXT.sub("", normal(text))


def quotes(text: str) -> list[str]:
    """The quotations in a text, letters and digits only.

    >>> quotes("One wrote: “Loud and clear!” [1]")
    ['loudandclear']
    """
    found = (_plain(match.group()) for pattern in (QUOTATION, _STRAIGHT) for match in pattern.finditer(text))
    return [plain for plain in found if len(plain) >= MIN_QUOTE]


def _quoted(text: str, passages: Sequence[Passage]) -> Judgement | None:
    sources = [next((p for p in passages if quote in _plain(p.text)), None) for quote in quotes(text)]
    if None in sources:
        return Judgement("unsupported", "quotes what no passage says")
    return Judgement("grounded", "quotes a passage", sources[0]) if sources else None


def _attribute(text: str, reading: Reading, passages: Sequence[Passage], tag: str) -> Judgement | None:
    """A claim that opens with an attribute's name, or cites one, must give that attribute's value."""
    if reading.attribute is None:
        return None
    values = [p for p in passages if p.source == "attribute" and regex.split("[/:#]", p.source_id)[-1] == reading.attribute]
    if not values:
        return Judgement("unsupported", f"no passage gives {reading.attribute}") if reading.at_start and not reading.aspect else None
    passage = values[0]
    value, said = _value(passage.text, pack(tag).attributes[reading.attribute]), _plain(text)
    if value in said and set(numbers_in(text)) <= set(numbers_in(passage.text)):
        return Judgement("grounded", f"gives the value of {reading.attribute}", passage)
    return Judgement("contradicted", f"gives another value of {reading.attribute}", passage)


def _value(text: str, name: str) -> str:
    """The passage may read ``name: value`` or ``value``."""
    return _plain(text).removeprefix(_plain(name)) or _plain(text)


def _covered(text: str, reading: Reading, passages: Sequence[Passage], tag: str) -> Judgement:
    if not passages:
        return Judgement("unsupported", "there is no evidence")
    shares = [coverage(text, passage.text, tag) for passage in passages]
    best = passages[max(range(len(shares)), key=shares.__getitem__)]
    together = coverage(text, "\n".join(passage.text for passage in passages), tag)
    missing = set(numbers_in(text)) - {number for passage in passages for number in _numbers(passage.text)}
    if together < COVERAGE:
        return Judgement("unsupported", f"{together:.2f} of it is in the evidence, below {COVERAGE}", best)
    if missing:
        return Judgement("contradicted", f"numbers not in the evidence: {', '.join(sorted(missing))[:40]}", best)
    other = _side(best.text, tag)
    if reading.side and other and reading.side != other:
        return Judgement("contradicted", f"says {reading.side}, the passage says {other}", best)
    return Judgement("grounded", f"{together:.2f} of it is in the evidence", best)


@lru_cache(maxsize=1024)
def _side(text: str, tag: str) -> Side | None:
    """A passage's side: read once, not again for each of ten thousand claims."""
    return reader(tag).read(text).side


@lru_cache(maxsize=1024)
def _numbers(text: str) -> tuple[str, ...]:
    return numbers_in(text)


def coverage(text: str, evidence: str, tag: str) -> float:
    """Share of the character n-grams of `text` (inside words; spaces dropped) that occur in `evidence`; 0 for no letters.

    >>> coverage("the battery lasts long", "The battery lasts very long!", "en")
    1.0
    """
    grams = _grams(text, tag)
    return len(grams & _grams(evidence, tag)) / len(grams) if grams else 0.0


@lru_cache(maxsize=4096)
def _grams(text: str, tag: str) -> frozenset[str]:
    size = NGRAM[LANGUAGES[tag].words]
    words = [word for word in _NOT_TEXT.split(normal(text)) if word]
    return frozenset(word[i : i + size] for word in words for i in range(max(1, len(word) - size + 1)))
