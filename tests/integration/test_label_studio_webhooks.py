"""Labels arrive soon after they are given, and arrive all the same when the hint is lost, doubled or forged; what the server may call."""

from __future__ import annotations

import ast
import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import NOW, a_store, two_runs

from annotators.asking.queues import enqueue
from annotators.label_studio import accounts, server
from annotators.label_studio.collect import collect
from annotators.label_studio.push import push
from annotators.label_studio.receiver import PATH, Puller, app, serve
from annotators.label_studio.studio import HINTS, PROJECT_HEADER, SECRET_HEADER, Studio, StudioAnnotation
from annotators.labeling.claims import result_of
from evals import paths
from evals.errors import InputError, StudioError
from evals.records import StudioTask
from evals.store import Store

pytestmark = pytest.mark.labelstudio


def pushed(studio: Studio, tmp_path: Path) -> tuple[str, list[StudioTask]]:
    """The address of a store whose items are tasks on the server."""
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    store = a_store(url)
    runs = two_runs(store, ("en",), products=2)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=1, now=NOW)
    push(store, studio)
    tasks = store.queue.tasks(studio.url)
    store.close()
    return url, tasks


@pytest.fixture
def annotator(studio: Studio) -> Iterator[Studio]:
    """The server, as somebody who labels."""
    token = accounts.ensure_user(studio, "mara@annotators.invalid", "a long enough pass", "Mara")
    with Studio(studio.url, token) as desk:
        yield desk


def pulling(url: str, studio: Studio, every_s: float) -> Puller:
    """The real thing: every pull collects into the store at `url`."""

    def pull(project_ids: Sequence[int] | None) -> None:
        store = Store.open(url)
        try:
            collect(store, studio, now=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), projects=project_ids)
        finally:
            store.close()

    return Puller(pull, now=lambda: NOW, every_s=every_s)


def labels(url: str) -> dict[str, str]:
    store = Store.open(url)
    try:
        return {note.item_id: note.verdict for note in store.labels.annotations() if not note.deleted}
    finally:
        store.close()


