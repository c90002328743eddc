"""Ragas: its table of results, ``result.to_pandas()`` as CSV, JSON lines, JSON or Parquet. One arm a file. Does not import Ragas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.peers.answers import Answer, Results, Source, conversation, labels_of, numbered, parsed, read_each, text_of, value_of
from evals.peers.files import File
from evals.peers.table import metric_columns

NAME = "ragas"
_SAMPLE = frozenset(
    "user_input response reference retrieved_contexts reference_contexts retrieved_context_ids reference_context_ids rubrics "  # noqa: SIM905 (readable)
    "multi_responses reference_tool_calls reference_topics persona_name query_style query_length synthesizer_name".split()
)
_CODE = ("exact_match", "string_present", "bleu", "rouge", "chrf", "non_llm", "id_based", "tool_call", "data_compy")


def knows(file: File) -> bool:
    """A table with ``user_input`` and ``response``."""
    return {"user_input", "response"} <= file.columns


def read(file: File) -> list[Results]:
    """The one arm, named by its file. Metrics that need no model are known by name, all others are a model's."""
    metrics = metric_columns(file.rows, _SAMPLE)
    answers = read_each(file.rows, lambda where, row: _answer(where, row, metrics))
    return [Results(NAME, None, file.stem, numbered(answers))]


def _answer(where: str, row: Mapping[str, Any], metrics: list[str]) -> Answer:
    return Answer(
        where=where,
        question=conversation(row.get("user_input")),
        text=text_of(row.get("response")),
        values={name: value_of(row.get(name), source=_source(name)) for name in metrics},
        reference=text_of(row.get("reference")) or None,
        labels=labels_of(row),
        contexts=tuple(map(text_of, _listed(row.get("retrieved_contexts")))),
    )


def _source(name: str) -> Source:
    return "code" if name.lower().startswith(_CODE) else "model"


def _listed(value: Any) -> list[Any]:
    """A list; in CSV it stands as Python writes it."""
    value = parsed(value) if isinstance(value, str) and value else value
    return list(value) if isinstance(value, list | tuple) else [value] if value else []
