"""Tasks to Label Studio and annotations back: ours against the loop anybody would write with the SDK, on one real server, in one run.

``python -m benchmarks.transport [--tasks 10000] [--rounds 2] [--write]``: pushes the same tasks with predictions both ways in turn; then
every task is given an annotation (straight into the server's database, outside the time), and both read the same project in turn. The loop
sends chunks of 1,000 with ``projects.import_tasks`` and reads with ``tasks.list(fields="all")``. Last, one reply is lost: who has
duplicates? Above 20,000 tasks only ours is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from annotators import labeling
from annotators.label_studio import server
from annotators.label_studio.predictions import predictions_of
from annotators.label_studio.studio import Studio
from annotators.labeling.claims import result_of
from benchmarks.report import hardware, put
from evals.identity import content_id
from evals.metrics import METRICS
from evals.paths import ROOT
from evals.records import Case, Claim, Dataset, Output, Product, QueueItem, Run, Score, Variant
from evals.store import Store

QUEUE = labeling.queue_name("highlights", "en", "claim-v2")
NOW = "2026-11-22T12:00:00Z"
CLAIMS = 10  # an output
DROP = 500  # tasks in the run in which a reply is lost
OURS_ONLY_ABOVE = 20_000
EVIDENCE = "\n".join(f"[{n}] The battery lasts a whole weekend of hiking and charges quickly, said buyer {n}." for n in range(1, 9))


@dataclass
class Bench:
    """One server, one store, what was measured: arm → (seconds, peak MB, count) of each round."""

    folder: Path
    studio: Studio
    tasks: int
    found: dict[str, list[tuple[float, float, int]]] = field(default_factory=lambda: defaultdict(list))

    def run(self, arm: str, expected: int, **given: Any) -> None:
        """One arm in a process of its own; anything but the whole work done ends the benchmark."""
        settings = json.dumps({"url": self.studio.url, "token": self.studio._token, **given})
        command = [sys.executable, "-m", "benchmarks.transport_arms", arm]
        done = subprocess.run(command, input=settings, text=True, stdout=subprocess.PIPE, cwd=ROOT, check=True)
        got = json.loads(done.stdout.splitlines()[-1])
        print(f"{arm}: {got['seconds']:.1f} s, {got['peak_mb']:.0f} MB, {got['count']:,}", file=sys.stderr, flush=True)
        if got["count"] != expected:
            sys.exit(f"{arm}: {got['count']:,} instead of {expected:,}")
        self.found[arm].append((got["seconds"], got["peak_mb"], got["count"]))

    def median(self, arm: str) -> float:
        return statistics.median(seconds for seconds, _, _ in self.found[arm])


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--tasks", type=int, default=10_000)
    given.add_argument("--rounds", type=int, default=2, help="each way, in turn: ours, theirs, theirs, ours …")
    given.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = given.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="plumbline-transport-") as folder:
        home = Path(folder) / "server"
        try:
            running = server.start(home)
            with Studio(running.url, running.token) as studio:
                text = measured(Bench(Path(folder), studio, options.tasks), home, options.rounds, load)
        finally:
            server.stop(home)
    print(text)
    if options.write:
        put("transport" if options.tasks <= OURS_ONLY_ABOVE else "transport-large", text)


def measured(bench: Bench, home: Path, rounds: int, load: float) -> str:
    both = bench.tasks <= OURS_ONLY_ABOVE
    filled(bench.folder / "filled.sqlite3", bench.tasks)
    rows_file(bench.folder / "filled.sqlite3", bench.folder / "rows.jsonl")
    for arm in in_turn(rounds) if both else ("ours",):
        push(bench, arm)
    project_id = bench.studio.ensure_project(QUEUE, overlap=1)
    answer_everything(bench, home, project_id)
    for arm in in_turn(rounds) if both else ("ours",):
        collect(bench, arm, project_id)
    if both:
        bench.run("export naive", bench.tasks, project=project_id)
    else:
        bench.run("collect ours", 0, store=store_url(bench, "collected.sqlite3"))
    duplicates = {arm: dropped(bench, arm) for arm in ("ours", "naive")} if both else {}
    return table(bench, duplicates, load) if both else large(bench, load)


def in_turn(rounds: int) -> Iterator[str]:
    """Theirs, ours, ours, theirs …, with ours last."""
    for left in range(rounds, 0, -1):
        yield from ("naive", "ours") if left % 2 else ("ours", "naive")


# ---------------------------------------------------------------------------------------------- the arms


def push(bench: Bench, arm: str) -> None:
    """Into an empty server; the last push of ours stays, to be read."""
    for project_id in bench.studio.project_ids():
        bench.studio.delete_project(project_id)
    if arm == "ours":
        bench.run("push ours", bench.tasks, store=copied(bench, "filled.sqlite3", "pushed.sqlite3"))
        if bench.studio.prediction_count(bench.studio.project_ids()[0]) != bench.tasks:
            sys.exit("the server does not have all predictions")
    else:
        bench.run("push naive", bench.tasks, project=bench.studio.ensure_project(QUEUE, overlap=1), rows=str(bench.folder / "rows.jsonl"))


def collect(bench: Bench, arm: str, project_id: int) -> None:
    if arm == "ours":
        bench.run("collect ours", bench.tasks, store=copied(bench, "pushed.sqlite3", "collected.sqlite3"))
    else:
        bench.run("collect naive", bench.tasks, project=project_id)


def dropped(bench: Bench, arm: str) -> int:
    """Tasks on the server that are there once too often after the reply to the first import was lost."""
    sys.path.insert(0, str(ROOT / "tests" / "integration"))
    from lossy_proxy import lossy_proxy

    for project_id in bench.studio.project_ids():
        bench.studio.delete_project(project_id)
    filled(bench.folder / f"{arm}.sqlite3", DROP)
    rows_file(bench.folder / f"{arm}.sqlite3", bench.folder / "few.jsonl")
    with lossy_proxy(bench.studio.url, "/import", "drop") as url:
        project_id = bench.studio.ensure_project(QUEUE, overlap=1)
        place = {"store": f"sqlite:///{bench.folder / arm}.sqlite3", "rows": str(bench.folder / "few.jsonl"), "project": project_id}
        replace(bench, found=defaultdict(list)).run(f"push {arm}", DROP, **place | {"url": url})
    there = list(bench.studio.item_ids(project_id).values())
    return len(there) - len(set(there))


def answer_everything(bench: Bench, home: Path, project_id: int) -> None:
    """One annotation a task, as if the owner had made them over the last day, while the server is down. (By HTTP it is ten a second.)"""
    user_id = next(iter(bench.studio.users()))
    server.stop(home)
    with sqlite3.connect(home / "label-studio" / "data" / "label_studio.sqlite3") as connection:
        when = "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (id * 7919 % 86400) || ' seconds')"
        answered = f"UPDATE task SET total_annotations = 1, is_labeled = 1, updated_at = {when} WHERE project_id = ?"
        connection.execute(answered, (project_id,))
        connection.execute(
            "INSERT INTO task_completion (result, was_cancelled, created_at, updated_at, task_id, lead_time, result_count, completed_by_id,"
            " ground_truth, project_id) SELECT ?, 0, updated_at, updated_at, id, 7.5, 2, ?, 0, project_id FROM task WHERE project_id = ?",
            (json.dumps(result_of("grounded", "read twice")), user_id, project_id),
        )
    connection.close()
    server.start(home)


# ---------------------------------------------------------------------------------------------- what there is to send


def filled(path: Path, tasks: int) -> None:
    """A store with that many claims before people, all judged."""
    store = Store.open(f"sqlite:///{path}")
    store.catalog.add_products([Product("p", "P", "audio")])
    cases = [
        Case(content_id("case", number), "highlights", "p", "en", "audio", {"reviews": number}) for number in range(-(-tasks // CLAIMS))
    ]
    dataset = Dataset(content_id("dataset", tasks), "transport", "highlights", len(cases), NOW)
    store.runs.add_dataset(dataset, cases)
    store.runs.add_variant(variant := Variant("v", "v", "highlights", {"kind": "template"}))
    run = store.runs.add_run(Run("r", "highlights", variant.variant_id, dataset.dataset_id, NOW, NOW))
    outputs = [Output(content_id("output", case.case_id), run.run_id, case.case_id, "text", "ok", NOW) for case in cases]
    store.runs.add_outputs(outputs)
    claims = [claim for output in outputs for claim in _claims(output)][:tasks]
    store.runs.add_claims(claims)
    case_of = {output.output_id: output.case_id for output in outputs}
    store.runs.add_scores(_score(claim, case_of[claim.output_id]) for claim in claims)
    store.queue.add_items(_item(claim, case_of[claim.output_id]) for claim in claims)
    store.close()


def _claims(output: Output) -> Iterator[Claim]:
    for number in range(CLAIMS):
        text = f"Most buyers like the battery, part {number}."
        yield Claim(content_id("claim", output.output_id, number), output.output_id, number, text, 0, len(text))


def _score(claim: Claim, case_id: str) -> Score:
    metric, good = METRICS["grounded"], claim.ordinal % 4 != 0
    detail = {"verdict": "grounded" if good else "contradicted"}
    return Score("r", case_id, "claim", claim.claim_id, metric.name, metric.signature, metric.source, float(good), None, detail)


def _item(claim: Claim, case_id: str) -> QueueItem:
    item_id = content_id("item", claim.claim_id)
    data = {"item_id": item_id, "language": "en", "claim": claim.text, "evidence": EVIDENCE}
    return QueueItem(
        item_id, QUEUE, "highlights", "en", "claim-v2", claim.claim_id, "random audit", 1.0, 1, NOW, data,
        run_id="r", case_id=case_id, output_id=claim.output_id, claim_id=claim.claim_id,
    )  # fmt: skip


def rows_file(path: Path, to: Path) -> None:
    """The same tasks with the same predictions, for the loop."""
    store = Store.open(f"sqlite:///{path}")
    ids = list(store.queue.overlaps(QUEUE))
    with to.open("w", encoding="utf-8") as file:
        for start in range(0, len(ids), 500):
            items = list(store.queue.named(ids[start : start + 500]).values())
            for item, prediction in zip(items, predictions_of(store, items), strict=True):
                file.write(json.dumps({"data": item.data, "predictions": [prediction]}) + "\n")
    store.close()


def copied(bench: Bench, name: str, to: str) -> str:
    for old in bench.folder.glob(f"{to}*"):
        old.unlink()
    shutil.copyfile(bench.folder / name, bench.folder / to)
    return store_url(bench, to)


def store_url(bench: Bench, name: str) -> str:
    return f"sqlite:///{bench.folder / name}"


# ---------------------------------------------------------------------------------------------- what came out


def table(bench: Bench, duplicates: dict[str, int], load: float) -> str:
    pairs = [("in, with predictions", "push ours", "push naive"), ("out, all annotated", "collect ours", "collect naive")]
    rows = [
        f"| {bench.tasks:,} {name} | {seconds(bench, ours)} | {seconds(bench, naive)} "
        f"| **{bench.median(naive) / bench.median(ours):.1f}×** | {peak(bench, ours)} | {peak(bench, naive)} |"
        for name, ours, naive in pairs
    ]
    ours, naive = (bench.median(f"push {arm}") + bench.median(f"collect {arm}") for arm in ("ours", "naive"))
    rows.append(f"| both ways | {ours:.1f} | {naive:.1f} | **{naive / ours:.1f}×** | | |")
    head = ["| tasks | ours, s | SDK loop, s | faster | ours, peak MB | loop, peak MB |", "|---|--:|--:|--:|--:|--:|"]
    notes = [
        f"- one reply lost among {DROP} tasks: ours {duplicates['ours']} duplicates, the SDK loop {duplicates['naive']}",
        "- in: the same work for the server; ours also reads its store, makes predictions, remembers tasks: the loop's rows lie ready",
        f"- out: ours checks and stores each answer, the loop lists objects; the server's export: {seconds(bench, 'export naive')} s",
        f"- seconds of each round, in turn; medians compared. Other work on the machine: load {load:.1f} at the start",
    ]
    return "\n".join([hardware(), "", *head, *rows, "", *notes])


def large(bench: Bench, load: float) -> str:
    whole, again = bench.found["collect ours"]
    measures = {"in, with predictions": bench.found["push ours"][0], "out, all annotated": whole}
    rows = [f"| {bench.tasks:,} {name} | {s:.0f} | {bench.tasks / s:,.0f} | {peak_mb:.0f} |" for name, (s, peak_mb, _) in measures.items()]
    rows.append(f"| looked at again, nothing new | {again[0]:.1f} | | {again[1]:.0f} |")
    head = ["| tasks, ours | s | a second | peak MB |", "|---|--:|--:|--:|"]
    return "\n".join([hardware(), "", *head, *rows, "", f"- other work on the machine: load {load:.1f} at the start"])


def seconds(bench: Bench, arm: str) -> str:
    return ", ".join(f"{seconds:.1f}" for seconds, _, _ in bench.found[arm])


def peak(bench: Bench, arm: str) -> str:
    return f"{max(peak_mb for _, peak_mb, _ in bench.found[arm]):.0f}"


if __name__ == "__main__":
    main()
