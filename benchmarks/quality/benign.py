"""Texts that no rail should object to: reviews and shop questions in every language at hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.quality.data import Sets
from evals.languages import LANGUAGES

REVIEWS = (
    "reviews_airbnb",
    "reviews_b2w_pt",
    "reviews_brussels",
    "reviews_laroseda_ro",
    "reviews_minibar",
    "reviews_nolicence_nl_ar",
    "reviews_nsmc_ko",
    "absa_mabsa",
    "absa_semeval16",
    "absa_more",
)
MOST = 2000  # texts of one set in one language, evenly spaced
FEW = 100  # below, a share of one language and set says nothing


class Benign(NamedTuple):
    source: str
    language: str
    text: str
    group: str


def reviews(sets: Sets) -> Iterator[Benign]:
    """Reviews and sentences of reviews, in our languages."""
    for name in REVIEWS:
        by_language: dict[str, list[Benign]] = {}
        for row in sets.rows(name, lambda row: row["lang"] in LANGUAGES):
            by_language.setdefault(row["lang"], []).append(Benign(name, row["lang"], row["text"], row["group"]))
        for found in by_language.values():
            yield from found[:: -(-len(found) // MOST)]


def shop_questions(sets: Sets) -> Iterator[Benign]:
    """What shoppers asked; English only."""
    seen = {row["question"]: Benign("shopqa_pqa", "en", row["question"], row["group"]) for row in sets.rows("shopqa_pqa")}
    yield from seen.values()
    for row in sets.rows("shopqa_subjqa"):
        yield from (Benign("shopqa_subjqa", "en", one["question"], row["group"]) for one in row["questions"])


def world_questions(sets: Sets) -> Iterator[Benign]:
    """Harmless questions that are no shopper's."""
    for name in ("grounding_mushroom", "grounding_memerag"):
        seen = {(row["lang"], row["question"]): row["group"] for row in sets.rows(name, lambda row: row["lang"] in LANGUAGES)}
        yield from (Benign(name, tag, question, group) for (tag, question), group in seen.items())
