"""What a page needs to draw itself: counts, products that a feature has cases for, one output and its findings.

Reads only, aggregated in SQL, so that pages stay quick however large the store is.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine, distinct, func, or_, select

from evals.records import Feature, Finding, Output
from evals.store import tables
from evals.store.rows import from_row


class CatalogTotals(NamedTuple):
    """What was imported. `products` have at least one review."""

    products: int
    reviews: int
    languages: int


class CoveredProduct(NamedTuple):
    """A product that a feature has cases for."""

    product_id: str
    title: str
    cases: int


class Coverage:
    """Reads only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def totals(self) -> CatalogTotals:
        """Products, reviews and languages of the reviews."""
        t = tables.review.c
        columns = (
            func.count(distinct(t.product_id)).label("products"),
            func.count().label("reviews"),
            func.count(distinct(t.language)).label("languages"),
        )
        with self._engine.connect() as connection:
            return CatalogTotals(**connection.execute(select(*columns)).mappings().one())

    def products(self, feature: Feature, search: str = "", limit: int = 500) -> list[CoveredProduct]:
        """The products with cases of `feature`, those with most cases first; `search` is sought in title and id, without regard to case."""
        case, product = tables.case, tables.product
        columns = (product.c.product_id, product.c.title, func.count().label("cases"))
        query = select(*columns).select_from(case.join(product, product.c.product_id == case.c.product_id))
        query = query.where(case.c.feature == feature).group_by(product.c.product_id, product.c.title)
        if search:
            found = [column.icontains(search, autoescape=True) for column in (product.c.title, product.c.product_id)]
            query = query.where(or_(*found))
        query = query.order_by(func.count().desc(), product.c.product_id).limit(limit)
        with self._engine.connect() as connection:
            return [CoveredProduct(**row) for row in connection.execute(query).mappings()]

    def languages(self, feature: Feature, product_id: str) -> list[str]:
        """In which languages a product has cases of `feature`."""
        t = tables.case.c
        query = select(t.language).distinct().where(t.feature == feature, t.product_id == product_id).order_by(t.language)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def output(self, run_id: str, product_id: str, language: str) -> Output | None:
        """What a run said about a product in a language (the newest, where it said more than one thing); None where it said nothing."""
        case, output = tables.case, tables.output
        query = select(output).select_from(output.join(case, case.c.case_id == output.c.case_id))
        query = query.where(output.c.run_id == run_id, case.c.product_id == product_id, case.c.language == language)
        with self._engine.connect() as connection:
            row = connection.execute(query.order_by(output.c.created_at.desc(), output.c.output_id).limit(1)).mappings().first()
        return None if row is None else from_row(Output, row)

    def findings(self, output_id: str) -> list[Finding]:
        """What the rails found about one output, in the order of its texts."""
        t = tables.finding
        query = select(t).where(t.c.output_id == output_id).order_by(t.c.target, t.c.start, t.c.finding_id)
        with self._engine.connect() as connection:
            return [from_row(Finding, row) for row in connection.execute(query).mappings()]
