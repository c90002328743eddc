"""``plumb-lexical-judge``: a judge without a model, so that judge metrics run offline end to end. It is weak, and says so in each reason.

It answers the requests of Ragas 0.4.3 (break a text into statements, are they supported by the context, rate a response, is a context
useful, which statements of a reference are in it) and those of our own claim judge (`evals.judges.claim_judge`), all by counting words:
supported when at least MIN_SHARE of a statement's words (character pairs in Chinese and Japanese) and every number in it occur in the
evidence; contradicted when the words do and a number does not. It knows no synonyms, no negation and no grammar: to it, "the battery is
bad" supports "the battery is not bad". Deterministic; never to be used as evidence about a model.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import regex

from evals.errors import InputError
from evals.judges.prompts import Piece, unfenced
from evals.languages import UNDETERMINED, identify
from evals.text import sentences, words
from runner.backends.base import Chunk, Generation, GenerationSettings
from runner.prompts import Prompt

NAME = "plumb-lexical-judge"
MIN_SHARE = 0.7
_INPUT = "Now perform the same with the following input\ninput:"
_EXAMPLES = "--------EXAMPLES-----------"
_NUMBER = regex.compile(r"\d+(?:[.,]\d+)*")
_CITATION = regex.compile(r"\s*\[\d+\]")
_QUESTION_MARKS = ("?", "？", "؟")


class LexicalJudge:
    """A `Backend` whose answers are JSON. Tokens are counted as words: it has no tokenizer."""

    def identity(self) -> Mapping[str, str]:
        return {"model": NAME, "revision": f"2/{MIN_SHARE}", "precision": "none", "backend": "code", "hardware": "any"}

    def generate(self, prompts: Sequence[Prompt], settings: GenerationSettings) -> list[Generation]:  # noqa: ARG002 (nothing to decode)
        """One JSON object per prompt. Raises InputError for a request that is none of those it knows."""
        return [self._judged(prompt) for prompt in prompts]

    def stream(self, prompt: Prompt, settings: GenerationSettings) -> Iterator[Chunk]:
        [done] = self.generate([prompt], settings)
        yield Chunk(done.text)
        yield Chunk("", done)

    def _judged(self, prompt: Prompt) -> Generation:
        began = time.perf_counter()
        request = "\n".join(text for role, text in prompt.messages if role == "user")
        text = json.dumps(answer(request), ensure_ascii=False)
        spent_s = time.perf_counter() - began
        return Generation(text, len(request.split()), len(text.split()), spent_s, spent_s, "stop")


def answer(request: str) -> dict[str, Any]:
    """The JSON object for a request of ours (material between marks) or of Ragas (an input behind examples)."""
    pieces = unfenced(request)
    return claims(pieces) if pieces else judge(read_input(request), '"classifications"' in request.partition(_EXAMPLES)[0])


# ---------------------------------------------------------------------------------------------- Ragas


def read_input(request: str) -> Mapping[str, Any]:
    """The JSON object that follows the last ``input:`` of Ragas' prompt; examples before it are left alone."""
    at = request.rfind(_INPUT)
    start = request.find("{", at)
    if at < 0 or start < 0:
        known = "our claim judge and of Ragas (faithfulness, groundedness, context precision and recall, noise sensitivity)"
        raise InputError(f"{NAME} answers the prompts of {known} only: no 'Now perform the same with the following input' found")
    try:
        value, _ = json.JSONDecoder().raw_decode(request, start)
    except ValueError as error:
        raise InputError(f"{NAME}: the input of the prompt is not JSON: {error}") from error
    return dict(value)


