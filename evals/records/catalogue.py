"""What is reviewed, by whom, and what shoppers ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Product:
    """Something reviews are about. `attributes` maps an attribute id (``color``, ``weight`` …) to its value as shown."""

    product_id: str
    title: str
    category: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Review:
    """One customer's text, kept exactly as it came so that offsets into it stay true.

    id = hash(product_id, source_id, title, text, rating, date). `language`: a primary tag, maybe of a language we do not serve, or ``und``;
    `language_source` says who named it: ``declared`` by the file or ``identified`` by us. `rating` is scaled to 1..5.
    """

    review_id: str
    product_id: str
    language: str
    text: str
    title: str | None = None
    rating: float | None = None
    date: str | None = None
    source_id: str | None = None
    language_source: Literal["declared", "identified"] = "declared"


@dataclass(frozen=True)
class Question:
    """A shopper's question about a product, with the community's answer where one exists. id = hash(all other fields)."""

    question_id: str
    product_id: str
    language: str
    text: str
    answer: str | None = None
