"""What the tests of push and collect share: a queue to push, people who answer, and the one question at the end of each: do we agree?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from support import NOW, a_store, two_runs

from annotators.asking.queues import enqueue
from annotators.label_studio import accounts
from annotators.label_studio.collect import CollectSummary, collect
from annotators.label_studio.push import PushSummary, push
from annotators.label_studio.studio import Studio, StudioAnnotation, TaskState
from annotators.labeling.claims import result_of
from evals.records import CLAIM_VERDICTS, Annotation, StudioTask
from evals.store import Store

EN = "highlights/en/claim-v2"
_numbers = count(1)


def queued(url: str = "sqlite://", languages: Sequence[str] = ("en",), products: int = 2, overlap: int = 1) -> Store:
    """A store with six claims a product and language before people, not pushed yet."""
    store = a_store(url)
    runs = two_runs(store, languages, products=products)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=overlap, now=NOW)
    return store


def pushed(studio: Studio, url: str = "sqlite://", products: int = 2, overlap: int = 1) -> tuple[Store, list[StudioTask]]:
    """The same, on the server, with its tasks."""
    store = queued(url, products=products, overlap=overlap)
    push(store, studio)
    return store, store.queue.tasks(studio.url)


def now(shift: timedelta = timedelta(0)) -> str:
    return (datetime.now(UTC) + shift).isoformat()


def unique() -> str:
    """A `unique_id` nobody has used."""
    return f"{next(_numbers):08d}-0000-5000-8000-{id(object()) % 10**12:012d}"


def answer(studio: Studio, tasks: Sequence[StudioTask], verdict: str = "grounded") -> None:
    """Each task is answered, as the token's owner."""
    for task in tasks:
        studio.annotate(task.task_id, result_of(verdict), unique_id=unique())


def notes(studio: Studio, task_id: int) -> tuple[StudioAnnotation, ...]:
    task = studio.task(task_id)
    assert task is not None
    return task.annotations


def living(store: Store) -> list[Annotation]:
    return [note for note in store.labels.annotations() if not note.deleted]


def settle(store: Store, studio: Studio, *, full: bool = False) -> tuple[PushSummary, CollectSummary]:
    """What anybody does after a fault: push, collect. Then both sides agree, and doing it again changes nothing."""
    done = push(store, studio), collect(store, studio, now=now(), full=full)
    agree(store, studio)
    again, more = push(store, studio), collect(store, studio, now=now())
    assert (again.sent, again.adopted, again.repaired, again.lost) == (0, 0, 0, 0)
    assert (more.new, more.changed, more.deleted, more.lost) == (0, 0, 0, 0)
    agree(store, studio)
    return done


def agree(store: Store, studio: Studio) -> None:
    """Every item of ours has exactly one task, unless it has its labels already; every answer on these tasks that can be read is in our
    store as it was given, once a person, and of what else we have nothing is on the server any more."""
    items = {item.item_id: item for item in store.queue.items()}
    tasks: dict[str, list[TaskState]] = defaultdict(list)
    for project in store.queue.projects(studio.url):
        for task in studio.tasks(project.project_id):
            if task.item_id in items and items[task.item_id].data == task.data:
                tasks[task.item_id].append(task)
    ours = {(note.item_id, note.annotator_id): note.verdict for note in living(store)}
    assert len(ours) == len(living(store))
    for item_id, item in items.items():
        labels = sum(labelled == item_id for labelled, _ in ours)
        assert len(tasks[item_id]) == 1 or (not tasks[item_id] and labels >= item.overlap), item_id
    there = {item_id: found[0].task_id for item_id, found in tasks.items() if found}
    ledger = {task.item_id: task.task_id for task in store.queue.tasks(studio.url)}
    assert there == {item_id: task_id for item_id, task_id in ledger.items() if item_id in there}
    owners = {user.user_id: accounts.annotator_id(user.email) for user in studio.users().values()}
    theirs = _answers([found[0] for found in tasks.values() if found], owners)
    kept = {key: verdict for key, verdict in ours.items() if key[0] in there and key[1] in owners.values()}
    assert kept == theirs


def _answers(tasks: Sequence[TaskState], owners: dict[int, str]) -> dict[tuple[str, str], str]:
    """(item, annotator) → their latest readable verdict, read here without the code under test."""
    said: dict[tuple[str, str], str] = {}
    for task in tasks:
        for note in sorted(task.annotations, key=lambda note: (note.updated_at, note.number)):
            verdict = _verdict(note)
            if verdict and note.user_id in owners:
                said[str(task.item_id), owners[note.user_id]] = verdict
    return said


def _verdict(note: StudioAnnotation) -> str | None:
    chosen = [region["value"]["choices"] for region in note.result if region["from_name"] == "verdict"]
    readable = not note.cancelled and len(chosen) == 1 and len(chosen[0]) == 1 and chosen[0][0] in CLAIM_VERDICTS
    return str(chosen[0][0]) if readable else None
