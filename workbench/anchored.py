"""Anchors as samples for a judge: what an annotator read (`annotators.asking.tasks`) turned back into a case, an output and its claim."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import numpy as np

from annotators.labeling import read_counts
from evals.metric import Metric, Sample
from evals.packs import pack
from evals.records import AspectRow, Case, Claim, Output, Passage, Polarity, QueueItem
from evals.trust.jury import Jury

_PASSAGE = re.compile(r"\[(\d+)\] (.*)")
_CITED = re.compile(r"\[(\d+)\]")
_SIDES: tuple[Polarity, ...] = ("positive", "negative", "neutral")


def sample(item: QueueItem) -> Sample:
    """The claim of an anchor among the evidence shown; counts and passages as the judge knows them from real outputs."""
    text, lines = str(item.data["claim"]), str(item.data["evidence"]).split("\n")
    whole = str(item.data.get("answer") or text)
    passages = tuple(_passage(int(found[1]), found[2], item.language) for line in lines if (found := _PASSAGE.fullmatch(line)))
    rows = tuple(row for line in lines if not _PASSAGE.fullmatch(line) and (row := _row(line, item.language)))
    question = {"question": str(item.data["question"])} if "question" in item.data else {}
    case = Case(item.item_id, item.feature, "", item.language, "", question)
    output = Output(item.item_id, "anchors", item.item_id, whole, "ok", "", passages, rows)
    start = max(0, whole.find(text))
    cited = tuple(int(number) for number in _CITED.findall(text))
    return case, output, [Claim(item.subject_id, item.item_id, 0, text, start, start + len(text), cited)]


def said(metric: Metric, items: Sequence[QueueItem]) -> dict[str, float | None]:
    """What a judge says of each anchor, by subject; the items are of one language."""
    found = metric.measure_many([sample(item) for item in items])
    return {item.subject_id: scores[0].value for item, scores in zip(items, found, strict=True)}


def said_by_jury(jury: Jury, members: Iterable[Metric], items: Sequence[QueueItem]) -> dict[str, float | None]:
    """What a jury says, whose members are measured here, in its order."""
    each = [said(member, items) for member in members]
    values = np.array([[np.nan if (value := one[item.subject_id]) is None else value for one in each] for item in items], dtype=float)
    found = jury.probabilities(values, [item.language for item in items], [item.subject_id for item in items])
    return {item.subject_id: None if np.isnan(value) else float(value) for item, value in zip(items, found, strict=True)}


def _passage(number: int, text: str, language: str) -> Passage:
    name, _, value = text.partition(": ")
    attribute = next((key for key, shown in pack(language).attributes.items() if shown == name and value), None)
    if attribute is not None:
        return Passage(number, "attribute", f"/{attribute}", "und", value, 0, len(value))
    aspect, polarity = _examples(language).get(text, (None, None))
    return Passage(number, "review", f"anchor-{number}", language, text, 0, len(text), aspect, polarity)


def _row(line: str, language: str) -> AspectRow | None:
    found = read_counts(line, language)
    if found is None:
        return None
    name, positive, neutral, negative = found
    aspect = next((key for key, one in pack(language).aspects.items() if one.name == name), name)
    return AspectRow(aspect, positive, neutral, negative, positive + neutral + negative)


@cache
def _examples(language: str) -> Mapping[str, tuple[str, Polarity]]:
    """The sentences of which anchors are made, as annotators see them."""
    return {
        " ".join(text.split()): (aspect, side)
        for aspect, one in pack(language).aspects.items()
        for side in _SIDES
        for text in getattr(one, side)
    }
