"""Hints from Label Studio, and the puller that acts on them: a label is in our store seconds after it was given, not at the next look.

A webhook is sent once, inside the annotator's request, with a second's patience, and never again: it can be lost, doubled, late or
forged. So it says nothing but "look at project N", which costs a look and changes nothing by itself. What is true is what a pull reads
from the server, and every `EVERY_S` seconds everything is pulled, hint or no hint. What a webhook carries is never stored, logged or
believed.
"""

from __future__ import annotations

import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from annotators.label_studio.studio import PROJECT_HEADER, SECRET_HEADER
from evals.errors import InputError, PlumblineError, SetupError

PATH = "/webhooks/label-studio"
MAX_BODY = 1 << 20  # bytes
MAX_ID = 1 << 63
EVERY_S = 30.0
SETTLE_S = 0.25  # hints come in bursts, one per label: they are gathered this long
BACK_OFF_S = 1.0  # after a failure, then twice that, up to `every_s`
STARTS_IN_S = 10.0
# Reads these projects from the labelling server, or all (None). Done twice it does nothing more; raises when it could not.
Pull = Callable[[Sequence[int] | None], None]


def app(
    on_hint: Callable[[int], None],
    secret: str,
    routes: Sequence[BaseRoute] = (),
    *,
    status: Callable[[], Mapping[str, Any]] = dict,
) -> Starlette:
    """The receiver: POST `PATH` calls `on_hint` with a project's number, which must return at once, and answers 204.

    GET /health says that it lives, GET /status how many hints came and how many were refused, with what `status` adds. `routes` come along.
    """
    if not secret:
        raise InputError("the receiver's secret is empty: everybody would know it")
    door = _Door(on_hint, secret, status)
    ours = [Route(PATH, door.webhook, methods=["POST"]), Route("/health", door.health), Route("/status", door.status)]
    return Starlette(routes=[*ours, *routes])


class _Door:
    """Lives in one event loop: its counters need no lock."""

    def __init__(self, on_hint: Callable[[int], None], secret: str, status: Callable[[], Mapping[str, Any]]) -> None:
        self._on_hint, self._secret, self._more = on_hint, secret.encode(), status
        self._hints = self._forged = self._malformed = 0

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def status(self, _: Request) -> Response:
        return JSONResponse({"hints": self._hints, "forged": self._forged, "malformed": self._malformed, **self._more()})

    async def webhook(self, request: Request) -> Response:
        given = request.headers.get(SECRET_HEADER, "").encode("latin-1")
        if not hmac.compare_digest(given, self._secret):
            self._forged += 1
            return Response(status_code=401)  # its body is not even read
        body = await self._read(request)
        project_id = _project_id(request.headers.get(PROJECT_HEADER), body) if body is not None else None
        if project_id is None:
            self._malformed += 1
            return Response(status_code=413 if body is None else 400)
        self._hints += 1
        self._on_hint(project_id)
        return Response(status_code=204)

    @staticmethod
    async def _read(request: Request) -> bytes | None:
        try:
            return await body_within(request, MAX_BODY)
        except ClientDisconnect:  # nobody waits for an answer
            return b""


async def body_within(request: Request, most: int) -> bytes | None:
    """The body, None when it has more bytes than that: then the rest of it is not read. Raises ClientDisconnect."""
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > most:
            return None
    return bytes(raw)


def _project_id(header: str | None, body: bytes) -> int | None:
    """The header of a webhook that we set, else the payload of one set by hand; None where there is no JSON or no number."""
    try:
        payload = json.loads(body)
        project = payload["project"]["id"] if header is None else int(header)
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return project if type(project) is int and 0 < project < MAX_ID else None


