"""Hints are cheap, forged ones are refused unread, and the puller neither misses what was hinted at nor gives up."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message, Scope

from annotators.label_studio import receiver
from annotators.label_studio.receiver import PATH, Puller, Served, app, serve
from annotators.label_studio.studio import PROJECT_HEADER, SECRET_HEADER
from evals.errors import InputError, SetupError, StudioError

SECRET = "5a" * 32
OURS = {SECRET_HEADER: SECRET, PROJECT_HEADER: "7"}
BODY = b'{"action": "ANNOTATION_CREATED"}'


class Heard:
    """An `on_hint` that remembers."""

    def __init__(self) -> None:
        self.projects: list[int] = []

    def __call__(self, project_id: int) -> None:
        self.projects.append(project_id)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def served(heard: Heard) -> Iterator[Served]:
    with serve(app(heard, SECRET, [Route("/more", lambda _: PlainTextResponse("more"))], status=lambda: {"pulls": 3}), 0) as running:
        yield running


def test_a_hint_is_answered_at_once_and_says_only_which_project(served: Served, heard: Heard) -> None:
    with httpx.Client(base_url=served.url) as client:
        answer = client.post(PATH, headers=OURS, content=BODY)
        assert (answer.status_code, answer.content) == (204, b"")
        by_hand = {"action": "ANNOTATION_CREATED", "project": {"id": 12, "token": "t0p"}, "annotation": {"id": 1}}
        assert client.post(PATH, headers={SECRET_HEADER: SECRET}, json=by_hand).status_code == 204
        assert heard.projects == [7, 12]
        assert client.get("/status").json() == {"hints": 2, "forged": 0, "malformed": 0, "pulls": 3}
        assert client.get("/health").json() == {"status": "ok"} and client.get("/more").text == "more"


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], SECRET + "0", SECRET.upper(), "sécret"])
def test_without_the_secret_nothing_happens_and_the_body_is_not_read(heard: Heard, secret: str | None) -> None:
    headers = [(PROJECT_HEADER.lower().encode(), b"7")] + ([(SECRET_HEADER.lower().encode(), secret.encode("latin-1"))] if secret else [])
    assert _status(app(heard, SECRET), headers) == 401
    assert heard.projects == []


def test_a_receiver_without_a_secret_is_not_made(heard: Heard) -> None:
    with pytest.raises(InputError, match="secret is empty"):
        app(heard, "")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"7" * 5000])
def test_a_body_that_is_no_json_is_refused(served: Served, heard: Heard, body: bytes) -> None:
    assert httpx.post(served.url + PATH, headers=OURS, content=body).status_code == 400
    assert heard.projects == [] and httpx.get(f"{served.url}/status").json()["malformed"] == 1


@pytest.mark.parametrize(
    "project", [None, {}, [], 7, {"id": None}, {"id": "7"}, {"id": True}, {"id": 0}, {"id": -1}, {"id": 7.0}, {"id": 2**63}]
)
def test_a_payload_without_a_project_is_refused(served: Served, heard: Heard, project: object) -> None:
    content = json.dumps({"action": "ANNOTATION_CREATED", "project": project})
    assert httpx.post(served.url + PATH, headers={SECRET_HEADER: SECRET}, content=content).status_code == 400
    assert httpx.post(served.url + PATH, headers={SECRET_HEADER: SECRET}, content="[]").status_code == 400
    assert heard.projects == []


@pytest.mark.parametrize("project", ["", "x", "-7", "0", "7.0", "9" * 19, "9" * 5000, "1e3"])
def test_a_header_that_is_no_project_is_refused(served: Served, heard: Heard, project: str) -> None:
    assert httpx.post(served.url + PATH, headers=OURS | {PROJECT_HEADER: project}, content=BODY).status_code == 400
    assert heard.projects == []


def test_a_body_over_the_limit_is_refused_whether_its_size_is_announced_or_not(served: Served, heard: Heard) -> None:
    fits = b'"' + b"x" * (receiver.MAX_BODY - 2) + b'"'
    assert httpx.post(served.url + PATH, headers=OURS, content=fits).status_code == 204
    assert httpx.post(served.url + PATH, headers=OURS, content=fits + b" ").status_code == 413
    assert httpx.post(served.url + PATH, headers=OURS, content=iter([fits, b" "])).status_code == 413
    assert heard.projects == [7]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_refused(served: Served, method: str) -> None:
    assert httpx.request(method, served.url + PATH, headers=OURS).status_code == 405


def test_a_taken_port_is_said_and_a_stopped_receiver_gives_its_port_back(heard: Heard) -> None:
    with serve(app(heard, SECRET), 0) as first, pytest.raises(SetupError, match=f"port {first.port} on 127.0.0.1 is taken"):
        serve(app(heard, SECRET), first.port)
    first.stop()
    with serve(app(heard, SECRET), first.port) as again:
        assert httpx.get(f"{again.url}/health").status_code == 200


# ---------------------------------------------------------------------------------------------- the puller


class Pulls:
    """A `pull` that remembers what it was asked, waits while `gate` is closed and fails `failures` times."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.asked: list[Sequence[int] | None] = []
        self.gate, self.failures, self.error = threading.Event(), failures, error or StudioError("http://127.0.0.1:1: no answer")
        self.gate.set()

    def __call__(self, project_ids: Sequence[int] | None) -> None:
        self.asked.append(project_ids)
        self.gate.wait(10)
        if self.failures:
            self.failures -= 1
            raise self.error


