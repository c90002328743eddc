"""Whether the log of who did what is whole: every hash covers the one before it, and every change of a champion stands in it.

A chain shows that nothing in its middle was changed, removed or slipped in. That nothing was cut off its end shows only against an end
noted elsewhere: `verify` gives it back, and takes one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from evals.errors import InputError
from evals.gate.named import damage
from evals.records import EVERYWHERE, FEATURES, AuditEvent, Promotion
from evals.store import Store
from evals.store.audit import chained

CHANGES = ("install", "promote", "rollback", "follow")


class Whole(NamedTuple):
    """A log without a flaw: how many events, and the hash of the last, which stands for all of them."""

    events: int
    end: str


def verify(store: Store, known_end: str | None = None) -> Whole:
    """Read the whole log. `known_end`: a hash noted before, which must still be in it.

    Raises InputError naming the first event, change or decision that is not as it was written.
    """
    previous, count, found, changes = "", 0, known_end is None, list[AuditEvent]()
    with closing(store.ledger.chain()) as events:
        for event in events:
            if chained(event, event.number, previous).hash != event.hash:
                raise InputError(f"audit event {event.number}: not as it was written, or another one was before it")
            previous, count, found = event.hash, count + 1, found or event.hash == known_end
            if event.action in CHANGES:
                changes.append(event)
    if not found:
        raise InputError(f"no audit event has the hash {str(known_end)[:80]!r}: the log was cut off or made anew")
    _same_changes(store, changes)
    return Whole(count, previous)


def _same_changes(store: Store, events: Sequence[AuditEvent]) -> None:
    """Each change of a champion stands in the log as it stands in the store, and its decision says what it said."""
    logged = Counter(map(_said, events))
    for row in [row for feature in FEATURES for row in store.ledger.promotions(feature)]:
        said = next((said for said in _says(row) if logged[said]), None)
        if said is None:
            raise InputError(f"change {row.number} of a champion ({row.feature}, {row.action} of {row.variant_id}) is not in the audit log")
        logged[said] -= 1
        if row.decision_id and (broken := damage(store.ledger.decision(row.decision_id))):
            raise InputError(f"decision {row.decision_id}, behind change {row.number} of a champion: {broken}")
    for event in events:
        if logged[_said(event)]:
            raise InputError(f"audit event {event.number}: the {event.action} of {event.subject} it tells of is no longer stored")


def _said(event: AuditEvent) -> tuple[object, ...]:
    named = [event.detail.get(name) for name in ("feature", "decision_id", "reason", "number", "back_to")]
    return (event.created_at, event.actor, event.action, event.subject, event.detail.get("marketplace", EVERYWHERE), *named)


def _says(row: Promotion) -> list[tuple[object, ...]]:
    """What the event of a change says, and what it said before changes had numbers."""
    known = (row.created_at, row.actor, row.action, row.variant_id, row.marketplace, row.feature, row.decision_id, row.reason)
    return [(*known, row.number, row.before), (*known, None, None)]
