"""Who is paused is given nothing (`annotators.asking.routing`); what they said stays. Every change says who made it, and why."""

from __future__ import annotations

from evals.errors import InputError
from evals.records import AuditEvent
from evals.store import Store
from evals.text import visible

MAX_REASON = 500  # characters


def pause(store: Store, annotator_id: str, *, because: str, actor: str, now: str) -> None:
    """Give an annotator nothing more. Raises InputError without a reason or an actor, UnknownIdError for nobody."""
    _set(store, annotator_id, "pause annotator", because, actor, now)


def resume(store: Store, annotator_id: str, *, because: str, actor: str, now: str) -> None:
    """Let an annotator go on. Raises as `pause`."""
    _set(store, annotator_id, "resume annotator", because, actor, now)


def _set(store: Store, annotator_id: str, action: str, because: str, actor: str, now: str) -> None:
    reason, name = (" ".join(visible(text).split())[:MAX_REASON] for text in (because, actor))
    for what, text in (("a reason", reason), ("who does it", name)):
        if not text:
            raise InputError(f"{action} {annotator_id}: say {what}; it stands in the audit log")
    event = AuditEvent(now, name, action, annotator_id, {"because": reason})
    store.people.set_paused(annotator_id, reason if action.startswith("pause") else None, event)
