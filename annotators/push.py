"""Items to Label Studio, each exactly once, whatever happens in between.

Our store is the outbox: an item without a `StudioTask` on a server is unsent. Label Studio knows no idempotency keys, so before
anything is sent, and after every error, the tasks that are there are listed and adopted by the item id in their data. A kill between
the server's commit and ours, a lost reply, a project deleted by hand, two pushes at once: the next look at the server puts it right.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from annotators import labeling
from annotators.studio import Studio
from evals.errors import InputError, StudioError
from evals.records import QueueItem, StudioCursor, StudioProject, StudioTask
from evals.store import Store
from evals.store.rows import batches

Progress = Callable[[int, int | None], None]
CHUNK = 500  # 2–4 s a request, well under any time limit
ATTEMPTS = 3
_BEGINNING = "1970-01-01T00:00:00Z"


@dataclass
class PushSummary:
    """`sent`: tasks made now; `adopted`: found on the server though we did not know; `repaired`: duplicates removed there; `lost`: tasks
    that had vanished and are unsent again; `foreign_tasks`: queue → tasks in its project that are not ours, where it was looked: they
    are left alone. `projects`: queue → project id."""

    sent: int = 0
    adopted: int = 0
    repaired: int = 0
    lost: int = 0
    foreign_tasks: dict[str, int] = field(default_factory=dict)
    projects: dict[str, int] = field(default_factory=dict)


def push(store: Store, studio: Studio, progress: Progress | None = None) -> PushSummary:
    """Bring every queue of the store to the server; done twice it does nothing. Raises StudioError; asking again continues."""
    summary, unsent = PushSummary(), 0
    queues = store.queue.queues()
    for queue in queues:
        unsent += len(store.queue.unsent(queue, studio.url))
    for queue in queues:
        _Outbox(store, studio, queue, summary, lambda: progress(summary.sent + summary.adopted, unsent) if progress else None).run()
    return summary


class _Outbox:
    """One queue on one server."""

    def __init__(self, store: Store, studio: Studio, queue: str, summary: PushSummary, report: Callable[[], None]) -> None:
        self.store, self.studio, self.queue, self.summary, self.report = store, studio, queue, summary, report
        self.items = store.queue.items(queue)
        self.project_id = self._ensure_project()
        summary.projects[queue] = self.project_id

    def run(self) -> None:
        if self._unsent() or not self._counts_agree():
            self._reconcile()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._send()
                break
            except StudioError:
                self._reconcile()
                if attempt == ATTEMPTS and self._unsent():
                    raise
                time.sleep(0.2 * attempt)
        if not self._counts_agree():  # somebody else was pushing, or a request we gave up arrived after all
            self._reconcile()

    def _ensure_project(self) -> int:
        """Our queue's project; one that was deleted by hand is made again, and what it lost becomes unsent."""
        url, sha = self.studio.url, self._asked()
        known = next((project.project_id for project in self.store.queue.projects(url) if project.queue == self.queue), None)
        project_id = self.studio.ensure_project(self.queue, overlap=max(item.overlap for item in self.items), known=known)
        ours = {item.item_id for item in self.items}
        self._forget([task.item_id for task in self.store.queue.tasks(url) if task.item_id in ours and task.project_id != project_id])
        self.store.queue.put_project(StudioProject(self.queue, url, project_id, sha))
        return project_id

    def _asked(self) -> str:
        """The hash of what people are asked, which is frozen once somebody has answered."""
        feature, language, name = labeling.queue_parts(self.queue)
        sha = labeling.asked_sha256(labeling.rubric_named(name), feature, language)
        before = {project.rubric_sha256 for project in self.store.queue.projects() if project.queue == self.queue} - {"", sha}
        if before and self.store.labels.annotations([item.item_id for item in self.items]):
            raise InputError(f"{self.queue}: people have answered under other words; rubric {name} is frozen: make a new version of it")
        return sha

    def _send(self) -> None:
        for chunk in batches(self._unsent(), CHUNK):
            ids = self.studio.import_tasks(self.project_id, [item.data for item in chunk])
            self._remember([(item.item_id, task_id) for item, task_id in zip(chunk, ids, strict=True)])
            self.summary.sent += len(ids)
            self.report()

    def _reconcile(self) -> None:
        """Make the ledger say what the server has."""
        there = self._tasks_there()
        twice = {task_id for ids in there.values() if len(ids) > 1 for task_id in ids}
        if twice:
            self.studio.remove_duplicates(self.project_id, sorted(twice))
            self._collect_everything_again()
            there = self._tasks_there()
            self.summary.repaired += len(twice) - sum(task_id in twice for ids in there.values() for task_id in ids)
        known = {task.item_id: task.task_id for task in self.store.queue.tasks(self.studio.url, self.project_id)}
        self._forget([item_id for item_id in known if item_id not in there])
        found = [(item_id, min(ids)) for item_id, ids in there.items() if known.get(item_id) not in ids]
        self._remember(found)
        self.summary.adopted += sum(item_id not in known for item_id, _ in found)
        if found:
            self._collect_everything_again()
        self.report()

    def _tasks_there(self) -> dict[str, list[int]]:
        ours = {item.item_id for item in self.items}
        there: dict[str, list[int]] = defaultdict(list)
        for task_id, item_id in sorted(self.studio.item_ids(self.project_id).items()):
            there[item_id if item_id and item_id in ours else ""].append(task_id)
        self.summary.foreign_tasks[self.queue] = len(there.pop("", ()))
        return there

    def _forget(self, item_ids: Sequence[str]) -> None:
        """These tasks are gone. Items with enough labels stay as they are: nobody is asked twice for what we already have."""
        overlap = {item.item_id: item.overlap for item in self.items}
        labels = Counter(note.item_id for note in self.store.labels.annotations(item_ids) if not note.deleted)
        gone = [item_id for item_id in item_ids if labels[item_id] < overlap.get(item_id, 1)]
        self.store.queue.forget_tasks(self.studio.url, gone)
        self.summary.lost += len(gone)

    def _remember(self, pairs: Sequence[tuple[str, int]]) -> None:
        self.store.queue.put_tasks(StudioTask(item_id, self.studio.url, self.project_id, task_id) for item_id, task_id in pairs)

    def _collect_everything_again(self) -> None:
        """Tasks we did not know, or that got a duplicate's annotations, may carry annotations older than the mark of the last collect."""
        self.store.queue.put_cursor(StudioCursor(self.studio.url, self.project_id, _BEGINNING))

    def _unsent(self) -> list[QueueItem]:
        return self.store.queue.unsent(self.queue, self.studio.url)

    def _counts_agree(self) -> bool:
        return self.studio.task_count(self.project_id) == len(self.store.queue.tasks(self.studio.url, self.project_id))
