"""Everything that can go wrong between us and a labelling server, against the real one. After each fault both sides agree again."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from labelled import agree, answer, living, notes, now, pushed, queued, settle, unique
from lossy_proxy import lossy_proxy

from annotators.label_studio import accounts, server
from annotators.label_studio import collect as collect_module
from annotators.label_studio import push as push_module
from annotators.label_studio.collect import collect
from annotators.label_studio.push import push
from annotators.label_studio.receiver import PATH, Puller, app, serve
from annotators.label_studio.studio import SECRET_HEADER, Studio
from annotators.labeling.claims import result_of
from evals.errors import StudioError
from evals.store.labels import Labels

pytestmark = pytest.mark.labelstudio
HOUR = timedelta(hours=1)


@pytest.fixture
def somebody(studio: Studio) -> Iterator[Studio]:
    """The server, as somebody who labels and whose account may be spoilt."""
    email = f"somebody-{unique()[:8]}@example.org"
    with Studio(studio.url, accounts.ensure_user(studio, email, "a long enough pass", "Some Body")) as desk:
        yield desk


@pytest.fixture(scope="module")
def mortal_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a server that may be killed."""
    home = tmp_path_factory.mktemp("mortal")
    try:
        yield home
    finally:
        server.stop(home)


@pytest.fixture
def mortal(mortal_home: Path) -> Iterator[Studio]:
    running = server.start(mortal_home)
    with Studio(running.url, running.token) as studio:
        for project_id in studio.project_ids():
            studio.delete_project(project_id)
        yield studio


def kill(home: Path) -> None:
    running = server.status(home)
    assert running
    assert running.pid
    os.kill(running.pid, signal.SIGKILL)
    server._children[running.pid].wait()


# ---------------------------------------------------------------------------------------------- the network


@pytest.mark.parametrize("mode", ["502", "drop"])
@pytest.mark.parametrize("losses", [1, 2, 3])
def test_replies_lost_in_a_row_cost_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, mode: Literal["502", "drop"], losses: int
) -> None:
    monkeypatch.setattr(push_module, "CHUNK", 3)
    store = queued()
    with lossy_proxy(studio.url, "/import", mode, losses) as url, Studio(url, studio._token) as lossy:
        if losses == push_module.ATTEMPTS:
            with pytest.raises(StudioError, match="import 3 tasks"):
                push(store, lossy)
        settle(store, lossy)
    assert len(studio.project_ids()) == 1


@pytest.mark.parametrize("mode", ["502", "drop"])
def test_a_page_lost_while_collecting_is_read_by_the_next_collect(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, mode: Literal["502", "drop"]
) -> None:
    monkeypatch.setattr("annotators.label_studio.studio.PAGE", 4)
    store = queued()
    with lossy_proxy(studio.url, "fields=all", mode, method="GET") as url, Studio(url, studio._token) as lossy:
        push(store, lossy)
        answer(studio, store.queue.tasks(lossy.url))
        with pytest.raises(StudioError, match="read the annotated tasks"):
            collect(store, lossy, now=now())
        settle(store, lossy)
    assert len(living(store)) == 12


# ---------------------------------------------------------------------------------------------- something dies


@pytest.mark.parametrize("after_s", [0.03, 0.15, 0.4])
def test_a_server_killed_while_it_imports_has_each_task_once_after_its_restart(
    mortal: Studio, mortal_home: Path, monkeypatch: pytest.MonkeyPatch, after_s: float
) -> None:
    store, send, killer = queued(products=40), mortal.import_tasks, threading.Timer(after_s, kill, [mortal_home])

    def import_and_be_killed(*given: Any) -> list[int]:
        if killer.ident is None:
            killer.start()
        return send(*given)

    monkeypatch.setattr(mortal, "import_tasks", import_and_be_killed)
    monkeypatch.setattr(push_module, "CHUNK", 120)
    with suppress(StudioError):  # it may have been quicker than the killer
        push(store, mortal)
    killer.join()
    monkeypatch.setattr(mortal, "import_tasks", send)
    with pytest.raises(StudioError):
        mortal.check()
    server.start(mortal_home)
    answer(mortal, store.queue.tasks(mortal.url)[:3])
    settle(store, mortal)
    assert mortal.task_count(store.queue.projects()[0].project_id) == 240


