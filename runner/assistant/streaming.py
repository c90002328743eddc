"""The one path of an answer: evidence, text as it becomes safe to show, and the result. The Playground shows it, a run stores its end.

Product tags become cards first; then the text passes `guardrails.stream.HoldBack`, so that what is shown never has to be taken back for
what a rail finds in it later.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from evals.datasets import assistant_case
from evals.experiment import FindingLike, TaskResult
from evals.records import Case, Passage, Product, Variant
from evals.store import Catalog
from evals.text import visible
from guardrails import Context, Draft, check_input, fallback, withheld
from guardrails.stream import HoldBack
from runner.assistant import answer
from runner.assistant.hydrate import Hydrator, Piece, lookup
from runner.assistant.retrieve import Query, query, retrieve
from runner.backends.base import Chunk, Generation
from runner.finish import checked, generated, marketplace, screened, secrets


@dataclass(frozen=True)
class Evidence:
    """What the answer may rest on; comes first."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Text:
    """A piece of the answer that the rails let pass; `product` is set where the piece is a product's card."""

    text: str
    product: Product | None = None


Done = TaskResult  # comes last; its text is what stands, whatever was streamed: a rail may object to the whole
Event = Evidence | Text | Done


def stream(catalog: Catalog, variant: Variant, product_id: str, language: str, question: str) -> Iterator[Event]:
    """Answer a question about a product. Raises UnknownIdError for an unknown product or language."""
    yield from answered(catalog, variant, assistant_case(catalog.product(product_id), language, question))


def answered(catalog: Catalog, variant: Variant, case: Case) -> Iterator[Event]:
    """Evidence, texts, result; a question that a rail blocks is not answered."""
    began = time.perf_counter()
    question = str(case.inputs["question"])
    objections = check_input(question, case.language, case.feature, marketplace(case))
    if withheld(objections):
        yield Evidence(())
        yield _refused(case, objections, time.perf_counter() - began)
        return
    asked = query(question, case.language)
    passages, findings = _evidence(catalog, case, asked)
    yield Evidence(passages)
    drafted: tuple[FindingLike, ...] = (*objections, *findings)
    result = TaskResult(case.case_id, "", passages=passages, total_s=time.perf_counter() - began, findings=drafted)
    yield from _answer(catalog, variant, case, asked, result)


def _refused(case: Case, objections: list[Draft], seconds: float) -> Done:
    return Done(case.case_id, fallback(case.language), "blocked", first_token_s=seconds, total_s=seconds, findings=tuple(objections))


def _evidence(catalog: Catalog, case: Case, asked: Query) -> tuple[tuple[Passage, ...], list[Draft]]:
    kept, findings = screened(retrieve(catalog, case.product_id, asked), case.language, case)
    return tuple(replace(passage, number=number) for number, passage in enumerate(kept, 1)), findings


def _answer(catalog: Catalog, variant: Variant, case: Case, asked: Query, result: TaskResult) -> Iterator[Event]:
    """Without evidence nobody is asked: the answer is that nothing answers it."""
    asks_model = bool(result.passages) and variant.settings.get("kind") == "lm"
    prompt = answer.prompt_of(case, result.passages, variant) if asks_model else None
    told = secrets(prompt, case) if prompt else ()
    gate = Gate(case, result.passages, told, Hydrator(lookup(catalog)))
    began, generation = time.perf_counter(), None
    for chunk in _chunks(case, asked, result.passages) if prompt is None else _timed(answer.by_model(prompt, variant)):
        generation = chunk.generation or generation
        yield from gate.feed(chunk.text)
    yield from gate.close()
    text, before = "".join(gate.said), result.total_s or 0.0
    if generation is not None:
        done = generated(case, replace(generation, text=text), result, told)
    else:
        seconds = before + time.perf_counter() - began  # said at once: the first word comes with the last
        done = checked(case, text, replace(result, first_token_s=seconds, total_s=seconds))
    yield _blocked(case, done, gate.objections) if gate.objections and done.status == "ok" else done


