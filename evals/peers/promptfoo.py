"""promptfoo: ``promptfoo eval -o results.json`` (or ``.jsonl``). One arm per provider, and per prompt where there are several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evals.identity import content_id
from evals.peers.answers import (
    Answer,
    Results,
    Value,
    count_of,
    labels_of,
    name_of,
    numbered,
    object_of,
    question_of,
    read_each,
    seconds_of,
    text_of,
    value_of,
)
from evals.peers.files import File

NAME = "promptfoo"
_FAILED = 2  # failureReason: the provider failed, not an assertion
# Assertions that ask a model (or an embedding, a classifier); all others are code. promptfoo's documentation, "Model-graded metrics".
_JUDGED = frozenset(
    "llm-rubric agent-rubric search-rubric g-eval factuality answer-relevance context-faithfulness context-recall context-relevance "  # noqa: SIM905 (readable)
    "conversation-relevance similar classifier moderation select-best pi guardrails".split()
)


def knows(file: File) -> bool:
    """An object with ``results.results``, or JSON lines with ``promptIdx``."""
    inner = file.mapping.get("results")
    return (isinstance(inner, Mapping) and isinstance(inner.get("results"), list)) or {"promptIdx", "vars"} <= file.columns


def read(file: File) -> list[Results]:
    """The arms of the file, in the order of their first answer."""
    arms: dict[str, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    rows = _rows(file)
    several = len({row.get("promptIdx") for _, row in rows}) > 1
    for where, row in sorted(rows, key=lambda item: count_of(item[1].get("testIdx"))):
        arms[_variant(row, several)].append((where, row))
    version = text_of(object_of(file.mapping.get("metadata")).get("promptfooVersion")) or None
    return [Results(NAME, version, name, numbered(read_each(mine, _answer)), _settings(mine[0][1])) for name, mine in arms.items()]


def _rows(file: File) -> list[tuple[str, Mapping[str, Any]]]:
    listed = object_of(file.mapping.get("results")).get("results")
    if not isinstance(listed, list):
        return file.rows
    return [(f"results[{number}]", object_of(row)) for number, row in enumerate(listed)]


def _variant(row: Mapping[str, Any], several: bool) -> str:
    provider = row.get("provider")
    name = text_of(object_of(provider).get("label") or object_of(provider).get("id") or provider or "provider")
    return name_of(f"{name} · {text_of(object_of(row.get('prompt')).get('label'))}" if several else name)


def _settings(row: Mapping[str, Any]) -> dict[str, Any]:
    provider = row.get("provider")
    return {"model": name_of(text_of(object_of(provider).get("id") or provider)), "prompt": text_of(row.get("promptId"))}


def _answer(where: str, row: Mapping[str, Any]) -> Answer:
    test, response = object_of(row.get("testCase")), object_of(row.get("response"))
    asked = object_of(test.get("vars") or row.get("vars"))
    asked = {name: value for name, value in asked.items() if not name.startswith("_") and name != "sessionId"}
    tokens = object_of(response.get("tokenUsage") or row.get("tokenUsage"))
    failed = response.get("error") or (row.get("error") or "no message" if row.get("failureReason") == _FAILED else None)
    return Answer(
        where=where,
        question=question_of(asked) if asked else text_of(object_of(row.get("prompt")).get("raw")),
        text=text_of(response.get("output")),
        values=dict(_values(row, failed)),
        case=content_id("vars", text_of(asked)) if asked else None,
        labels=labels_of(asked, object_of(test.get("metadata")), object_of(row.get("metadata"))),
        error=text_of(failed) if failed else None,
        prompt_tokens=count_of(tokens.get("prompt")),
        generated_tokens=count_of(tokens.get("completion")),
        total_s=None if response.get("cached") else seconds_of(row.get("latencyMs"), 1000),
    )


def _values(row: Mapping[str, Any], failed: Any) -> Iterator[tuple[str, Value]]:
    """``pass`` and ``score`` of the whole, each named metric, each unnamed kind of assertion (several of a kind: their mean)."""
    parts = [part for part in object_of(row.get("gradingResult")).get("componentResults") or () if isinstance(part, Mapping)]
    judged = any(_judged(part) for part in parts)
    why = f"the provider failed: {text_of(failed)}" if failed else ""
    for name, value in (("pass", row.get("success")), ("score", row.get("score"))):
        yield name, value_of(None if failed else value, why, source="model" if judged else "code")
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for part in parts:
        assertion = object_of(part.get("assertion"))
        if name := text_of(assertion.get("metric") or assertion.get("type")):
            groups[name].append(part)
    for name, mine in groups.items():
        yield name, _mean(mine)


def _judged(part: Mapping[str, Any]) -> bool:
    kind = text_of(object_of(part.get("assertion")).get("type")).removeprefix("not-")
    return kind in _JUDGED or kind.startswith("model-graded")


def _mean(parts: Sequence[Mapping[str, Any]]) -> Value:
    scores = [value_of(part.get("score"), text_of(part.get("reason"))) for part in parts]
    source = "model" if any(map(_judged, parts)) else "code"
    missing = next((score for score in scores if score.value is None), None)
    if missing is not None:
        return value_of(None, (missing.reason or "").removeprefix("not measured: "), source=source)
    detail = {"reason": "; ".join(text_of(part.get("reason")) for part in parts)[:2000]}
    return value_of(sum(score.value or 0.0 for score in scores) / len(scores), source=source, detail=detail)