def wait_for(happened: Callable[[], bool], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def hooks(studio: Studio, project_id: int) -> list[dict[str, Any]]:
    listed: Any = studio._json("GET", "/api/webhooks/", "list webhooks", params={"project": project_id})
    return list(listed)


def first_note(studio: Studio, task_id: int) -> StudioAnnotation:
    task = studio.task(task_id)
    assert task is not None
    return task.annotations[0]


def unique(number: int) -> str:
    return f"{number:08d}-0000-5000-8000-{time.time_ns() % 10**12:012d}"


def test_a_label_given_edited_or_deleted_on_the_server_is_in_our_store_soon(studio: Studio, annotator: Studio, tmp_path: Path) -> None:
    url, tasks = pushed(studio, tmp_path)
    secret = studio.secret_for("webhooks")
    with pulling(url, studio, every_s=600) as puller, serve(app(puller.hint, secret, status=puller.status), 0) as served:
        studio.ensure_webhook(tasks[0].project_id, served.url + PATH, secret)
        wait_for(lambda: puller.status()["pulls"] == 1)
        assert annotator.annotate(tasks[0].task_id, result_of("unsupported"), unique_id=unique(1))
        wait_for(lambda: labels(url) == {tasks[0].item_id: "unsupported"})
        note = first_note(studio, tasks[0].task_id)
        annotator.edit_annotation(note.number, result_of("grounded"))
        wait_for(lambda: labels(url) == {tasks[0].item_id: "grounded"})
        annotator.delete_annotation(note.number)
        wait_for(lambda: labels(url) == {})
        seen = httpx.get(f"{served.url}/status").json()
        assert (seen["hints"], seen["forged"], seen["malformed"], seen["last_error"]) == (3, 0, 0, None)


def test_a_label_whose_hint_was_lost_comes_with_the_timer(studio: Studio, annotator: Studio, tmp_path: Path) -> None:
    url, tasks = pushed(studio, tmp_path)
    secret = studio.secret_for("webhooks")
    nobody = f"http://127.0.0.1:{server.free_port()}{PATH}"
    studio.ensure_webhook(tasks[0].project_id, nobody, secret)
    with pulling(url, studio, every_s=0.5) as puller:
        wait_for(lambda: puller.status()["pulls"] >= 1)
        assert annotator.annotate(tasks[0].task_id, result_of("grounded"), unique_id=unique(1))
        wait_for(lambda: labels(url) == {tasks[0].item_id: "grounded"})


def test_doubled_and_forged_hints_change_nothing(studio: Studio, annotator: Studio, tmp_path: Path) -> None:
    url, tasks = pushed(studio, tmp_path)
    secret, project_id = studio.secret_for("webhooks"), tasks[0].project_id
    assert annotator.annotate(tasks[0].task_id, result_of("grounded"), unique_id=unique(1))
    with pulling(url, studio, every_s=600) as puller, serve(app(puller.hint, secret), 0) as served:
        wait_for(lambda: labels(url) == {tasks[0].item_id: "grounded"})
        claims = {"action": "ANNOTATION_CREATED", "project": {"id": project_id}, "annotation": {"id": 99, "task": tasks[1].task_id}}
        for given, status in ((secret, 204), (secret, 204), ("forged", 401)):
            assert httpx.post(served.url + PATH, headers={SECRET_HEADER: given}, json=claims).status_code == status
        wait_for(lambda: puller.status()["pulls"] >= 2 and puller.status()["due"] == 0)
        puller.hint(10**9)  # a project that is not there
        wait_for(lambda: puller.status()["pulls"] >= 3)
        assert labels(url) == {tasks[0].item_id: "grounded"} and puller.last_error is None


def test_a_project_has_one_webhook_of_ours_and_it_is_mended(studio: Studio) -> None:
    project_id = studio.ensure_project("highlights/en/claim-v1", overlap=1)
    url, other = f"http://127.0.0.1:9{PATH}", "http://127.0.0.1:9/of-somebody-else"
    for _ in range(2):
        studio.ensure_webhook(project_id, url, "first")
    studio.ensure_webhook(project_id, other, "theirs")
    (hook, theirs) = hooks(studio, project_id)
    assert (hook["send_payload"], hook["send_for_all_actions"], hook["is_active"], sorted(hook["actions"])) == (
        False,
        False,
        True,
        [*HINTS],
    )
    assert hook["headers"] == {SECRET_HEADER: "first", PROJECT_HEADER: str(project_id)}
    studio._json("POST", "/api/webhooks/", "double it", json={"project": project_id, "url": url, "send_payload": True})
    studio._json("PATCH", f"/api/webhooks/{hook['id']}/", "switch it off", json={"is_active": False})  # this also empties its actions
    studio.ensure_webhook(project_id, url, "second")
    mended = [one for one in hooks(studio, project_id) if one["url"] == url]
    assert [one["id"] for one in mended] == [hook["id"]] and mended[0]["is_active"] and sorted(mended[0]["actions"]) == [*HINTS]
    assert mended[0]["headers"][SECRET_HEADER] == "second"
    assert theirs in hooks(studio, project_id)


def test_the_server_may_call_loopback_and_no_other_private_network(studio: Studio) -> None:
    project_id = studio.ensure_project("highlights/en/claim-v1", overlap=1)
    for address in ("10.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1", "0.0.0.0", "224.0.0.1"):
        with pytest.raises(StudioError, match="reserved network address"):
            studio.ensure_webhook(project_id, f"http://{address}{PATH}", "secret")
    assert hooks(studio, project_id) == []
    studio.ensure_webhook(project_id, f"http://127.0.0.1:9{PATH}", "secret")
    studio.ensure_webhook(project_id, f"http://localhost:9{PATH}", "secret")
    assert len(hooks(studio, project_id)) == 2


def test_only_loopback_is_missing_from_what_label_studio_would_refuse_by_itself() -> None:
    program = paths.label_studio_program()
    assert program is not None
    (source,) = program.resolve().parents[1].glob("lib/python3*/site-packages/label_studio/core/utils/io.py")
    assigned = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Assign)]
    (banned,) = (
        node.value for node in assigned if isinstance(node.targets[0], ast.Name) and node.targets[0].id == "default_banned_subnets"
    )
    assert set(ast.literal_eval(banned)) - set(server.BANNED_SUBNETS) == {"127.0.0.0/8", "::1/128"}
    assert set(server.BANNED_SUBNETS) <= set(ast.literal_eval(banned))
    assert importlib.util.find_spec("label_studio") is None, "it lives in an environment of its own"


