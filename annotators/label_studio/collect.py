"""Verdicts back from Label Studio: what changed since last time, checked, into our store, which is the system of record.

Label Studio accepts any annotation, lets every account change anything and forgets deleted tasks without a trace. So each one is validated
here, beside our copy of what was asked; one person has one verdict per item (the latest), an annotation removed from a task is marked
deleted, and one whose whole task or project was removed by hand is kept. The mark of how far we came is written last, read with a margin
and never moved past a task that the ledger may learn of: a kill costs a repetition only. Collects of one store from one server take turns.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from annotators import labeling
from annotators.label_studio.directory import Directory
from annotators.label_studio.outbox import forget_lost
from annotators.label_studio.studio import Studio, TaskState
from evals.errors import StudioError
from evals.records import Annotation, QueueItem, StudioCursor, StudioProject, StudioTask
from evals.store import Store
from evals.store.rows import batches
from evals.store.turns import turn

MARGIN = timedelta(minutes=2)  # a slow transaction on the server may show up behind a later one
SECOND = timedelta(seconds=1)  # its clock is told in whole ones
BATCH = 200  # tasks


@dataclass
class CollectSummary:
    """`new`, `changed`, `deleted`: annotations in our store; `skipped`: tasks an annotator passed over. `invalid` names what was refused
    and why. `lost`: items whose task is gone or shows something else, unsent again, and `missing_projects`, queues whose project is gone:
    the next push mends both."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    skipped: int = 0
    lost: int = 0
    invalid: list[str] = field(default_factory=list)
    missing_projects: list[str] = field(default_factory=list)


def collect(store: Store, studio: Studio, *, now: str, full: bool = False, projects: Collection[int] | None = None) -> CollectSummary:
    """Bring every project's annotations in, or those of some; `full` looks at all tasks instead of those changed since last time, and so
    also notices tasks that were deleted.

    `now` and the server's own clock limit the mark: times later than they (of a clock that is or was ahead) do not move it. Raises
    StudioError; asking again continues.
    """
    summary = CollectSummary()
    with turn(store.engine, f"collect from {studio.url}"):
        directory, there, clock = Directory(store, studio), set(studio.project_ids()), studio.clock()
        for project in store.queue.projects(studio.url):
            if projects is not None and project.project_id not in projects:
                continue
            if project.project_id in there:
                _Sweep(store, studio, project, directory, summary).run(_moment(now), clock, full)
            else:
                summary.missing_projects.append(project.queue)
    return summary


