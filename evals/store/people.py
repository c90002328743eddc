"""What the pages about people ask: who worked how much and how fast, where somebody stood against the others; and who is paused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, case, func, select, tuple_, update

from evals.errors import UnknownIdError
from evals.records import AuditEvent, QueueItem
from evals.store import tables
from evals.store.audit import append
from evals.store.rows import batches, from_row

item, note, who = tables.queue_item, tables.annotation, tables.annotator
_LIVES = note.c.deleted.is_(False)
Subject = tuple[str, str, str]  # what is judged, under which rubric, in which language


class Worked(NamedTuple):
    """Labels of one person: on the day of `now` (UTC), in the seven days that end with it, in all; when the last one was made."""

    annotator_id: str
    today: int
    week: int
    total: int
    last_at: str


class Time(NamedTuple):
    """How long one label took."""

    queue: str
    annotator_id: str
    lead_time_s: float


class Vote(NamedTuple):
    """What one person said of a subject."""

    name: str
    simulated: bool
    verdict: str


class Disagreement(NamedTuple):
    """One label of somebody of which others say something else: the item, what was said, and by the others (by name)."""

    item: QueueItem
    verdict: str
    comment: str | None
    at: str
    others: tuple[Vote, ...]


class People:
    """Figures about people, counted in SQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def version(self) -> str:
        """Changes whenever a label, an item, a right answer or a person comes in or changes: what figures about them are cached by."""
        edits, keys = tables.annotation_edit, tables.answer_key
        notes = select(func.count(), func.max(note.c.updated_at), func.sum(case((_LIVES, 0), else_=1))).select_from(note)
        with self._engine.connect() as connection:
            parts = list(connection.execute(notes).one())
            parts += [connection.execute(select(func.count()).select_from(table)).scalar() for table in (edits, keys, item)]
            parts += [tuple(row) for row in connection.execute(select(who.c.annotator_id, who.c.name).order_by(who.c.annotator_id))]
        return repr(parts)

    def labels(self) -> int:
        """How many labels there are, deleted ones counted: one cheap question."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(note)).scalar() or 0)

    def worked(self, now: str) -> dict[str, Worked]:
        """By annotator id; who has made no label is not there."""
        day, week = now[:10], _days_before(now, 6)
        columns = (
            note.c.annotator_id,
            func.sum(case((note.c.created_at >= day, 1), else_=0)).label("today"),
            func.sum(case((note.c.created_at >= week, 1), else_=0)).label("week"),
            func.count().label("total"),
            func.max(note.c.created_at).label("last_at"),
        )
        with self._engine.connect() as connection:
            rows = connection.execute(select(*columns).where(_LIVES).group_by(note.c.annotator_id)).mappings()
            return {row["annotator_id"]: Worked(**row) for row in rows}

    def per_queue(self, annotator_id: str) -> dict[str, int]:
        """Labels of somebody by queue."""
        query = select(item.c.queue, func.count()).join(item, item.c.item_id == note.c.item_id).where(_LIVES)
        query = query.where(note.c.annotator_id == annotator_id).group_by(item.c.queue).order_by(item.c.queue)
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def times(self) -> list[Time]:
        """Every label whose time was measured."""
        query = select(item.c.queue, note.c.annotator_id, note.c.lead_time_s).join(item, item.c.item_id == note.c.item_id)
        with self._engine.connect() as connection:
            return [Time(*row) for row in connection.execute(query.where(_LIVES, note.c.lead_time_s > 0))]

    def disagreements(self, annotator_id: str, limit: int) -> list[Disagreement]:
        """The newest labels of somebody of whose subject anybody else says something else under the same rubric."""
        theirs, other = note.alias("theirs"), item.alias("other")
        differs = (
            select(theirs.c.annotation_id)
            .join(other, other.c.item_id == theirs.c.item_id)
            .where(
                other.c.subject_id == item.c.subject_id,
                other.c.rubric == item.c.rubric,
                other.c.language == item.c.language,  # an anchor is the same subject in all languages
                theirs.c.annotator_id != annotator_id,
                theirs.c.deleted.is_(False),
                theirs.c.verdict != note.c.verdict,
            )
            .correlate(item, note)
            .exists()
        )
        columns = (note.c.verdict, note.c.comment, note.c.updated_at.label("at"), *item.c)
        query = select(*columns).join(item, item.c.item_id == note.c.item_id).where(note.c.annotator_id == annotator_id, _LIVES, differs)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(note.c.updated_at.desc(), note.c.annotation_id).limit(limit)).mappings().all()
        items = [from_row(QueueItem, row) for row in rows]
        votes = self._votes([_subject(one) for one in items], annotator_id)
        return [
            Disagreement(one, row["verdict"], row["comment"], row["at"], tuple(votes[_subject(one)]))
            for one, row in zip(items, rows, strict=True)
        ]  # fmt: skip

    def _votes(self, subjects: Sequence[Subject], without: str) -> dict[Subject, list[Vote]]:
        found: dict[Subject, list[Vote]] = defaultdict(list)
        joined = note.join(item, item.c.item_id == note.c.item_id).join(who, who.c.annotator_id == note.c.annotator_id)
        columns = (item.c.subject_id, item.c.rubric, item.c.language)
        query = select(*columns, who.c.name, who.c.simulated, note.c.verdict).select_from(joined)
        query = query.where(_LIVES, note.c.annotator_id != without).order_by(note.c.created_at, note.c.annotation_id)
        with self._engine.connect() as connection:
            for batch in batches(subjects):
                for row in connection.execute(query.where(tuple_(*columns).in_(batch))):
                    found[row.subject_id, row.rubric, row.language].append(Vote(row.name, row.simulated, row.verdict))
        return found

    def set_paused(self, annotator_id: str, because: str | None, event: AuditEvent) -> None:
        """Pause somebody, or let them go on (None), and write it into the audit log, both or neither. Raises UnknownIdError."""
        with self._engine.begin() as connection:
            changed = connection.execute(update(who).where(who.c.annotator_id == annotator_id).values(paused_because=because))
            if not changed.rowcount:
                raise UnknownIdError(f"no annotator {annotator_id!r} is known")
            append(connection, event)


def _subject(one: QueueItem) -> Subject:
    return one.subject_id, one.rubric, one.language


def _days_before(now: str, days: int) -> str:
    """The day so many days before that of `now`, as ``2026-11-16``."""
    return (datetime.fromisoformat(now[:10]) - timedelta(days=days)).strftime("%Y-%m-%d")
