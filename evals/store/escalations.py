"""Customers' reports, and what they hide.

An output is hidden while an escalation about it is open, and for good when one was resolved as *withdrawn*. So is every other output that
says the same text about the same thing (product and language; for the assistant also the question): a run made again must not bring
back what was reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine, Select, and_, or_, select, update

from evals.errors import UnknownIdError
from evals.records import AuditEvent, Case, Escalation, Feature
from evals.store import tables
from evals.store.audit import append
from evals.store.rows import Record, batches, from_row, insert_missing


class Escalations:
    """Reports by id; nothing is ever removed, only resolved."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, escalation: Escalation, event: AuditEvent | None = None) -> bool:
        """Store a report, which hides its output at once; whether it was new. `event` goes into the audit log with it, both or neither."""
        with self._engine.begin() as connection:
            new = bool(insert_missing(connection, tables.escalation, [escalation]))
            if new and event is not None:
                append(connection, event)
        return new

    def resolve(
        self, escalation_id: str, resolution: str, now: str, *, withdrawn: bool = False, event: AuditEvent | None = None
    ) -> Escalation:
        """Close an open escalation; one that is closed stays as it was, without another `event`. The stored one.

        Raises UnknownIdError."""
        t = tables.escalation
        closing = update(t).where(t.c.escalation_id == escalation_id, t.c.resolved_at.is_(None))
        with self._engine.begin() as connection:
            closed = connection.execute(closing.values(resolved_at=now, resolution=resolution, withdrawn=withdrawn)).rowcount
            if closed and event is not None:
                append(connection, event)
        return self.escalation(escalation_id)

    def escalation(self, escalation_id: str) -> Escalation:
        """Raises UnknownIdError."""
        found = self._all(Escalation, select(tables.escalation).where(tables.escalation.c.escalation_id == escalation_id))
        if not found:
            raise UnknownIdError(f"no escalation {escalation_id!r} is stored")
        return found[0]

    def all(self, feature: Feature | None = None) -> list[Escalation]:
        """Oldest first."""
        t = tables.escalation
        query = select(t).order_by(t.c.created_at, t.c.escalation_id)
        return self._all(Escalation, query if feature is None else query.where(t.c.feature == feature))

    def open(self, output_id: str | None = None) -> list[Escalation]:
        """Those that nobody resolved, oldest first, of all outputs or of one."""
        t = tables.escalation
        query = select(t).where(t.c.resolved_at.is_(None)).order_by(t.c.created_at, t.c.escalation_id)
        return self._all(Escalation, query if output_id is None else query.where(t.c.output_id == output_id))

    def regression_cases(self, feature: Feature) -> list[Case]:
        """Every case ever reported, as it was then, by product, language and id."""
        t = tables.case
        reported = select(tables.escalation.c.case_id).where(tables.escalation.c.feature == feature)
        return self._all(Case, select(t).where(t.c.case_id.in_(reported)).order_by(t.c.product_id, t.c.language, t.c.case_id))

    def hidden(self, output_ids: Iterable[str]) -> set[str]:
        """Those of the outputs that may not be shown."""
        return set(self.hiding(output_ids))

    def hiding(self, output_ids: Iterable[str]) -> dict[str, list[Escalation]]:
        """Output id → the escalations that hide it, oldest first; outputs that nothing hides are left out."""
        found: dict[str, list[Escalation]] = defaultdict(list)
        with self._engine.connect() as connection:
            for batch in batches(output_ids):
                for row in connection.execute(_hiding(batch)).mappings():
                    found[row["hidden_id"]].append(from_row(Escalation, row))
        return dict(found)

    def asked(self, claim_ids: Iterable[str]) -> dict[str, int]:
        """Those of the claims that are before people because of a report, and how many people each is put before."""
        t, found = tables.queue_item.c, dict[str, int]()
        with self._engine.connect() as connection:
            for batch in batches(claim_ids):
                query = select(t.subject_id, t.overlap).where(t.subject_id.in_(batch), t.why == "escalated")
                found |= {row.subject_id: row.overlap for row in connection.execute(query)}
        return found

    def _all(self, kind: type[Record], query: Select[Any]) -> list[Record]:
        with self._engine.connect() as connection:
            return [from_row(kind, row) for row in connection.execute(query).mappings()]


def _hiding(output_ids: list[str]) -> Select[Any]:
    """Each of the outputs beside every escalation, still in force, about it or about the same text."""
    e, mine, theirs = tables.escalation, tables.output.alias("mine"), tables.output.alias("theirs")
    case, reported = tables.case.alias("case_of_mine"), tables.case.alias("case_of_theirs")
    same_place = and_(*(reported.c[name] == case.c[name] for name in ("product_id", "language", "feature")))
    # reviews that came since make another case of the same highlights; another question is about something else
    same_thing = or_(reported.c.case_id == case.c.case_id, case.c.feature == "highlights")
    in_force = or_(e.c.resolved_at.is_(None), e.c.withdrawn.is_(True))
    joined = (
        mine.join(case, case.c.case_id == mine.c.case_id)
        .join(reported, and_(same_place, same_thing))
        .join(e, and_(e.c.case_id == reported.c.case_id, in_force))
        .join(theirs, theirs.c.output_id == e.c.output_id)
    )
    same = or_(mine.c.output_id == theirs.c.output_id, mine.c.text == theirs.c.text)
    query = select(mine.c.output_id.label("hidden_id"), *e.c).select_from(joined).where(mine.c.output_id.in_(output_ids), same)
    return query.order_by(mine.c.output_id, e.c.created_at, e.c.escalation_id)