def judge(data: Mapping[str, Any], classify: bool = False) -> dict[str, Any]:
    """The answer to an input of Ragas, known by its keys; `classify`: recall is asked for, not precision, whose keys are the same.

    >>> judge({"question": "?", "answer": "It is light. [1] It weighs 40 g."})
    {'statements': ['It is light.', 'It weighs 40 g.']}
    >>> judge({"context": "weight: 41 g", "statements": ["It weighs 40 g."]})["statements"][0]["verdict"]
    0
    >>> judge({"context": "It is light.", "response": "It is light. It is red."})
    {'rating': 1}
    """
    if isinstance(data.get("statements"), list) and isinstance(data.get("context"), str):
        return {"statements": [verdict(str(statement), data["context"]) for statement in data["statements"]]}
    text, context = next((data[key] for key in ("answer", "text", "response") if isinstance(data.get(key), str)), None), data.get("context")
    if text is None:
        raise InputError(f"{NAME} expects 'answer', 'text' or 'response', or 'context' and 'statements', not {sorted(data)}")
    statements = [span.text for span in sentences(_CITATION.sub("", text), UNDETERMINED)]
    if not isinstance(context, str):
        return {"statements": statements}
    found = [verdict(statement, context) for statement in statements]
    supported = sum(row["verdict"] for row in found)
    if "response" in data:
        return {"rating": 2 if found and supported == len(found) else int(supported > 0)}
    if classify:
        return {"classifications": [{"attributed" if key == "verdict" else key: row[key] for key in row} for row in found]}
    return {"reason": f"lexical containment, no understanding: {supported} of {len(found)} statements", "verdict": int(supported > 0)}


def verdict(statement: str, context: str) -> dict[str, Any]:
    """Ragas' verdict on one statement: 1 supported, 0 not, with the share of words that decided."""
    share, numbers = _contained(statement, context)
    reason = f"lexical containment, no understanding: {share:.0%} of its words are in the context"
    return {
        "statement": statement,
        "reason": reason + (f"; numbers that are not: {sorted(numbers)}" if numbers else ""),
        "verdict": int(share >= MIN_SHARE and not numbers),
    }


def _contained(statement: str, context: str) -> tuple[float, set[str]]:
    """The share of the statement's words that the context holds, and its numbers that it does not."""
    tag = _language(statement)
    said, known = words(statement, tag), _words(context, tag)
    share = sum(word in known for word in said) / len(said) if said else 0.0
    return share, set(_NUMBER.findall(statement)) - set(_NUMBER.findall(context))


@lru_cache(maxsize=256)
def _language(text: str) -> str:
    return identify(text)[0]


@lru_cache(maxsize=256)
def _words(text: str, tag: str) -> frozenset[str]:
    return frozenset(words(text, tag))


# ---------------------------------------------------------------------------------------------- our claim judge


def claims(pieces: Sequence[Piece]) -> dict[str, Any]:
    """A row for each claim, by the passage that holds most of its words, with the sentence of it that does.

    >>> claims([Piece("passage", 7, "Good. It weighs 41 g."), Piece("claim", 1, "It weighs 41 g.")])["claims"]
    [{'claim': 1, 'passage': 7, 'quote': 'It weighs 41 g.', 'verdict': 'supported', 'confidence': 100}]
    """
    passages = {piece.number: piece.text for piece in pieces if piece.kind == "passage"}
    asked = [piece for piece in pieces if piece.kind == "claim"]
    if not passages or not asked:
        raise InputError(f"{NAME} expects passages and claims between the marks, not {sorted({piece.kind for piece in pieces})}")
    return {"claims": [{"claim": piece.number, **_row(piece.text, passages)} for piece in asked]}


def _row(claim: str, passages: Mapping[int, str]) -> dict[str, Any]:
    if claim.rstrip().endswith(_QUESTION_MARKS) or not words(claim, UNDETERMINED):
        return {"passage": 0, "quote": "", "verdict": "not_checkable", "confidence": 100}
    found = {number: _contained(claim, text) for number, text in passages.items()}
    best = max(found, key=lambda number: (found[number][0], -len(found[number][1])))
    share, numbers = found[best]
    if share < MIN_SHARE:
        return {"passage": 0, "quote": "", "verdict": "not_found", "confidence": round(100 * (1 - share))}
    spans = [span.text for span in sentences(passages[best], UNDETERMINED)]
    quote = max(spans, key=lambda text: _contained(claim, text)[0])
    decided = {"verdict": "contradicted", "confidence": 50} if numbers else {"verdict": "supported", "confidence": round(100 * share)}
    return {"passage": best, "quote": quote, **decided}
