"""A whole text, as a shopper reads it: everything that is wrong with it, in the customer's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from annotators.labeling import answers
from annotators.labeling.answers import Answer
from annotators.labeling.page import COMMENT, choices, region, shown, writing
from annotators.labeling.rubric import Rubric, told
from evals.packs import pack
from evals.records import Arm, Feature

QUESTION = "failures"
NONE = "none"
FAILURES = (
    "unnatural_wording", "irrelevant_aspect", "not_helpful", "wrong_about_review", "wrong_about_reviewer", "wrong_about_fact",
    "wrong_sentiment", "unsafe", "wrong_language",
)  # fmt: skip
SCALE = (NONE, *FAILURES)


def _lines(feature: Feature, language: str) -> list[str]:
    words, own = pack(language).annotator, pack(language).rubrics["failures"]
    context = shown("question", words["question"]) if feature == "assistant" else []
    text = [*context, *shown("text", pack(language).rubrics["rewrite"]["original"]), *shown("evidence", words["evidence"])]
    asked = choices(QUESTION, "text", own["question"], {value: own[value] for value in SCALE}, many=True)
    return [*text, *asked, *writing(COMMENT, "text", words["comment"])]


def _read(result: Sequence[Mapping[str, Any]], data: Mapping[str, Any], first: Arm | None) -> Answer:
    del data, first
    ticked, problem = answers.chosen(result, QUESTION, SCALE)
    if NONE in ticked and len(ticked) > 1:
        problem = f"{QUESTION}: {NONE} beside {', '.join(ticked[1:])}"
    return Answer(None if problem else "+".join(ticked), answers.texts(result, COMMENT), problem=problem)


def result_of(verdict: str, comment: str | None = None) -> list[dict[str, object]]:
    """An answer as the labelling page would send it; `verdict`: values joined by ``+``."""
    parts = [region(QUESTION, "text", "choices", {"choices": verdict.split("+")})]
    return [*parts, region(COMMENT, "text", "textarea", {"text": [comment]})] if comment else parts


FAILURES_V1 = Rubric(
    "failures-v1",
    "output",
    SCALE,
    {"highlights": ("text", "evidence"), "assistant": ("question", "text", "evidence")},
    _lines,
    *told("failures"),
    _read,
    many=True,
)
