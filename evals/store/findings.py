"""What the rails found, counted by rail, language and action, listed with its case, and what people said of it.

Reads only, aggregated in SQL; a finding is written with its output (`runs.add_outputs`), a word on it by `judging.review_findings`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, FromClause, Select, case, distinct, func, select, text

from evals.errors import UnknownIdError
from evals.records import Action, Feature, Finding
from evals.store import tables
from evals.store.rows import from_row


class HitCount(NamedTuple):
    """Findings of one rail in one language with one action, and in how many outputs."""

    rail: str
    language: str
    target: str
    action: Action
    hits: int
    outputs: int


class Found(NamedTuple):
    """A finding with the case it was made in, and how many people say that it is right and wrong."""

    finding: Finding
    run_id: str
    case_id: str
    feature: Feature
    language: str
    right: int
    wrong: int


class Judged(NamedTuple):
    """Findings of a rail in a language that people looked at. `wrong`: most say so; `divided`: as many as say that it is right."""

    rail: str
    language: str
    findings: int
    wrong: int
    divided: int


class Findings:
    """Reads only. `run_id` None means all runs of the feature, None of that all features."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self, feature: Feature | None = None, run_id: str | None = None) -> list[HitCount]:
        """By rail, language, target and action."""
        f, c = tables.finding.c, tables.case.c
        keys = (f.rail, c.language, f.target, f.action)
        sums = (func.count().label("hits"), func.count(distinct(f.output_id)).label("outputs"))
        query = select(*keys, *sums).select_from(_joined()).where(*_where(feature, run_id)).group_by(*keys).order_by(*keys)
        with self._engine.connect() as connection:
            return [HitCount(**row) for row in connection.execute(query).mappings()]

    def rows(
        self,
        feature: Feature | None = None,
        run_id: str | None = None,
        *,
        rail: str | None = None,
        language: str | None = None,
        action: str | None = None,
        limit: int = 200,
    ) -> list[Found]:
        """Those that fewest people looked at first, then the newest."""
        wanted = ((tables.finding.c.rail, rail), (tables.case.c.language, language), (tables.finding.c.action, action))
        query = _found().where(*_where(feature, run_id), *(column == value for column, value in wanted if value is not None))
        order = (text("looked_at"), tables.output.c.created_at.desc(), tables.finding.c.finding_id)
        with self._engine.connect() as connection:
            return [_read(row) for row in connection.execute(query.order_by(*order).limit(limit)).mappings()]

    def one(self, finding_id: str) -> Found:
        """Raises UnknownIdError."""
        with self._engine.connect() as connection:
            row = connection.execute(_found().where(tables.finding.c.finding_id == finding_id)).mappings().first()
        if row is None:
            raise UnknownIdError(f"no finding {finding_id!r} is stored")
        return _read(row)

    def judged(self) -> list[Judged]:
        """By rail and language, whatever the run: one finding counts once, however many people looked at it."""
        words, f, c = _said(), tables.finding.c, tables.case.c
        columns = (
            f.rail,
            c.language,
            func.count().label("findings"),
            func.sum(case((words.c.wrong > words.c.right, 1), else_=0)).label("wrong"),
            func.sum(case((words.c.wrong == words.c.right, 1), else_=0)).label("divided"),
        )
        joined = _joined().join(words, words.c.finding_id == f.finding_id)
        query = select(*columns).select_from(joined).group_by(f.rail, c.language).order_by(f.rail, c.language)
        with self._engine.connect() as connection:
            return [Judged(**row) for row in connection.execute(query).mappings()]


def _joined() -> FromClause:
    output, finding = tables.output, tables.finding
    return finding.join(output, output.c.output_id == finding.c.output_id).join(tables.case, tables.case.c.case_id == output.c.case_id)


def _where(feature: Feature | None, run_id: str | None) -> list[ColumnElement[bool]]:
    wanted = ((tables.case.c.feature, feature), (tables.output.c.run_id, run_id))
    return [column == value for column, value in wanted if value is not None]


def _said() -> Any:
    """Per finding, how many say right and wrong."""
    t = tables.finding_review.c
    right = func.sum(case((t.right, 1), else_=0))
    return select(t.finding_id, right.label("right"), (func.count() - right).label("wrong")).group_by(t.finding_id).subquery("said")


def _found() -> Select[Any]:
    words, o, c = _said(), tables.output.c, tables.case.c
    told = [func.coalesce(words.c[name], 0).label(name) for name in ("right", "wrong")]
    looked_at = func.coalesce(words.c.right + words.c.wrong, 0).label("looked_at")
    joined = _joined().outerjoin(words, words.c.finding_id == tables.finding.c.finding_id)
    return select(tables.finding, o.run_id, o.case_id, c.feature, c.language, *told, looked_at).select_from(joined)


def _read(row: Any) -> Found:
    others = {name: row[name] for name in Found._fields if name != "finding"}
    return Found(from_row(Finding, row), **others)
