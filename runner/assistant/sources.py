"""Where an answer may come from: product attributes, reviews, and what the community answered before, all as passages.

A passage's number is given later, to those that are retrieved; here it is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from evals.packs import pack
from evals.records import Passage
from evals.store import Catalog
from runner.highlights.segment import segment

Source = Callable[[Catalog, str, str], Iterator[Passage]]


def attributes(catalog: Catalog, product_id: str, tag: str) -> Iterator[Passage]:
    """``name: value``, the name in the question's language; the source id is ``product/attribute``."""
    names = pack(tag).attributes
    for key, value in sorted(catalog.product(product_id).attributes.items()):
        text = f"{names.get(key, key.replace('_', ' '))}: {value}"
        yield Passage(0, "attribute", f"{product_id}/{key}", tag, text, 0, len(text))


def reviews(catalog: Catalog, product_id: str, tag: str) -> Iterator[Passage]:
    """The sentences of the reviews in the question's language, streamed."""
    for review in catalog.reviews(product_id, tag):
        for span in segment(review.text, tag):
            yield Passage(0, "review", review.review_id, tag, span.text, span.start, span.end)


def community(catalog: Catalog, product_id: str, tag: str) -> Iterator[Passage]:
    """Answers to earlier questions in that language; the place is the answer's own text."""
    for question in catalog.questions(product_id, tag):
        if question.answer and question.answer.strip():
            yield Passage(0, "qa", question.question_id, tag, question.answer, 0, len(question.answer))


SOURCES: Mapping[str, Source] = {"attribute": attributes, "qa": community, "review": reviews}