def _blocked(case: Case, done: Done, objections: tuple[Draft, ...]) -> Done:
    """Something was blocked that the result leaves out, a last sentence that was cut off: the shopper has seen no more either."""
    findings = (*done.findings, *(draft for draft in objections if draft not in done.findings))
    return replace(done, text=fallback(case.language), status="blocked", findings=findings)


def _chunks(case: Case, asked: Query, passages: tuple[Passage, ...]) -> Iterator[Chunk]:
    """Without a model."""
    return answer.by_template(case, passages, asked) if passages else iter([Chunk(answer.unknown(case))])


def _timed(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The times as they are here, at the caller, not as the backend tells them."""
    began, first = time.perf_counter(), None
    for chunk in chunks:
        if chunk.text and first is None:
            first = time.perf_counter() - began
        yield chunk if chunk.generation is None else replace(chunk, generation=_retimed(chunk.generation, first, began))


def _retimed(generation: Generation, first: float | None, began: float) -> Generation:
    return replace(generation, first_token_s=first, total_s=time.perf_counter() - began)


class Gate:
    """Pieces of an answer as they may be shown; a card leaves whole, or as text where a rail masked something beside it.

    `said` keeps everything, for the result; `objections`: what was found, where the answer is withheld.
    """

    def __init__(self, case: Case, passages: tuple[Passage, ...], told: tuple[str, ...], hydrator: Hydrator) -> None:
        context = Context(case.feature, "output", passages=passages, marketplace=marketplace(case), secrets=told)
        self._hold = HoldBack(context, case.language)
        self._hydrator = hydrator
        self._pieces: deque[Piece] = deque()  # what has not left
        self._ready, self._left = "", 0  # what may leave; how many characters of the answer have
        self.said: list[str] = []
        self.objections: tuple[Draft, ...] = ()

    def feed(self, text: str) -> Iterator[Text]:
        """What can be shown now."""
        self._take(self._hydrator.feed(text))
        yield from self._leave(self._hold.passed)

    def close(self) -> Iterator[Text]:
        """The rest, unless the answer is withheld or stands otherwise than it was shown: then the result says how."""
        self._take(self._hydrator.close())
        end = self._hold.finish()
        if end.status == "blocked":
            self.objections = end.findings
        elif not end.replaces:
            self._ready += end.rest
            yield from self._leave(sum(map(len, self.said)))

    def _take(self, pieces: list[Piece]) -> None:
        self._pieces += pieces
        for piece in pieces:
            self.said.append(_shown(piece))
            self._ready += self._hold.feed(_shown(piece))

    def _leave(self, end: int) -> Iterator[Text]:
        """What is ready, up to `end` of the answer; nothing while a card is cut by it."""
        pieces = self._cut(end - self._left) if self._ready else []
        if not pieces:
            return
        ready, self._ready, self._left = self._ready, "", end
        if ready == "".join(map(_shown, pieces)):
            yield from (Text(_shown(piece), None if isinstance(piece, str) else piece) for piece in pieces)
        else:
            yield Text(ready)

    def _cut(self, length: int) -> list[Piece]:
        """The first `length` characters of what has not left, text beside text as one piece; none if that would cut a card."""
        front: list[Piece] = []
        while length > 0:
            piece = self._pieces.popleft()
            text = _shown(piece)
            if len(text) > length:
                if not isinstance(piece, str):
                    self._pieces.extendleft(reversed([*front, piece]))
                    return []
                self._pieces.appendleft(text[length:])
                piece = text = text[:length]
            length -= len(text)
            if isinstance(piece, str) and front and isinstance(front[-1], str):
                front[-1] += piece
            else:
                front.append(piece)
        return front


def _shown(piece: Piece) -> str:
    return piece if isinstance(piece, str) else visible(piece.title)
