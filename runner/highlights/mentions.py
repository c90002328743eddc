"""What one review says of each aspect: sentences with offsets, and one polarity per aspect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from evals.records import Polarity, Review
from evals.store.rows import batches
from evals.text import Span
from runner.highlights.aspects import AspectHit, finder
from runner.highlights.segment import clauses, segment
from runner.highlights.sentiment import model, polarity

CHUNK = 256  # reviews read at a time: the models are fast in batches, and memory stays flat


@dataclass(frozen=True)
class Mention:
    """One sentence about one aspect: ``text == review.text[start:end]``.

    `value` is the sentiment's, its sign and size; `term`: a word of the language pack names the aspect; `shared`: the sentence
    is about other aspects too.
    """

    aspect: str
    text: str
    start: int
    end: int
    value: float
    term: bool
    shared: bool

    @property
    def polarity(self) -> Polarity:
        return polarity(self.value)


@dataclass(frozen=True)
class Opinion:
    """What one review says of one aspect: the unit that is counted, so that long reviews weigh no more than short ones."""

    aspect: str
    polarity: Polarity
    mentions: tuple[Mention, ...]


def opinions(reviews: Iterable[Review], tag: str) -> Iterator[tuple[Review, list[Opinion]]]:
    """Each review with its opinions, in order, streamed. Raises UnknownIdError for a language that is not ours."""
    for chunk in batches(reviews, CHUNK):
        mentions = _mentions(chunk, tag)
        yield from ((review, _opinions(found)) for review, found in zip(chunk, mentions, strict=True))


def _mentions(reviews: Sequence[Review], tag: str) -> list[list[Mention]]:
    spans = [(number, span) for number, review in enumerate(reviews) for span in segment(review.text, tag)]
    hits = finder(tag).find([span.text for _, span in spans])
    about = [(number, span, hit, len(found) > 1) for (number, span), found in zip(spans, hits, strict=True) for hit in found]
    values = _values(about, reviews, tag)
    grouped: list[list[Mention]] = [[] for _ in reviews]
    for (number, span, hit, shared), value in zip(about, values, strict=True):
        grouped[number].append(Mention(hit.aspect, span.text, span.start, span.end, value, hit.term, shared))
    return grouped


def _values(about: Sequence[tuple[int, Span, AspectHit, bool]], reviews: Sequence[Review], tag: str) -> list[float]:
    """Of a sentence about several aspects, the clause counts half: "great sound, poor battery"."""
    ratings = [reviews[number].rating for number, *_ in about]
    values = model(tag).values([span.text for _, span, _, _ in about], ratings)
    places = [place for place, (*_, shared) in enumerate(about) if shared]
    clause_values = model(tag).values([_clause(about[place][1], about[place][2]) for place in places], [ratings[place] for place in places])
    for place, value in zip(places, clause_values, strict=True):
        values[place] = round((values[place] + value) / 2, 6)
    return values


def _clause(span: Span, hit: AspectHit) -> str:
    place = span.start + hit.start
    return next((clause.text for clause in clauses(span) if clause.start <= place < clause.end), span.text)


def _opinions(mentions: Sequence[Mention]) -> list[Opinion]:
    by_aspect: dict[str, list[Mention]] = {}
    for mention in mentions:
        by_aspect.setdefault(mention.aspect, []).append(mention)
    return [Opinion(aspect, _verdict(some), tuple(some)) for aspect, some in by_aspect.items()]


def _verdict(mentions: Sequence[Mention]) -> Polarity:
    """More positive than negative sentences, or the other way round; as many of both is neutral."""
    signs = [mention.polarity for mention in mentions]
    positive, negative = signs.count("positive"), signs.count("negative")
    return "positive" if positive > negative else "negative" if negative > positive else "neutral"
