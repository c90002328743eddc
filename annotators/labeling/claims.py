"""One claim and its evidence: does the evidence support it? Version 2 lets people mark the words that decide.

The same page settles conflicts (`ADJUDICATION`): an expert sees what the others said and decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from annotators.labeling import answers
from annotators.labeling.answers import Answer
from annotators.labeling.page import COMMENT, choices, region, shown, spans, writing
from annotators.labeling.rubric import Rubric, read_one, told
from evals.packs import pack
from evals.records import CLAIM_VERDICTS, Arm, Feature

QUESTION, SPAN, DECIDES = "verdict", "span", "decides"
_KEYS: Mapping[Feature, tuple[str, ...]] = {
    "highlights": ("claim", "evidence"),
    "assistant": ("claim", "evidence", "question", "answer"),
}


def _context(feature: Feature, language: str) -> list[str]:
    words = pack(language).annotator
    keys = [*(("question", "answer") if feature == "assistant" else ()), "claim", "evidence"]
    return [line for key in keys for line in shown(key, words[key])]


def _question(language: str) -> list[str]:
    words = pack(language).annotator
    asked = choices(QUESTION, "claim", words["verdict_question"], {verdict: words[verdict] for verdict in CLAIM_VERDICTS})
    return [*asked, *writing(COMMENT, "claim", words["comment"])]


def _lines_v1(feature: Feature, language: str) -> list[str]:
    return [*_context(feature, language), *_question(language)]


def _lines_v2(feature: Feature, language: str) -> list[str]:
    words = pack(language).rubrics["claims"]
    marks = spans(SPAN, "evidence", words["span_question"], DECIDES, words["span_label"])
    return [*_context(feature, language), *marks, *_question(language)]


def _lines_adjudication(feature: Feature, language: str) -> list[str]:
    votes = shown("votes", pack(language).rubrics["adjudication"]["votes"])
    return [*_context(feature, language), *votes, *_question(language)]


def _title(feature: Feature, language: str) -> str:
    return pack(language).annotator[f"{feature}_title"]


def _instructions(feature: Feature, language: str) -> list[str]:
    return [pack(language).annotator[f"instructions_{feature}"]]


def _guidance(feature: Feature, language: str) -> list[str]:
    return [*_instructions(feature, language), pack(language).rubrics["guideline"]["claims"]]


def _read(result: Sequence[Mapping[str, Any]], data: Mapping[str, Any], first: Arm | None) -> Answer:
    del first  # one claim has no sides
    answer = read_one(QUESTION, CLAIM_VERDICTS, result)
    found = answers.marked(result, SPAN, len(str(data.get("evidence", ""))))
    return replace(answer, detail={"spans": found}) if found else answer


def result_of(verdict: str, comment: str | None = None, spans: Sequence[tuple[int, int]] = ()) -> list[dict[str, object]]:
    """An answer as the labelling page would send it."""
    parts = [region(QUESTION, "claim", "choices", {"choices": [verdict]})]
    parts += [region(SPAN, "evidence", "labels", {"start": start, "end": end, "labels": [DECIDES]}) for start, end in spans]
    return [*parts, region(COMMENT, "claim", "textarea", {"text": [comment]})] if comment else parts


CLAIM_V1 = Rubric("claim-v1", "claim", CLAIM_VERDICTS, _KEYS, _lines_v1, _title, _instructions, _read)
CLAIM_V2 = Rubric("claim-v2", "claim", CLAIM_VERDICTS, _KEYS, _lines_v2, _title, _guidance, _read)
ADJUDICATION = Rubric(
    "adjudication-v1",
    "claim",
    CLAIM_VERDICTS,
    {feature: (*keys, "votes") for feature, keys in _KEYS.items()},
    _lines_adjudication,
    *told("adjudication", "claims"),
    _read,
)
