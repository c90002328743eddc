"""One sentence of an answer and one passage it cites: does this passage support this sentence?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from annotators.labeling.answers import Answer
from annotators.labeling.page import COMMENT, choices, region, shown, writing
from annotators.labeling.rubric import Rubric, read_one, told
from evals.packs import pack
from evals.records import Arm, Feature

QUESTION = "support"
SCALE = ("supports", "partly", "does_not_support", "cannot_tell")


def _lines(feature: Feature, language: str) -> list[str]:
    del feature  # only answers cite
    words, own = pack(language).annotator, pack(language).rubrics["citations"]
    texts = [*shown("question", words["question"]), *shown("sentence", own["sentence"]), *shown("passage", own["passage"])]
    asked = choices(QUESTION, "sentence", own["question"], {value: own[value] for value in SCALE})
    return [*texts, *asked, *writing(COMMENT, "sentence", words["comment"])]


def _read(result: Sequence[Mapping[str, Any]], data: Mapping[str, Any], first: Arm | None) -> Answer:
    del data, first
    return read_one(QUESTION, SCALE, result)


def result_of(verdict: str, comment: str | None = None) -> list[dict[str, object]]:
    """An answer as the labelling page would send it."""
    parts = [region(QUESTION, "sentence", "choices", {"choices": [verdict]})]
    return [*parts, region(COMMENT, "sentence", "textarea", {"text": [comment]})] if comment else parts


CITATION_V1 = Rubric(
    "citation-v1",
    "citation",
    SCALE,
    {"assistant": ("question", "sentence", "passage")},
    _lines,
    *told("citations"),
    _read,
    features=("assistant",),
)
