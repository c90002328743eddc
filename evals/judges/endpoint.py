"""Judges over HTTP: any server that speaks OpenAI's chat completions. Many questions at once, each answer checked, kept and billed.

The cache is keyed by everything that can move an answer (model, server, prompt, schema, settings), so that a lenient judge never answers
for a strict one. Whatever stops a batch (an outage, Ctrl-C, kill -9), what was answered until then is kept and not asked again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from evals.errors import InputError, RetryError
from evals.identity import canonical_json, sha256
from evals.judges.answers import fitting, parsed, read, write
from evals.judges.ledger import Call, Ledger
from evals.judges.material import mended
from evals.judges.transport import Form, JudgeError, Line, SilentError, client

__all__ = ["Ask", "Judge", "JudgeError", "Question", "Reply", "SilentError", "checked"]

VERSION = 2
SETTINGS: Mapping[str, Any] = {"temperature": 0.0, "max_tokens": 4096}
MAX_QUESTION = 400_000  # characters; a longer one is not sent
OUTAGE = 3  # questions in a row without an answer, after all attempts, are an outage
_ORDER = "Answer with one JSON object and nothing else. It must match this JSON schema:\n"
_TURN_S = 0.005  # how long a thread waits for a slot before it looks again

Result = TypeVar("Result")


@dataclass(frozen=True)
class Question:
    """`system` says what to do and is best the same for all questions, `prompt` holds the material; `schema` is the answer's JSON Schema.

    `purpose`: the metric that asks, for the bill. `check` raises JudgeError for an answer that fits the schema and is wrong all the same.
    """

    prompt: str
    schema: Mapping[str, Any]
    system: str = ""
    purpose: str = "judge"
    check: Callable[[Mapping[str, Any]], object] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Reply:
    """One checked answer; `key` names it in the cache, `cached` says whether it came from there. Tokens 0 where nobody counted them."""

    value: dict[str, Any]
    prompt_tokens: int
    completion_tokens: int
    key: str
    cached: bool = False


Ask = Callable[[Question], Awaitable[Reply]]


@dataclass(frozen=True)
class Judge:
    """A model at `base_url` (with its ``/v1``).

    `concurrency` bounds the requests in flight over all threads; `cache` None asks every time; `attempts` and `wait_s` (before the
    second, doubled for each further one) are for requests that got no answer. `address` names the place in keys and signatures
    instead of `base_url`, for a server whose port changes; `name` is the judge's on the bill.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 60.0
    concurrency: int = 4
    cache: Path | None = None
    attempts: int = 6
    wait_s: float = 0.5
    settings: Mapping[str, Any] = field(default_factory=lambda: SETTINGS)
    address: str | None = None
    name: str | None = None
    ledger: Ledger | None = field(default=None, repr=False, compare=False)
    _slots: threading.BoundedSemaphore = field(init=False, repr=False, compare=False)
    _form: Form = field(init=False, repr=False, compare=False, default_factory=Form)

    def __post_init__(self) -> None:
        """Raises InputError for an address that is none, or that holds a secret."""
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise InputError(f"the address of the judge {self.model} is not an http(s) one")
        if url.username or url.password or url.query:
            raise InputError(f"the address of the judge {self.model} holds a user, a password or a query: keys come from the environment")
        if self.concurrency < 1 or self.attempts < 1:
            raise InputError(f"the judge {self.model}: concurrency {self.concurrency} and attempts {self.attempts} must be at least 1")
        object.__setattr__(self, "_slots", threading.BoundedSemaphore(self.concurrency))

    @property
    def identity(self) -> dict[str, str]:
        """What names the judge in a signature."""
        about = sha256(canonical_json([VERSION, dict(self.settings)]))[:8]
        return {"judge": self.model, "at": sha256(self.address or self.base_url)[:8], "settings": about}

    def key(self, question: Question) -> str:
        """The cache's name for a question."""
        asked = [dict(question.schema), question.system, question.prompt]
        return sha256(canonical_json([VERSION, self.address or self.base_url, self.model, dict(self.settings), *asked]))

    # ------------------------------------------------------------------ asking
    def ask_many(self, questions: Sequence[Question]) -> list[Reply | JudgeError]:
        """An answer for each question in order, or why there is none. What is usable is kept as soon as it is there.

        Raises RetryError in an outage (nobody to be reached, too busy, or OUTAGE questions in a row without an answer) and SetupError
        for a server that will never answer as things are.
        """

        def asking(question: Question) -> Callable[[Ask], Coroutine[Any, Any, Reply]]:
            async def work(ask: Ask) -> Reply:
                reply = await ask(question)
                self.keep(reply)
                return reply

            return work

        return self.converse([asking(question) for question in questions])

    def converse(self, works: Sequence[Callable[[Ask], Coroutine[Any, Any, Result]]]) -> list[Result | JudgeError]:
        """The results of `works` in order: each asks one or more questions, one after another; `concurrency` of them run at a time.

        Raises as `ask_many` does. What a work was answered it keeps itself, by `keep`.
        """
        if not works:
            return []
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self._converse(works))
        with ThreadPoolExecutor(1) as aside:  # a notebook, a server: its loop is taken
            return aside.submit(asyncio.run, self._converse(works)).result()

    async def _converse(self, works: Sequence[Callable[[Ask], Coroutine[Any, Any, Result]]]) -> list[Result | JudgeError]:
        turn = asyncio.Semaphore(self.concurrency)
        async with client(self.base_url, self.api_key) as connections:
            name = self.name or self.model
            line = Line(connections, name, self.attempts, self.wait_s, self.timeout_s, self._form, self._slot, self._note)
            session = _Session(self, line, min(OUTAGE, len(works)) if len(works) > 1 else None)

            async def one(work: Callable[[Ask], Coroutine[Any, Any, Result]]) -> Result | JudgeError:
                async with turn:
                    try:
                        return await work(session.ask)
                    except JudgeError as error:
                        return error

            return await _all([one(work) for work in works])

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Waits without holding up the event loop; other threads are rare, so looking again is good enough."""
        while not self._slots.acquire(blocking=False):
            await asyncio.sleep(_TURN_S)
        try:
            yield
        finally:
            self._slots.release()

    def _note(self, call: Call) -> None:
        if self.ledger is not None:
            self.ledger.enter(call)

    # ------------------------------------------------------------------ the cache
    def keep(self, reply: Reply) -> None:
        """Remember an answer that turned out usable."""
        if self.cache is not None and not reply.cached:
            row = {"value": reply.value, "prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens}
            write(self.cache, reply.key, row)

    def known(self, question: Question, key: str) -> Reply | None:
        """The answer kept for a question whose name is `key`; None where there is none, or none that is usable."""
        row = read(self.cache, key) if self.cache else None
        if row is None:
            return None
        try:
            return Reply(checked(row["value"], question), int(row["prompt_tokens"]), int(row["completion_tokens"]), key, True)
        except (ValueError, KeyError, TypeError, JudgeError):
            return None  # not ours: ask


@dataclass
class _Session:
    """One batch with a judge. `patience`: questions in a row without an answer that are an outage; None: a lone one is not."""

    judge: Judge
    line: Line
    patience: int | None
    silent: int = 0

    async def ask(self, question: Question) -> Reply:
        key = self.judge.key(question)
        known = self.judge.known(question, key)
        if known is not None:
            return known
        if len(question.prompt) + len(question.system) > MAX_QUESTION:
            raise JudgeError(f"the question is longer than {MAX_QUESTION:,} characters")
        call = Call(key, self.judge.name or self.judge.model, question.purpose, attempt=1)
        try:
            reply = await self.line.ask(self._body(question), question.schema, call, lambda text, call: _reply(text, call, question))
        except SilentError as error:
            self.silent += 1
            if self.patience is not None and self.silent >= self.patience:
                raise RetryError(f"{self.silent} questions in a row got no answer of {call.judge}: {error}. Try again later") from None
            raise
        self.silent = 0
        return reply

    def _body(self, question: Question) -> dict[str, Any]:
        system = "\n".join(filter(None, (question.system, _ORDER + canonical_json(dict(question.schema)))))
        texts = (("system", system), ("user", question.prompt))
        messages = [{"role": role, "content": mended(text)} for role, text in texts]
        return {"model": self.judge.model, "messages": messages, **self.judge.settings}


async def _all(coroutines: Sequence[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Like gather, but the first error stops the others, and they have stopped when it is raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _reply(text: str, call: Call, question: Question) -> Reply:
    prompt, completion = call.tokens
    return Reply(checked(parsed(text), question), prompt or 0, completion or 0, call.request)


def checked(value: Any, question: Question) -> dict[str, Any]:
    """`value`, if it is an object that fits the question's schema and passes its check; raises JudgeError."""
    answer = fitting(value, question.schema)
    if question.check is not None:
        question.check(answer)
    return answer
