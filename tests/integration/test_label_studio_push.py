"""Every item reaches the real server exactly once, whatever happens in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from lossy_proxy import lossy_proxy
from support import NOW, a_store, two_runs

from annotators import push as push_module
from annotators.labeling.claims import result_of
from annotators.push import push
from annotators.queues import enqueue
from annotators.studio import Studio
from evals.errors import StudioError
from evals.records import StudioProject, StudioTask
from evals.store import Store

pytestmark = pytest.mark.labelstudio


def queued(url: str = "sqlite://", languages: tuple[str, ...] = ("en",), products: int = 3) -> Store:
    store = a_store(url)
    runs = two_runs(store, languages, products=products)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=1, now=NOW)
    return store


def on_server(studio: Studio, store: Store) -> list[str]:
    """Item ids of all tasks on the server, once per task."""
    return sorted(str(item) for project in store.queue.projects(studio.url) for item in studio.item_ids(project.project_id).values())


def every_item(store: Store) -> list[str]:
    return sorted(item.item_id for item in store.queue.items())


def test_pushing_twice_makes_no_duplicate_tasks(studio: Studio) -> None:
    store = queued(languages=("en", "ja", "ar", "hi"))
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


@pytest.mark.parametrize("mode", ["502", "drop"])
def test_a_reply_lost_after_the_server_stored_the_batch_costs_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, mode: Literal["502", "drop"]
) -> None:
    monkeypatch.setattr(push_module, "CHUNK", 7)
    store = queued()
    with lossy_proxy(studio.url, "/import", mode, losses=2) as url, Studio(url, studio._token) as lossy:
        summary = push(store, lossy)
        assert (summary.sent, summary.adopted) == (4, 14)
        assert push(store, lossy).sent == 0
        assert on_server(lossy, store) == every_item(store)
    assert len(studio.project_ids()) == 1


def test_a_server_that_never_answers_is_an_error_and_the_next_push_adopts_what_arrived(studio: Studio) -> None:
    store = queued()
    with lossy_proxy(studio.url, "/api/projects", "drop", losses=9) as url, Studio(url, studio._token) as lossy:
        with pytest.raises(StudioError, match="create a project"):
            push(store, lossy)
        summary = push(store, lossy)  # the project was made all the same: it is found by its key
        assert summary.sent + summary.adopted == 18 and on_server(lossy, store) == every_item(store)
    assert len(studio.project_ids()) == 1


def test_duplicates_on_the_server_are_repaired_without_losing_annotations(studio: Studio) -> None:
    store = queued()
    push(store, studio)
    (project,) = store.queue.projects(studio.url)
    copies = studio.import_tasks(project.project_id, [item.data for item in store.queue.items()[:3]])
    studio.annotate(copies[1], result_of("contradicted"), unique_id="33333333-1111-5111-8111-111111111111")
    summary = push(store, studio)
    assert summary.repaired == 3 and on_server(studio, store) == every_item(store)
    notes = [note for task in studio.tasks(project.project_id) for note in task.annotations]
    assert len(notes) == 1 and {task.task_id for task in studio.tasks(project.project_id)} == {
        t.task_id for t in store.queue.tasks(studio.url)
    }


def test_a_project_deleted_by_hand_is_made_again(studio: Studio) -> None:
    store = queued(languages=("en", "ja"))
    first = push(store, studio)
    studio.delete_project(first.projects["highlights/ja/claim-v2"])
    again = push(store, studio)
    assert (again.sent, again.lost) == (18, 18) and again.projects["highlights/en/claim-v2"] == first.projects["highlights/en/claim-v2"]
    assert on_server(studio, store) == every_item(store)


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


def test_a_push_killed_between_the_servers_commit_and_ours_is_completed_by_the_next(studio: Studio, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    store = queued(url)
    killed = _push_in_a_process(url, studio, die_after=2)
    assert killed == -signal.SIGKILL
    project = store.queue.projects(studio.url)[0]
    assert len(store.queue.tasks(studio.url)) == 5 and studio.task_count(project.project_id) == 10
    assert _push_in_a_process(url, studio, die_after=None) == 0
    assert on_server(studio, store) == every_item(store) and len(store.queue.tasks(studio.url)) == 18
    store.close()


_PUSHER = """
import os, signal, sys
from annotators import push, studio
from evals.store import Store
url, server, die_after = sys.argv[1:]
push.CHUNK, sent, original = 5, 0, studio.Studio.import_tasks
def then_die(self, project_id, data, predictions=None):
    global sent
    ids, sent = original(self, project_id, data, predictions), sent + 1
    if str(sent) == die_after:
        os.kill(os.getpid(), signal.SIGKILL)
    return ids
studio.Studio.import_tasks = then_die
push.push(Store.open(url), studio.Studio(server, sys.stdin.read()))
"""


def _push_in_a_process(url: str, studio: Studio, *, die_after: int | None) -> int:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", _PUSHER, url, studio.url, str(die_after)]
    return subprocess.run(command, input=studio._token, text=True, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}).returncode
