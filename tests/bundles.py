"""A decided store, and ways to tamper with a bundle of its decision."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from filled_store import label
from support import NOW, a_store, two_runs

from evals.bundle import archive, contents
from evals.bundle.archive import DECISION, MANIFEST
from evals.experiment import score
from evals.gate.named import decision_id
from evals.metrics import METRICS
from evals.records import Decision, Escalation
from evals.store import Store

Files = dict[str, bytes]
Change = Callable[[Files], object]


def decided_store(
    languages: Sequence[str] = ("en", "ja"), products: int = 3, *, reported: bool = True, store: Store | None = None
) -> Store:
    """Two runs, scored and labelled, and a decision about them; a report of a customer's."""
    made = store or a_store()
    runs = two_runs(made, languages, products=products)
    for run in (runs.champion, runs.candidate):
        score(made, run.run_id, METRICS)
    if reported:
        output = list(made.runs.outputs(runs.champion.run_id))[0]  # noqa: RUF015 (an open cursor would outlive it)
        report = ("the report of a customer", "customer@example.org", NOW)
        made.escalations.add(Escalation("escalation-1", "highlights", output.case_id, output.output_id, *report))
    label(made, "highlights", (runs.champion, runs.candidate))
    return made


def changed(whole: Path, tmp_path: Path, change: Change, *, cover_up: bool = False) -> Path:
    """The bundle with something changed; with `cover_up` by somebody who writes the hashes of the manifest anew."""
    files = archive.read(whole)
    change(files)
    if cover_up:
        stated = json.loads(files[MANIFEST])
        fresh = contents.manifest_of(Decision(**json.loads(files[DECISION])), files)
        files[MANIFEST] = archive.json_bytes(fresh | {name: stated[name] for name in ("made_with", "left_out")})
    archive.write(tmp_path / "changed.zip", files)
    return tmp_path / "changed.zip"


def row(table: str, change: Callable[[dict[str, Any]], object], which: Callable[[dict[str, Any]], bool] = lambda _: True) -> Change:
    """A change of the first row of a table that is `which`."""

    def apply(files: Files) -> None:
        name = f"rows/{table}.jsonl"
        rows = [json.loads(line) for line in files[name].splitlines()]
        change(next(one for one in rows if which(one)))
        files[name] = archive.lines(rows)

    return apply


def in_decision(change: Callable[[dict[str, Any]], object], *, rename: bool = False) -> Change:
    """A change of the decision; with `rename` by somebody who names it anew."""

    def apply(files: Files) -> None:
        found = json.loads(files[DECISION])
        change(found)
        if rename:
            found["decision_id"] = decision_id(found["policy_sha256"], found["champion_run_id"], found["candidate_run_id"], found["body"])
        files[DECISION] = archive.json_bytes(found)

    return apply


def swap(name: str, old: bytes, new: bytes) -> Change:
    def apply(files: Files) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new, 1)

    return apply


def rows(table: str, change: Callable[[dict[str, Any]], object]) -> Change:
    """A change of every row of a table."""

    def apply(files: Files) -> None:
        name = f"rows/{table}.jsonl"
        found = [json.loads(line) for line in files[name].splitlines()]
        for one in found:
            change(one)
        files[name] = archive.lines(found)

    return apply


FLIP_LABEL = row("annotation", lambda one: one.update(verdict="contradicted"), lambda one: one["verdict"] == "grounded")
FLIP_SCORE = row(
    "score",
    lambda one: one.update(value=1 - one["value"]),
    lambda one: one["metric"] == "language_adherence" and one["value"] in (0.0, 1.0),
)