def a_half_labelled_project(studio: Studio, annotator: Studio, tasks: int) -> int:
    """Half of the tasks have annotations: of one or two people, some skipped, some with only a skip, one edited, one deleted again."""
    project_id = studio.ensure_project("highlights/en/claim-v1", overlap=2)
    data = [{"item_id": f"i{number}", "language": "en", "claim": f"claim {number}", "evidence": "e " * 200} for number in range(tasks)]
    ids = studio.import_tasks(project_id, data)
    for number, task_id in enumerate(ids[: tasks // 2]):
        studio.annotate(task_id, result_of("grounded", "コメント" if number == 0 else None), unique_id=unique(number))
        if number % 3 == 0:
            annotator.annotate(task_id, result_of("unsupported"), unique_id=unique(tasks + number))
        if number % 4 == 0:
            first = first_note(studio, task_id)
            studio._json("PATCH", f"/api/annotations/{first.number}/", "skip", json={"was_cancelled": True, "result": list(first.result)})
    studio.delete_annotation(first_note(studio, ids[1]).number)
    return project_id


def test_annotated_tasks_are_the_tasks_that_have_annotations(studio: Studio, annotator: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    project_id = a_half_labelled_project(studio, annotator, 24)
    everything = list(studio.tasks(project_id))
    wanted = [task for task in everything if task.annotations]
    assert len(everything) == 24 and len(wanted) == 11
    assert any(all(note.cancelled for note in task.annotations) for task in wanted) and any(len(task.annotations) == 2 for task in wanted)
    assert list(studio.annotated(project_id)) == wanted
    assert [studio.task(task.task_id) for task in everything] == everything
    monkeypatch.setattr("annotators.label_studio.studio.PAGE", 4)
    assert list(studio.annotated(project_id)) == wanted and list(studio.tasks(project_id)) == everything
    slow = studio._json("GET", "/api/tasks", "every field", params={"project": project_id, "fields": "all", "page_size": 100})["tasks"]
    assert [(one["id"], one["updated_at"], one["data"]) for one in slow] == [(one.task_id, one.updated_at, one.data) for one in everything]
    exported: Any = studio._json("GET", f"/api/projects/{project_id}/export", "export", params={"exportType": "JSON"})
    notes = {note["id"]: note for task in exported for note in task["annotations"]}
    ours = {note.number: note for task in wanted for note in task.annotations}
    assert notes.keys() == ours.keys()
    for number, note in ours.items():
        said = notes[number]
        assert (said["completed_by"], said["result"], said["was_cancelled"]) == (note.user_id, note.result, note.cancelled)
        assert (said["created_at"], said["updated_at"], said["lead_time"]) == (note.created_at, note.updated_at, note.lead_time_s)


def test_a_task_deleted_while_pages_are_read_hides_no_other(studio: Studio, annotator: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotators.label_studio.studio.PAGE", 4)
    project_id = a_half_labelled_project(studio, annotator, 12)
    there, reading = sorted(studio.item_ids(project_id)), studio.tasks(project_id)
    seen = [next(reading).task_id]
    studio._request("DELETE", f"/api/tasks/{there[2]}/", "delete a task")
    assert studio.task(there[2]) is None
    assert sorted({*seen, *(task.task_id for task in reading)} - {there[2]}) == [number for number in there if number != there[2]]
    assert list(studio.annotated(studio.ensure_project("highlights/ja/claim-v1", overlap=1))) == []


def test_predictions_go_with_their_tasks_and_are_counted(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    project_id = studio.ensure_project("highlights/en/claim-v1", overlap=1)
    data = [{"item_id": f"i{number}", "language": "en", "claim": "c", "evidence": "e"} for number in range(3)]
    made = [{"model_version": "judge-v1", "score": score, "result": result_of("grounded")} for score in (0.25, None)]
    ids = studio.import_tasks(project_id, data, [made[0], None, made[1]])
    stored = [task["predictions"] for task in studio._pages("look", project_id, {"fields": "all"})]
    assert [[(one["model_version"], one["score"]) for one in row] for row in stored] == [[("judge-v1", 0.25)], [], [("judge-v1", None)]]
    assert len(ids) == 3 and len(studio.import_tasks(project_id, data)) == 3
    with pytest.raises(InputError, match=r"item i0: a prediction by judge-v1 has score 5\.5, not in 0\.\.1"):
        studio.import_tasks(project_id, data[:1], [made[0] | {"score": 5.5}])
    with pytest.raises(InputError, match="1 predictions for 3 tasks"):
        studio.import_tasks(project_id, data, [None])
    assert studio.task_count(project_id) == 6
    before = studio._sdk.projects.import_tasks
    monkeypatch.setattr(studio._sdk.projects, "import_tasks", lambda **given: _without_a_prediction(before, given))
    with pytest.raises(StudioError, match="2 predictions were sent, the server has stored 1"):
        studio.import_tasks(project_id, data, [made[0], None, made[1]])


def _without_a_prediction(send: Callable[..., Any], given: dict[str, Any]) -> Any:
    """The real import, of which one prediction is lost on the way."""
    rows = [dict(row) for row in given["request"]]
    next(row for row in rows if "predictions" in row).pop("predictions")
    return send(**given | {"request": rows})
