"""A desk to work at, for tests: annotators, items with tasks on a server nobody needs to start, labels, a plan, a race for places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

from support import NOW, TwoRuns, two_runs

from annotators.asking.budget import LabellingPlan, QueuePlan, load_plan
from annotators.asking.queues import enqueue
from annotators.asking.routing import Turn, next_item
from annotators.label_studio.accounts import annotator_id
from annotators.label_studio.collect import annotation_id
from evals.records import Annotation, Annotator, AnswerKey, QueueItem, StudioTask, Why
from evals.store import Store

SERVER = "http://127.0.0.1:1"
PREFERENCE, CLAIMS, FAILURES = "preference-v1", "claim-v2", "failures-v1"


def somebody(name: str = "ann", *languages: str, **fields: object) -> Annotator:
    email = f"{name}@example.org"
    person = Annotator(annotator_id(email), email, name, languages or ("en",))
    return replace(person, **fields)  # type: ignore[arg-type]  # fields of Annotator


def people(store: Store, *names: str, **fields: object) -> list[Annotator]:
    found = [somebody(name, **fields) for name in names]
    store.labels.put_annotators(found)
    return found


def an_item(number: int, why: Why = "random audit", *, language: str = "en", rubric: str = CLAIMS, **fields: object) -> QueueItem:
    item_id, queue = f"item-{language}-{number:03}", f"highlights/{language}/{rubric}"
    item = QueueItem(item_id, queue, "highlights", language, rubric, f"subject-{item_id}", why, 1.0, 1, NOW, {"item_id": item_id})
    return replace(item, **fields)  # type: ignore[arg-type]  # fields of QueueItem


def put(store: Store, *items: QueueItem, practice: bool = False, worse_than: str | None = None) -> list[QueueItem]:
    """Queue items and say that the server has them; gold and controls get a key."""
    store.queue.add_items(items)
    known = [item for item in items if item.why in ("gold", "control")]
    store.labels.put_keys(AnswerKey(item.item_id, "grounded", "construction", NOW, worse_than, practice) for item in known)
    send(store)
    return list(items)


def send(store: Store) -> None:
    have = {task.item_id for task in store.queue.tasks(SERVER)}
    new = [item.item_id for item in store.queue.items() if item.item_id not in have]
    store.queue.put_tasks(StudioTask(item_id, SERVER, 1, number) for number, item_id in enumerate(new, len(have)))


def label(store: Store, who: Annotator, *item_ids: str, at: str = NOW, deleted: bool = False) -> None:
    names = [(item_id, annotation_id(item_id, who.annotator_id)) for item_id in item_ids]
    store.labels.put_annotations(
        Annotation(name, item_id, who.annotator_id, "grounded", None, at, at, deleted=deleted) for item_id, name in names
    )


def a_plan(**changes: object) -> LabellingPlan:
    """The shipped plan without gold and practice, and with what the test says."""
    plan = load_plan()
    changed = {"gold_every": 0, "onboarding_gold": 0} | changes
    queues: dict[tuple[str, str], QueuePlan] = {key: replace(one, **changed) for key, one in plan.queues.items()}  # type: ignore[arg-type]
    return replace(plan, queues=queues)


def ask(store: Store, who: Annotator, *, now: str = NOW, plan: LabellingPlan | None = None, **options: object) -> Turn:
    return next_item(store, who, SERVER, plan or a_plan(), now=now, **options)  # type: ignore[arg-type]


def work(store: Store, who: Annotator, *, now: str = NOW, plan: LabellingPlan | None = None, most: int = 1000) -> list[QueueItem]:
    """Take and label until nothing comes; what was given, in order."""
    given: list[QueueItem] = []
    while len(given) < most and (turn := ask(store, who, now=now, plan=plan)).item is not None:
        label(store, who, turn.item.item_id, at=now)
        given.append(turn.item)
    return given


def later(minutes: float) -> str:
    return (datetime.fromisoformat(NOW) + timedelta(minutes=minutes)).isoformat()


def names(items: Sequence[QueueItem]) -> list[str]:
    return [item.item_id for item in items]


def enqueued(store: Store, rubric: str, overlap: int, products: int = 3) -> TwoRuns:
    runs = two_runs(store, ("en",), products=products)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=overlap, now=NOW, rubrics=[rubric])
    send(store)
    return runs


def race(store: Store, overlap: int, rounds: int = 5, runners: int = 8) -> None:
    """Everybody asks at once, again and again: each item is given to exactly `overlap` people."""
    team = people(store, *(f"runner {n}" for n in range(runners)))
    put(store, *(an_item(n, overlap=overlap) for n in range(rounds)))
    start = Barrier(runners)

    def run(who: Annotator) -> list[str]:
        start.wait()
        return names(work(store, who))

    with ThreadPoolExecutor(runners) as pool:
        given = Counter(name for mine in pool.map(run, team) for name in mine)
    assert given == {f"item-en-{n:03}": overlap for n in range(rounds)}
