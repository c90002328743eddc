"""The outbox of webhooks: what is still to be told to whom. Written with what it tells of (`Ledger.add_promotion`); kept when told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, Select, select, update

from evals.records import Delivery
from evals.store import tables
from evals.store.rows import from_row

t = tables.delivery


class Deliveries:
    """Messages by the order in which they were written."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Delivery]:
        """Newest first."""
        return self._all(select(t).order_by(t.c.created_at.desc(), t.c.delivery_id))

    def due(self, now: str, most_attempts: int | None = None) -> list[Delivery]:
        """Not delivered and due by `now`, oldest first; with `most_attempts` those that were tried less often only."""
        query = select(t).where(t.c.delivered_at.is_(None), t.c.due_at <= now).order_by(t.c.created_at, t.c.delivery_id)
        return self._all(query if most_attempts is None else query.where(t.c.attempts < most_attempts))

    def claim(self, message: Delivery, until: str) -> bool:
        """Take a message for one attempt, which counts from now; False where another sender has it. Killed, it is due again at `until`."""
        mine = (t.c.delivery_id == message.delivery_id, t.c.attempts == message.attempts, t.c.delivered_at.is_(None))
        with self._engine.begin() as connection:
            return bool(connection.execute(update(t).where(*mine).values(attempts=message.attempts + 1, due_at=until)).rowcount)

    def delivered(self, delivery_id: str, now: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(t).where(t.c.delivery_id == delivery_id).values(delivered_at=now, error=None))

    def failed(self, delivery_id: str, error: str, due_at: str) -> None:
        """Say why it did not go through and when to try again."""
        with self._engine.begin() as connection:
            connection.execute(update(t).where(t.c.delivery_id == delivery_id).values(error=error, due_at=due_at))

    def _all(self, query: Select[Any]) -> list[Delivery]:
        with self._engine.connect() as connection:
            return [from_row(Delivery, row) for row in connection.execute(query).mappings()]