def puller(pulls: Pulls, every_s: float = 60, settle_s: float = 0.02, back_off_s: float = 0.02) -> Puller:
    return Puller(pulls, now=lambda: "2026-11-22T12:00:00Z", every_s=every_s, settle_s=settle_s, back_off_s=back_off_s)


def wait_for(happened: Callable[[], bool], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def test_everything_is_pulled_at_the_start_and_then_what_is_hinted_at() -> None:
    pulls = Pulls()
    with puller(pulls) as running:
        wait_for(lambda: running.status()["pulls"] == 1)
        running.hint(7)
        wait_for(lambda: running.status()["pulls"] == 2)
        assert pulls.asked == [None, [7]]
        assert running.status() == {"last_pull_at": "2026-11-22T12:00:00Z", "pulls": 2, "due": 0, "failures": 0, "last_error": None}


def test_a_thousand_hints_out_of_order_and_doubled_are_a_few_pulls(heard: Heard) -> None:
    pulls = Pulls()
    pulls.gate.clear()
    with puller(pulls) as running, serve(app(running.hint, SECRET), 0) as served, httpx.Client(base_url=served.url) as client:
        wait_for(lambda: len(pulls.asked) == 1)
        for number in range(1000):
            assert client.post(PATH, headers=OURS | {PROJECT_HEADER: str(3 - number % 3)}, content=BODY).status_code == 204
        pulls.gate.set()
        wait_for(lambda: running.status()["due"] == 0 and running.status()["pulls"] == 2)
        assert pulls.asked == [None, [1, 2, 3]]
        assert client.get("/status").json()["hints"] == 1000


def test_a_hint_during_a_pull_is_followed_by_another_pull() -> None:
    pulls = Pulls()
    with puller(pulls) as running:
        wait_for(lambda: running.status()["pulls"] == 1)
        pulls.gate.clear()
        running.hint(1)
        wait_for(lambda: len(pulls.asked) == 2)
        running.hint(1)  # what it tells of may have come after the pull looked
        pulls.gate.set()
        wait_for(lambda: running.status()["pulls"] == 3)
    assert pulls.asked == [None, [1], [1]]


def test_without_any_hint_everything_is_pulled_on_time() -> None:
    pulls = Pulls()
    with puller(pulls, every_s=0.05) as running:
        wait_for(lambda: running.status()["pulls"] >= 3)
    assert set(pulls.asked) == {None}


def test_a_failed_pull_is_said_and_repeated_with_what_was_due() -> None:
    pulls = Pulls()
    with puller(pulls, back_off_s=0.4) as running:
        wait_for(lambda: running.status()["pulls"] == 1)
        pulls.failures = 2
        running.hint(4)
        wait_for(lambda: running.status()["failures"] == 1)
        running.hint(5)
        seen = running.status()
        assert seen["last_error"] == "StudioError: http://127.0.0.1:1: no answer" and seen["due"] >= 1
        wait_for(lambda: running.status()["pulls"] == 2)
        assert running.status()["last_error"] is None
    assert pulls.asked == [None, [4], [4, 5], [4, 5]]


def test_a_server_that_is_down_at_the_start_is_asked_for_everything_until_it_answers() -> None:
    pulls = Pulls(failures=3)
    with puller(pulls) as running:
        running.hint(9)
        wait_for(lambda: running.status()["pulls"] >= 1)
    assert pulls.asked[:4] == [None] * 4


def test_failures_come_later_each_time_but_not_later_than_the_timer() -> None:
    pulls = Pulls(failures=6)
    started = time.monotonic()
    with puller(pulls, every_s=0.2, back_off_s=0.05) as running:
        wait_for(lambda: running.status()["pulls"] >= 1)
    assert 0.05 + 0.1 + 4 * 0.2 <= time.monotonic() - started < 5


def test_an_error_that_is_not_ours_is_named_without_its_words() -> None:
    pulls = Pulls(failures=10**6, error=OSError("postgresql://plumbline:secret@db"))
    with puller(pulls) as running:
        wait_for(lambda: running.status()["failures"] >= 2)
        assert running.last_error == "OSError"


def test_stopping_waits_for_the_pull_under_way_and_for_no_other() -> None:
    pulls = Pulls()
    pulls.gate.clear()
    running = puller(pulls).start()
    wait_for(lambda: len(pulls.asked) == 1)
    running.hint(1)
    ending = threading.Thread(target=running.stop)
    ending.start()
    assert ending.is_alive()
    pulls.gate.set()
    ending.join(5)
    assert not ending.is_alive() and pulls.asked == [None]
    running.stop()
    Puller(pulls, now=str).stop()  # never started


def _status(application: Callable[..., object], headers: list[tuple[bytes, bytes]]) -> int:
    """The answer to a POST whose body explodes when it is read."""
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was read")

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers, "query_string": b"", "http_version": "1.1"}
    asyncio.run(application(scope | {"scheme": "http", "root_path": ""}, receive, send))  # type: ignore[arg-type]  # ASGI is a coroutine
    return int(sent[0]["status"])
