"""Verdicts come back from the real server: validated, once per person, edits and deletions included, across restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import NOW, TwoRuns, a_store, two_runs

from annotators.asking.queues import enqueue
from annotators.label_studio import accounts, server
from annotators.label_studio.collect import collect
from annotators.label_studio.push import push
from annotators.label_studio.studio import Studio
from annotators.labeling.claims import result_of
from evals.records import Annotation
from evals.store import Store

pytestmark = pytest.mark.labelstudio
ROOT = Path(__file__).parents[2]


def pushed(studio: Studio, languages: tuple[str, ...] = ("en",), url: str = "sqlite://", overlap: int = 1) -> tuple[Store, TwoRuns]:
    store = a_store(url)
    runs = two_runs(store, languages, products=2)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=overlap, now=NOW)
    push(store, studio)
    return store, runs


def now() -> str:
    return datetime.now(UTC).isoformat()


def unique(number: int) -> str:
    return f"{number:08d}-0000-5000-8000-{id(object()) % 10**12:012d}"


def living(store: Store) -> list[Annotation]:
    return [note for note in store.labels.annotations() if not note.deleted]


def test_verdicts_in_every_language_come_back_as_their_aliases(studio: Studio) -> None:
    store, runs = pushed(studio, ("ar", "ja", "hi"))
    wanted = {}
    for number, task in enumerate(store.queue.tasks(studio.url)):
        verdict = ("grounded", "contradicted", "unsupported", "not_checkable")[number % 4]
        studio.annotate(task.task_id, result_of(verdict, "コメント <b>" if number == 0 else None), unique_id=unique(number))
        wanted[task.item_id] = verdict
    summary = collect(store, studio, now=now())
    assert (summary.new, summary.invalid, summary.deleted) == (36, [], 0)
    assert {note.item_id: note.verdict for note in living(store)} == wanted
    assert [note.comment for note in living(store) if note.comment] == ["コメント <b>"]
    assert len(store.labels.labels(run_id=runs.champion.run_id)) == 18
    (owner,) = store.labels.annotators()
    assert (owner.email, owner.simulated, owner.languages) == (server.OWNER, False, ("ar", "hi", "ja"))
    again = collect(store, studio, now=now())
    assert (again.new, again.changed, again.deleted) == (0, 0, 0)


def test_an_edit_updates_and_a_deletion_is_marked_not_forgotten(studio: Studio) -> None:
    store, _ = pushed(studio)
    tasks = store.queue.tasks(studio.url)
    for number, task in enumerate(tasks[:3]):
        studio.annotate(task.task_id, result_of("grounded"), unique_id=unique(number))
    collect(store, studio, now=now())
    numbers = [note.number for task in studio.tasks(tasks[0].project_id) for note in task.annotations]
    studio.edit_annotation(numbers[0], result_of("contradicted"))
    studio.delete_annotation(numbers[1])
    summary = collect(store, studio, now=now())
    assert (summary.new, summary.changed, summary.deleted) == (0, 1, 1)
    by_item = {note.item_id: note for note in store.labels.annotations()}
    assert by_item[tasks[0].item_id].verdict == "contradicted"
    assert by_item[tasks[1].item_id].deleted and not by_item[tasks[2].item_id].deleted
    studio.annotate(tasks[1].task_id, result_of("unsupported"), unique_id=unique(9))
    assert collect(store, studio, now=now()).changed == 1
    assert {note.item_id for note in living(store)} == {task.item_id for task in tasks[:3]}


def test_one_person_has_one_verdict_per_item_the_latest(studio: Studio) -> None:
    store, _ = pushed(studio)
    task = store.queue.tasks(studio.url)[0]
    for number, verdict in enumerate(("grounded", "unsupported")):
        studio.annotate(task.task_id, result_of(verdict), unique_id=unique(number))
    collect(store, studio, now=now())
    assert [note.verdict for note in living(store)] == ["unsupported"]


def test_what_label_studio_should_not_have_accepted_is_named_and_not_stored(studio: Studio) -> None:
    store, _ = pushed(studio)
    tasks = store.queue.tasks(studio.url)
    studio.annotate(tasks[0].task_id, result_of("Supported"), unique_id=unique(1))  # the shown text, not its alias
    studio.annotate(tasks[1].task_id, [], unique_id=unique(2))
    studio.annotate(tasks[2].task_id, [*result_of("grounded"), *result_of("contradicted")], unique_id=unique(3))
    studio.annotate(tasks[3].task_id, result_of("grounded"), unique_id=unique(4))
    studio._json("PATCH", f"/api/tasks/{tasks[3].task_id}/", "tamper", json={"data": {"item_id": "x", "claim": "y", "evidence": "z"}})
    summary = collect(store, studio, now=now())
    assert summary.new == 0 and len(summary.invalid) == 4 and living(store) == []
    named = {line.split(":")[0].split(",")[0]: line for line in summary.invalid}
    assert "'Supported'" in named[f"task {tasks[0].task_id}"] and "changed on the server" in named[f"task {tasks[3].task_id}"]


def test_only_what_changed_is_read_again_and_full_reads_everything(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotators.label_studio.collect.MARGIN", timedelta(0))
    store, _ = pushed(studio)
    tasks = store.queue.tasks(studio.url)
    studio.annotate(tasks[0].task_id, result_of("grounded"), unique_id=unique(1))
    collect(store, studio, now=now())
    studio.annotate(tasks[1].task_id, result_of("grounded"), unique_id=unique(2))
    cursor = store.queue.cursor(studio.url, tasks[0].project_id)
    assert cursor is not None
    changed = list(studio.tasks(tasks[0].project_id, updated_after=datetime.fromisoformat(cursor.updated_at)))
    assert [task.task_id for task in changed] == [tasks[1].task_id]
    assert collect(store, studio, now=now()).new == 1
    store.labels.mark_deleted([note.annotation_id for note in living(store)])
    assert collect(store, studio, now=now()).changed == 0 and collect(store, studio, now=now(), full=True).changed == 2


def test_a_label_on_a_task_we_learn_of_later_is_not_missed(studio: Studio) -> None:
    store, _ = pushed(studio)
    tasks = store.queue.tasks(studio.url)
    store.queue.forget_tasks(studio.url, [tasks[0].item_id])  # as after a kill between the server's commit and ours
    studio.annotate(tasks[0].task_id, result_of("grounded"), unique_id=unique(1))
    assert collect(store, studio, now=now()).new == 0
    for number, task in enumerate(tasks[1:3], 2):
        studio.annotate(task.task_id, result_of("grounded"), unique_id=unique(number))
    assert collect(store, studio, now=now()).new == 2
    assert push(store, studio).adopted == 1 and collect(store, studio, now=now()).new == 1


def test_two_people_give_two_rows_and_their_names_are_shown_safely(studio: Studio) -> None:
    store, runs = pushed(studio, overlap=2)
    task = store.queue.tasks(studio.url)[0]
    token = accounts.ensure_user(studio, "sim-en-9@annotators.invalid", "a long enough pass", "Simulated annotator <b>\u202ex")
    assert accounts.ensure_user(studio, "sim-en-9@annotators.invalid", "a long enough pass", "Simulated annotator <b>\u202ex") == token
    with Studio(studio.url, token) as other:
        other.annotate(task.task_id, result_of("unsupported"), unique_id=unique(1))
    studio.annotate(task.task_id, result_of("grounded"), unique_id=unique(2))
    collect(store, studio, now=now())
    rows = [row for run in (runs.champion, runs.candidate) for row in store.labels.labels(run_id=run.run_id)]
    assert sorted(row.verdict for row in rows) == ["grounded", "unsupported"]
    simulated = next(annotator for annotator in store.labels.annotators() if annotator.simulated)
    assert simulated.name == "Simulated annotator <b>\ufffdx"


def test_collecting_works_after_either_side_was_restarted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    running = server.start(tmp_path)
    try:
        with Studio(running.url, running.token) as studio:
            store, _ = pushed(studio, url=url)
            tasks = store.queue.tasks(studio.url)
            studio.annotate(tasks[0].task_id, result_of("grounded"), unique_id=unique(1))
            collect(store, studio, now=now())
            studio.annotate(tasks[1].task_id, result_of("grounded"), unique_id=unique(2))
        store.close()
        server.stop(tmp_path)
        running = server.start(tmp_path)
        store = a_store(url)
        with Studio(running.url, running.token) as studio:
            assert push(store, studio).sent == 0 and collect(store, studio, now=now()).new == 1
        store.close()
    finally:
        server.stop(tmp_path)
