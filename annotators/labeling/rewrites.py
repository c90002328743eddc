"""A text, written as it should be: it becomes training data (`annotators.training.rows`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from annotators.labeling import answers
from annotators.labeling.answers import Answer
from annotators.labeling.page import COMMENT, heading, region, shown, writing
from annotators.labeling.rubric import Rubric, told
from evals.packs import pack
from evals.records import Arm, Feature

QUESTION = "rewritten"
SCALE = ("unchanged", "rewritten")


def _lines(feature: Feature, language: str) -> list[str]:
    words, own = pack(language).annotator, pack(language).rubrics["rewrite"]
    context = shown("question", words["question"]) if feature == "assistant" else []
    text = [*context, *shown("text", own["original"]), *shown("evidence", words["evidence"])]
    box = writing(QUESTION, "text", own["rewritten"], prefilled="text", required=True)
    return [*text, heading(own["question"]), *box, *writing(COMMENT, "text", words["comment"])]


def _read(result: Sequence[Mapping[str, Any]], data: Mapping[str, Any], first: Arm | None) -> Answer:
    del first
    text = answers.texts(result, QUESTION)
    if text is None:
        return Answer(None, problem=f"{QUESTION} is empty")
    unchanged = text.split() == str(data.get("text", "")).split()
    return Answer("unchanged" if unchanged else "rewritten", answers.texts(result, COMMENT), {"text": text})


def result_of(text: str, comment: str | None = None) -> list[dict[str, object]]:
    """An answer as the labelling page would send it."""
    parts = [region(QUESTION, "text", "textarea", {"text": [text]})]
    return [*parts, region(COMMENT, "text", "textarea", {"text": [comment]})] if comment else parts


REWRITE_V1 = Rubric(
    "rewrite-v1",
    "output",
    SCALE,
    {"highlights": ("text", "evidence"), "assistant": ("question", "text", "evidence")},
    _lines,
    *told("rewrite"),
    _read,
)
