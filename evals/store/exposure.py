"""Which products a model may have been trained on, and which the gate holds: read from what was done, never from what was meant.

Both facts that only training makes are lines of the audit log, which nobody changes: a dataset was set aside for training, a product was
exposed to training. Every other dataset is the gate's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Engine, Select, or_, select

from evals.records import AuditEvent
from evals.store import tables
from evals.store.audit import append
from evals.store.rows import batches

SET_ASIDE, EXPOSED = "set aside for training", "exposed to training"
case, member, event = tables.case, tables.dataset_case, tables.audit_event


class Exposure:
    """Product ids as stored; `evals.partitions` says what follows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def held(self) -> set[str]:
        """Products the gate holds: in a dataset that was not set aside for training, in one a decision has read, or in a report of a
        customer's (its case is a regression case for ever)."""
        run, decision = tables.run, tables.decision
        read = select(run.c.dataset_id).join(
            decision, or_(run.c.run_id == decision.c.champion_run_id, run.c.run_id == decision.c.candidate_run_id)
        )
        gates = or_(member.c.dataset_id.not_in(_subjects(SET_ASIDE)), member.c.dataset_id.in_(read))
        reported = select(tables.escalation.c.case_id)
        return self._products(or_(case.c.case_id.in_(select(member.c.case_id).where(gates)), case.c.case_id.in_(reported)))

    def set_aside(self) -> set[str]:
        """Products in a dataset that was set aside for training."""
        return self._products(case.c.case_id.in_(select(member.c.case_id).where(member.c.dataset_id.in_(_subjects(SET_ASIDE)))))

    def exposed(self) -> set[str]:
        """Products of which something was exported for training."""
        return self._subjects(EXPOSED)

    def datasets(self) -> set[str]:
        """Ids of the datasets that were set aside for training."""
        return self._subjects(SET_ASIDE)

    def set_dataset_aside(self, dataset_id: str, actor: str, now: str) -> None:
        """Say it before the dataset is stored: a stop in between must not leave it to the gate."""
        self._write(SET_ASIDE, [dataset_id], actor, now, {})

    def expose(self, product_ids: Iterable[str], actor: str, now: str, detail: dict[str, Any]) -> int:
        """Write down that something about these products is exported; how many were not exposed before. Say it before the files exist."""
        return sum(self._write(EXPOSED, batch, actor, now, detail) for batch in batches(sorted(set(product_ids))))

    def _write(self, action: str, subjects: Sequence[str], actor: str, now: str, detail: dict[str, Any]) -> int:
        with self._engine.begin() as connection:
            known = set(connection.execute(_subjects(action).where(event.c.subject.in_(subjects))).scalars())
            new = [AuditEvent(now, actor, action, subject, detail) for subject in subjects if subject not in known]
            append(connection, *new)
        return len(new)

    def _subjects(self, action: str) -> set[str]:
        with self._engine.connect() as connection:
            return set(connection.execute(_subjects(action)).scalars())

    def _products(self, condition: Any) -> set[str]:
        with self._engine.connect() as connection:
            return set(connection.execute(select(case.c.product_id).distinct().where(condition)).scalars())


def _subjects(action: str) -> Select[str]:
    return select(event.c.subject).where(event.c.action == action)
