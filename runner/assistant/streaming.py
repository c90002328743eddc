"""The one path of an answer: evidence, text as it becomes safe to show, and the result. The Playground shows it, a run stores its end.

A sentence is held back until the next one has begun; then its product tags are cards, the rails have seen it, and only then it leaves.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import regex

from evals.datasets import assistant_case
from evals.experiment import FindingLike, TaskResult
from evals.packs import pack
from evals.records import Case, Passage, Product, Variant
from evals.store import Catalog
from evals.text import sentences, visible
from guardrails import Draft, apply, check_input, check_output
from runner.assistant import answer
from runner.assistant.hydrate import Hydrator, Piece, lookup
from runner.assistant.retrieve import Query, query, retrieve
from runner.backends.base import Chunk, Generation
from runner.finish import checked, generated, screened


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
    objections = check_input(question, case.language)
    if any(draft.action == "block" for draft in objections):
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
    return Done(case.case_id, pack(case.language).fallback, "blocked", first_token_s=seconds, total_s=seconds, findings=tuple(objections))


def _evidence(catalog: Catalog, case: Case, asked: Query) -> tuple[tuple[Passage, ...], list[Draft]]:
    kept, findings = screened(retrieve(catalog, case.product_id, asked), case.language, case)
    return tuple(replace(passage, number=number) for number, passage in enumerate(kept, 1)), findings


def _answer(catalog: Catalog, variant: Variant, case: Case, asked: Query, result: TaskResult) -> Iterator[Event]:
    """Without evidence nobody is asked: the answer is that nothing answers it."""
    gate = Gate(case, result.passages, Hydrator(lookup(catalog)))
    began, generation = time.perf_counter(), None
    for chunk in _chunks(variant, case, asked, result.passages):
        generation = chunk.generation or generation
        yield from gate.feed(chunk.text)
    yield from gate.close()
    text, before = "".join(gate.said), result.total_s or 0.0
    if generation is not None:
        done = generated(case, replace(generation, text=text), result)
    else:
        seconds = before + time.perf_counter() - began  # said at once: the first word comes with the last
        done = checked(case, text, replace(result, first_token_s=seconds, total_s=seconds))
    yield _blocked(case, done, gate.objections) if gate.objections and done.status == "ok" else done


def _blocked(case: Case, done: Done, objections: list[Draft]) -> Done:
    """One sentence was blocked though the whole passed: the shopper has not seen it, so the result must not show it."""
    findings = (*done.findings, *(draft for draft in objections if draft not in done.findings))
    return replace(done, text=pack(case.language).fallback, status="blocked", findings=findings)


def _chunks(variant: Variant, case: Case, asked: Query, passages: tuple[Passage, ...]) -> Iterator[Chunk]:
    if not passages:
        return iter([Chunk(answer.unknown(case))])
    if variant.settings.get("kind") == "template":
        return answer.by_template(case, passages, asked)
    return _timed(answer.by_model(case, passages, variant))


def _timed(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The times as they are here, at the caller, not as the backend tells them."""
    began, first = time.perf_counter(), None
    for chunk in chunks:
        if chunk.text and first is None:
            first = time.perf_counter() - began
        yield chunk if chunk.generation is None else replace(chunk, generation=_retimed(chunk.generation, first, began))


def _retimed(generation: Generation, first: float | None, began: float) -> Generation:
    return replace(generation, first_token_s=first, total_s=time.perf_counter() - began)


_MARK_BEGUN = regex.compile(r"\[[\d\s,]*")  # "[1" may be the mark of the sentence before it


class Gate:
    """Holds text back until the rails have seen whole sentences; after a block nothing passes any more.

    `said` keeps everything, for the result; `objections` those of the sentence that was blocked, placed in the whole text.
    """

    def __init__(self, case: Case, passages: tuple[Passage, ...], hydrator: Hydrator) -> None:
        self._case, self._passages, self._hydrator = case, passages, hydrator
        self._pieces: list[Piece] = []
        self._passed = ""
        self.said: list[str] = []
        self.objections: list[Draft] = []

    def feed(self, text: str) -> Iterator[Text]:
        """Whole sentences, once the next has begun."""
        self._take(self._hydrator.feed(text))
        yield from self._release(last=False)

    def close(self) -> Iterator[Text]:
        """The rest."""
        self._take(self._hydrator.close())
        yield from self._release(last=True)

    def _take(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if isinstance(piece, str) and self._pieces and isinstance(self._pieces[-1], str):
                self._pieces[-1] += piece
            else:
                self._pieces.append(piece)
        self.said += [_shown(piece) for piece in pieces]

    def _release(self, *, last: bool) -> Iterator[Text]:
        held = "".join(_shown(piece) for piece in self._pieces)
        spans = sentences(held, self._case.language)
        begun = len(spans) > 1 and not _MARK_BEGUN.fullmatch(spans[-1].text)
        end = len(held) if last else spans[-1].start if begun else 0
        if end and not self.objections:
            yield from self._checked(self._cut(end))

    def _checked(self, pieces: list[Piece]) -> Iterator[Text]:
        """The rails see the answer so far: a rail such as the language's judges the whole, not a quotation in it."""
        text = "".join(_shown(piece) for piece in pieces)
        drafts = check_output(self._passed + text, self._case.language, self._passages, "assistant")
        new = [draft for draft in drafts if draft.end > len(self._passed)]
        shown, status = apply(text, [_moved(draft, -len(self._passed)) for draft in new], "")
        if status == "blocked":
            self.objections = new
        elif shown == text:
            yield from (Text(_shown(piece), None if isinstance(piece, str) else piece) for piece in pieces)
        else:
            yield Text(shown)
        self._passed += text

    def _cut(self, end: int) -> list[Piece]:
        """The first `end` characters of what is held; a card across the cut stays whole, behind it."""
        front: list[Piece] = []
        while self._pieces and end > 0:
            piece = self._pieces.pop(0)
            shown = _shown(piece)
            if isinstance(piece, str) and len(shown) > end:
                self._pieces.insert(0, piece[end:])
                piece = piece[:end]
            front.append(piece)
            end -= len(shown)
        return front


def _moved(draft: Draft, by: int) -> Draft:
    return replace(draft, start=max(0, draft.start + by), end=draft.end + by)


def _shown(piece: Piece) -> str:
    return piece if isinstance(piece, str) else visible(piece.title)
