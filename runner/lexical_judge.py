"""``plumb-lexical-judge``: a judge without a model, so that judge metrics run offline end to end. It is weak, and says so in each reason.

It answers the two requests of Ragas' Faithfulness (0.4.3): "break the answer into statements" by splitting sentences, and "is each
statement supported by the context" by counting words: supported when at least MIN_SHARE of the statement's words (character pairs
in Chinese and Japanese) and every number in it occur in the context. It knows no synonyms, no negation and no grammar: to it,
"the battery is bad" supports "the battery is not bad". Deterministic; never to be used as evidence about a model.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import regex

from evals.errors import InputError
from evals.languages import UNDETERMINED, identify
from evals.text import sentences, words
from runner.backends.base import Chunk, Generation, GenerationSettings
from runner.prompts import Prompt

NAME = "plumb-lexical-judge"
MIN_SHARE = 0.7
_INPUT = "Now perform the same with the following input\ninput:"


class LexicalJudge:
    """A `Backend` whose answers are JSON. Tokens are counted as words: it has no tokenizer."""

    def identity(self) -> Mapping[str, str]:
        return {"model": NAME, "revision": f"1/{MIN_SHARE}", "precision": "none", "backend": "code", "hardware": "any"}

    def generate(self, prompts: Sequence[Prompt], settings: GenerationSettings) -> list[Generation]:  # noqa: ARG002 (nothing to decode)
        """One JSON object per prompt. Raises InputError for a request that is neither of the two."""
        return [self._judged(prompt) for prompt in prompts]

    def stream(self, prompt: Prompt, settings: GenerationSettings) -> Iterator[Chunk]:
        [done] = self.generate([prompt], settings)
        yield Chunk(done.text)
        yield Chunk("", done)

    def _judged(self, prompt: Prompt) -> Generation:
        began = time.perf_counter()
        request = "\n".join(text for role, text in prompt.messages if role == "user")
        text = json.dumps(judge(read_input(request)), ensure_ascii=False)
        spent_s = time.perf_counter() - began
        return Generation(text, len(request.split()), len(text.split()), spent_s, spent_s, "stop")


def read_input(request: str) -> Mapping[str, Any]:
    """The JSON object that follows the last ``input:`` of Ragas' prompt; examples before it are left alone."""
    at = request.rfind(_INPUT)
    start = request.find("{", at)
    if at < 0 or start < 0:
        raise InputError(f"{NAME} answers Ragas' faithfulness prompts only: no 'Now perform the same with the following input' found")
    try:
        value, _ = json.JSONDecoder().raw_decode(request, start)
    except ValueError as error:
        raise InputError(f"{NAME}: the input of the prompt is not JSON: {error}") from error
    return dict(value)


def judge(data: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a decomposition (``answer``) or a verdict (``context`` and ``statements``) request.

    >>> judge({"question": "?", "answer": "It is light. [1] It weighs 40 g."})
    {'statements': ['It is light.', 'It weighs 40 g.']}
    >>> judge({"context": "weight: 41 g", "statements": ["It weighs 40 g."]})["statements"][0]["verdict"]
    0
    """
    if isinstance(data.get("statements"), list) and isinstance(data.get("context"), str):
        return {"statements": [verdict(str(statement), data["context"]) for statement in data["statements"]]}
    if isinstance(data.get("answer"), str):
        bare = regex.sub(r"\s*\[\d+\]", "", data["answer"])
        return {"statements": [span.text for span in sentences(bare, UNDETERMINED)]}
    raise InputError(f"{NAME} expects 'answer', or 'context' and 'statements', not {sorted(data)}")


def verdict(statement: str, context: str) -> dict[str, Any]:
    """Ragas' verdict on one statement: 1 supported, 0 not, with the share of words that decided."""
    tag = identify(statement)[0]
    said, known = words(statement, tag), set(words(context, tag))
    share = sum(word in known for word in said) / len(said) if said else 0.0
    numbers = set(regex.findall(r"\d+(?:[.,]\d+)?", statement)) - set(regex.findall(r"\d+(?:[.,]\d+)?", context))
    supported = share >= MIN_SHARE and not numbers
    reason = f"lexical containment, no understanding: {share:.0%} of its words are in the context"
    return {
        "statement": statement,
        "reason": reason + (f"; numbers that are not: {sorted(numbers)}" if numbers else ""),
        "verdict": int(supported),
    }
