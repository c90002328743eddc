"""Items to Label Studio, each exactly once, whatever happens in between.

Our store is the outbox: an item without a `StudioTask` on a server is unsent. Label Studio knows no idempotency keys, so before
anything is sent, and after every error, the tasks that are there are listed and adopted by the item id in their data. A kill between
the server's commit and ours, a lost reply, a project deleted by hand: the next look at the server puts it right. Pushes of one store to
one server take turns.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from annotators import labeling
from annotators.label_studio.outbox import forget_lost
from annotators.label_studio.predictions import predictions_of
from annotators.label_studio.studio import Studio
from evals.errors import InputError, StudioError
from evals.records import StudioCursor, StudioProject, StudioTask
from evals.store import Store
from evals.store.rows import batches
from evals.store.turns import turn

Progress = Callable[[int, int | None], None]
CHUNK = 1000  # a few seconds a request, well under any time limit
ATTEMPTS = 3
_BEGINNING = "1970-01-01T00:00:00Z"


@dataclass
class PushSummary:
    """`sent`: tasks made now; `adopted`: found on the server though we did not know; `repaired`: duplicates removed there; `lost`: tasks
    that had vanished and are unsent again; `foreign_tasks`: queue → tasks in its project that are not as we sent them, where it was
    looked: they are left alone. `predictions`: of our judge, that the server has stored now; `dropped_predictions`: that it has not, though
    it took their tasks. `projects`: queue → project id."""

    sent: int = 0
    adopted: int = 0
    repaired: int = 0
    lost: int = 0
    predictions: int = 0
    dropped_predictions: int = 0
    foreign_tasks: dict[str, int] = field(default_factory=dict)
    projects: dict[str, int] = field(default_factory=dict)


def push(
    store: Store, studio: Studio, progress: Progress | None = None, *, webhook_url: str | None = None, predictions: bool = True
) -> PushSummary:
    """Bring every queue of the store to the server; done twice it does nothing.

    `webhook_url`: the receiver each project tells of new labels (`receiver`, with ``studio.secret_for("webhooks")`` as its
    secret). `predictions`: send what our judge said along with each claim, for native exports; the labelling page does not show it.
    Raises StudioError; asking again continues. Raises InputError where that would not help: for a queue whose rubric is frozen under other
    words, or whose page was changed and answered by hand. One queue's error does not keep the others waiting: all are raised at the end.
    """
    summary = PushSummary()
    failed: list[InputError | StudioError] = []
    with turn(store.engine, f"push to {studio.url}"):
        queues = store.queue.queues()
        unsent = sum(len(store.queue.unsent_ids(queue, studio.url)) for queue in queues)

        def report() -> None:
            if progress:
                progress(summary.sent + summary.adopted, unsent)

        for queue in queues:
            try:
                outbox = _Outbox(store, studio, queue, summary, report)
                outbox.run(predictions)
                if webhook_url is not None:
                    studio.ensure_webhook(outbox.project_id, webhook_url, studio.secret_for("webhooks"))
            except (InputError, StudioError) as error:
                failed.append(error)
                if isinstance(error, StudioError) and not _answers(studio):
                    break  # a server that answers nobody is not asked for every other queue
    if failed:
        kind = InputError if any(isinstance(error, InputError) for error in failed) else StudioError
        raise kind("\n".join(map(str, failed)))
    return summary


def _answers(studio: Studio) -> bool:
    try:
        return bool(studio.clock())
    except StudioError:
        return False


class _Outbox:
    """One queue on one server."""

    def __init__(self, store: Store, studio: Studio, queue: str, summary: PushSummary, report: Callable[[], None]) -> None:
        self.store, self.studio, self.queue, self.summary, self.report = store, studio, queue, summary, report
        self.overlaps = store.queue.overlaps(queue)
        self.judged: set[str] = set()  # items sent with a prediction
        self.project_id = self._ensure_project()
        summary.projects[queue] = self.project_id

    def run(self, predictions: bool) -> None:
        if self._unsent() or not self._counts_agree():
            self._reconcile()
        before = self.studio.prediction_count(self.project_id) if self._unsent() else 0
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._send(predictions)
                break
            except StudioError:
                self._reconcile()
                if attempt == ATTEMPTS and self._unsent():
                    raise
                time.sleep(0.2 * attempt)
        if not self._counts_agree():  # a request we gave up arrived after all
            self._reconcile()
        self._count_predictions(before)

    def _ensure_project(self) -> int:
        """Our queue's project; one that was deleted by hand is made again, and what it lost becomes unsent."""
        url = self.studio.url
        known = next((project.project_id for project in self.store.queue.projects(url) if project.queue == self.queue), None)
        sha = self._asked(known)
        project_id = self.studio.ensure_project(self.queue, overlap=max(self.overlaps.values()), known=known)
        self._forget(self.store.queue.sent_elsewhere(self.queue, url, project_id))
        self.store.queue.put_project(StudioProject(self.queue, url, project_id, sha))
        return project_id

    def _asked(self, known: int | None) -> str:
        """The hash of what people are asked, which is frozen once somebody has answered, here or (not yet collected) there."""
        feature, language, name = labeling.queue_parts(self.queue)
        sha = labeling.asked_sha256(labeling.rubric_named(name), feature, language)
        before = {project.rubric_sha256 for project in self.store.queue.projects() if project.queue == self.queue} - {"", sha}
        if before and (self.store.labels.any_in(self.queue) or self._answered_there(known)):
            raise InputError(f"{self.queue}: people have answered under other words; rubric {name} is frozen: make a new version of it")
        return sha

    def _answered_there(self, known: int | None) -> bool:
        return known is not None and known in self.studio.project_ids() and next(self.studio.annotated(known), None) is not None

    def _send(self, predictions: bool) -> None:
        for ids in batches(self._unsent(), CHUNK):
            named = self.store.queue.named(ids)
            items = [named[item_id] for item_id in ids]
            judged = predictions_of(self.store, items) if predictions else [None] * len(items)
            self.judged |= {item_id for item_id, prediction in zip(ids, judged, strict=True) if prediction}
            task_ids = self.studio.import_tasks(self.project_id, [item.data for item in items], judged)
            self._remember(list(zip(ids, task_ids, strict=True)))
            self.summary.sent += len(ids)
            self.report()

    def _count_predictions(self, before: int) -> None:
        """The server drops predictions without a word: count them."""
        if self.judged:
            stored = max(0, self.studio.prediction_count(self.project_id) - before)
            self.summary.predictions += stored
            self.summary.dropped_predictions += max(0, len(self.judged) - stored)

    # ------------------------------------------------------------------ what the server has
    def _reconcile(self) -> None:
        """Make our side say what the server has."""
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
        """Item → the tasks that show it just as we sent it; the others are none of ours."""
        there: dict[str, list[int]] = defaultdict(list)
        foreign = 0
        for tasks in batches(self.studio.task_data(self.project_id)):
            named = self.store.queue.named({str(data.get("item_id")) for _, data in tasks} & self.overlaps.keys())
            for task_id, data in tasks:
                item = named.get(str(data.get("item_id")))
                if item is not None and item.data == data:
                    there[item.item_id].append(task_id)
                else:
                    foreign += 1
        self.summary.foreign_tasks[self.queue] = foreign
        return there

    def _forget(self, item_ids: Sequence[str]) -> None:
        self.summary.lost += forget_lost(self.store, self.studio.url, item_ids)

    def _remember(self, pairs: Sequence[tuple[str, int]]) -> None:
        self.store.queue.put_tasks(StudioTask(item_id, self.studio.url, self.project_id, task_id) for item_id, task_id in pairs)

    def _collect_everything_again(self) -> None:
        """Tasks we did not know, or that got a duplicate's annotations, may carry annotations older than the mark of the last collect."""
        self.store.queue.put_cursor(StudioCursor(self.studio.url, self.project_id, _BEGINNING))

    def _unsent(self) -> list[str]:
        return self.store.queue.unsent_ids(self.queue, self.studio.url)

    def _counts_agree(self) -> bool:
        return self.studio.task_count(self.project_id) == self.store.queue.task_count(self.studio.url, self.project_id)
