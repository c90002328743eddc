"""Asking a judge over HTTP: any server that speaks OpenAI's chat completions with JSON answers. Every answer is kept, bad ones are said.

No retries here: a judge that did not answer is an outcome, and what asks again is the caller. The cache is keyed by everything that
can move an answer (model, server, prompt, schema, settings), so that a lenient judge never answers for a strict one.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.errors import RetryError, SetupError
from evals.identity import canonical_json, sha256

VERSION = 1
SETTINGS = {"temperature": 0.0, "max_tokens": 2048}
_ORDER = "Answer with one JSON object and nothing else. It must match this JSON schema:\n"


class JudgeError(Exception):
    """The judge answered, but not usably; the message is short and holds no secret."""


@dataclass(frozen=True)
class Reply:
    """One parsed answer; `key` names it in the cache, `cached` says whether it came from there."""

    value: dict[str, Any]
    prompt_tokens: int
    completion_tokens: int
    key: str
    cached: bool = False


@dataclass(frozen=True)
class Judge:
    """A model at `base_url`. `concurrency` bounds the requests in flight over all threads; `cache` None asks every time."""

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 60.0
    concurrency: int = 4
    cache: Path | None = None
    _slots: threading.BoundedSemaphore = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_slots", threading.BoundedSemaphore(self.concurrency))

    @property
    def identity(self) -> dict[str, str]:
        """What names the judge in a signature; the address only as a hash, since it may hold a secret."""
        return {"judge": self.model, "at": sha256(self.base_url)[:8], "settings": sha256(canonical_json([VERSION, SETTINGS]))[:8]}

    def key(self, prompt: str, schema: dict[str, Any]) -> str:
        """The cache's name for a question."""
        return sha256(canonical_json([VERSION, self.base_url, self.model, SETTINGS, prompt, schema]))

    async def ask(self, prompt: str, schema: dict[str, Any]) -> Reply:
        """The judge's JSON object. Raises JudgeError for an answer that is none, RetryError where nobody can be reached."""
        key = self.key(prompt, schema)
        known = self._known(key)
        if known is not None:
            return known
        with self._slots:
            text, prompt_tokens, completion_tokens = await self._completion(prompt, schema)
        return Reply(_object(text), prompt_tokens, completion_tokens, key)

    async def _completion(self, prompt: str, schema: dict[str, Any]) -> tuple[str, int, int]:
        try:
            import openai
        except ImportError as error:
            raise SetupError("asking a judge needs the extra [ragas]: pip install 'plumbline[ragas]'") from error
        messages: Any = [{"role": "system", "content": _ORDER + canonical_json(schema)}, {"role": "user", "content": prompt}]
        async with openai.AsyncOpenAI(
            base_url=self.base_url, api_key=self.api_key or "none", max_retries=0, timeout=self.timeout_s
        ) as client:
            try:
                answer = await client.chat.completions.create(
                    model=self.model, messages=messages, response_format={"type": "json_object"}, **SETTINGS
                )
            except openai.APITimeoutError:
                raise JudgeError(f"no answer within {self.timeout_s:g} s") from None
            except openai.APIConnectionError as error:
                raise RetryError(f"the judge {self.model} cannot be reached: {type(error.__cause__ or error).__name__}") from error
            except openai.APIStatusError as error:
                raise JudgeError(f"the judge's server said {error.status_code}") from None
            except (openai.OpenAIError, ValueError) as error:
                raise JudgeError(f"the judge's answer cannot be read: {type(error).__name__}") from None
        return _text(answer), *_tokens(answer)

    def keep(self, reply: Reply) -> None:
        """Remember an answer that turned out usable; a writer that dies leaves no half file."""
        if self.cache is None or reply.cached:
            return
        path = self._path(self.cache, reply.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        row = {"value": reply.value, "prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens}
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            json.dump(row, file, ensure_ascii=True)
        os.replace(file.name, path)

    def _known(self, key: str) -> Reply | None:
        try:
            row = json.loads(self._path(self.cache, key).read_text(encoding="utf-8")) if self.cache else None
            return None if row is None else Reply(dict(row["value"]), int(row["prompt_tokens"]), int(row["completion_tokens"]), key, True)
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not there, or not ours: ask

    @staticmethod
    def _path(cache: Path, key: str) -> Path:
        return cache / key[:2] / f"{key}.json"


def _text(answer: Any) -> str:
    try:
        text = answer.choices[0].message.content
    except (AttributeError, IndexError, TypeError):
        raise JudgeError("the judge's answer has no choices") from None
    if not isinstance(text, str) or not text.strip():
        raise JudgeError("the judge said nothing")
    return text


def _tokens(answer: Any) -> tuple[int, int]:
    """As the server counted; 0 where it did not."""
    usage = getattr(answer, "usage", None)
    return tuple(int(getattr(usage, name, 0) or 0) for name in ("prompt_tokens", "completion_tokens"))  # type: ignore[return-value]  # a pair


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise JudgeError("the judge's answer is not JSON") from None
    if not isinstance(value, dict):
        raise JudgeError("the judge's answer is not a JSON object")
    return value
