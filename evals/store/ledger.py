"""Decisions, promotions and the audit log. Nothing here is ever changed or removed."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from sqlalchemy import Engine, func, select

from evals.errors import UnknownIdError
from evals.records import AuditEvent, Decision, Delivery, Feature, Promotion
from evals.store import tables
from evals.store.audit import append
from evals.store.rows import from_row, insert_missing


class Ledger:
    """Append-only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_decision(self, decision: Decision) -> None:
        """Store a decision; the same one twice is one."""
        with self._engine.begin() as connection:
            insert_missing(connection, tables.decision, [decision])

    def decision(self, decision_id: str) -> Decision:
        """Raises UnknownIdError."""
        t = tables.decision
        with self._engine.connect() as connection:
            row = connection.execute(select(t).where(t.c.decision_id == decision_id)).mappings().first()
        if row is None:
            raise UnknownIdError(f"no decision {decision_id!r} is stored")
        return from_row(Decision, row)

    def decisions(self, feature: Feature | None = None) -> list[Decision]:
        """Newest first."""
        t = tables.decision
        query = select(t).order_by(t.c.created_at.desc(), t.c.decision_id)
        if feature is not None:
            query = query.where(t.c.feature == feature)
        with self._engine.connect() as connection:
            return [from_row(Decision, row) for row in connection.execute(query).mappings()]

    def readings(self, champion_run_id: str, candidate_run_id: str) -> list[Decision]:
        """Every decision about these two runs, newest first."""
        t = tables.decision
        query = select(t).where(t.c.champion_run_id == champion_run_id, t.c.candidate_run_id == candidate_run_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(t.c.created_at.desc(), t.c.decision_id)).mappings()
            return [from_row(Decision, row) for row in rows]

    # ------------------------------------------------------------------ who serves
    def add_promotion(self, promotion: Promotion, event: AuditEvent, messages: Sequence[Delivery] = ()) -> bool:
        """Change the champion, write it into the audit log and put what others are told into the outbox: all or nothing. False, and nothing
        is written, where `promotion.number` is taken: somebody changed something since it was read."""
        with self._engine.begin() as connection:
            if not insert_missing(connection, tables.promotion, [promotion]):
                return False
            append(connection, event)
            insert_missing(connection, tables.delivery, messages)
        return True

    def last_number(self) -> int:
        """The newest change of any champion, 0 before the first."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.max(tables.promotion.c.number))).scalar() or 0)

    def promotions(self, feature: Feature, marketplace: str | None = None) -> list[Promotion]:
        """Newest first, of all marketplaces or of one (``all`` is one of its own)."""
        t = tables.promotion
        query = select(t).where(t.c.feature == feature).order_by(t.c.number.desc())
        query = query if marketplace is None else query.where(t.c.marketplace == marketplace)
        with self._engine.connect() as connection:
            return [from_row(Promotion, row) for row in connection.execute(query).mappings()]

    # ------------------------------------------------------------------ who did what
    def add_event(self, event: AuditEvent) -> None:
        with self._engine.begin() as connection:
            append(connection, event)

    def events(self, limit: int = 200) -> list[AuditEvent]:
        """Newest first."""
        t = tables.audit_event
        with self._engine.connect() as connection:
            return [from_row(AuditEvent, row) for row in connection.execute(select(t).order_by(t.c.number.desc()).limit(limit)).mappings()]

    def chain(self) -> Generator[AuditEvent, None, None]:
        """The whole audit log, oldest first, streamed."""
        t = tables.audit_event
        with self._engine.connect().execution_options(yield_per=500) as connection:
            for row in connection.execute(select(t).order_by(t.c.number)).mappings():
                yield from_row(AuditEvent, row)
