"""Any table: CSV, TSV, JSON lines, JSON or Parquet with ``case_id`` or ``question``, ``output``, and one column a metric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from evals.errors import InputError
from evals.peers.answers import Answer, Results, count_of, labels_of, name_of, number_of, question_of, seconds_of, text_of, value_of
from evals.peers.files import File

NAME = "table"
KNOWN = frozenset(
    "case_id question query input prompt output answer response text reference error repeat variant language lang locale "  # noqa: SIM905 (readable)
    "product product_id cluster group category prompt_tokens generated_tokens first_token_s total_s".split()
)
_OUTPUTS = ("output", "answer", "response")


def knows(file: File) -> bool:
    """A table with a case or question and an output, or a case and a metric."""
    return bool({"case_id", "question", "input", "prompt", "query"} & file.columns)


def read(file: File) -> list[Results]:
    """One arm per value of ``variant``; without that column one, named by the file. Every other column with a number in it is a metric;
    ``<metric>_reason`` says why a value is missing."""
    metrics = metric_columns(file.rows, KNOWN)
    arms: dict[str, dict[tuple[str, str, int], Answer]] = defaultdict(dict)
    for where, row in file.rows:
        answer = _answer(file, where, row, metrics)
        mine = arms[name_of(text_of(row.get("variant")) or file.stem)]
        key = (answer.case or "", "" if answer.case else answer.question, answer.repeat)
        if key in mine:
            first = mine[key].where
            raise InputError(
                f"{file.path}, {where}: the case of {first} again ({key[0] or key[1]!r:.80}); a column repeat tells them apart"
            )
        mine[key] = answer
    return [Results(NAME, None, variant, tuple(mine.values())) for variant, mine in arms.items()]


def metric_columns(rows: Sequence[tuple[str, Mapping[str, Any]]], known: Collection[str]) -> list[str]:
    """Names of the columns that hold a number in some row, or have a ``_reason`` beside them, and are nothing else we know; in order."""
    names = dict.fromkeys(name for _, row in rows for name in row if name not in known and name not in KNOWN)
    reasons = {name.removesuffix("_reason") for name in names if name.endswith("_reason")}
    return [name for name in names if name in reasons or any(number_of(row.get(name)) is not None for _, row in rows)]


def _answer(file: File, where: str, row: Mapping[str, Any], metrics: Sequence[str]) -> Answer:
    case, failed = text_of(row.get("case_id")).strip(), text_of(row.get("error"))
    asked = {name: row[name] for name in ("question", "query", "input", "prompt") if row.get(name)}
    if not case and not asked:
        raise InputError(f"{file.path}, {where}: names no case: case_id or question is needed")
    return Answer(
        where=where,
        question=question_of(asked) if asked else case,
        text=text_of(next((row[name] for name in _OUTPUTS if row.get(name) is not None), None)),
        values={name: value_of(row.get(name), text_of(row.get(f"{name}_reason")) or failed) for name in metrics},
        case=case or None,
        repeat=max(1, count_of(row.get("repeat"))),
        reference=text_of(row.get("reference")) or None,
        labels=labels_of(row),
        error=failed or None,
        prompt_tokens=count_of(row.get("prompt_tokens")),
        generated_tokens=count_of(row.get("generated_tokens")),
        first_token_s=seconds_of(row.get("first_token_s")),
        total_s=seconds_of(row.get("total_s")),
    )