def annotation_id(item_id: str, annotator_id: str) -> str:
    """One person has one answer on an item; also the ``unique_id`` under which scripts submit it."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{item_id}/{annotator_id}"))


class _Sweep:
    """One project, read once."""

    def __init__(self, store: Store, studio: Studio, project: StudioProject, directory: Directory, summary: CollectSummary) -> None:
        self.store, self.studio, self.project, self.directory, self.summary = store, studio, project, directory, summary
        self.hold: datetime | None = None  # a task that may be ours, and the ledger will say so later

    def run(self, now: datetime, clock: datetime, full: bool) -> None:
        """`clock`: the server's time when the collect began."""
        cursor = self.store.queue.cursor(self.studio.url, self.project.project_id)
        newest = _moment(cursor.updated_at) if cursor and not full else None
        unseen = {task.task_id: task.item_id for task in self._known()} if full else {}
        for tasks in batches(self._tasks(cursor, clock, full), BATCH):
            self._store(tasks)
            newest = max([_moment(task.updated_at) for task in tasks] + ([newest] if newest else []))
            for task in tasks:
                unseen.pop(task.task_id, None)
        self.summary.lost += forget_lost(self.store, self.studio.url, unseen.values())
        if newest is not None:
            mark = min(newest, now, clock + SECOND, self.hold or now).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            self.store.queue.move_cursor(cursor, StudioCursor(self.studio.url, self.project.project_id, mark))

    def _tasks(self, cursor: StudioCursor | None, clock: datetime, full: bool) -> Iterator[TaskState]:
        """What has to be looked at. The first time there is nothing that could have been deleted: tasks with an annotation are enough."""
        project_id = self.project.project_id
        if full or (cursor and clock + MARGIN + SECOND < _moment(cursor.updated_at)):
            return self.studio.tasks(project_id)  # when its clock was set back, times say nothing
        if cursor:
            return self.studio.tasks(project_id, updated_after=_moment(cursor.updated_at) - MARGIN)
        return self.studio.tasks(project_id) if self.store.labels.any_in(self.project.queue) else self.studio.annotated(project_id)

    def _store(self, tasks: Sequence[TaskState]) -> None:
        ours = list(self._ours(tasks))
        before = {note.annotation_id: note for note in self.store.labels.annotations([item.item_id for _, item in ours])}
        found = {note.annotation_id: note for task, item in ours for note in _verdicts(task, item, self.directory, self.summary)}
        self.directory.save()
        changed = [note for key, note in found.items() if before.get(key) != note]
        orphaned = {item.item_id for task, item in ours if any(self.directory.is_gone(note.user_id) for note in task.annotations)}
        gone = [note for key, note in before.items() if key not in found and not note.deleted]
        deleted = [note for note in gone if note.item_id not in orphaned or self.directory.has_account(note.annotator_id)]
        self.store.labels.put_annotations(changed)
        self.store.labels.mark_deleted(note.annotation_id for note in deleted)
        self.summary.new += sum(note.annotation_id not in before for note in changed)
        self.summary.changed += sum(note.annotation_id in before for note in changed)
        self.summary.deleted += len(deleted)

    def _ours(self, tasks: Sequence[TaskState]) -> Iterator[tuple[TaskState, QueueItem]]:
        """The ledger says which item a task carries; a task it does not know, or that shows something else by now, is not believed."""
        carried = self.store.queue.carried(self.studio.url, self.project.project_id, [task.task_id for task in tasks])
        unknown = {task.item_id for task in tasks if task.item_id and task.annotations and task.task_id not in carried}
        items = self.store.queue.named({*carried.values(), *unknown})
        altered = []
        for task in tasks:
            item = items.get(carried.get(task.task_id, ""))
            if item is not None and item.data == task.data:
                yield task, item
            elif item is not None:
                altered.append(item.item_id)
                self._refuse(task, "its data was changed on the server")
            elif task.annotations:
                self._hold(task, items.get(task.item_id or ""))
                self._refuse(task, "not pushed by us, or a duplicate that the next push repairs")
        self.summary.lost += forget_lost(self.store, self.studio.url, altered)

    def _hold(self, task: TaskState, item: QueueItem | None) -> None:
        """A task just as we send it, unknown yet: a push that is under way will say so, or the next one."""
        if item is not None and item.queue == self.project.queue and item.data == task.data:
            self.hold = min(self.hold or _moment(task.updated_at), _moment(task.updated_at))

    def _refuse(self, task: TaskState, why: str) -> None:
        if task.annotations:
            self.summary.invalid.append(f"task {task.task_id}: {why}")

    def _known(self) -> list[StudioTask]:
        return self.store.queue.tasks(self.studio.url, self.project.project_id)


def _verdicts(task: TaskState, item: QueueItem, directory: Directory, summary: CollectSummary) -> Iterator[Annotation]:
    """At most one per person: their latest. The answer is read beside our copy of the task."""
    rubric = labeling.rubric_named(item.rubric)
    latest: dict[str, Annotation] = {}
    for note in sorted(task.annotations, key=lambda note: (_moment(note.updated_at), note.number)):
        if note.cancelled:
            summary.skipped += 1
            continue
        answer, who = rubric.read(note.result, item.data, item.first), directory.annotator(note.user_id, item.language)
        if answer.verdict is None or who is None:
            summary.invalid.append(f"task {task.task_id}, annotation {note.number}: {answer.problem or 'its author has no account'}")
            continue
        latest[who.annotator_id] = Annotation(
            annotation_id=annotation_id(item.item_id, who.annotator_id),
            item_id=item.item_id,
            annotator_id=who.annotator_id,
            verdict=answer.verdict,
            comment=answer.comment,
            created_at=note.created_at,
            updated_at=note.updated_at,
            lead_time_s=note.lead_time_s,
            detail=answer.detail,
        )
    yield from latest.values()


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise StudioError(f"{text!r} is not a time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
