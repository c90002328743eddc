"""Judges' certificates and retests, their bill, their preferences; what people say of the rails' findings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, case, func, select

from evals.errors import UnknownIdError
from evals.records import Certificate, FindingReview, JudgeCall, Preference, Retest
from evals.store import tables
from evals.store.rows import Record, batches, from_row, insert_missing, upsert


class Spent(NamedTuple):
    """What one judge cost for one purpose. `usd` None where a call had no price; tokens are those that were counted."""

    judge: str
    purpose: str
    calls: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    usd: float | None


class Judging:
    """Append-only, but for the newest word of a person on a finding."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ------------------------------------------------------------------ certificates
    def add_certificates(self, certificates: Iterable[Certificate]) -> int:
        """How many were new; one certificate twice is one."""
        return self._add(tables.certificate, certificates)

    def certificate(self, certificate_id: str) -> Certificate:
        """Raises UnknownIdError."""
        t = tables.certificate
        found = self._all(Certificate, select(t).where(t.c.certificate_id == certificate_id))
        if not found:
            raise UnknownIdError(f"no certificate {certificate_id!r} is stored")
        return found[0]

    def certificates(self, judge: str | None = None) -> list[Certificate]:
        """By judge and language, newest first."""
        t = tables.certificate
        query = select(t).order_by(t.c.judge, t.c.language, t.c.created_at.desc(), t.c.certificate_id)
        return self._all(Certificate, query if judge is None else query.where(t.c.judge == judge))

    def add_retests(self, retests: Iterable[Retest]) -> int:
        return self._add(tables.retest, retests)

    def retests(self, certificate_id: str | None = None) -> list[Retest]:
        """Newest first."""
        t = tables.retest
        query = select(t).order_by(t.c.created_at.desc(), t.c.retest_id)
        return self._all(Retest, query if certificate_id is None else query.where(t.c.certificate_id == certificate_id))

    # ------------------------------------------------------------------ the bill
    def add_calls(self, calls: Iterable[JudgeCall]) -> int:
        return self._add(tables.judge_call, calls)

    def spent(self) -> list[Spent]:
        """Summed in SQL, by judge and purpose."""
        t = tables.judge_call.c
        unknown = func.sum(case((t.usd.is_(None), 1), else_=0))
        columns = (
            t.judge,
            t.purpose,
            func.count().label("calls"),
            func.count(t.error).label("failed"),
            func.coalesce(func.sum(t.prompt_tokens), 0).label("prompt_tokens"),
            func.coalesce(func.sum(t.completion_tokens), 0).label("completion_tokens"),
            func.sum(t.seconds).label("seconds"),
            case((unknown == 0, func.sum(t.usd)), else_=None).label("usd"),
        )
        with self._engine.connect() as connection:
            rows = connection.execute(select(*columns).group_by(t.judge, t.purpose).order_by(t.judge, t.purpose)).mappings()
            return [Spent(**row) for row in rows]

    # ------------------------------------------------------------------ pairs
    def add_preferences(self, preferences: Iterable[Preference]) -> int:
        return self._add(tables.preference, preferences)

    def preferences(self, judge: str | None = None, signature: str | None = None) -> list[Preference]:
        """By case and outputs."""
        t = tables.preference
        query = select(t).order_by(t.c.case_id, t.c.output_id, t.c.other_output_id, t.c.preference_id)
        for column, wanted in ((t.c.judge, judge), (t.c.signature, signature)):
            query = query if wanted is None else query.where(column == wanted)
        return self._all(Preference, query)

    # ------------------------------------------------------------------ people on rails
    def review_findings(self, reviews: Iterable[FindingReview]) -> None:
        """A person's newest word on a finding replaces the one before. Raises UnknownIdError for a finding that is not stored."""
        rows = list(reviews)
        with self._engine.begin() as connection:
            for batch in batches(rows):
                wanted = {row.finding_id for row in batch}
                stored = tables.finding.c.finding_id
                known = set(connection.execute(select(stored).where(stored.in_(wanted))).scalars())
                if wanted - known:
                    raise UnknownIdError(f"no finding {min(wanted - known)!r} is stored")
                upsert(connection, tables.finding_review, batch)

    def finding_reviews(self) -> list[FindingReview]:
        """By finding and reviewer."""
        t = tables.finding_review
        return self._all(FindingReview, select(t).order_by(t.c.finding_id, t.c.reviewer))

    def _add(self, table: Any, records: Iterable[Any]) -> int:
        with self._engine.begin() as connection:
            return sum(insert_missing(connection, table, batch) for batch in batches(records))

    def _all(self, kind: type[Record], query: Select[Any]) -> list[Record]:
        with self._engine.connect() as connection:
            return [from_row(kind, row) for row in connection.execute(query).mappings()]
