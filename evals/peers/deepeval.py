"""DeepEval: the test run it saves with ``DEEPEVAL_RESULTS_FOLDER`` (or ``.deepeval/.latest_run_full.json``). One arm a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from evals.peers.answers import (
    Answer,
    Results,
    Value,
    conversation,
    labels_of,
    name_of,
    numbered,
    object_of,
    read_each,
    seconds_of,
    text_of,
    value_of,
)
from evals.peers.files import File

NAME = "deepeval"


def knows(file: File) -> bool:
    """An object with ``testCases`` that have ``metricsData``."""
    inner = file.mapping.get("testRunData", file.mapping)
    return isinstance(inner, Mapping) and isinstance(inner.get("testCases"), list)


def read(file: File) -> list[Results]:
    """The one arm. A file never says its DeepEval version; conversations are not taken over and noted."""
    run = file.mapping.get("testRunData", file.mapping)
    settings = object_of(run.get("hyperparameters"))
    answers = read_each(((f"testCases[{number}]", case) for number, case in enumerate(run["testCases"])), _answer)
    talks = len(run.get("conversationalTestCases") or ())
    notes = (f"{talks} conversations were not taken over: only single answers are compared",) if talks else ()
    variant = name_of(text_of(run.get("identifier") or settings.get("model")) or file.stem)
    plain = {text_of(name): text_of(value) for name, value in settings.items()}
    return [Results(NAME, None, variant, numbered(answers), {"hyperparameters": plain} if plain else {}, notes)]


def _answer(where: str, case: Mapping[str, Any]) -> Answer:
    name = text_of(case.get("name"))
    return Answer(
        where=where,
        question=conversation(case.get("input")),
        text=text_of(case.get("actualOutput")),
        values=dict(_values(case.get("metricsData"))),
        case=None if re.fullmatch(r"(test_)?case_\d+", name) else name or None,  # its own numbering is no name
        reference=text_of(case.get("expectedOutput")) or None,
        labels=labels_of(case.get("metadata"), case.get("additionalMetadata")),
        contexts=tuple(map(text_of, case.get("retrievalContext") or ())),
        total_s=seconds_of(case.get("completionTime")),
    )


def _values(listed: Any) -> Iterator[tuple[str, Value]]:
    """Each metric's score, and whether it passed: some of DeepEval's scores are better when lower, passing is always better."""
    for metric in map(object_of, listed if isinstance(listed, list) else ()):
        name, model = text_of(metric.get("name")), text_of(metric.get("evaluationModel")) or None
        failed = text_of(metric.get("error"))
        why = f"the metric failed: {failed}" if failed else ""
        source = "model" if model else "code"
        detail = {"reason": text_of(metric.get("reason"))[:2000]} if metric.get("reason") else {}
        yield name, value_of(metric.get("score"), why, source=source, by=model, detail=detail)
        yield f"{name} passed", value_of(None if failed else metric.get("success"), why, source=source, by=model)
