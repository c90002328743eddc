"""The quotations a summary rests on: per aspect and polarity the best few sentences seen, and the choice among them.

A pool keeps at most KEPT candidates per aspect and polarity however many reviews pass, and pools of parts merge into the pool of the
whole: quality alone decides, ties by hash, never the order of arrival. How old a review is does not matter.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import regex

from evals.bands import band
from evals.identity import sha256
from evals.languages import LANGUAGES
from evals.records import AspectRow, Passage, Polarity, Review
from evals.text import fold, words
from runner.highlights.mentions import Mention, Opinion

KEPT = 16
_ODD = regex.compile(r"https?:|www\.|[<>{}\[\]|#*_~^\\]|\n|(.)\1{4,}")
_END = regex.compile(r"[.!?…。！？؟।॥][\"'”’»」』)\]]*$")


@dataclass(frozen=True)
class Candidate:
    """A sentence that could be quoted: ``text == review.text[start:end]``."""

    review_id: str
    language: str
    aspect: str
    polarity: Polarity
    text: str
    start: int
    end: int
    quality: float

    @cached_property
    def rank(self) -> tuple[float, str]:
        """Higher is better; the hash breaks ties in a way nobody can steer by the order of import."""
        return (self.quality, sha256(f"{self.review_id} {self.start} {self.aspect}"))

    def passage(self, number: int) -> Passage:
        return Passage(number, "review", self.review_id, self.language, self.text, self.start, self.end, self.aspect, self.polarity)


@dataclass
class SnippetPool:
    """The best candidates per aspect and polarity; of the same words, one."""

    language: str
    best: dict[tuple[str, Polarity], dict[str, Candidate]] = field(default_factory=dict)

    def add(self, review: Review, opinions: Iterable[Opinion]) -> None:
        """Offer the sentences of a review."""
        for opinion in opinions:
            for mention in opinion.mentions:
                self._offer(candidate(review, mention, self.language))

    def merge(self, other: SnippetPool) -> SnippetPool:
        """The pool of both sets of reviews."""
        merged = SnippetPool(self.language)
        for pool in (self, other):
            for kept in pool.best.values():
                for some in kept.values():
                    merged._offer(some)
        return merged

    def of(self, aspect: str, polarity: Polarity) -> list[Candidate]:
        """At most KEPT, best first."""
        return sorted(self.best.get((aspect, polarity), {}).values(), key=lambda some: some.rank, reverse=True)[:KEPT]

    def _offer(self, new: Candidate) -> None:
        kept = self.best.setdefault((new.aspect, new.polarity), {})
        words = fold(new.text)
        if words not in kept or new.rank > kept[words].rank:
            kept[words] = new
        if len(kept) > 2 * KEPT:  # trimmed now and then: once a candidate would be log time each
            self.best[new.aspect, new.polarity] = _trimmed(kept)


def _trimmed(kept: dict[str, Candidate]) -> dict[str, Candidate]:
    return dict(heapq.nlargest(KEPT, kept.items(), key=lambda item: item[1].rank))


def candidate(review: Review, mention: Mention, tag: str) -> Candidate:
    """A mention as something to quote."""
    value = quality(mention, tag)
    return Candidate(review.review_id, tag, mention.aspect, mention.polarity, mention.text, mention.start, mention.end, value)


def quality(mention: Mention, tag: str) -> float:
    """How well a sentence serves as a quotation, 0 to 1: it names the aspect, is about nothing else, clear in sentiment, of good length,
    a whole sentence, and without links and markup. Contact data is left to the rails, which leave a finding."""
    value = (
        0.3 * mention.term
        + 0.15 * (not mention.shared)
        + 0.2 * (min(1.0, abs(mention.value) / 1.5) if mention.polarity != "neutral" else 0.5)
        + 0.25 * _length(mention.text, tag)
        + 0.1 * bool(_END.search(mention.text))
    )
    return round(value * (0.3 if _ODD.search(mention.text) else 1.0), 6)


def _length(text: str, tag: str) -> float:
    """1 for 30 to 110 code points, falling to 0 at none and at 300; a script without spaces needs 0.4 of that."""
    size = len(text) / (0.4 if LANGUAGES[tag].words == "characters" else 1.0)
    return size / 30 if size < 30 else 1.0 if size <= 110 else max(0.0, (300 - size) / 190)


# ---------------------------------------------------------------------------------------------- choosing


def choose(pool: SnippetPool, rows: Sequence[AspectRow], limit: int, refused: Collection[Candidate] = ()) -> list[Candidate]:
    """One candidate a row, of its majority's polarity; then, while there is room, the other side of rows whose opinions are mixed.

    No text twice, and no review twice where another candidate exists; candidates in `refused` are passed over.
    """
    chosen: list[Candidate] = []
    wanted = [(row, majority(row)) for row in rows]
    wanted += [(row, _other(majority(row))) for row in rows if band(row) == "mixed"]
    for row, side in wanted:
        some = _best([c for c in pool.of(row.aspect, side) if c not in refused], chosen)
        if some and len(chosen) < limit:
            chosen.append(some)
    place = {row.aspect: number for number, row in enumerate(rows)}
    return sorted(chosen, key=lambda some: place[some.aspect])


def majority(row: AspectRow) -> Polarity:
    """The side most reviews take; positive on a tie, neutral where nobody takes one."""
    if row.positive == row.negative == 0:
        return "neutral"
    return "positive" if row.positive >= row.negative else "negative"


def _other(side: Polarity) -> Polarity:
    return "negative" if side == "positive" else "positive"


def _best(candidates: Sequence[Candidate], chosen: Sequence[Candidate]) -> Candidate | None:
    texts, reviews = {fold(some.text) for some in chosen}, {some.review_id for some in chosen}
    fresh = [some for some in candidates if fold(some.text) not in texts]
    first = [some for some in fresh if some.review_id not in reviews] or fresh
    return max(first, key=lambda some: (round(some.quality + 0.2 * _typical(some, first), 6), some.rank), default=None)


def _typical(some: Candidate, among: Sequence[Candidate]) -> float:
    """The mean share of its words that the other candidates use too: what many say is what is quoted."""
    others = [set(words(other.text, other.language)) for other in among if other is not some]
    mine = set(words(some.text, some.language))
    return sum(len(mine & other) for other in others) / (len(others) * len(mine)) if others and mine else 0.0
