"""A model behind any OpenAI-compatible server: vLLM, SGLang, llama.cpp, a Neuron endpoint, or our own `runner.server`.

Answers are always streamed, so that the first token is timed where the user would see it. Requests are tried again, a few times,
only while nothing of the answer has arrived.
"""

from __future__ import annotations

import json
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx

from evals.errors import InputError, RetryError, SetupError
from evals.paths import model_api_key
from runner.backends.base import Backend, Chunk, FinishReason, Generation, GenerationSettings
from runner.prompts import Prompt

ATTEMPTS = 4
WAIT_S = 0.5  # before the second attempt; doubled for each further one
LONGEST_WAIT_S = 8.0
PARALLEL = 8  # requests in flight for a batch
TIMEOUT = httpx.Timeout(60.0, connect=5.0)
BUSY = (408, 425, 429, 500, 502, 503, 504)


def open_backend(settings: Mapping[str, Any]) -> Backend:
    """The backend for ``base_url`` (with its ``/v1``) and ``model`` (by default the server's first). The key is `model_api_key`'s."""
    url = settings.get("base_url")
    if not url:
        raise InputError("backend 'remote' needs base_url, such as http://127.0.0.1:8000/v1")
    return RemoteBackend(str(url), settings.get("model"), precision=settings.get("precision"), api_key=model_api_key())


class RemoteBackend:
    """One model on one server. Safe to call from several threads."""

    def __init__(self, base_url: str, model: str | None = None, *, precision: str | None = None, api_key: str | None = None) -> None:
        """Asks the server which models it has. Raises InputError for a wrong address or model, RetryError when nobody answers."""
        self._client = httpx.Client(
            base_url=_checked(base_url), timeout=TIMEOUT, headers={"Authorization": f"Bearer {api_key}"} if api_key else {}
        )
        weakref.finalize(self, self._client.close)  # whoever drops the backend drops its connections
        self._about = self._model_card(model)
        self._precision = precision

    def _model_card(self, model: str | None) -> Mapping[str, Any]:
        response = self._answered(lambda: self._client.send(self._client.build_request("GET", "models"), stream=True))
        with closing(response):
            response.read()
        cards = {str(card.get("id")): card for card in _json(response.text).get("data", [])}
        if not cards or (model and model not in cards):
            raise InputError(f"{self._client.base_url} serves no model {model!r}, but {', '.join(sorted(cards)[:20]) or 'none'}")
        return cards[model] if model else next(iter(cards.values()))

    def identity(self) -> Mapping[str, str]:
        """What the server tells of itself; ``unknown`` is said, not guessed."""
        told = {key: str(self._about.get(key) or "unknown") for key in ("revision", "precision", "hardware")}
        return {**told, "model": str(self._about["id"]), "precision": str(self._precision or told["precision"]), "backend": "remote"}

    def generate(self, prompts: Sequence[Prompt], settings: GenerationSettings) -> list[Generation]:
        if not prompts:
            return []
        with ThreadPoolExecutor(max_workers=min(PARALLEL, len(prompts))) as pool:
            return list(pool.map(lambda prompt: _last(self.stream(prompt, settings)), prompts))

    def stream(self, prompt: Prompt, settings: GenerationSettings) -> Iterator[Chunk]:
        began = time.perf_counter()
        request = self._client.build_request("POST", "chat/completions", json=self._body(prompt, settings))
        response = self._answered(lambda: self._client.send(request, stream=True))
        with closing(response):
            if response.is_error:  # the one error that is an answer: the prompt is too long
                yield Chunk("", Generation("", 0, 0, None, time.perf_counter() - began, "context"))
                return
            yield from _read(response, began)

    def _body(self, prompt: Prompt, settings: GenerationSettings) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._about["id"],
            "messages": prompt.as_dicts(),
            "max_tokens": settings.max_new_tokens,
            "temperature": settings.temperature,
            "seed": settings.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if settings.stop:
            body["stop"] = list(settings.stop)
        if settings.ignore_eos:
            body["ignore_eos"] = True
        return body

    def _answered(self, send: Any) -> httpx.Response:
        """The response to `send`, asked again while the server is busy or away."""
        for attempt in range(ATTEMPTS):
            try:
                response: httpx.Response = send()
                problem = _problem(response)
            except httpx.TransportError as error:
                problem, response = f"{type(error).__name__}: {error}", httpx.Response(503)
            if problem is None:
                return response
            if attempt + 1 < ATTEMPTS:
                time.sleep(_wait_s(response, attempt))
        raise RetryError(f"{self._client.base_url} did not answer in {ATTEMPTS} attempts: {problem}")