class Puller:
    """One thread that pulls: projects hinted at soon, everything when it starts and then every `every_s` seconds. Use it in a ``with``.

    It never gives up: a failed pull is kept as `last_error` and tried again with what was due, later each time. `now` gives the time of day
    for `status`.
    """

    def __init__(
        self,
        pull: Pull,
        *,
        now: Callable[[], str],
        every_s: float = EVERY_S,
        settle_s: float = SETTLE_S,
        back_off_s: float = BACK_OFF_S,
    ) -> None:
        self._pull, self._now = pull, now
        self._every_s, self._settle_s, self._back_off_s = every_s, settle_s, back_off_s
        self._changed = threading.Condition()
        self._due: set[int] = set()
        self._hinted_at: float | None = None  # the first hint of the burst that waits
        self._everything_at = self._not_before = time.monotonic()
        self._failures, self._pulls, self._stopping = 0, 0, False
        self.last_pull_at: str | None = None
        self.last_error: str | None = None
        self._thread = threading.Thread(target=self._run, name="plumbline-puller", daemon=True)

    def start(self) -> Puller:
        """Begins, with everything: what was missed while nobody listened."""
        self._thread.start()
        return self

    def hint(self, project_id: int) -> None:
        """This project may have new labels. Returns at once; however many hints come, one pull follows."""
        with self._changed:
            self._due.add(project_id)
            if self._hinted_at is None:
                self._hinted_at = time.monotonic()
                self._changed.notify()

    def status(self) -> dict[str, Any]:
        """For /status: when a pull last succeeded and how many did, what is due, and the last error unless a pull succeeded since."""
        with self._changed:
            seen = {"last_pull_at": self.last_pull_at, "pulls": self._pulls, "due": len(self._due)}
            return {**seen, "failures": self._failures, "last_error": self.last_error}

    def stop(self) -> None:
        """Ends after the pull that is under way. What was due is found by the first pull of the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def __enter__(self) -> Puller:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        while self._wait():
            project_ids = self._take()
            try:
                self._pull(project_ids)
            except Exception as error:  # whatever it was, the next pull may succeed: a puller that ended would lose labels silently
                self._failed(project_ids, error)
            else:
                self._succeeded(project_ids)

    def _wait(self) -> bool:
        """Until there is something to do; False when told to stop."""
        with self._changed:
            while not self._stopping:
                wait_s = self._next_at() - time.monotonic()
                if wait_s <= 0:
                    return True
                self._changed.wait(wait_s)
            return False

    def _next_at(self) -> float:
        hinted = self._everything_at if self._hinted_at is None else self._hinted_at + self._settle_s
        return max(self._not_before, min(self._everything_at, hinted))

    def _take(self) -> list[int] | None:
        """What to pull: None for everything."""
        with self._changed:
            due, self._due, self._hinted_at = sorted(self._due), set(), None
            return None if time.monotonic() >= self._everything_at else due

    def _succeeded(self, project_ids: Sequence[int] | None) -> None:
        with self._changed:
            self._failures, self.last_error, self.last_pull_at = 0, None, self._now()
            self._pulls += 1
            if project_ids is None:
                self._everything_at = time.monotonic() + self._every_s

    def _failed(self, project_ids: Sequence[int] | None, error: Exception) -> None:
        # messages of our own errors hold no secrets; others may, such as the address of a database
        said = f"{type(error).__name__}: {error}" if isinstance(error, PlumblineError) else type(error).__name__
        with self._changed:
            self._failures += 1
            self.last_error = said[:1000]
            self._not_before = time.monotonic() + min(self._back_off_s * 2 ** min(self._failures - 1, 20), self._every_s)
            if project_ids:
                self._due.update(project_ids)
                self._hinted_at = self._hinted_at or time.monotonic()


class Served:
    """An application that answers on `url`, until stopped. Use it in a ``with``."""

    def __init__(self, application: Starlette, port: int) -> None:
        import uvicorn

        listening = _listen(port)
        self.port = int(listening.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        # no access log and no configuration of ours: this may run inside a program that has its own
        config = uvicorn.Config(
            application, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="plumbline-receiver", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + STARTS_IN_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                listening.close()
                raise SetupError(f"the receiver on port {self.port} does not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Answers what is under way, for two seconds at most, and ends. Asked twice does nothing more."""
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def serve(application: Starlette, port: int) -> Served:
    """`application` on 127.0.0.1 in a thread of its own; port 0 takes a free one. Raises SetupError when the port is taken."""
    return Served(application, port)


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise SetupError(f"port {port} on 127.0.0.1 is taken by another program") from error
    listening.listen(128)
    return listening
