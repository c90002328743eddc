"""What push and collect rest on, without a server: one at a time, a mark that only its owner moves, predictions that fit their tasks."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

from support import NOW, a_store, two_runs

from annotators.asking.queues import enqueue
from annotators.label_studio.outbox import forget_lost
from annotators.label_studio.predictions import MAX_VERSION, model_version, predictions_of
from annotators.labeling.claims import result_of
from evals.metrics import METRICS
from evals.records import Annotation, Annotator, QueueItem, Score, StudioCursor, StudioTask
from evals.store import Store
from evals.store.turns import turn

URL = "http://studio"


def queued() -> tuple[Store, list[QueueItem]]:
    store = a_store()
    runs = two_runs(store, ("en",), products=1)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=1, now=NOW)
    return store, store.queue.items()


def judged(item: QueueItem, verdict: object, value: float | None, signature: str | None = None) -> Score:
    metric = METRICS["grounded"]
    assert item.run_id and item.case_id and item.claim_id
    return Score(
        item.run_id, item.case_id, "claim", item.claim_id, metric.name, signature or metric.signature, metric.source, value,
        None if value is not None else "words cannot tell", {"verdict": verdict},
    )  # fmt: skip


def test_a_prediction_is_what_todays_judge_said_of_the_claim_that_is_shown() -> None:
    store, items = queued()
    store.runs.add_scores(
        [judged(items[0], "contradicted", 0.0), judged(items[0], "grounded", 1.0, "v:9"), judged(items[1], "not_checkable", None)]
    )
    store.runs.add_scores([judged(items[2], "no verdict of ours", 1.0), judged(items[3], "grounded", 1.0)])
    degraded = replace(items[3], subject_id="another claim")
    whole = replace(items[3], rubric="failures-v1")
    version = model_version(METRICS["grounded"].signature)
    assert predictions_of(store, [*items[:3], degraded, whole]) == [
        {"model_version": version, "score": 0.0, "result": result_of("contradicted")},
        {"model_version": version, "score": None, "result": result_of("not_checkable")},
        None,
        None,
        None,
    ]


def test_a_judges_name_fits_into_label_studio_and_tells_judges_apart() -> None:
    long = [f"v:1|model:{'x' * 100}|seed:{seed}" for seed in (1, 2)]
    assert model_version("v:1|short") == "v:1|short"
    assert len({*map(model_version, long)}) == 2 and all(len(model_version(one)) <= MAX_VERSION for one in long)


def test_a_mark_moved_by_somebody_else_stays_where_they_put_it() -> None:
    store = a_store()
    first, second, reset = (StudioCursor(URL, 1, f"2026-11-22T1{hour}:00:00Z") for hour in (1, 2, 0))
    assert store.queue.move_cursor(None, first) and not store.queue.move_cursor(None, second)
    assert store.queue.move_cursor(first, second) and store.queue.cursor(URL, 1) == second
    store.queue.put_cursor(reset)  # push found something: everything is to be read again
    assert not store.queue.move_cursor(second, first) and store.queue.cursor(URL, 1) == reset


def test_a_lost_task_makes_its_item_unsent_unless_it_has_its_labels() -> None:
    store, items = queued()
    store.queue.put_tasks(StudioTask(item.item_id, URL, 1, number) for number, item in enumerate(items))
    store.labels.put_annotators([Annotator("a", "a@example.org", "A", ("en",))])
    store.labels.put_annotations([Annotation("n", items[0].item_id, "a", "grounded", None, NOW, NOW)])
    assert forget_lost(store, URL, [item.item_id for item in items[:2]]) == 1
    assert (
        store.queue.unsent_ids(items[0].queue, URL)
        == [items[1].item_id]
        == [item.item_id for item in store.queue.unsent(items[0].queue, URL)]
    )
    assert list(store.queue.overlaps(items[0].queue)) == [item.item_id for item in items]
    assert store.queue.carried(URL, 1, [0, 1, 99]) == {0: items[0].item_id}


def test_turns_are_taken_and_end_with_the_process_that_held_them(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    store = a_store(url)
    held = subprocess.Popen([sys.executable, "-c", _HOLDER, url], stdout=subprocess.PIPE, text=True)
    assert held.stdout and held.stdout.readline() == "mine\n"
    came = threading.Event()

    def wait() -> None:
        with turn(store.engine, "push"):
            came.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    with turn(store.engine, "collect"):  # another turn
        assert not came.wait(0.2)
    held.kill()
    held.wait()
    assert came.wait(20)
    waiting.join()
    held.stdout.close()
    store.close()


_HOLDER = """
import sys, time
from evals.store import Store
from evals.store.turns import turn
with turn(Store.open(sys.argv[1]).engine, "push"):
    print("mine", flush=True)
    time.sleep(600)
"""