def _checked(base_url: str) -> httpx.URL:
    url = httpx.URL(base_url)
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError(f"base_url {base_url!r} is not an http(s) address")
    if url.userinfo:
        raise InputError("base_url holds a password: put the key into PLUMBLINE_API_KEY instead")
    return url


def _problem(response: httpx.Response) -> str | None:
    """Why to ask again, or None for an answer. Raises what asking again cannot mend."""
    if response.is_success:
        return None
    response.read()
    response.close()
    said = _error(response.text)
    if response.status_code in BUSY:
        return f"HTTP {response.status_code} {said.get('message', '')}"
    if said.get("code") == "context_length_exceeded":
        return None
    if response.status_code in (401, 403):
        raise SetupError(f"{response.url} refuses the key (HTTP {response.status_code}): set PLUMBLINE_API_KEY")
    raise InputError(f"{response.url}: HTTP {response.status_code}: {said.get('message') or response.text[:300]}")


def _error(text: str) -> Mapping[str, Any]:
    try:
        error = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {"message": str(error)}


def _wait_s(response: httpx.Response, attempt: int) -> float:
    named = response.headers.get("Retry-After", "")
    return min(LONGEST_WAIT_S, float(named) if named.isdigit() else WAIT_S * 2**attempt)


def _read(response: httpx.Response, began: float) -> Iterator[Chunk]:
    """The chunks of a server-sent stream. Tokens are those of ``usage``; a server that sends none is counted by its chunks."""
    pieces: list[str] = []
    usage: Mapping[str, Any] = {}
    finish: FinishReason = "stop"
    first_s = None
    try:
        for event in _events(response):
            usage = event.get("usage") or usage
            for choice in event.get("choices") or []:
                text = (choice.get("delta") or {}).get("content") or ""
                finish = "length" if choice.get("finish_reason") == "length" else finish
                if text:
                    first_s = time.perf_counter() - began if first_s is None else first_s
                    pieces.append(text)
                    yield Chunk(text)
    except httpx.TransportError as error:
        raise RetryError(f"{response.url} broke off after {len(pieces)} pieces: {type(error).__name__}: {error}") from error
    generated = int(usage.get("completion_tokens", len(pieces)))
    total_s = time.perf_counter() - began
    yield Chunk("", Generation("".join(pieces), int(usage.get("prompt_tokens", 0)), generated, first_s, total_s, finish))


def _events(response: httpx.Response) -> Iterator[Mapping[str, Any]]:
    for line in response.iter_lines():
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if data == "[DONE]":
            return
        if data:
            event = _json(data)
            if event.get("error"):
                raise RetryError(f"{response.url} failed while answering: {event['error']}")
            yield event
    raise RetryError(f"{response.url} broke off before the end of its answer")


def _json(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise RetryError(f"the model server sent something that is not JSON: {text[:200]!r}") from error
    if not isinstance(value, dict):
        raise RetryError(f"the model server sent something that is no JSON object: {text[:200]!r}")
    return value


def _last(chunks: Iterator[Chunk]) -> Generation:
    last = None
    for chunk in chunks:
        last = chunk.generation or last
    if last is None:
        raise RetryError("the model server ended its answer without an end")
    return last
