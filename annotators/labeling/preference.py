"""Two texts for one case, blind: which would help a shopper more?

Who is shown as A is decided for each copy of an item and stored with it (`QueueItem.first`), never sent; an annotator gets one of the
copies, drawn for them. What is stored speaks of champion and candidate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from annotators.labeling.answers import Answer
from annotators.labeling.page import COMMENT, beside, choices, region, shown, writing
from annotators.labeling.rubric import Rubric, read_one, told
from evals.packs import pack
from evals.records import Arm, Feature

QUESTION = "preference"
SHOWN = ("a_much_better", "a_better", "tie", "b_better", "b_much_better")
SCALE = ("champion_much_better", "champion_better", "tie", "candidate_better", "candidate_much_better")
_OTHER: Mapping[Arm, Arm] = {"champion": "candidate", "candidate": "champion"}


def _lines(feature: Feature, language: str) -> list[str]:
    words, own = pack(language).annotator, pack(language).rubrics["preference"]
    context = shown("question", words["question"]) if feature == "assistant" else []
    texts = [[*shown(f"text_{side}", own[f"text_{side}"]), *shown(f"evidence_{side}", words["evidence"])] for side in "ab"]
    asked = choices(QUESTION, "text_a", own["question"], {value: own[value] for value in SHOWN})
    return [*context, *beside(*texts), *asked, *writing(COMMENT, "text_a", words["comment"])]


def _read(result: Sequence[Mapping[str, Any]], data: Mapping[str, Any], first: Arm | None) -> Answer:
    del data
    answer = read_one(QUESTION, SHOWN, result)
    if answer.verdict is None:
        return answer
    if first is None:
        return replace(answer, verdict=None, problem="nobody wrote down who was shown as A")
    return replace(answer, verdict=from_shown(answer.verdict, first))


def from_shown(value: str, first: Arm) -> str:
    """What a value on the page says of champion and candidate, when `first` is shown as A.

    >>> from_shown("a_better", "candidate"), from_shown("b_much_better", "candidate"), from_shown("tie", "champion")
    ('candidate_better', 'champion_much_better', 'tie')
    """
    if value == "tie":
        return value
    side, _, how = value.partition("_")
    return f"{first if side == 'a' else _OTHER[first]}_{how}"


def result_of(verdict: str, first: Arm, comment: str | None = None) -> list[dict[str, object]]:
    """An answer as the labelling page would send it, when `first` is shown as A."""
    value = next(value for value in SHOWN if from_shown(value, first) == verdict)
    parts = [region(QUESTION, "text_a", "choices", {"choices": [value]})]
    return [*parts, region(COMMENT, "text_a", "textarea", {"text": [comment]})] if comment else parts


PREFERENCE_V1 = Rubric(
    "preference-v1",
    "pair",
    SCALE,
    {
        "highlights": ("text_a", "text_b", "evidence_a", "evidence_b"),
        "assistant": ("question", "text_a", "text_b", "evidence_a", "evidence_b"),
    },
    _lines,
    *told("preference"),
    _read,
    ordinal=True,
)
