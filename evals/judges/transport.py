"""Requests to a server that speaks OpenAI's chat completions, asked again where that may help.

Asked again, with growing waits: no connection, one that broke, no answer in time, 408, 425, 429 and 5xx. The server's ``Retry-After`` is
honoured. Messages hold a status or a kind of error and nothing the server said: it may repeat a key.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from evals.errors import PlumblineError, RetryError, SetupError
from evals.identity import sha256
from evals.judges.ledger import Call

if TYPE_CHECKING:
    import httpx

FORMS: tuple[str | None, ...] = ("json_schema", "json_object", None)  # ways to ask for JSON, the strictest first
LONGEST_WAIT_S = 30.0  # between two attempts
LONGEST_ASKED_S = 90.0  # a server that asks for more patience than this is away
MAX_ANSWER_BYTES = 4 << 20
CONNECTS_IN_S = 10.0
_AGAIN, _AWAY = (408, 425, 429), (429, 503, 529)
_SETUP = {401: "refuses the key", 403: "refuses the key", 404: "does not know the model or the address", 405: "takes no chat completions"}
_TOO_LONG = ("context_length_exceeded", "string_above_max_length")

Answer = TypeVar("Answer")


class JudgeError(Exception):
    """The judge did not answer usably; the message is short and holds no secret."""


class SilentError(JudgeError):
    """An error of the server, or no answer in time, however often it was asked: the question's fault or the server's."""


class _RefusedError(JudgeError):
    """The server finds the request wrong: the question, or the way of asking for JSON."""


class _AgainError(Exception):
    """Worth another attempt. `away`: the server takes no question now; `wait_s`: when it said to come again."""

    def __init__(self, message: str, *, away: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.away, self.wait_s = away, wait_s


@dataclass
class Form:
    """Which of FORMS a server takes, found out by asking. `proven`: it answered to this one."""

    at: int = 0
    proven: bool = False


@dataclass(frozen=True)
class Line:
    """The way to one server inside one event loop. `slot` bounds the requests in flight, `note` gets each as it ends."""

    client: httpx.AsyncClient
    judge: str
    attempts: int
    wait_s: float
    timeout_s: float
    form: Form
    slot: Callable[[], AbstractAsyncContextManager[object]]
    note: Callable[[Call], object]

    async def ask(self, body: Mapping[str, Any], schema: Mapping[str, Any], call: Call, read: Callable[[str, Call], Answer]) -> Answer:
        """What `read` makes of the answer's text; the schema is sent in the strictest form the server takes.

        Raises JudgeError for an answer that is none, SilentError where none came, RetryError for a server that is not to be had and
        SetupError for one that will never answer as things are.
        """
        at = self.form.at
        while True:
            try:
                answer = await self._patiently({**body, **_form(FORMS[at], schema)}, call, read)
            except _RefusedError:
                if (self.form.proven and at >= self.form.at) or at + 1 == len(FORMS):
                    raise
                at += 1
            else:
                self.form.at, self.form.proven = at, True
                return answer

    async def _patiently(self, body: Mapping[str, Any], call: Call, read: Callable[[str, Call], Answer]) -> Answer:
        for attempt in itertools.count(1):
            try:
                return await self._noted(body, replace(call, attempt=attempt), read)
            except _AgainError as error:
                if attempt >= self.attempts or error.wait_s > LONGEST_ASKED_S:
                    raise self._given_up(error, attempt) from None
                await asyncio.sleep(max(error.wait_s, self._pause_s(call.request, attempt)))
        raise AssertionError("unreachable")

    async def _noted(self, body: Mapping[str, Any], call: Call, read: Callable[[str, Call], Answer]) -> Answer:
        async with self.slot():
            began = time.perf_counter()
            try:
                return read(await self._once(body, call), call)
            except BaseException as error:
                known = isinstance(error, JudgeError | _AgainError | PlumblineError)
                call.error = str(error) if known else f"stopped: {type(error).__name__}"
                raise
            finally:
                call.seconds = time.perf_counter() - began
                self.note(call)

    async def _once(self, body: Mapping[str, Any], call: Call) -> str:
        import httpx

        try:
            async with asyncio.timeout(self.timeout_s):
                status, headers, raw = await self._post(body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            call.refused = True
            raise _AgainError(f"cannot be reached: {type(error).__name__}", away=True) from None
        except (TimeoutError, httpx.TimeoutException):
            raise _AgainError(f"no answer within {self.timeout_s:g} s") from None
        except httpx.TransportError as error:
            raise _AgainError(f"the connection broke: {type(error).__name__}") from None
        except (httpx.HTTPError, ValueError) as error:
            raise JudgeError(f"the judge's answer cannot be read: {type(error).__name__}") from None
        if status != 200:
            call.refused = True
            raise self._problem(status, headers, raw)
        answer = _json(raw)
        call.tokens = _tokens(answer)
        return _text(answer)

    async def _post(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        raw = bytearray()
        async with self.client.stream("POST", "chat/completions", content=json.dumps(body, ensure_ascii=True).encode()) as response:
            async for piece in response.aiter_bytes():
                raw += piece
                if len(raw) > MAX_ANSWER_BYTES:
                    raise JudgeError(f"the judge's answer is larger than {MAX_ANSWER_BYTES:,} bytes")
            return response.status_code, response.headers, bytes(raw)

    def _problem(self, status: int, headers: Mapping[str, str], raw: bytes) -> Exception:
        if status in _SETUP or 300 <= status < 400:
            return SetupError(f"the judge {self.judge} {_SETUP.get(status, 'sends us to another address')} (HTTP {status})")
        if status in _AGAIN or (status >= 500 and status != 501):
            return _AgainError(f"the judge's server said {status}", away=status in _AWAY, wait_s=_asked_s(headers))
        return _RefusedError("the question is too long for the judge" if _code(raw) in _TOO_LONG else f"the judge's server said {status}")

    def _given_up(self, error: _AgainError, attempts: int) -> Exception:
        times = f"{error}, asked {attempts} times" if attempts > 1 else str(error)
        if error.away:
            return RetryError(f"the judge {self.judge} is not to be had: {times}. What it answered is kept: try again later")
        return SilentError(times)

    def _pause_s(self, request: str, attempt: int) -> float:
        """Doubles; between half and all of it by the request's hash, so that clients spread and a run can be repeated."""
        jitter = int(sha256(f"{request}/{attempt}")[:8], 16) / 2**32
        return float(min(LONGEST_WAIT_S, self.wait_s * 2 ** (attempt - 1)) * (0.5 + jitter / 2))


