"""Products, reviews, questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Engine, Table, func, select

from evals.errors import UnknownIdError
from evals.records import Product, Question, Review
from evals.store import tables
from evals.store.rows import batches, from_row, insert_missing


class ReviewCount(NamedTuple):
    """How many reviews a product has in a language."""

    product_id: str
    language: str
    reviews: int


class Catalog:
    """What the features talk about."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_products(self, products: Iterable[Product]) -> int:
        """Store the products not there yet; how many were new. The first description of a product stays."""
        return self._add(tables.product, products)

    def add_reviews(self, reviews: Iterable[Review]) -> int:
        """Store the reviews not there yet, 500 a transaction; how many were new. Their products must be there."""
        return self._add(tables.review, reviews)

    def add_questions(self, questions: Iterable[Question]) -> int:
        """Store the questions not there yet; how many were new."""
        return self._add(tables.question, questions)

    def _add(self, table: Table, records: Iterable[Product | Review | Question]) -> int:
        new = 0
        for batch in batches(records):
            with self._engine.begin() as connection:
                new += insert_missing(connection, table, batch)
        return new

    def product(self, product_id: str) -> Product:
        """Raises UnknownIdError."""
        with self._engine.connect() as connection:
            row = connection.execute(select(tables.product).where(tables.product.c.product_id == product_id)).mappings().first()
        if row is None:
            raise UnknownIdError(f"no product {product_id!r} is stored")
        return from_row(Product, row)

    def products(self) -> list[Product]:
        """All products, by id."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(tables.product).order_by(tables.product.c.product_id)).mappings()
            return [from_row(Product, row) for row in rows]

    def review_counts(self) -> list[ReviewCount]:
        """Reviews per product and language, in SQL, by product and language."""
        columns = (tables.review.c.product_id, tables.review.c.language)
        query = select(*columns, func.count().label("reviews")).group_by(*columns).order_by(*columns)
        with self._engine.connect() as connection:
            return [ReviewCount(**row) for row in connection.execute(query).mappings()]

    def review_ids(self, product_id: str, language: str) -> list[str]:
        """Sorted ids only: what a case's hash is made from."""
        t = tables.review.c
        query = select(t.review_id).where(t.product_id == product_id, t.language == language).order_by(t.review_id)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def reviews(self, product_id: str, language: str | None = None) -> Iterator[Review]:
        """A product's reviews by id, streamed: a product with a million of them fits."""
        query = select(tables.review).where(tables.review.c.product_id == product_id).order_by(tables.review.c.review_id)
        if language is not None:
            query = query.where(tables.review.c.language == language)
        with self._engine.connect().execution_options(yield_per=1000) as connection:
            for row in connection.execute(query).mappings():
                yield from_row(Review, row)

    def review(self, review_id: str) -> Review:
        """Raises UnknownIdError."""
        with self._engine.connect() as connection:
            row = connection.execute(select(tables.review).where(tables.review.c.review_id == review_id)).mappings().first()
        if row is None:
            raise UnknownIdError(f"no review {review_id!r} is stored")
        return from_row(Review, row)

    def questions(self, product_id: str | None = None, language: str | None = None) -> list[Question]:
        """Questions by id, of one product and language where named."""
        query = select(tables.question).order_by(tables.question.c.question_id)
        if product_id is not None:
            query = query.where(tables.question.c.product_id == product_id)
        if language is not None:
            query = query.where(tables.question.c.language == language)
        with self._engine.connect() as connection:
            return [from_row(Question, row) for row in connection.execute(query).mappings()]
