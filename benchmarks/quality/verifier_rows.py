"""Rows of the public grounding sets as the verifier meets them: cases, outputs with passages, claims, and what people said of each."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.quality.data import Row, Sets
from benchmarks.quality.named_passages import claims_citing, texts_of
from benchmarks.quality.span_rows import UNWANTED
from evals.claims import claims_of
from evals.grounding.base import Item
from evals.records import Case, Output, Passage

TRAINED = ("ragtruth", "faithbench", "qags", "summeval", "summedits", "wice", "begin", "jrte")
NEVER = ("memerag",)  # its authors ask that nobody trains on it


@dataclass(frozen=True)
class Labelled:
    """One row. `labels`: of its claims in order, None where nobody said; `label`: of all of it, None where undecided.

    `part`: what figures are reported for; `set`: the data set it is from."""

    part: str
    row: Row
    items: tuple[Item, ...]
    labels: tuple[bool | None, ...]

    @property
    def label(self) -> bool | None:
        said = self.row["label"]
        return None if said is None else bool(said)

    @property
    def group(self) -> str:
        return str(self.row["group"])


def rows_of(sets: Sets, name: str) -> list[Labelled]:
    """The rows of a set that state something and that people decided, in whole or in part."""
    rows = sets.rows(f"grounding_{name}")
    right = _right_sentences(rows) if name == "summedits" else {}
    found = (_labelled(row, name, right) for row in rows)
    return [one for one in found if one.items and (one.label is not None or any(label is not None for label in one.labels))]


def _labelled(row: Row, name: str, right: Mapping[str, set[str]]) -> Labelled:
    case = Case(row["id"], "assistant", row["group"], row["lang"], name, {"question": row.get("question") or ""})
    output = Output(row["id"], "r", row["id"], row["output"], "ok", "now", passages_of(row))
    claims = claims_citing(output, row["lang"]) if _is_question(row) else claims_of(output, row["lang"])
    items = tuple(Item(case, output, claim) for claim in claims)
    spots = [(item.claim.start, item.claim.end) for item in items]
    texts = [item.claim.text for item in items]
    return Labelled(part_of(row, name), row, items, tuple(_claim_labels(row, name, spots, texts, right)))


def part_of(row: Row, name: str) -> str:
    """RAGTruth by task, QAGS by source, MEMERAG by language: they differ in how often they are right."""
    return {"ragtruth": f"ragtruth {row['task']}", "qags": row["dataset"].replace("_", " "), "memerag": f"memerag {row['lang']}"}.get(
        name, name
    )


def _claim_labels(
    row: Row, name: str, spots: Sequence[tuple[int, int]], texts: Sequence[str], right: Mapping[str, set[str]]
) -> Iterator[bool | None]:
    whole = None if row["label"] is None else bool(row["label"])
    for (start, end), text in zip(spots, texts, strict=True):
        if name in ("ragtruth", "faithbench"):
            marks = [span for span in row["spans"] if span.get("severity", UNWANTED) >= UNWANTED]
            yield not any(span["start"] < end and span["end"] > start for span in marks)
        elif name == "qags":
            votes = [said["label"] for said in row["sentences"] if said["start"] < end and said["end"] > start]
            yield bool(min(votes)) if votes else None
        elif name == "summedits":
            yield whole or text in right[row["group"]]
        elif name == "wice" and row["label3"] == "partially_supported":
            yield False if len(spots) == 1 else None
        else:
            yield whole if whole or len(spots) == 1 else None


def _right_sentences(rows: Sequence[Row]) -> dict[str, set[str]]:
    """SummEdits: all summaries of a document are edits of one, so a sentence of a right one is right in a wrong one too."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row["label"]:
            output = Output("o", "r", "c", row["output"], "ok", "now")
            found[row["group"]] |= {claim.text for claim in claims_of(output, row["lang"])}
    return found


def passages_of(row: Row) -> tuple[Passage, ...]:
    """One passage; in RAGTruth, as a shop would hand them over, those of a question, and a business's attributes and reviews."""
    texts = [("qa", row["source"])]
    if _is_question(row):
        texts = [("qa", text) for text in texts_of(row["source"])]
    if row["dataset"] == "ragtruth" and row["task"] == "Data2txt":
        texts = list(_business(json.loads(row["source"])))
    return tuple(Passage(n, kind, f"{kind}-{n}", row["lang"], text, 0, len(text)) for n, (kind, text) in enumerate(texts, 1))


def _is_question(row: Row) -> bool:
    return bool(row["dataset"] == "ragtruth" and row["task"] == "QA")


def _business(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in about.items():
        if key == "review_info":
            yield from (("review", f"{one['review_text']} ({one['review_stars']} stars, {one['review_date']})") for one in value)
        elif key == "hours":
            yield from (("attribute", f"{day}: {' - '.join(map(_clock, hours.split('-')))}") for day, hours in (value or {}).items())
        else:
            yield from (("attribute", f"{name}: {said if isinstance(said, str) else json.dumps(said)}") for name, said in _flat(key, value))


def _flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """``BusinessParking: {"lot": true}`` as ``Business Parking lot: true``."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key.replace("_", " "))
    if isinstance(value, dict):
        yield from ((f"{name} {inner}", said) for one, part in value.items() for inner, said in _flat(one, part))
    else:
        yield name, value


def _clock(time: str) -> str:
    """``17:0`` as ``5:00 PM``, the way American pages write it."""
    hour, minute = map(int, time.split(":"))
    return f"{(hour - 1) % 12 + 1}:{minute:02d} {'AM' if hour < 12 else 'PM'}"
