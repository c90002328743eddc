"""What is left to do in every queue, who came lately, and which reservations came to nothing: counted in SQL."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, case, func, select

from evals.store import places
from evals.store.places import NOW, OPEN_TO_ALL, held, item, note


class Backlog(NamedTuple):
    """A queue, gold and controls left aside.

    `open`: items with fewer labels than their overlap; `needed`: distinct people that the most demanding open subject takes, all its copies
    together; `queued` and `received`: labels wanted by what was queued, and labels given, since a moment; `reserved` and `expired`:
    reservations since then, and those that ended without a label. `last_label_at`: None where nobody ever labelled.
    """

    queue: str
    feature: str
    language: str
    rubric: str
    open: int
    oldest_open_at: str | None
    needed: int
    queued: int
    received: int
    last_label_at: str | None
    reserved: int
    expired: int


def backlog(connection: Connection, now: str, since: str) -> list[Backlog]:
    """Every queue that holds more than gold, by name. Both times are spelled as `evals.store.desk.moment` does."""
    labels = {row["queue"]: row for row in connection.execute(_labels(since)).mappings()}
    reservations = {row["queue"]: row for row in connection.execute(_reservations(since), {NOW.key: now}).mappings()}
    nothing = {"received": 0, "last_label_at": None, "reserved": 0, "expired": 0}
    return [
        Backlog(**{**nothing, **row, **labels.get(row["queue"], {}), **reservations.get(row["queue"], {})})
        for row in connection.execute(_items(since)).mappings()
    ]


def _items(since: str) -> Select[Any]:
    """By item whether it is open, by subject how many people it takes, then by queue."""
    notes = select(note.c.item_id, func.count().label("n")).where(note.c.deleted.is_(False)).group_by(note.c.item_id).subquery("notes")
    is_open = func.coalesce(notes.c.n, 0) < item.c.overlap
    key = (item.c.queue, item.c.feature, item.c.language, item.c.rubric)
    subjects = (
        select(
            *key,
            func.sum(case((is_open, 1), else_=0)).label("open"),
            func.min(case((is_open, item.c.created_at))).label("oldest"),
            func.sum(item.c.overlap).label("needed"),
            func.sum(case((item.c.created_at >= since, item.c.overlap), else_=0)).label("queued"),
        )
        .select_from(item.outerjoin(notes, notes.c.item_id == item.c.item_id))
        .where(item.c.why.not_in(OPEN_TO_ALL))
        .group_by(*key, item.c.subject_id)
        .subquery("subjects")
    )
    t = subjects.c
    columns = (
        func.sum(t.open).label("open"),
        func.min(t.oldest).label("oldest_open_at"),
        func.max(case((t.open > 0, t.needed), else_=0)).label("needed"),
        func.sum(t.queued).label("queued"),
    )
    names = (t.queue, t.feature, t.language, t.rubric)
    return select(*names, *columns).group_by(*names).order_by(t.queue)


def _labels(since: str) -> Select[Any]:
    lately = and_(note.c.created_at >= since, item.c.why.not_in(OPEN_TO_ALL))
    columns = (func.sum(case((lately, 1), else_=0)).label("received"), func.max(note.c.created_at).label("last_label_at"))
    joined = note.join(item, item.c.item_id == note.c.item_id)
    return select(item.c.queue, *columns).select_from(joined).where(note.c.deleted.is_(False)).group_by(item.c.queue)


def _reservations(since: str) -> Select[Any]:
    lost = and_(held.c.expires_at <= NOW, held.c.outcome.is_(None), ~places.is_labelled())
    columns = (func.count().label("reserved"), func.sum(case((lost, 1), else_=0)).label("expired"))
    joined = held.join(item, item.c.item_id == held.c.item_id)
    return select(item.c.queue, *columns).select_from(joined).where(held.c.reserved_at >= since).group_by(item.c.queue)
