"""Reading a task as a careful person would: what does the claim say, and does the evidence shown say so too?

The claim's sentence is read back through the pattern texts of its language (exactly, or not at all), then compared with the counts and
passages in the task. It knows nothing but the task: no table, no model. The simulated annotators think with it, and nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from annotators.labeling import read_counts
from evals.bands import band, opinionated
from evals.claims import without_citations
from evals.packs import LanguagePack, pack
from evals.records import AspectRow, ClaimVerdict, Feature, Polarity
from evals.text import fold

_HOLE = re.compile(r"\\\{(aspect|attribute|positive|total|value|snippet)\\\}")
_DIRECTION = {"most_positive": 1, "some_positive": 1, "mixed": 0, "some_negative": -1, "most_negative": -1}
_LEAN = {"aspect_positive": 1, "aspect_mixed": 0, "aspect_negative": -1}


@dataclass(frozen=True)
class Meaning:
    """`key`: the pattern's name; `slots`: what stood in its holes, an aspect or attribute as its id."""

    key: str
    slots: Mapping[str, str]


def judge(data: Mapping[str, Any]) -> ClaimVerdict:
    """The verdict on a task; a claim that no pattern reads is ``unsupported``: nothing in the evidence says it. An exclamation, word for
    word one with which the language's reviews begin or end, is an opinion: ``not_checkable``."""
    language = str(data["language"])
    if _normal(without_citations(str(data["claim"]))) in _exclamations(language):
        return "not_checkable"
    meanings = read(str(data["claim"]), language, "assistant" if "question" in data else "highlights")
    verdicts = [_judge(meaning, str(data["evidence"]), language) for meaning in meanings]
    return next((verdict for verdict in verdicts if verdict == "grounded"), verdicts[0] if verdicts else "unsupported")


def read(claim: str, language: str, feature: Feature) -> list[Meaning]:
    """What a sentence can mean: usually one thing, nothing if no pattern of the language and feature is its form.

    >>> read("Color: deep blue. [2]", "en", "assistant")
    [Meaning(key='attribute', slots={'attribute': 'color', 'value': 'deep blue'})]
    """
    text = _normal(without_citations(claim))
    return [
        Meaning(key, {slot.rstrip("_"): _identity(slot, value, language) for slot, value in found.groupdict().items()})
        for key, pattern in _patterns(language, feature)
        if (found := pattern.fullmatch(text))
    ]


@cache
def _exclamations(language: str) -> frozenset[str]:
    words = pack(language)
    return frozenset(_normal(text) for group in (words.openers, words.closers) for texts in group.values() for text in texts)


@cache
def _patterns(language: str, feature: Feature) -> tuple[tuple[str, re.Pattern[str]], ...]:
    words = pack(language)
    group = words.summary if feature == "highlights" else words.answer
    return tuple((key, re.compile(_expression(words, text))) for key, texts in group.items() for text in texts)


def _expression(words: LanguagePack, text: str) -> str:
    """The pattern as a regular expression over normalised text; a hole that comes twice must hold the same twice."""
    names = {"aspect": [row.name for row in words.aspects.values()], "attribute": list(words.attributes.values())}
    seen: set[str] = set()

    def hole(found: re.Match[str]) -> str:
        slot = found[1]
        if slot in seen:
            return f"(?P={slot})"
        seen.add(slot)
        if slot in names:
            return f"(?P<{slot}>{'|'.join(sorted(map(re.escape, map(_normal, names[slot])), key=len, reverse=True))})"
        return rf"(?P<{slot}>\d+)" if slot in ("positive", "total") else f"(?P<{slot}>.+)"

    return _HOLE.sub(hole, re.escape(_normal(text)))


def _identity(slot: str, value: str, language: str) -> str:
    words = pack(language)
    names = {
        "aspect": {_normal(row.name): key for key, row in words.aspects.items()},
        "attribute": {_normal(name): key for key, name in words.attributes.items()},
    }
    return names[slot][value] if slot in names else value


def _normal(text: str) -> str:
    return " ".join(fold(text).split())


# ---------------------------------------------------------------------------------------------- comparing


def _judge(meaning: Meaning, evidence: str, language: str) -> ClaimVerdict:
    if meaning.key == "unknown":
        return "not_checkable"
    passages = [_normal(line.split("]", 1)[1]) for line in evidence.splitlines() if re.match(r"\[\d+\] ", line)]
    if meaning.key == "quote":
        return "grounded" if any(_quoted(meaning.slots["snippet"]) in passage for passage in passages) else "unsupported"
    if meaning.key == "attribute":
        return _attribute(meaning, passages, language)
    if meaning.key in _LEAN:
        return _leaning(meaning, passages, language)
    return _counted(meaning, evidence, language)


def _counted(meaning: Meaning, evidence: str, language: str) -> ClaimVerdict:
    row = dict(_table(evidence, language)).get(_normal(pack(language).aspects[meaning.slots["aspect"]].name))
    if row is None:
        return "unsupported"
    if meaning.key == "counts_positive":
        true = (int(meaning.slots["positive"]), int(meaning.slots["total"])) == (row.positive, opinionated(row))
        return "grounded" if true else "contradicted"
    if meaning.key == band(row):
        return "grounded"
    return "unsupported" if _DIRECTION[meaning.key] == _DIRECTION[band(row)] else "contradicted"  # too strong or weak, or the wrong way


def _table(evidence: str, language: str) -> Iterator[tuple[str, AspectRow]]:
    for line in evidence.splitlines():
        if counts := read_counts(line, language):
            name, positive, neutral, negative = counts
            yield _normal(name), AspectRow(name, positive, neutral, negative, positive + neutral + negative)


def _quoted(snippet: str) -> str:
    return snippet.strip("…. \"'“”„«»「」『』")


def _attribute(meaning: Meaning, passages: Sequence[str], language: str) -> ClaimVerdict:
    name, value = _normal(pack(language).attributes[meaning.slots["attribute"]]), meaning.slots["value"]
    about = [passage for passage in passages if passage.strip().startswith(name)]
    exactly = re.compile(rf"(?<![\w.,]){re.escape(value)}(?![.,]?\w)")  # 2 kg is not in 1.2 kg
    if any(exactly.search(passage) for passage in about):
        return "grounded"
    return "contradicted" if about else "unsupported"


def _leaning(meaning: Meaning, passages: Sequence[str], language: str) -> ClaimVerdict:
    opinions = [opinion for passage in passages if (opinion := _opinion(passage, meaning.slots["aspect"], language))]
    if not opinions:
        return "unsupported"
    lean = (1 if "positive" in opinions else 0) - (1 if "negative" in opinions else 0)
    return "grounded" if lean == _LEAN[meaning.key] else "contradicted"


def _opinion(passage: str, aspect: str, language: str) -> Polarity | None:
    """What a passage says about an aspect: by our own example sentences, else by the words of praise and blame beside its terms."""
    words = pack(language)
    row = words.aspects[aspect]
    for polarity, examples in (("positive", row.positive), ("negative", row.negative)):
        if any(_normal(example) in passage for example in examples):
            return polarity  # type: ignore[return-value]  # the two literals above
    if not any(_normal(term) in passage for term in (*row.terms, row.name)):
        return None
    praise, blame = (sum(_normal(word) in passage for word in words.words[polarity]) for polarity in ("positive", "negative"))
    return None if praise == blame else "positive" if praise > blame else "negative"
