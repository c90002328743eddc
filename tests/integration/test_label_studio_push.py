"""Every item reaches the real server exactly once, whatever happens in between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from labelled import EN, queued, settle
from lossy_proxy import lossy_proxy

from annotators.label_studio.predictions import model_version
from annotators.label_studio.push import push
from annotators.label_studio.receiver import PATH
from annotators.label_studio.studio import SECRET_HEADER, Studio
from evals.errors import StudioError
from evals.metrics import METRICS
from evals.records import Score, StudioProject, StudioTask
from evals.store import Store

pytestmark = pytest.mark.labelstudio


def on_server(studio: Studio, store: Store) -> list[str]:
    """Item ids of all tasks on the server, once per task."""
    return sorted(str(item) for project in store.queue.projects(studio.url) for item in studio.item_ids(project.project_id).values())


def every_item(store: Store) -> list[str]:
    return sorted(item.item_id for item in store.queue.items())


def test_pushing_twice_makes_no_duplicate_tasks(studio: Studio) -> None:
    store = queued(languages=("en", "ja", "ar", "hi"), products=3)
    seen: list[tuple[int, int | None]] = []
    first = push(store, studio, lambda done, total: seen.append((done, total)))
    assert first.sent == len(every_item(store)) == 72 and len(first.projects) == 4 and seen[-1] == (72, 72)
    ledger = store.queue.tasks(studio.url)
    second = push(store, studio)
    assert (second.sent, second.adopted, second.repaired, second.lost) == (0, 0, 0, 0) and second.projects == first.projects
    assert on_server(studio, store) == every_item(store) and store.queue.tasks(studio.url) == ledger
    assert all(status.sent == status.items for status in store.queue.status())


def test_tasks_are_in_the_order_of_the_queue_so_that_the_arms_stay_mixed(studio: Studio) -> None:
    store = queued()
    push(store, studio)
    in_order = [task.item_id for task in sorted(store.queue.tasks(studio.url), key=lambda task: task.task_id)]
    assert in_order == [item.item_id for item in store.queue.items("highlights/en/claim-v2")]


def test_a_server_that_never_answers_is_an_error_and_the_next_push_adopts_what_arrived(studio: Studio) -> None:
    store = queued()
    with lossy_proxy(studio.url, "/api/projects", "drop", losses=9) as url, Studio(url, studio._token) as lossy:
        with pytest.raises(StudioError, match="create a project"):
            push(store, lossy)
        summary = push(store, lossy)  # the project was made all the same: it is found by its key
        assert summary.sent + summary.adopted == 12 and on_server(lossy, store) == every_item(store)
    assert len(studio.project_ids()) == 1


def test_somebody_elses_project_under_a_number_that_was_ours_is_left_alone(studio: Studio) -> None:
    store = queued()
    before = push(store, studio).projects["highlights/en/claim-v2"]
    studio.delete_project(before)
    stranger = studio._json("POST", "/api/projects", "make a project", json={"title": "Theirs", "label_config": "<View></View>"})
    store.queue.put_project(StudioProject("highlights/en/claim-v2", studio.url, stranger["id"], "0"))
    assert push(store, studio).projects["highlights/en/claim-v2"] != stranger["id"]
    assert studio.task_count(stranger["id"]) == 0 and on_server(studio, store) == every_item(store)


def test_a_ledger_that_promises_tasks_the_server_has_not_got_is_corrected(studio: Studio) -> None:
    store = queued()
    project_id = push(store, studio).projects["highlights/en/claim-v2"]
    first = store.queue.items()[0].item_id
    store.queue.put_tasks([StudioTask(first, studio.url, project_id, 10**6)])
    studio.import_tasks(project_id, [{"item_id": "stranger", "language": "en", "claim": "x", "evidence": "y"}])
    summary = push(store, studio)
    assert summary.foreign_tasks == {"highlights/en/claim-v2": 1} and summary.sent == 0
    assert on_server(studio, store) == sorted([*every_item(store), "stranger"])
    assert {task.task_id for task in store.queue.tasks(studio.url)} <= set(studio.item_ids(project_id))


def test_every_project_tells_the_receiver_that_push_was_given_and_a_hook_switched_off_by_hand_is_mended(studio: Studio) -> None:
    store, receiver = queued(languages=("en", "ja")), f"http://127.0.0.1:9{PATH}"
    for _ in range(2):
        projects = push(store, studio, webhook_url=receiver).projects
        for project_id in projects.values():
            listed: Any = studio._json("GET", "/api/webhooks/", "list webhooks", params={"project": project_id})
            assert [(hook["url"], hook["is_active"]) for hook in listed] == [(receiver, True)]
            assert listed[0]["headers"][SECRET_HEADER] == studio.secret_for("webhooks")
            studio._json("PATCH", f"/api/webhooks/{listed[0]['id']}/", "switch it off", json={"is_active": False})
    settle(store, studio)


# ---------------------------------------------------------------------------------------------- predictions


def test_what_our_judge_said_goes_along_and_into_native_exports_and_is_not_shown_to_annotators(studio: Studio) -> None:
    store = judged(queued())
    done = push(store, studio)
    assert (done.predictions, done.dropped_predictions) == (10, 0)
    project_id = done.projects[EN]
    everything = {"exportType": "JSON", "download_all_tasks": 1}
    exported: Any = studio._json("GET", f"/api/projects/{project_id}/export", "export", params=everything)
    made = {row["data"]["item_id"]: studio._json("GET", f"/api/tasks/{row['id']}", "look")["predictions"] for row in exported}
    assert sorted(len(one) for one in made.values()) == [0, 0, *[1] * 10]
    (first,) = made[store.queue.items()[0].item_id]
    assert first["model_version"] == model_version(METRICS["grounded"].signature) and len(first["model_version"]) <= 64
    assert first["score"] in (0.0, 1.0) and first["result"][0]["value"]["choices"][0] in ("grounded", "contradicted")
    project = studio._project(project_id)
    assert project and project["show_collab_predictions"] is False
    shown = studio._json("GET", f"/api/projects/{project_id}/next", "the next task")
    assert shown["predictions"] == []
    settle(store, studio)


def test_predictions_that_the_server_drops_are_counted(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    send = studio._sdk.projects.import_tasks

    def drop_one(**given: Any) -> Any:
        rows = [dict(row) for row in given["request"]]
        next(row for row in rows if "predictions" in row).pop("predictions")
        return send(**given | {"request": rows})

    monkeypatch.setattr(studio._sdk.projects, "import_tasks", drop_one)
    store = judged(queued())
    done = push(store, studio)
    assert (done.predictions, done.dropped_predictions, done.adopted) == (9, 1, 12)
    settle(store, studio)
    assert push(judged(queued()), studio, predictions=False).predictions == 0


def judged(store: Store) -> Store:
    """All claims but two have been judged, one of them by an older judge too."""
    metric = METRICS["grounded"]
    for item in store.queue.items()[:10]:
        assert item.run_id and item.case_id and item.claim_id
        lie = len(item.item_id) % 2 == 0
        score = Score(item.run_id, item.case_id, "claim", item.claim_id, metric.name, metric.signature, metric.source, float(not lie), None,
                      {"verdict": "contradicted" if lie else "grounded"})  # fmt: skip
        store.runs.add_scores([score, replace(score, signature="v:0", detail={"verdict": "not_checkable"})])
    return store
