"""Verdicts back from Label Studio: what changed since last time, checked, into our store, which is the system of record.

Label Studio accepts any annotation, lets every account change anything and forgets deleted tasks without a trace. So each one is validated
here; one person has one verdict per item (the latest), an annotation removed from a task is marked deleted, and one whose whole task or
project was removed by hand is kept. The mark of how far we came is written last and read with a margin: a kill costs a repetition only.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from annotators import labeling, people
from annotators.studio import Studio, StudioUser, TaskState
from evals.errors import StudioError
from evals.records import Annotation, Annotator, QueueItem, StudioCursor, StudioProject, StudioTask
from evals.store import Store
from evals.store.rows import batches

MARGIN = timedelta(minutes=2)  # a slow transaction on the server may show up behind a later one
BATCH = 200  # tasks


@dataclass
class CollectSummary:
    """`new`, `changed`, `deleted`: annotations in our store; `skipped`: tasks an annotator passed over. `invalid` names what was refused
    and why; `missing_projects` the queues whose project is gone (push makes it again)."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    skipped: int = 0
    invalid: list[str] = field(default_factory=list)
    missing_projects: list[str] = field(default_factory=list)


def collect(store: Store, studio: Studio, *, now: str, full: bool = False, projects: Collection[int] | None = None) -> CollectSummary:
    """Bring every project's annotations in, or those of some; `full` looks at all tasks instead of those changed since last time.

    `now` limits the mark: times later than it (a server whose clock is ahead) do not move it. Raises StudioError; asking again continues.
    """
    summary = CollectSummary()
    directory = _Directory(store, studio)
    there = set(studio.project_ids())
    for project in store.queue.projects(studio.url):
        if projects is not None and project.project_id not in projects:
            continue
        if project.project_id not in there:
            summary.missing_projects.append(project.queue)
            continue
        _collect_project(store, studio, project, directory, summary, now, full)
    return summary


def _collect_project(
    store: Store, studio: Studio, project: StudioProject, directory: _Directory, summary: CollectSummary, now: str, full: bool
) -> None:
    cursor = None if full else store.queue.cursor(studio.url, project.project_id)
    after = _moment(cursor.updated_at) - MARGIN if cursor else None
    ledger = {task.task_id: task for task in store.queue.tasks(studio.url, project.project_id)}
    newest = _moment(cursor.updated_at) if cursor else None
    for tasks in batches(studio.tasks(project.project_id, updated_after=after), BATCH):
        _store(store, ledger, tasks, directory, summary)
        newest = max([_moment(task.updated_at) for task in tasks] + ([newest] if newest else []))
    if newest is not None:
        mark = min(newest, _moment(now)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        store.queue.put_cursor(StudioCursor(studio.url, project.project_id, mark))


def _store(
    store: Store,
    ledger: Mapping[int, StudioTask],
    tasks: Sequence[TaskState],
    directory: _Directory,
    summary: CollectSummary,
) -> None:
    ours = [(task, ledger[task.task_id].item_id) for task in tasks if _is_ours(task, ledger, summary)]
    items = store.queue.named(item_id for _, item_id in ours)
    before = {note.annotation_id: note for note in store.labels.annotations(items)}
    found = {note.annotation_id: note for task, item_id in ours for note in _verdicts(task, items[item_id], directory, summary)}
    directory.save()
    changed = [note for key, note in found.items() if before.get(key) != note]
    orphaned = {item_id for task, item_id in ours if any(directory.is_gone(note.user_id) for note in task.annotations)}
    gone = [key for key, note in before.items() if key not in found and not note.deleted and note.item_id not in orphaned]
    store.labels.put_annotations(changed)
    store.labels.mark_deleted(gone)
    summary.new += sum(note.annotation_id not in before for note in changed)
    summary.changed += sum(note.annotation_id in before for note in changed)
    summary.deleted += len(gone)


def _is_ours(task: TaskState, ledger: Mapping[int, StudioTask], summary: CollectSummary) -> bool:
    """The ledger says which item a task carries; a task it does not know, or whose data was changed on the server, is not believed."""
    known = ledger.get(task.task_id)
    if known and known.item_id == task.item_id:
        return True
    if task.annotations:
        said = "its data was changed on the server" if known else "not pushed by us, or a duplicate that the next push repairs"
        summary.invalid.append(f"task {task.task_id}: {said}")
    return False


def annotation_id(item_id: str, annotator_id: str) -> str:
    """One person has one answer on an item; also the ``unique_id`` under which scripts submit it."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{item_id}/{annotator_id}"))


def _verdicts(task: TaskState, item: QueueItem, directory: _Directory, summary: CollectSummary) -> Iterator[Annotation]:
    """At most one per person: their latest. The answer is read beside our copy of the task: the server's may have been changed."""
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


class _Directory:
    """Who is behind a user number: asked of the server once, and again when somebody new appears."""

    def __init__(self, store: Store, studio: Studio) -> None:
        self.store, self.studio = store, studio
        self.users: dict[int, StudioUser] = {}
        self.asked: set[int] = set()
        self.known = {annotator.email: annotator for annotator in store.labels.annotators()}
        self.changed: dict[str, Annotator] = {}

    def annotator(self, user_id: int | None, language: str) -> Annotator | None:
        """The annotator, added with this language if new; None for an account that is gone."""
        user = self._user(user_id)
        if user is None:
            return None
        known = self.known.get(user.email) or people.from_studio(user, ())
        if language not in known.languages:
            known = replace(known, languages=tuple(sorted({*known.languages, language})))
            self.changed[user.email] = known
        self.known[user.email] = known
        return known

    def is_gone(self, user_id: int | None) -> bool:
        """An account that was removed: what it said stays, though we can no longer tell whose it is."""
        return self._user(user_id) is None

    def _user(self, user_id: int | None) -> StudioUser | None:
        if user_id is not None and user_id not in self.asked:
            self.users = self.studio.users()
            self.asked |= self.users.keys() | {user_id}
        return self.users.get(user_id) if user_id is not None else None

    def save(self) -> None:
        """Write new people down before what they said."""
        if self.changed:
            self.store.labels.put_annotators(self.changed.values())
            self.changed = {}
