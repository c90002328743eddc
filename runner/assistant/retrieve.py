"""The passages that may answer a question: BM25 over words, lifted where the aspect or attribute asked about is named.

Two passes over the sources, the first to count and the second to rank, so that memory holds the best few only.
BM25: Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75, with the idf that is never negative (ln(1 + (N - n + 0.5) / (n + 0.5))).
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evals.packs import pack
from evals.records import Passage
from evals.store import Catalog
from evals.text import fold, words
from runner.assistant.sources import SOURCES
from runner.highlights.aspects import finder
from runner.highlights.sentiment import model, polarity

TOP = 5
BUDGETS = {"attribute": 2, "qa": 2, "review": 4}  # at most, of TOP: no source crowds out the others
K1, B = 1.2, 0.75
ASPECT_LIFT, ATTRIBUTE_LIFT = 2.0, 4.0  # added to a score
COVERED = 0.35  # of the question's weight in idf: what shares only "the" and "does" with it does not answer it
STEM = 5  # characters: a long word also counts as its beginning, for languages that inflect


@dataclass(frozen=True)
class Query:
    """A question as terms, with the aspects and attributes it names."""

    language: str
    terms: frozenset[str]
    aspects: tuple[str, ...]
    attributes: frozenset[str]


def query(question: str, tag: str) -> Query:
    """What a question asks for. Raises UnknownIdError for a language that is not ours."""
    asked = fold(question)
    attributes = frozenset(key for key, name in pack(tag).attributes.items() if fold(name) in asked)
    called = [aspect for aspect, row in pack(tag).aspects.items() if fold(row.name) in asked]
    aspects = tuple(dict.fromkeys([*called, *finder(tag).named(question)]))
    return Query(tag, frozenset(terms(question, tag)), aspects, attributes)


def terms(text: str, tag: str) -> list[str]:
    """Words, and the beginnings of long ones.

    >>> terms("Charging cables", "en")
    ['charging', 'charg*', 'cables', 'cable*']
    """
    return [term for word in words(text, tag) for term in ((word, f"{word[:STEM]}*") if len(word) > STEM else (word,))]


def retrieve(catalog: Catalog, product_id: str, asked: Query) -> list[Passage]:
    """At most TOP passages, best first, numbered from 1; each names an aspect or attribute asked for, or covers enough of the question.

    Passages about an aspect asked for carry it, with their polarity.
    """
    counted = _count(catalog, product_id, asked)
    best: list[tuple[float, str, int, Passage]] = []
    for name in SOURCES:
        best += heapq.nlargest(BUDGETS[name], _scored(catalog, product_id, asked, name, counted), key=lambda item: item[:3])
    chosen = sorted(best, key=lambda item: item[:3], reverse=True)[:TOP]
    passages = [passage for *_, passage in chosen]
    return [replace(passage, number=number) for number, passage in enumerate(_coloured(passages, asked), 1)]


@dataclass(frozen=True)
class _Counts:
    length: float
    idf: dict[str, float]

    def covered(self, found: Sequence[str]) -> float:
        """The share of the question's weight that these terms carry."""
        return sum(self.idf[term] for term in self.idf.keys() & set(found)) / (sum(self.idf.values()) or 1.0)


def _count(catalog: Catalog, product_id: str, asked: Query) -> _Counts:
    passages = length = 0
    containing = Counter(dict.fromkeys(asked.terms, 0))  # a word that occurs nowhere weighs most
    for source in SOURCES.values():
        for passage in source(catalog, product_id, asked.language):
            found = terms(passage.text, asked.language)
            passages, length = passages + 1, length + len(found)
            containing.update(asked.terms.intersection(found))
    idf = {term: math.log(1 + (passages - n + 0.5) / (n + 0.5)) for term, n in containing.items()}
    return _Counts(length / max(1, passages) or 1.0, idf)


def _scored(catalog: Catalog, product_id: str, asked: Query, name: str, counted: _Counts) -> Iterator[tuple[float, str, int, Passage]]:
    """Score, then what breaks ties; of the same text only the first."""
    seen: set[int] = set()
    for passage in SOURCES[name](catalog, product_id, asked.language):
        found, lift = terms(passage.text, asked.language), _lift(passage, asked)
        if (lift or counted.covered(found) >= COVERED) and hash(fold(passage.text)) not in seen:
            seen.add(hash(fold(passage.text)))
            yield round(_bm25(found, counted) + lift, 6), passage.source_id, -passage.start, passage


def _bm25(found: Sequence[str], counted: _Counts) -> float:
    norm = K1 * (1 - B + B * len(found) / counted.length)
    times = Counter(term for term in found if term in counted.idf)
    return sum(counted.idf[term] * n * (K1 + 1) / (n + norm) for term, n in times.items())


def _lift(passage: Passage, asked: Query) -> float:
    if passage.source == "attribute":
        return ATTRIBUTE_LIFT if passage.source_id.rpartition("/")[2] in asked.attributes else 0.0
    return ASPECT_LIFT if set(finder(asked.language).named(passage.text)) & set(asked.aspects) else 0.0


def _coloured(passages: Sequence[Passage], asked: Query) -> list[Passage]:
    """Review passages with the aspect asked for and its polarity."""
    values = model(asked.language).values([passage.text for passage in passages], [None] * len(passages))
    return [_about(passage, value, asked) for passage, value in zip(passages, values, strict=True)]


def _about(passage: Passage, value: float, asked: Query) -> Passage:
    named = [aspect for aspect in finder(asked.language).named(passage.text) if aspect in asked.aspects]
    return replace(passage, aspect=named[0], polarity=polarity(value)) if named and passage.source == "review" else passage
