"""Judges of claims beside people: what each has scored, how much of it people have decided, and where the two differ most.

Reads only, aggregated in SQL: the first from the rollups of the runs, the others by the labels there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, case, distinct, func, select

from evals.records import DRAWN, Feature
from evals.store import tables

_NOTE, _ITEM, _SCORE, _CLAIM, _CASE = tables.annotation, tables.queue_item, tables.score, tables.claim, tables.case
_WRONG = ("contradicted", "unsupported")


class ScoredClaims(NamedTuple):
    """Claims of one language that a judge under one signature has a value for, and for which it has none."""

    judge: str
    signature: str
    language: str
    measured: int
    missing: int


class ContestedClaim(NamedTuple):
    """A claim that a judge and people see differently. `said`: the judge's value; `people`: the share that finds it grounded, of experts
    alone where one has settled it (`settled`); `votes` of people who could decide."""

    claim_id: str
    text: str
    ordinal: int
    run_id: str
    case_id: str
    feature: Feature
    language: str
    said: float
    detail: Mapping[str, Any]
    people: float
    votes: int
    settled: bool


class Contested:
    """Reads only. A judge is a metric of claims under a signature."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def scored(self, judges: Sequence[str]) -> list[ScoredClaims]:
        """By judge, signature and language, over all runs that were scored to the end."""
        t = tables.rollup.c
        keys = (t.metric.label("judge"), t.signature, t.language)
        query = select(*keys, func.sum(t.measured).label("measured"), func.sum(t.missing).label("missing"))
        query = query.where(t.metric.in_(judges)).group_by(t.metric, t.signature, t.language).order_by(t.metric, t.signature, t.language)
        with self._engine.connect() as connection:
            return [ScoredClaims(**row) for row in connection.execute(query).mappings()]

    def decided(self, judges: Sequence[str]) -> dict[tuple[str, str, str], int]:
        """(judge, signature, language) → claims drawn by chance that have its value and a person's answer: what can certify it."""
        keys = (_SCORE.c.metric, _SCORE.c.signature, _ITEM.c.language)
        joined = _NOTE.join(_ITEM, _ITEM.c.item_id == _NOTE.c.item_id).join(_SCORE, _SCORE.c.subject_id == _ITEM.c.claim_id)
        query = select(*keys, func.count(distinct(_ITEM.c.claim_id))).select_from(joined).group_by(*keys)
        query = query.where(_NOTE.c.deleted.is_(False), _ITEM.c.why.in_(DRAWN), _NOTE.c.verdict.in_(("grounded", *_WRONG)))
        query = query.where(_SCORE.c.metric.in_(judges), _SCORE.c.value.is_not(None))
        with self._engine.connect() as connection:
            return {(row[0], row[1], row[2]): row[3] for row in connection.execute(query)}

    def most(self, judge: str, signature: str, language: str | None = None, limit: int = 50) -> list[ContestedClaim]:
        """The claims on which judge and people differ, most first; None takes all languages."""
        votes = _votes().subquery()
        people = func.coalesce(votes.c.expert, votes.c.share)
        columns = (
            *(_CLAIM.c.claim_id, _CLAIM.c.text, _CLAIM.c.ordinal, _SCORE.c.run_id, _SCORE.c.case_id, _CASE.c.feature, _CASE.c.language),
            *(_SCORE.c.value.label("said"), _SCORE.c.detail, people.label("people"), votes.c.votes),
            votes.c.expert.is_not(None).label("settled"),
        )
        joined = votes.join(_SCORE, _SCORE.c.subject_id == votes.c.claim_id).join(_CLAIM, _CLAIM.c.claim_id == votes.c.claim_id)
        query = select(*columns).select_from(joined.join(_CASE, _CASE.c.case_id == _SCORE.c.case_id))
        apart = func.abs(_SCORE.c.value - people)
        query = query.where(_SCORE.c.metric == judge, _SCORE.c.signature == signature, apart > 0)
        query = query if language is None else query.where(_CASE.c.language == language)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(apart.desc(), _CLAIM.c.claim_id).limit(limit)).mappings()
            return [ContestedClaim(**{**row, "settled": bool(row["settled"])}) for row in rows]


def _votes() -> Select[Any]:
    """Per claim: the share of people, and of experts who settled it, that finds it grounded; "not checkable" is no vote."""
    good = case((_NOTE.c.verdict == "grounded", 1.0), (_NOTE.c.verdict.in_(_WRONG), 0.0), else_=None)
    expert = case((_ITEM.c.why == "adjudication", good), else_=None)
    shares = (func.avg(good).label("share"), func.avg(expert).label("expert"), func.count(good).label("votes"))
    joined = _NOTE.join(_ITEM, _ITEM.c.item_id == _NOTE.c.item_id)
    query = select(_ITEM.c.claim_id, *shares).select_from(joined).where(_NOTE.c.deleted.is_(False), _ITEM.c.claim_id.is_not(None))
    return query.group_by(_ITEM.c.claim_id).having(func.count(good) > 0)
