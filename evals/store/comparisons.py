"""Two runs over the same cases, paired in SQL: means by language and the cases that changed most. Machine scores only."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, case, func, select

from evals.store import tables


class PairedMean(NamedTuple):
    """One metric in one language over the cases both runs have measured: `better` and `worse` count cases of the candidate.

    `sum_squares` is the sum of squared differences, enough for a standard error without the rows.
    """

    metric: str
    language: str
    n: int
    champion: float
    candidate: float
    difference: float
    sum_squares: float
    better: int
    worse: int


class Pair(NamedTuple):
    """One case under both variants: the case's mean value of a metric."""

    case_id: str
    product_id: str
    language: str
    champion: float
    candidate: float
    difference: float


class Comparisons:
    """Reads only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def paired_means(self, champion_run_id: str, candidate_run_id: str) -> list[PairedMean]:
        """By metric and language."""
        pairs = self._pairs(champion_run_id, candidate_run_id).subquery()
        d = pairs.c.difference
        columns = (
            pairs.c.metric,
            pairs.c.language,
            func.count().label("n"),
            func.avg(pairs.c.champion).label("champion"),
            func.avg(pairs.c.candidate).label("candidate"),
            func.avg(d).label("difference"),
            func.sum(d * d).label("sum_squares"),
            func.sum(case((d > 0, 1), else_=0)).label("better"),
            func.sum(case((d < 0, 1), else_=0)).label("worse"),
        )
        query = select(*columns).group_by(pairs.c.metric, pairs.c.language).order_by(pairs.c.metric, pairs.c.language)
        with self._engine.connect() as connection:
            return [PairedMean(**row) for row in connection.execute(query).mappings()]

    def worst_pairs(
        self, champion_run_id: str, candidate_run_id: str, metric: str, language: str | None = None, limit: int = 200
    ) -> list[Pair]:
        """The cases where the candidate lost most, worst first."""
        pairs = self._pairs(champion_run_id, candidate_run_id).subquery()
        query = select(*(pairs.c[name] for name in Pair._fields)).where(pairs.c.metric == metric)
        if language is not None:
            query = query.where(pairs.c.language == language)
        query = query.order_by(pairs.c.difference, pairs.c.case_id).limit(limit)
        with self._engine.connect() as connection:
            return [Pair(**row) for row in connection.execute(query).mappings()]

    def _pairs(self, champion_run_id: str, candidate_run_id: str) -> Select[Any]:
        left, right = _case_means(champion_run_id).subquery("a"), _case_means(candidate_run_id).subquery("b")
        both = left.join(right, (left.c.case_id == right.c.case_id) & (left.c.metric == right.c.metric))
        joined = both.join(tables.case, tables.case.c.case_id == left.c.case_id)
        difference = (right.c.value - left.c.value).label("difference")
        columns = (left.c.metric, left.c.case_id, tables.case.c.product_id, tables.case.c.language)
        return select(*columns, left.c.value.label("champion"), right.c.value.label("candidate"), difference).select_from(joined)


def _case_means(run_id: str) -> Select[Any]:
    t = tables.score.c
    query = select(t.case_id, t.metric, func.avg(t.value).label("value")).where(t.run_id == run_id, t.value.is_not(None))
    return query.group_by(t.case_id, t.metric)
