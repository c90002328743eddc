"""Customers' reports over HTTP, and what is published, so that it can be seen that a report hides its text at once.

``POST /escalations`` takes a report from the shop's own server, which knows the secret; ``GET /highlights/{product_id}?language=…`` is what
a shopper sees. A text that is hidden is 404, as one that never was: to the shop both mean that there is nothing to show. The body says
which it is, and no answer may be cached.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from annotators.customers.escalations import MAX_REPORT, MAX_REPORTER, escalate
from annotators.label_studio.receiver import body_within
from evals.errors import InputError, PlumblineError, RetryError, UnknownIdError
from evals.languages import LANGUAGES
from evals.publication import published
from evals.records import FEATURES
from evals.store import Store

PATH = "/escalations"
MAX_BODY = 1 << 17  # bytes: the longest report, every character of it escaped
ANONYMOUS = "customer"
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class _Field(NamedTuple):
    """What may stand in a field of a report: a text of at most `most` characters, one of `among` where it is not empty."""

    most: int
    required: bool = True
    among: frozenset[str] = frozenset()


FIELDS: Mapping[str, _Field] = {
    "feature": _Field(20, among=frozenset(FEATURES)),
    "product_id": _Field(128),
    "language": _Field(8, among=frozenset(LANGUAGES)),
    "report": _Field(MAX_REPORT),
    "reporter": _Field(MAX_REPORTER, required=False),
    "question": _Field(2000, required=False),
    "output_id": _Field(128, required=False),
}


class Wrong(Exception):
    """A request that cannot be done; `field` is the one to mend."""

    def __init__(self, message: str, status: int, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.field = status, field


def routes(store_factory: Callable[[], Store], secret: str, *, now: Callable[[], str]) -> list[BaseRoute]:
    """To be mounted in `label_studio.receiver.app`. The store is opened with the first request. Raises InputError for an empty secret."""
    if not secret:
        raise InputError("the secret for reports is empty: everybody would know it")
    counter = _Counter(store_factory, secret, now)
    return [Route(PATH, counter.report, methods=["POST"]), Route("/highlights/{product_id:path}", counter.highlights, methods=["GET"])]


class _Counter:
    """Where reports are handed in."""

    def __init__(self, store_factory: Callable[[], Store], secret: str, now: Callable[[], str]) -> None:
        self._factory, self._expected, self._now = store_factory, f"Bearer {secret}".encode(), now
        self._lock = threading.Lock()
        self._opened: Store | None = None

    async def report(self, request: Request) -> Response:
        given = request.headers.get("Authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, self._expected):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})  # its body is not even read
        try:
            fields = _read(await _body(request))
            return await run_in_threadpool(self._escalate, fields)
        except (Wrong, PlumblineError) as error:
            return _refused(error)

    async def highlights(self, request: Request) -> Response:
        try:
            language = request.query_params.get("language", "")
            if language not in LANGUAGES:
                raise Wrong(f"language: one of {', '.join(LANGUAGES)}", 422, "language")
            return await run_in_threadpool(self._published, request.path_params["product_id"], language)
        except (Wrong, PlumblineError) as error:
            return _refused(error)

    def _escalate(self, fields: dict[str, str]) -> Response:
        store = self._store()
        done = escalate(store, **({"reporter": ANONYMOUS} | fields), now=self._now())  # type: ignore[arg-type]  # _read checked them
        hidden = bool(store.escalations.hidden([done.escalation.output_id]))
        answer = {"escalation_id": done.escalation.escalation_id, "output_id": done.escalation.output_id, "hidden": hidden}
        return JSONResponse(answer, 201 if done.new else 200, _HEADERS)

    def _published(self, product_id: str, language: str) -> Response:
        found = published(self._store(), "highlights", product_id, language)
        about = {"product_id": found.product_id, "language": found.language, "output_id": found.output_id}
        if found.text is None:
            return JSONResponse(about | {"hidden": True, "because": found.hidden_because}, 404, _HEADERS)
        quoted = [{"number": passage.number, "text": passage.text} for passage in found.passages]
        return JSONResponse(about | {"hidden": False, "text": found.text, "passages": quoted}, 200, _HEADERS)

    def _store(self) -> Store:
        with self._lock:
            self._opened = self._opened or self._factory()
            return self._opened


async def _body(request: Request) -> bytes:
    try:
        raw = await body_within(request, MAX_BODY)
    except ClientDisconnect:  # nobody waits for an answer
        raise Wrong("the client has gone", 400) from None
    if raw is None:
        raise Wrong(f"the body is larger than {MAX_BODY} bytes", 413)
    return raw


def _read(raw: bytes) -> dict[str, str]:
    """The fields of a report, each checked; those that are null count as not given."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Wrong("the body is not JSON", 400) from None
    if not isinstance(body, dict):
        raise Wrong(f"an object is needed, with {', '.join(FIELDS)}", 422)
    odd = next((name for name in body if name not in FIELDS), None)
    if odd is not None:
        raise Wrong(f"{odd[:80]!r} is no field of a report: {', '.join(FIELDS)}", 422, odd[:80])
    checked = {name: _checked(name, rule, body.get(name)) for name, rule in FIELDS.items()}
    return {name: value for name, value in checked.items() if value is not None}


def _checked(name: str, rule: _Field, value: Any) -> str | None:
    if value is None and not rule.required:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > rule.most:
        raise Wrong(f"{name}: a text of 1 to {rule.most:,} characters", 422, name)
    if rule.among and value not in rule.among:
        raise Wrong(f"{name}: one of {', '.join(sorted(rule.among))}", 422, name)
    return value


def _refused(error: Exception) -> Response:
    """Our own messages hold no secrets and name foreign values escaped."""
    body: dict[str, Any] = {"error": str(error)}
    if isinstance(error, Wrong):
        return JSONResponse(body | ({"field": _shown(error.field)} if error.field else {}), error.status, _HEADERS)
    if isinstance(error, UnknownIdError):
        return JSONResponse(body | {"hidden": False}, 404, _HEADERS)
    if isinstance(error, RetryError):
        return JSONResponse(body, 503, _HEADERS | {"Retry-After": "1"})
    return JSONResponse(body, 422 if isinstance(error, InputError) else 500, _HEADERS)


def _shown(text: str) -> str:
    """Half a surrogate pair cannot be sent."""
    return text.encode("utf-8", "replace").decode()
