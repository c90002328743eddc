"""MLflow: the table of ``mlflow.genai.evaluate`` (``result_df`` as JSON, CSV or Parquet) or the artefact ``eval_results_table.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.peers.answers import (
    Answer,
    Results,
    Value,
    labels_of,
    number_of,
    numbered,
    object_of,
    parsed,
    question_of,
    read_each,
    seconds_of,
    text_of,
    value_of,
)
from evals.peers.files import File

NAME = "mlflow"
_ENDINGS = ("/value", "/score")
_ANSWERS = ("response", "outputs", "output", "predictions", "prediction")
_TARGETS = ("targets", "target", "ground_truth", "reference", "expected_response/value")


def knows(file: File) -> bool:
    """A table with a column ``<metric>/value`` or ``<metric>/score``."""
    return any(name.endswith(_ENDINGS) for name in file.columns)


def read(file: File) -> list[Results]:
    """The one arm, named by its file. What people assessed is not taken over, and noted: ours is the system of record for labels."""
    names = [name for name in dict.fromkeys(name for _, row in file.rows for name in row) if name.endswith(_ENDINGS)]
    sources: dict[str, str] = {}
    for _, row in file.rows:
        sources |= _sources(row.get("assessments"))
    numeric = [name for name in names if any(number_of(row.get(name)) is not None for _, row in file.rows)]
    human = sorted(name for name in numeric if sources.get(_metric(name)) == "HUMAN")
    taken = [name for name in numeric if name not in human]
    notes = tuple(f"{_metric(name)}: assessed by people, not taken over" for name in human)
    answers = read_each(file.rows, lambda where, row: _answer(where, row, taken, sources))
    return [Results(NAME, None, file.stem, numbered(answers), notes=notes)]


def _metric(column: str) -> str:
    return column.rpartition("/")[0]


def _sources(listed: Any) -> dict[str, str]:
    """Who assessed: ``HUMAN``, ``LLM_JUDGE`` or ``CODE``, by assessment; only JSON tables say it."""
    rows = map(object_of, listed if isinstance(listed, list) else ())
    return {text_of(row.get("assessment_name")): text_of(object_of(row.get("source")).get("source_type")) for row in rows}


def _answer(where: str, row: Mapping[str, Any], columns: list[str], sources: Mapping[str, str]) -> Answer:
    asked = _inputs(row)
    failed = row.get("state") == "ERROR"
    return Answer(
        where=where,
        question=question_of(asked),
        text=text_of(next((row[name] for name in _ANSWERS if row.get(name) is not None), None)),
        values={_metric(name): _value(row, name, sources.get(_metric(name))) for name in columns},
        reference=text_of(next((row[name] for name in _TARGETS if row.get(name) is not None), None)) or None,
        labels=labels_of(asked, row),
        error="the trace ended in an error" if failed else None,
        total_s=seconds_of(row.get("execution_duration"), 1000),
    )


def _inputs(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """``request`` (an object, or how CSV writes it), or the columns themselves in the older table."""
    asked = row.get("request", row.get("inputs"))
    asked = parsed(asked) if isinstance(asked, str) else asked
    return asked if isinstance(asked, Mapping) else {"question": asked} if asked is not None else row


def _value(row: Mapping[str, Any], column: str, assessed: str | None) -> Value:
    metric = _metric(column)
    why = row.get(f"{metric}/rationale") or row.get(f"{metric}/justification")
    judged = assessed == "LLM_JUDGE" or (assessed is None and f"{metric}/justification" in row)
    detail = {"reason": text_of(why)[:2000]} if why else {}
    failed = text_of(row.get(f"{metric}/error_message"))
    return value_of(row.get(column), f"the metric failed: {failed}" if failed else "", source="model" if judged else "code", detail=detail)
