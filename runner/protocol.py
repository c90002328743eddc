"""The OpenAI protocol as plain data: a request's body read strictly, an answer's body written. No HTTP in here."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evals.errors import InputError, PlumblineError
from runner.backends.base import Backend, Generation, GenerationSettings
from runner.prompts import Prompt

Kind = Literal["chat", "completion", "sagemaker"]
MAX_TOKENS = 4096
ROLES = ("system", "developer", "user", "assistant", "tool")


class RequestError(PlumblineError):
    """A request that is answered with `status` and the message, in OpenAI's form."""

    def __init__(self, message: str, status: int = 400, code: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Request:
    """What is wanted of which model; `stream`: as server-sent events; `json`: the answer must be a JSON object."""

    kind: Kind
    model: str | None
    prompt: Prompt
    settings: GenerationSettings
    stream: bool = False
    json: bool = False


def read(kind: Kind, raw: bytes) -> Request:
    """The request in a body of ``/v1/chat/completions`` (``messages``), ``/v1/completions`` (``prompt``) or SageMaker's
    ``/invocations`` (either of them, answered in their form, or ``inputs`` with ``parameters``, answered with ``generated_text``).
    Raises RequestError that names the field and the value.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise RequestError(f"the body must be a JSON object, not {type(body).__name__}")
    if kind == "sagemaker" and "inputs" in body:
        body = {"prompt": body["inputs"], **_typed(body, "parameters", dict, {})}
    elif kind == "sagemaker":
        kind = "chat" if "messages" in body else "completion"
    if body.get("n", 1) != 1:
        raise RequestError(f"n must be 1, not {body['n']!r}")
    form = _typed(body, "response_format", dict, {}).get("type", "text")
    if form not in ("text", "json_object", "json_schema"):
        raise RequestError(f"response_format.type {form!r} is not text, json_object or json_schema")
    prompt = _messages(body) if kind == "chat" else _prompt(body)
    return Request(kind, _typed(body, "model", str, None), prompt, _settings(body), _typed(body, "stream", bool, False), form != "text")


def _typed(body: Mapping[str, Any], key: str, kind: type | tuple[type, ...], default: Any) -> Any:
    value = body.get(key)
    if value is None:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise RequestError(f"{key} has the wrong type: {str(value)[:100]!r}")
    return value


def _settings(body: Mapping[str, Any]) -> GenerationSettings:
    defaults = GenerationSettings()
    tokens = next((body[key] for key in ("max_tokens", "max_completion_tokens", "max_new_tokens") if body.get(key) is not None), None)
    tokens = _typed({"max_tokens": tokens}, "max_tokens", int, defaults.max_new_tokens)
    if tokens > MAX_TOKENS:
        raise RequestError(f"max_tokens {tokens} is above this server's limit of {MAX_TOKENS}")
    stop = _typed(body, "stop", (str, list), [])
    stop = (stop,) if isinstance(stop, str) else tuple(stop)
    if len(stop) > 4 or not all(isinstance(text, str) and text for text in stop):
        raise RequestError(f"stop must be a text or up to four, none of them empty: {str(stop)[:100]}")
    temperature = float(_typed(body, "temperature", (int, float), defaults.temperature))
    try:
        return GenerationSettings(tokens, temperature, _typed(body, "seed", int, 0), stop, _typed(body, "ignore_eos", bool, False))
    except InputError as error:
        raise RequestError(str(error)) from error


def _messages(body: Mapping[str, Any]) -> Prompt:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RequestError("messages must be a list with at least one message")
    return Prompt(tuple(_message(number, message) for number, message in enumerate(messages)))


def _message(number: int, message: Any) -> tuple[str, str]:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise RequestError(f"messages[{number}] must be an object whose role is one of {', '.join(ROLES)}")
    content = message.get("content")
    if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        content = "".join(str(part.get("text", "")) for part in content)
    if not isinstance(content, str):
        raise RequestError(f"messages[{number}].content must be a text or a list of text parts")
    return message["role"], content


def _prompt(body: Mapping[str, Any]) -> Prompt:
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str) or not prompt:
        raise RequestError("prompt (or inputs) must be one text that is not empty")
    return Prompt((("user", prompt),))


# ---------------------------------------------------------------------------------------------- answers


def whole(request: Request, name: str, done: Generation) -> Any:
    """The body of an answer that is not streamed."""
    if request.kind == "sagemaker":
        return [{"generated_text": done.text}]
    said = {"message": {"role": "assistant", "content": done.text}} if request.kind == "chat" else {"text": done.text}
    return {**_head(request, name, ""), "choices": [{"index": 0, **said, "finish_reason": done.finish_reason}], "usage": usage(done)}


def piece(request: Request, name: str, text: str, done: Generation | None = None) -> dict[str, Any]:
    """One event of a streamed answer; the last carries the reason and the usage."""
    said = {"delta": {"content": text} if text else {}} if request.kind == "chat" else {"text": text}
    event = {**_head(request, name, ".chunk"), "choices": [{"index": 0, **said, "finish_reason": done.finish_reason if done else None}]}
    return {**event, "usage": usage(done)} if done else event


def _head(request: Request, name: str, ending: str) -> dict[str, Any]:
    kind = "chat.completion" + ending if request.kind == "chat" else "text_completion"
    return {"id": f"cmpl-{time.time_ns():x}", "object": kind, "created": int(time.time()), "model": name}


def usage(done: Generation) -> dict[str, int]:
    """Token counts as OpenAI names them."""
    total = done.prompt_tokens + done.generated_tokens
    return {"prompt_tokens": done.prompt_tokens, "completion_tokens": done.generated_tokens, "total_tokens": total}


def failure(error: RequestError) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"message": str(error), "type": "invalid_request_error" if error.status < 500 else "server_error", "code": error.code}}


def card(name: str, backend: Backend) -> dict[str, Any]:
    """A model in ``/v1/models``, with what identifies it beside what OpenAI defines."""
    about = {key: value for key, value in backend.identity().items() if key != "model"}
    return {"id": name, "object": "model", "created": 0, "owned_by": "plumbline", **about}
