"""``python -m runner.server``: a model over HTTP on loopback, OpenAI-compatible with streaming, and SageMaker's two routes.

Endpoints: ``/health``, ``/v1/models``, ``/v1/chat/completions``, ``/v1/completions`` (the prompt is one user message: the model's chat
template applies), ``/ping``, ``/invocations``. At most `--concurrency` answers are made at once and `--queue` requests wait;
beyond that a request is told 503 and when to come again. Requests in flight share the cores; they are not batched together.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from evals.errors import InputError, PlumblineError
from runner import backends, lexical_judge
from runner.backends.base import Backend, Chunk
from runner.protocol import Kind, Request, RequestError, card, failure, piece, read, whole

MAX_BODY = 1 << 20  # bytes
RETRY_AFTER_S = 1


class Slots:
    """How many answers are being made or waited for."""

    def __init__(self, concurrency: int, queue: int) -> None:
        self._running = asyncio.Semaphore(concurrency)
        self._room = concurrency + queue

    async def enter(self) -> None:
        """Waits for a slot; raises RequestError 503 when too many wait already."""
        if self._room <= 0:
            raise RequestError("the server is busy", 503, "overloaded")
        self._room -= 1
        try:
            await self._running.acquire()
        except asyncio.CancelledError:
            self._room += 1
            raise

    def leave(self) -> None:
        """Gives the slot back."""
        self._room += 1
        self._running.release()


class Events(StreamingResponse):
    """Server-sent events that give their slot back however the response ends, even if the client left before it began."""

    def __init__(self, events: AsyncIterator[str], slots: Slots) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._slots.leave()


class Server:
    """The endpoints over `models` (name to backend); the first is the default."""

    def __init__(self, models: Mapping[str, Backend], *, concurrency: int = 4, queue: int = 32) -> None:
        self._models, self._slots = models, Slots(concurrency, queue)

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/health", self.health),
            Route("/ping", self.ping),
            Route("/v1/models", self.models),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/completions", self.completion, methods=["POST"]),
            Route("/invocations", self.invocation, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={RequestError: _failed, PlumblineError: _failed})

    async def health(self, _: HttpRequest) -> Response:
        name, backend = next(iter(self._models.items()))
        return JSONResponse({"status": "ok", **backend.identity(), "model": name})

    async def ping(self, _: HttpRequest) -> Response:
        return Response(status_code=200)

    async def models(self, _: HttpRequest) -> Response:
        return JSONResponse({"object": "list", "data": [card(name, backend) for name, backend in self._models.items()]})

    async def chat(self, http: HttpRequest) -> Response:
        return await self._answer("chat", http)

    async def completion(self, http: HttpRequest) -> Response:
        return await self._answer("completion", http)

    async def invocation(self, http: HttpRequest) -> Response:
        return await self._answer("sagemaker", http)

    async def _answer(self, kind: Kind, http: HttpRequest) -> Response:
        request = read(kind, await _body(http))
        name, backend = self._chosen(request)
        await self._slots.enter()
        if request.stream:
            return await self._streamed(request, name, backend)
        try:
            [done] = await run_in_threadpool(backend.generate, [request.prompt], request.settings)
        finally:
            self._slots.leave()
        if done.finish_reason == "context":
            raise _too_long(done.prompt_tokens)
        return JSONResponse(whole(request, name, done))

    def _chosen(self, request: Request) -> tuple[str, Backend]:
        name = request.model or next(iter(self._models))
        if name not in self._models:
            raise RequestError(f"model {name!r} is not served here, only {', '.join(self._models)}", 404, "model_not_found")
        if request.json and name != lexical_judge.NAME:
            raise RequestError(f"response_format: {name} cannot promise JSON; {lexical_judge.NAME} can, for judges' questions")
        return name, self._models[name]

    async def _streamed(self, request: Request, name: str, backend: Backend) -> Response:
        """The stream, begun: what goes wrong before the first piece is still answered with a status."""
        try:
            chunks = backend.stream(request.prompt, request.settings)
            first = await run_in_threadpool(next, chunks)
            if first.generation and first.generation.finish_reason == "context":
                raise _too_long(first.generation.prompt_tokens)
        except BaseException:
            self._slots.leave()
            raise
        return Events(self._events(request, name, itertools.chain([first], chunks)), self._slots)

    async def _events(self, request: Request, name: str, chunks: Iterator[Chunk]) -> AsyncIterator[str]:
        try:
            async for chunk in iterate_in_threadpool(chunks):
                yield _event(piece(request, name, chunk.text, chunk.generation))
            yield "data: [DONE]\n\n"
        except PlumblineError as error:
            yield _event(failure(_as_request_error(error)))


def _event(body: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


async def _body(http: HttpRequest) -> bytes:
    raw = bytearray()
    async for part in http.stream():
        raw += part
        if len(raw) > MAX_BODY:
            raise RequestError(f"the body is larger than {MAX_BODY} bytes", 413, "too_large")
    return bytes(raw)


def _too_long(tokens: int) -> RequestError:
    return RequestError(f"the prompt's {tokens} tokens leave no room for an answer", 400, "context_length_exceeded")


def _as_request_error(error: PlumblineError) -> RequestError:
    if isinstance(error, RequestError):
        return error
    return RequestError(str(error), 400 if isinstance(error, InputError) else 502, "backend_error")


async def _failed(_: HttpRequest, error: Exception) -> Response:
    known = _as_request_error(error) if isinstance(error, PlumblineError) else RequestError(str(error), 500)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if known.status == 503 else {}
    return JSONResponse(failure(known), known.status, headers)


# ---------------------------------------------------------------------------------------------- the process


def main(arguments: Sequence[str] | None = None) -> None:
    """Loads the model, binds 127.0.0.1, prints the URL on a line of its own, serves until told to stop."""
    import uvicorn

    given = _parser().parse_args(arguments)
    try:
        models = _models(given)
    except PlumblineError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", given.port))
    listening.listen(128)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    if given.until_stdin_closes:
        threading.Thread(target=_stop_with_parent, daemon=True).start()
    app = Server(models, concurrency=given.concurrency, queue=given.queue).app()
    uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=5)).run(sockets=[listening])


def _models(given: argparse.Namespace) -> dict[str, Backend]:
    judge: dict[str, Backend] = {lexical_judge.NAME: lexical_judge.LexicalJudge()}
    if given.model == lexical_judge.NAME:
        return judge
    settings = {"backend": given.backend, "model": given.model, "precision": given.precision, "threads": given.threads}
    return {given.name or given.model: backends.load(settings), **judge}


def _stop_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runner.server", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="tiny-multilingual", help="shipped name, path, hub id, or plumb-lexical-judge alone")
    parser.add_argument("--name", help="what clients call it (default: the same)")
    parser.add_argument("--precision", default="int8", help="fp32, int8 or int8-dynamic")
    parser.add_argument("--backend", default="cpu", choices=[name for name in backends.BACKENDS if name != "remote"])
    parser.add_argument("--threads", type=int, help="per answer (default: 1 for small models, else all cores)")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--concurrency", type=int, default=4, help="answers made at once")
    parser.add_argument("--queue", type=int, default=32, help="requests that may wait")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when the program that started this one is gone")
    return parser


if __name__ == "__main__":
    main()
