"""What was put before people, and what they said. Our side is the system of record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, case, func, select, update

from evals.records import Annotation, Annotator, LabelledClaim, QueueItem, StudioCursor, StudioProject, StudioTask
from evals.store import tables
from evals.store.rows import Record, batches, from_row, insert_missing, upsert


class QueueStatus(NamedTuple):
    """One queue in figures. `open` items have fewer annotations than their overlap; `sent` are on a labelling server."""

    queue: str
    feature: str
    language: str
    items: int
    sent: int
    open: int
    done: int
    annotations: int
    oldest_open_at: str | None


class Queue:
    """Items, their tasks on labelling servers, annotators, annotations."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ------------------------------------------------------------------ items
    def add_items(self, items: Iterable[QueueItem]) -> int:
        """Queue what is not queued yet; how many were new. An item keeps the probability it was first drawn with."""
        new = 0
        for batch in batches(items):
            with self._engine.begin() as connection:
                new += insert_missing(connection, tables.queue_item, batch)
        return new

    def queues(self) -> list[str]:
        """Names of the queues that hold anything."""
        with self._engine.connect() as connection:
            return list(connection.execute(select(tables.queue_item.c.queue).distinct().order_by(tables.queue_item.c.queue)).scalars())

    def items(self, queue: str | None = None, run_id: str | None = None) -> list[QueueItem]:
        """Items in the order they are to be labelled."""
        t = tables.queue_item.c
        query = select(tables.queue_item).order_by(t.queue, t.created_at, t.item_id)
        if queue is not None:
            query = query.where(t.queue == queue)
        if run_id is not None:
            query = query.where(t.run_id == run_id)
        return self._all(QueueItem, query)

    def unsent(self, queue: str, server_url: str) -> list[QueueItem]:
        """Items of the queue without a task on that server."""
        t = tables.queue_item.c
        sent = select(tables.studio_task.c.item_id).where(tables.studio_task.c.server_url == server_url)
        query = select(tables.queue_item).where(t.queue == queue, t.item_id.not_in(sent)).order_by(t.created_at, t.item_id)
        return self._all(QueueItem, query)

    # ------------------------------------------------------------------ the labelling server's side
    def put_project(self, project: StudioProject) -> None:
        """Remember, or replace, which project serves a queue."""
        with self._engine.begin() as connection:
            upsert(connection, tables.studio_project, [project])

    def projects(self, server_url: str) -> list[StudioProject]:
        t = tables.studio_project
        return self._all(StudioProject, select(t).where(t.c.server_url == server_url).order_by(t.c.queue))

    def put_tasks(self, tasks: Iterable[StudioTask]) -> None:
        """Remember, or replace, which task carries an item."""
        for batch in batches(tasks):
            with self._engine.begin() as connection:
                upsert(connection, tables.studio_task, batch)

    def tasks(self, server_url: str, project_id: int | None = None) -> list[StudioTask]:
        t = tables.studio_task
        query = select(t).where(t.c.server_url == server_url).order_by(t.c.task_id)
        return self._all(StudioTask, query if project_id is None else query.where(t.c.project_id == project_id))

    def forget_tasks(self, server_url: str, item_ids: Iterable[str]) -> None:
        """The server lost these tasks: they are unsent again."""
        t = tables.studio_task
        for batch in batches(item_ids):
            with self._engine.begin() as connection:
                connection.execute(t.delete().where(t.c.server_url == server_url, t.c.item_id.in_(batch)))

    def put_cursor(self, cursor: StudioCursor) -> None:
        """Remember how far a project has been collected: call it after what was collected is stored."""
        with self._engine.begin() as connection:
            upsert(connection, tables.studio_cursor, [cursor])

    def cursor(self, server_url: str, project_id: int) -> StudioCursor | None:
        """None: nothing has been collected yet."""
        t = tables.studio_cursor
        found = self._all(StudioCursor, select(t).where(t.c.server_url == server_url, t.c.project_id == project_id))
        return found[0] if found else None

    # ------------------------------------------------------------------ people
    def put_annotators(self, annotators: Iterable[Annotator]) -> None:
        """Add people, or change their languages."""
        with self._engine.begin() as connection:
            for batch in batches(annotators):
                upsert(connection, tables.annotator, batch)

    def annotators(self) -> list[Annotator]:
        return self._all(Annotator, select(tables.annotator).order_by(tables.annotator.c.email))

    def put_annotations(self, annotations: Iterable[Annotation]) -> None:
        """Store new annotations and later edits of known ones."""
        for batch in batches(annotations):
            with self._engine.begin() as connection:
                upsert(connection, tables.annotation, batch)

    def mark_deleted(self, annotation_ids: Iterable[str]) -> None:
        """The server no longer has these."""
        t = tables.annotation
        for batch in batches(annotation_ids):
            with self._engine.begin() as connection:
                connection.execute(update(t).where(t.c.annotation_id.in_(batch)).values(deleted=True))

    def annotations(self, item_ids: Iterable[str] | None = None) -> list[Annotation]:
        """Annotations, deleted ones included, of all items or of those named."""
        t = tables.annotation
        query = select(t).order_by(t.c.item_id, t.c.annotation_id)
        if item_ids is None:
            return self._all(Annotation, query)
        return [row for batch in batches(item_ids) for row in self._all(Annotation, query.where(t.c.item_id.in_(batch)))]

    def labelled_claims(self, run_id: str, case_id: str | None = None) -> list[LabelledClaim]:
        """One row per living annotation of a run's (or one case's) claims, joined to case and product: the gate's input."""
        item, note, kase = tables.queue_item, tables.annotation, tables.case
        joined = note.join(item, item.c.item_id == note.c.item_id).join(kase, kase.c.case_id == item.c.case_id)
        columns = (
            item.c.case_id,
            kase.c.product_id,
            kase.c.language,
            kase.c.category,
            item.c.claim_id,
            note.c.annotator_id,
            note.c.verdict,
            item.c.why,
            item.c.probability,
        )
        query = select(*columns).select_from(joined).where(item.c.run_id == run_id, note.c.deleted.is_(False))
        if case_id is not None:
            query = query.where(item.c.case_id == case_id)
        return self._all(LabelledClaim, query.order_by(item.c.case_id, item.c.claim_id, note.c.annotator_id))

    def status(self) -> list[QueueStatus]:
        """Every queue in figures, in SQL."""
        item, note, task = tables.queue_item, tables.annotation, tables.studio_task
        notes = select(note.c.item_id, func.count().label("n")).where(note.c.deleted.is_(False)).group_by(note.c.item_id).subquery("notes")
        sent = select(task.c.item_id).distinct().subquery("sent")
        n = func.coalesce(notes.c.n, 0)
        is_open = n < item.c.overlap
        columns = (
            item.c.queue,
            item.c.feature,
            item.c.language,
            func.count().label("items"),
            func.count(sent.c.item_id).label("sent"),
            func.sum(case((is_open, 1), else_=0)).label("open"),
            func.sum(case((is_open, 0), else_=1)).label("done"),
            func.sum(n).label("annotations"),
            func.min(case((is_open, item.c.created_at))).label("oldest_open_at"),
        )
        joined = item.outerjoin(notes, notes.c.item_id == item.c.item_id).outerjoin(sent, sent.c.item_id == item.c.item_id)
        query = select(*columns).select_from(joined).group_by(item.c.queue, item.c.feature, item.c.language).order_by(item.c.queue)
        with self._engine.connect() as connection:
            return [QueueStatus(**row) for row in connection.execute(query).mappings()]

    def _all(self, kind: type[Record], query: Select[Any]) -> list[Record]:
        with self._engine.connect() as connection:
            return [from_row(kind, row) for row in connection.execute(query).mappings()]
