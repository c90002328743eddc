"""lm-evaluation-harness: ``samples_<task>_<time>.jsonl`` of ``--log_samples``. One arm a file; each filter has metrics of its own."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from evals.peers.answers import (
    Answer,
    Results,
    Value,
    conversation,
    labels_of,
    name_of,
    number_of,
    question_of,
    read_each,
    text_of,
    value_of,
)
from evals.peers.files import File

NAME = "lm_eval"
_SAMPLE = frozenset("doc_id doc target arguments resps filtered_resps filter metrics doc_hash prompt_hash target_hash".split())  # noqa: SIM905


def knows(file: File) -> bool:
    """Rows with ``doc_id``, ``doc`` and ``resps``."""
    return {"doc_id", "doc", "resps"} <= file.columns


def read(file: File) -> list[Results]:
    """The one arm, named by its folder (the harness writes one per model). A file never says the harness's version."""
    task = re.sub(r"^samples_|_\d{4}-\d\d-\d\dT.*$", "", file.stem)
    answers: dict[str, Answer] = {}
    for answer in read_each(file.rows, lambda where, row: _answer(where, row, task)):
        before = answers.get(str(answer.case))
        values = {**(before.values if before else {}), **answer.values}
        answers[str(answer.case)] = replace(answer, values=values)
    variant = name_of(file.path.resolve().parent.name)
    return [Results(NAME, None, variant, tuple(answers.values()), {"model": variant, "task": task})]


def _answer(where: str, row: Mapping[str, Any], task: str) -> Answer:
    doc = row["doc"] if isinstance(row["doc"], Mapping) else {"text": row["doc"]}
    said, error = _said(row)
    return Answer(
        where=where,
        question=question_of(doc),  # not the prompt: chat templates make it differ between models
        text=said,
        values=dict(_values(row)),
        case=f"{task}/{text_of(row['doc_id'])}",
        reference=text_of(row.get("target")) or None,
        labels=labels_of(doc),
        error=error,
    )


def _said(row: Mapping[str, Any]) -> tuple[str, str | None]:
    """What was generated first; where choices were weighed by likelihood, the most likely one. With the reason where there is nothing."""
    listed = row["resps"] if isinstance(row["resps"], list) else []
    first = [one[0] for one in listed if isinstance(one, list) and one]
    if not first:
        return "", "the sample has no response"
    likelihoods = [_likelihood(one[0]) for one in first if isinstance(one, list) and one]
    if len(likelihoods) != len(first):
        return conversation(first[0]), None
    best = max(range(len(first)), key=likelihoods.__getitem__)
    arguments = row.get("arguments")
    call = arguments.get(f"gen_args_{best}") if isinstance(arguments, Mapping) else None
    return text_of(call.get("arg_1")).strip() if isinstance(call, Mapping) else "", None


def _likelihood(value: Any) -> float:
    number = number_of(value)
    return -math.inf if number is None else number


def _values(row: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    kind = text_of(row.get("filter"))
    for name in row.get("metrics") or [name for name in row if name not in _SAMPLE]:  # older files do not list them
        value = row.get(name)
        number = value[0] if isinstance(value, list) and value else value  # some metrics carry what their aggregate needs
        yield text_of(name) if kind in ("", "none") else f"{text_of(name)},{kind}", value_of(number)
