"""Decisions, promotions and the audit log. Nothing here is ever changed or removed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, select

from evals.errors import UnknownIdError
from evals.records import AuditEvent, Decision, Feature, Promotion
from evals.store import tables
from evals.store.rows import from_row, insert_missing, to_row


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

    def add_promotion(self, promotion: Promotion, event: AuditEvent) -> None:
        """Change the champion and write it into the audit log, both or neither."""
        with self._engine.begin() as connection:
            connection.execute(tables.promotion.insert().values(**to_row(promotion)))
            connection.execute(tables.audit_event.insert().values(**to_row(event)))

    def promotions(self, feature: Feature) -> Sequence[Promotion]:
        """Newest first; the first is in service."""
        t = tables.promotion
        query = select(t).where(t.c.feature == feature).order_by(t.c.row_id.desc())
        with self._engine.connect() as connection:
            return [from_row(Promotion, row) for row in connection.execute(query).mappings()]

    def add_event(self, event: AuditEvent) -> None:
        with self._engine.begin() as connection:
            connection.execute(tables.audit_event.insert().values(**to_row(event)))

    def events(self, limit: int = 200) -> list[AuditEvent]:
        """Newest first."""
        t = tables.audit_event
        with self._engine.connect() as connection:
            return [from_row(AuditEvent, row) for row in connection.execute(select(t).order_by(t.c.row_id.desc()).limit(limit)).mappings()]
