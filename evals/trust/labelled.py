"""Claims that people have decided, with what a judge says of them: from the store, or measured on a labelled file."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.claims import claims_of
from evals.errors import InputError
from evals.gate.settled import ADJUDICATION, settle
from evals.metric import Metric
from evals.records import DRAWN, Case, Feature, Label, Output, Passage
from evals.store import Store


@dataclass(frozen=True)
class Labelled:
    """One claim. `right`: people find it grounded; `said`: the judge's value in [0, 1], None where it gave none; `weight`: 1 ÷ the chance
    with which it was drawn; `group`: the product or source it shares with others."""

    subject_id: str
    language: str
    right: bool
    said: float | None
    group: str
    weight: float = 1.0


@dataclass(frozen=True)
class Against:
    """A judge under one `signature` (None where it has scored none) against people, by language; `undecided` claims are left out."""

    judge: str
    signature: str | None
    by_language: Mapping[str, Sequence[Labelled]]
    undecided: Mapping[str, int]


def from_store(store: Store, judge: str, *, feature: Feature | None = None, rubric: str | None = None) -> Against:
    """The claims that were drawn at random and that people decided. Of several signatures of the judge, the one with most scores."""
    rows = [row for row in store.labels.labels(feature=feature, rubric=rubric) if row.claim_id and row.why in (*DRAWN, ADJUDICATION)]
    drawn = {str(row.claim_id): row for row in rows if row.why in DRAWN}
    settled = settle(row for row in rows if str(row.claim_id) in drawn).claims
    signature, said = _scores(store, drawn.values(), judge)
    found: dict[str, list[Labelled]] = defaultdict(list)
    undecided: Counter[str] = Counter()
    for claim, row in sorted(drawn.items()):
        people = settled[claim].value
        if people in (0, 1):
            group = row.product_id or claim
            found[row.language].append(Labelled(claim, row.language, people == 1, said.get(claim), group, 1 / row.probability))
        else:
            undecided[row.language] += 1
    return Against(judge, signature, found, undecided)


def _scores(store: Store, rows: Iterable[Label], judge: str) -> tuple[str | None, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for run_id in sorted({row.run_id for row in rows if row.run_id}):
        for score in store.runs.scores(run_id, judge, "claim"):
            if score.value is not None:
                found[score.signature][score.subject_id] = _share(judge, score.value)
    if not found:
        return None, {}
    signature = min(found, key=lambda one: (-len(found[one]), one))
    return signature, found[signature]


def _share(judge: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise InputError(f"{judge!r} is no judge of claims: it says {value}, which is no probability")
    return value


def from_file(path: Path, metric: Metric) -> Against:
    """A judge over a JSONL file (``.gz`` too) of rows ``{"id", "lang", "source", "output", "label": 0|1, "group"}``, measured here.

    `source` is a text or a list of texts, `group` what rows share (the row alone without one), ``"question"`` optional. An output of
    several claims is worth its least one. Rows whose label is neither 0 nor 1 are counted as undecided. Raises InputError naming file,
    line and value.
    """
    found: dict[str, list[Labelled]] = defaultdict(list)
    undecided: Counter[str] = Counter()
    for number, row in enumerate(_rows(path), 1):
        language, label = _field(row, "lang", path, number), row.get("label")
        if label not in (0, 1):
            undecided[language] += 1
            continue
        said = _measured(metric, row, path, number)
        name = str(row.get("id") or f"line {number}")
        found[language].append(Labelled(name, language, label == 1, said, str(row.get("group") or name)))
    return Against(metric.name, metric.signature, found, undecided)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise InputError(f"{path}:{number}: expected a JSON object, found {line[:40]!r}")
                yield row
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _field(row: Mapping[str, Any], name: str, path: Path, number: int) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{path}:{number}: {name!r} must be a text, found {value!r}"[:300])
    return value


def _measured(metric: Metric, row: Mapping[str, Any], path: Path, number: int) -> float | None:
    language, text = _field(row, "lang", path, number), _field(row, "output", path, number)
    given = row.get("source")
    sources = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    passages = tuple(Passage(n, "source", f"s{n}", language, str(one), 0, len(str(one))) for n, one in enumerate(sources, 1))
    case = Case(f"{path.name}:{number}", "assistant", "p", language, "labelled", {"question": str(row.get("question") or "")})
    output = Output(f"{path.name}:{number}", "labelled", case.case_id, text, "ok", "", passages)
    scores = metric.measure(case, output, claims_of(output, language))
    values = [_share(metric.name, score.value) for score in scores if score.value is not None]
    return min(values) if values else None
