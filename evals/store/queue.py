"""What was put before people, and where on a labelling server it is. Our side is the system of record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, and_, case, func, select, update

from evals.errors import UnknownIdError
from evals.records import DRAWN, QueueItem, StudioCursor, StudioProject, StudioTask
from evals.store import tables
from evals.store.places import OPEN_TO_ALL
from evals.store.rows import Record, batches, from_row, insert_missing, upsert


class QueueStatus(NamedTuple):
    """One queue in figures. `items`: gold and controls, which only measure people, are left aside; `open` ones have fewer annotations than
    their overlap, `sent` ones are on a labelling server. `annotations`: all, those on gold and controls too."""

    queue: str
    feature: str
    language: str
    rubric: str
    items: int
    sent: int
    open: int
    done: int
    annotations: int
    oldest_open_at: str | None


class Queue:
    """Items and their tasks on labelling servers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ------------------------------------------------------------------ items
    def add_items(self, items: Iterable[QueueItem]) -> int:
        """Queue what is not queued yet; how many were new. A known item stays as it is."""
        new = 0
        for batch in batches(items):
            with self._engine.begin() as connection:
                new += insert_missing(connection, tables.queue_item, batch)
        return new

    def add_sample(self, items: Sequence[QueueItem], run_ids: Sequence[str], rubric: str, drawn: Mapping[str, tuple[str, float]]) -> int:
        """Queue a sample of cases, whole or not at all; how many items were new.

        A larger sample changes the chance that the cases drawn earlier had of being in it, and a flagged case may be drawn as well: all
        items of the runs under the rubric get what `drawn` says, case id → (why, probability).
        """
        t = tables.queue_item
        mine = (t.c.run_id.in_(run_ids), t.c.rubric == rubric, t.c.why.in_((*DRAWN, "flagged")))
        with self._engine.begin() as connection:
            for case_id, (why, probability) in drawn.items():
                connection.execute(update(t).where(*mine, t.c.case_id == case_id).values(why=why, probability=probability))
            return sum(insert_missing(connection, tables.queue_item, batch) for batch in batches(items))

    def queues(self) -> list[str]:
        """Names of the queues that hold anything."""
        with self._engine.connect() as connection:
            return list(connection.execute(select(tables.queue_item.c.queue).distinct().order_by(tables.queue_item.c.queue)).scalars())

    def items(self, queue: str | None = None, run_id: str | None = None, why: str | None = None) -> list[QueueItem]:
        """Items in the order they were queued, all or those of a queue, a run, a reason."""
        t = tables.queue_item.c
        query = select(tables.queue_item).order_by(t.queue, t.created_at, t.item_id)
        for column, wanted in ((t.queue, queue), (t.run_id, run_id), (t.why, why)):
            query = query if wanted is None else query.where(column == wanted)
        return self._all(QueueItem, query)

    def item(self, item_id: str) -> QueueItem:
        """Raises UnknownIdError."""
        found = self._all(QueueItem, select(tables.queue_item).where(tables.queue_item.c.item_id == item_id))
        if not found:
            raise UnknownIdError(f"no item {item_id!r} is queued")
        return found[0]

    def named(self, item_ids: Iterable[str]) -> dict[str, QueueItem]:
        """Those of the items that are queued, by id."""
        t = tables.queue_item
        found = (self._all(QueueItem, select(t).where(t.c.item_id.in_(batch))) for batch in batches(item_ids))
        return {item.item_id: item for items in found for item in items}

    def unsent(self, queue: str, server_url: str) -> list[QueueItem]:
        """Items of the queue without a task on that server."""
        t = tables.queue_item.c
        sent = select(tables.studio_task.c.item_id).where(tables.studio_task.c.server_url == server_url)
        query = select(tables.queue_item).where(t.queue == queue, t.item_id.not_in(sent)).order_by(t.created_at, t.item_id)
        return self._all(QueueItem, query)

    def overlaps(self, queue: str) -> dict[str, int]:
        """Item id → how many people should judge it, of a whole queue in its order, without what it shows."""
        t = tables.queue_item.c
        return self._pairs(select(t.item_id, t.overlap).where(t.queue == queue).order_by(t.created_at, t.item_id))

    def unsent_ids(self, queue: str, server_url: str) -> list[str]:
        """As `unsent`, without what the items show."""
        t = tables.queue_item.c
        sent = select(tables.studio_task.c.item_id).where(tables.studio_task.c.server_url == server_url)
        query = select(t.item_id).where(t.queue == queue, t.item_id.not_in(sent)).order_by(t.created_at, t.item_id)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    # ------------------------------------------------------------------ the labelling server's side
    def put_project(self, project: StudioProject) -> None:
        """Remember, or replace, which project serves a queue."""
        with self._engine.begin() as connection:
            upsert(connection, tables.studio_project, [project])

    def projects(self, server_url: str | None = None) -> list[StudioProject]:
        """Of one server, or of all."""
        t = tables.studio_project
        query = select(t).order_by(t.c.queue, t.c.server_url)
        return self._all(StudioProject, query if server_url is None else query.where(t.c.server_url == server_url))

    def put_tasks(self, tasks: Iterable[StudioTask]) -> None:
        """Remember, or replace, which task carries an item."""
        for batch in batches(tasks):
            with self._engine.begin() as connection:
                upsert(connection, tables.studio_task, batch)

    def tasks(self, server_url: str, project_id: int | None = None) -> list[StudioTask]:
        t = tables.studio_task
        query = select(t).where(t.c.server_url == server_url).order_by(t.c.task_id)
        return self._all(StudioTask, query if project_id is None else query.where(t.c.project_id == project_id))

    def task_count(self, server_url: str, project_id: int) -> int:
        """How many tasks of a project we know."""
        t = tables.studio_task.c
        query = select(func.count()).where(t.server_url == server_url, t.project_id == project_id)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def sent_elsewhere(self, queue: str, server_url: str, project_id: int) -> list[str]:
        """Items of a queue whose task is in another project of the server than this one."""
        item, task = tables.queue_item.c, tables.studio_task.c
        joined = tables.studio_task.join(tables.queue_item, item.item_id == task.item_id)
        elsewhere = (task.server_url == server_url, task.project_id != project_id, item.queue == queue)
        with self._engine.connect() as connection:
            return list(connection.execute(select(task.item_id).select_from(joined).where(*elsewhere)).scalars())

    def carried(self, server_url: str, project_id: int, task_ids: Iterable[int]) -> dict[int, str]:
        """Task id → the item it carries, of those tasks of a project that we know."""
        t = tables.studio_task.c
        query = select(t.task_id, t.item_id).where(t.server_url == server_url, t.project_id == project_id)
        found = (self._pairs(query.where(t.task_id.in_(batch))) for batch in batches(task_ids))
        return {task_id: item_id for pairs in found for task_id, item_id in pairs.items()}

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

    def move_cursor(self, before: StudioCursor | None, after: StudioCursor) -> bool:
        """Replace `before` by `after`; False, and nothing is changed, when somebody else has moved it meanwhile."""
        t = tables.studio_cursor
        mine = (t.c.server_url == after.server_url, t.c.project_id == after.project_id)
        with self._engine.begin() as connection:
            if before is None:
                return bool(insert_missing(connection, t, [after]))
            moved = update(t).where(*mine, t.c.updated_at == before.updated_at).values(updated_at=after.updated_at)
            return bool(connection.execute(moved).rowcount)

    def cursor(self, server_url: str, project_id: int) -> StudioCursor | None:
        """None: nothing has been collected yet."""
        t = tables.studio_cursor
        found = self._all(StudioCursor, select(t).where(t.c.server_url == server_url, t.c.project_id == project_id))
        return found[0] if found else None

    # ------------------------------------------------------------------ figures
    def drawn_by_day(self, feature: str, rubric: str) -> list[tuple[str, str, int]]:
        """(language, a time on that day, cases) of the cases drawn for people, by the day they were queued."""
        t = tables.queue_item.c
        day = func.substr(t.created_at, 1, 10)
        query = select(t.language, func.min(t.created_at), func.count(t.case_id.distinct())).where(
            t.feature == feature, t.rubric == rubric, t.why.in_(DRAWN)
        )
        with self._engine.connect() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query.group_by(t.language, day).order_by(t.language, day))]

    def status(self) -> list[QueueStatus]:
        """Every queue in figures, in SQL."""
        item, note, task = tables.queue_item, tables.annotation, tables.studio_task
        notes = select(note.c.item_id, func.count().label("n")).where(note.c.deleted.is_(False)).group_by(note.c.item_id).subquery("notes")
        sent = select(task.c.item_id).distinct().subquery("sent")
        n = func.coalesce(notes.c.n, 0)
        asked = item.c.why.not_in(OPEN_TO_ALL)
        is_open = and_(asked, n < item.c.overlap)
        columns = (
            item.c.queue,
            item.c.feature,
            item.c.language,
            item.c.rubric,
            func.sum(case((asked, 1), else_=0)).label("items"),
            func.count(case((asked, sent.c.item_id))).label("sent"),
            func.sum(case((is_open, 1), else_=0)).label("open"),
            func.sum(case((and_(asked, n >= item.c.overlap), 1), else_=0)).label("done"),
            func.sum(n).label("annotations"),
            func.min(case((is_open, item.c.created_at))).label("oldest_open_at"),
        )
        joined = item.outerjoin(notes, notes.c.item_id == item.c.item_id).outerjoin(sent, sent.c.item_id == item.c.item_id)
        groups = (item.c.queue, item.c.feature, item.c.language, item.c.rubric)
        query = select(*columns).select_from(joined).group_by(*groups).order_by(item.c.queue)
        with self._engine.connect() as connection:
            return [QueueStatus(**row) for row in connection.execute(query).mappings()]

    def _pairs(self, query: Select[Any]) -> dict[Any, Any]:
        with self._engine.connect() as connection:
            return dict(row for row in connection.execute(query))

    def _all(self, kind: type[Record], query: Select[Any]) -> list[Record]:
        with self._engine.connect() as connection:
            return [from_row(kind, row) for row in connection.execute(query).mappings()]