def test_a_server_killed_while_we_collect_is_collected_after_its_restart(
    mortal: Studio, mortal_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotators.label_studio.studio.PAGE", 4)
    monkeypatch.setattr(collect_module, "BATCH", 4)
    store, tasks = pushed(mortal)
    answer(mortal, tasks)
    put = Labels.put_annotations

    def put_and_kill(self: Labels, annotations: Any) -> None:
        put(self, annotations)
        kill(mortal_home)

    monkeypatch.setattr(Labels, "put_annotations", put_and_kill)
    with pytest.raises(StudioError, match="read the annotated tasks"):
        collect(store, mortal, now=now())
    monkeypatch.setattr(Labels, "put_annotations", put)
    assert len(living(store)) == 4 and store.queue.cursor(mortal.url, tasks[0].project_id) is None
    server.start(mortal_home)
    mortal.delete_annotation(notes(mortal, tasks[0].task_id)[0].number)  # one that we have: the next collect must see that it is gone
    settle(store, mortal)
    assert len(living(store)) == 11


@pytest.mark.parametrize("doing", ["push", "collect"])
def test_our_own_process_killed_before_any_commit_is_completed_by_the_next(studio: Studio, tmp_path: Path, doing: str) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    store = queued(url)
    if doing == "collect":
        push(store, studio)
        answer(studio, store.queue.tasks(studio.url))
    for die_at in range(1, 30):  # just before the first commit, the second … of what is left to do
        if _in_a_process(url, studio, doing, die_at) == 0:
            break
    assert die_at > 3, "hardly anything was killed"
    settle(store, studio)
    assert len(living(store)) == (12 if doing == "collect" else 0)
    store.close()


_WORKER = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from annotators.label_studio import collect, push, studio
from evals.store import Store
url, server, doing, die_at = sys.argv[1:]
push.CHUNK, collect.BATCH, writes = 5, 5, 0
def then_die(connection):
    global writes
    writes += 1
    if str(writes) == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
store, desk = Store.open(url), studio.Studio(server, sys.stdin.read())
event.listen(Engine, "commit", then_die)
push.push(store, desk) if doing == "push" else collect.collect(store, desk, now="2100-01-01T00:00:00Z")
"""


def _in_a_process(url: str, studio: Studio, doing: str, die_at: int) -> int:
    return _start(url, studio, doing, die_at).wait(120)


def _start(url: str, studio: Studio, doing: str, die_at: int = 0) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", _WORKER, url, studio.url, doing, str(die_at)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, cwd=root, env=os.environ | {"PYTHONPATH": str(root)})
    assert process.stdin
    process.stdin.write(studio._token)
    process.stdin.close()
    return process


def test_two_pushes_and_two_collects_at_once_do_the_work_of_one(studio: Studio, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    store = queued(url, products=4)
    assert [process.wait(120) for process in [_start(url, studio, "push") for _ in range(2)]] == [0, 0]
    assert len(studio.project_ids()) == 1 and studio.task_count(studio.project_ids()[0]) == 24
    answer(studio, store.queue.tasks(studio.url)[:6])
    assert [process.wait(120) for process in [_start(url, studio, doing) for doing in ("collect", "push", "collect")]] == [0, 0, 0]
    agree(store, studio)
    assert len(living(store)) == 6
    store.close()


# ---------------------------------------------------------------------------------------------- hints


def test_hints_that_come_late_in_the_wrong_order_and_with_old_payloads_change_nothing(studio: Studio, tmp_path: Path) -> None:
    url, secret = f"sqlite:///{tmp_path / 'store.sqlite3'}", "a secret"
    store, tasks = pushed(studio, url)
    answer(studio, tasks[:2])
    first, second = (notes(studio, task.task_id)[0] for task in tasks[:2])
    studio.edit_annotation(first.number, result_of("contradicted"))
    studio.delete_annotation(second.number)

    def pull(projects: Sequence[int] | None) -> None:
        collect(store, studio, now=now(), projects=projects)

    with Puller(pull, now=now, every_s=600, settle_s=0) as puller, serve(app(puller.hint, secret), 0) as served:
        for action, result in (("ANNOTATIONS_DELETED", []), ("ANNOTATION_UPDATED", second.result), ("ANNOTATION_CREATED", first.result)):
            hint = {"action": action, "project": {"id": tasks[0].project_id}, "annotation": {"id": first.number, "result": result}}
            assert httpx.post(served.url + PATH, headers={SECRET_HEADER: secret}, json=hint).status_code == 204
            deadline = time.monotonic() + 30
            while puller.status()["due"] or not puller.status()["pulls"]:
                assert time.monotonic() < deadline
                time.sleep(0.02)
    settle(store, studio)
    assert [(note.item_id, note.verdict) for note in living(store)] == [(tasks[0].item_id, "contradicted")]
    store.close()


# ---------------------------------------------------------------------------------------------- tokens


@pytest.mark.parametrize("doing", ["push", "collect"])
def test_a_token_revoked_half_way_is_said_without_showing_it_and_a_new_one_continues(
    studio: Studio, somebody: Studio, monkeypatch: pytest.MonkeyPatch, doing: str
) -> None:
    monkeypatch.setattr(push_module, "CHUNK", 5)
    monkeypatch.setattr("annotators.label_studio.studio.PAGE", 5)
    monkeypatch.setattr(collect_module, "BATCH", 5)
    store, before = queued(), somebody._call
    if doing == "collect":
        push(store, somebody)
        answer(studio, store.queue.tasks(studio.url))
    tokens: list[str] = []
    pages = count()

    def call_and_revoke(name: str, function: Callable[[], Any]) -> Any:
        done = before(name, function)
        if name.startswith(("import", "read the annotated")) and next(pages) == 1:  # the second
            tokens.append(httpx.post(f"{studio.url}/api/current-user/reset-token/", headers=_as(somebody)).json()["token"])
        return done

    monkeypatch.setattr(somebody, "_call", call_and_revoke)
    with pytest.raises(StudioError, match="HTTP 401") as caught:
        push(store, somebody) if doing == "push" else collect(store, somebody, now=now())
    assert somebody._token not in str(caught.value)
    assert 0 < (len(store.queue.tasks(studio.url)) if doing == "push" else len(living(store))) < 12
    with Studio(studio.url, tokens[0]) as again:
        settle(store, again)
    assert len(living(store)) == (12 if doing == "collect" else 0)


def _as(studio: Studio) -> dict[str, str]:
    return {"Authorization": f"Token {studio._token}"}


@pytest.mark.filterwarnings("ignore:The `parse_obj` method is deprecated")  # inside the SDK, where it renews the token
def test_a_personal_token_that_was_withdrawn_is_said_without_showing_it_and_a_new_one_continues(studio: Studio, somebody: Studio) -> None:
    store = queued()
    personal = somebody._json("POST", "/api/token/", "make a personal access token")["token"]
    with Studio(studio.url, personal) as desk:
        push(store, desk)
    shown = somebody._json("GET", "/api/token/", "list the tokens")
    truncated: Any = shown[0] if isinstance(shown, list) else shown["results"][0]
    somebody._request("POST", "/api/token/blacklist/", "withdraw it", json={"refresh": truncated["token"]})
    with pytest.raises(StudioError) as caught, Studio(studio.url, personal) as desk:
        collect(store, desk, now=now())
    assert personal not in str(caught.value)
    with Studio(studio.url, somebody._json("POST", "/api/token/", "make another")["token"]) as desk:
        answer(desk, store.queue.tasks(studio.url)[:2])
        settle(store, desk)
    assert len(living(store)) == 2


# ---------------------------------------------------------------------------------------------- clocks


@pytest.mark.parametrize("ours", [-HOUR, HOUR])
def test_a_server_whose_clock_is_an_hour_ahead_or_behind_is_read_completely(studio: Studio, ours: timedelta) -> None:
    store, tasks = pushed(studio)
    for number, task in enumerate(tasks[:4]):  # one at a time: each must be seen though the mark says another time
        answer(studio, [task])
        assert collect(store, studio, now=now(ours)).new == 1
        studio.edit_annotation(notes(studio, tasks[number // 2].task_id)[0].number, result_of("unsupported", str(number)))
        assert collect(store, studio, now=now(ours)).changed == 1
    studio.delete_annotation(notes(studio, tasks[3].task_id)[0].number)
    assert collect(store, studio, now=now(ours)).deleted == 1
    settle(store, studio)


def test_a_server_whose_clock_was_set_back_is_read_completely(mortal: Studio, mortal_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, tasks = pushed(mortal)
    answer(mortal, tasks[:3])
    server.stop(mortal_home)
    _set_clock_ahead(mortal_home, HOUR)  # everything up to here was written by a clock that was an hour ahead; ours was, too
    server.start(mortal_home)
    with monkeypatch.context() as then:
        then.setattr(mortal, "clock", lambda: datetime.now(UTC) + HOUR)
        assert collect(store, mortal, now=now(HOUR)).new == 3
    cursor = store.queue.cursor(mortal.url, tasks[0].project_id)
    assert cursor
    assert cursor.updated_at > now(HOUR / 2)
    answer(mortal, tasks[3:5])
    mortal.delete_annotation(notes(mortal, tasks[0].task_id)[0].number)
    summary = collect(store, mortal, now=now())
    assert (summary.new, summary.deleted) == (2, 1)
    cursor = store.queue.cursor(mortal.url, tasks[0].project_id)
    assert cursor
    assert cursor.updated_at < now()
    settle(store, mortal)


def _set_clock_ahead(home: Path, by: timedelta) -> None:
    with sqlite3.connect(home / "label-studio" / "data" / "label_studio.sqlite3") as connection:
        for table in ("task", "task_completion"):
            moved = f"UPDATE {table} SET updated_at = strftime('%Y-%m-%d %H:%M:%f', updated_at, '+{by.total_seconds():.0f} seconds')"
            connection.execute(moved)
    connection.close()
