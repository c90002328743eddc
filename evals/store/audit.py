"""The audit log as a chain: each event's hash covers the hash before it, so that no event can be changed, removed or slipped in unseen."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, select

from evals.identity import canonical_json, sha256
from evals.records import AuditEvent
from evals.store import tables
from evals.store.rows import batches, insert_missing


def chained(event: AuditEvent, number: int, previous: str) -> AuditEvent:
    """The event as number `number`, after the one whose hash is `previous` (empty before the first)."""
    parts = ["audit", previous, number, event.created_at, event.actor, event.action, event.subject, dict(event.detail)]
    return replace(event, number=number, hash=sha256(canonical_json(parts)))


def append(connection: Connection, *events: AuditEvent) -> None:
    """Write the events at the end, in order, within the caller's transaction.

    Who comes second at a number reads the end again; who has the first number has all that follow, since nobody sees them before.
    """
    if not events:
        return
    first, *rest = events
    last = _first(connection, first)
    following = []
    for event in rest:
        last = chained(event, last.number + 1, last.hash)
        following.append(last)
    for batch in batches(following):
        insert_missing(connection, tables.audit_event, batch)


def _first(connection: Connection, event: AuditEvent) -> AuditEvent:
    t = tables.audit_event
    newest = select(t.c.number, t.c.hash).order_by(t.c.number.desc()).limit(1)
    while True:
        last = connection.execute(newest).first()
        written = chained(event, *((last.number + 1, last.hash) if last else (1, "")))
        if insert_missing(connection, t, [written]):
            return written