def _form(name: str | None, schema: Mapping[str, Any]) -> dict[str, Any]:
    if name is None:
        return {}
    described = {"json_schema": {"name": "answer", "schema": schema}} if name == "json_schema" else {}
    return {"response_format": {"type": name, **described}}


def _asked_s(headers: Mapping[str, str]) -> float:
    """``Retry-After`` in seconds: a number, or a date, read against the server's own clock."""
    said = headers.get("retry-after", "")
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        return max(0.0, (parsedate_to_datetime(said) - parsedate_to_datetime(headers["date"])).total_seconds())
    except (KeyError, ValueError, TypeError):
        return 0.0


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise JudgeError("the judge's answer cannot be read: it is not JSON") from None


def _code(raw: bytes) -> object:
    try:
        return json.loads(raw)["error"]["code"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None


def _text(answer: Any) -> str:
    try:
        choice = answer["choices"][0]
        text, finish = choice["message"].get("content"), choice.get("finish_reason")
    except (AttributeError, IndexError, KeyError, TypeError):
        raise JudgeError("the judge's answer has no choices") from None
    if finish in ("length", "content_filter"):
        raise JudgeError("the judge's answer was cut off" if finish == "length" else "the judge's own filter stopped its answer")
    if not isinstance(text, str) or not text.strip():
        raise JudgeError("the judge said nothing")
    return text


def _tokens(answer: Any) -> tuple[int | None, int | None]:
    usage = answer.get("usage") if isinstance(answer, dict) else None
    prompt, completion = ((usage or {}).get(name) if isinstance(usage, dict) else None for name in ("prompt_tokens", "completion_tokens"))
    return (_count(prompt), _count(completion))


def _count(value: object) -> int | None:
    """A count of tokens that a store can hold, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def client(base_url: str, api_key: str | None) -> httpx.AsyncClient:
    """Connections to a server; redirects are not followed, for the key would go with them."""
    import httpx

    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {api_key}"} if api_key else {})}
    timeout = httpx.Timeout(None, connect=CONNECTS_IN_S)
    return httpx.AsyncClient(base_url=base_url, headers=headers, timeout=timeout, verify=_tls(), limits=httpx.Limits(max_connections=None))


@cache
def _tls() -> Any:
    """Made once: reading the certificates costs more than a judgement's overhead."""
    import httpx

    return httpx.create_ssl_context()
