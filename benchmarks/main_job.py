"""The main job on real reviews, step by step through the command line: wall time, peak memory, tokens per second.

``python -m benchmarks.main_job``: imports reviews_airbnb and reviews_minibar (found through PLUMBLINE_SHARED), writes highlights for
every product with at least 30 reviews by template and by the quantized model, scores, queues into a real Label Studio, lets simulated
annotators label, collects, gates. Prints a Markdown table and, with --write, puts it into docs/benchmarks.md. Only figures are kept: the
reviews' texts stay where they are.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import hardware, put
from evals.paths import ROOT, shared_data
from evals.store import Store

SETS = ("reviews_airbnb", "reviews_minibar")


@dataclass(frozen=True)
class Step:
    """One command: its wall seconds, its own peak memory (the largest single process), the last line it printed."""

    name: str
    seconds: float
    peak_mb: float
    said: str


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    given.add_argument("--fraction", type=float, default=0.3, help="share of the cases that people see")
    options = given.parse_args()
    files = [shared_data() / name / "dev" / "data.jsonl.gz" for name in SETS]
    if not all(path.exists() for path in files):
        sys.exit(f"skipped: {files[0]} is not there (set PLUMBLINE_SHARED)")
    with tempfile.TemporaryDirectory(prefix="plumbline-bench-") as folder:
        home = Path(folder)
        steps = [measured(name, arguments, home) for name, arguments in plan(files, options.fraction)]
        measured("stop", ["label-studio", "stop"], home)
        text = table(steps, home)
    print(text)
    if options.write:
        put("main-job", text)


def plan(files: list[Path], fraction: float) -> list[tuple[str, list[str]]]:
    """The loop as a user types it."""
    pair = ["--champion", "template", "--candidate", "lm-int8"]
    return [
        ("import 15,259 reviews", ["import", "reviews", *map(str, files)]),
        ("run and score: template", ["run", "highlights", "--variant", "template"]),
        ("run and score: lm-int8", ["run", "highlights", "--variant", "lm-int8"]),
        ("run again: nothing left to do", ["run", "highlights", "--variant", "lm-int8"]),
        ("start Label Studio", ["label-studio", "start"]),
        ("sample, queue, push", ["queue", "highlights", *pair, "--fraction", str(fraction)]),
        ("simulated annotators", ["annotators", "simulate"]),
        ("collect", ["collect"]),
        ("gate", ["gate", "highlights", *pair]),
    ]


def measured(name: str, arguments: list[str], home: Path) -> Step:
    """Run one command; a status that is neither done nor a verdict ends the benchmark."""
    environment = {**os.environ, "PLUMBLINE_HOME": str(home)}
    environment.pop("PLUMBLINE_DATABASE_URL", None)
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen([sys.executable, "-m", "workbench", *arguments], cwd=ROOT, env=environment, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        out.seek(0)
        lines = [line.strip() for line in out if line.strip()]
    if process.returncode not in (0, 3, 4):
        sys.exit(f"{name}: exit status {process.returncode}: {' '.join(lines[-3:])}")
    print(f"[{seconds:6.1f} s] {name}: {lines[0] if lines else ''}", file=sys.stderr)
    return Step(name, seconds, usage.ru_maxrss / 1024, lines[0] if name == "gate" else lines[-1] if lines else "")


def table(steps: list[Step], home: Path) -> str:
    """Markdown: a row a step, and what came out in figures."""
    store = Store.open(f"sqlite:///{home / 'plumbline.sqlite3'}")
    rows = [f"| {step.name} | {step.seconds:.1f} | {step.peak_mb:.0f} |" for step in steps]
    total = f"| **all** | **{sum(step.seconds for step in steps):.1f}** | **{max(step.peak_mb for step in steps):.0f}** |"
    notes = [f"- {line}" for line in (*run_lines(store), snippet_line(store), *queue_lines(store), decision_line(store))]
    store.close()
    return "\n".join([hardware(), "", "| step | wall s | peak MB |", "|---|--:|--:|", *rows, total, "", *notes])


def run_lines(store: Store) -> list[str]:
    lines = []
    for run in store.runs.runs("highlights"):
        sums, name = store.runs.totals(run.run_id), store.runs.variant(run.variant_id).name
        counts = f"{name}: {sums.outputs} outputs, {sums.ok} ok, {sums.blocked} blocked, {sums.errors} errors"
        rate = f", {sums.generated_tokens:,} tokens, {sums.generated_tokens / sums.seconds:,.0f} tokens/s" if sums.generated_tokens else ""
        lines.append(f"{counts}{rate} ({sums.seconds:.0f} s busy, evidence included)")
    return lines


def snippet_line(store: Store) -> str:
    """Every snippet of every output against its source."""
    passages = [p for run in store.runs.runs("highlights") for output in store.runs.outputs(run.run_id) for p in output.passages]
    texts = {p.source_id: store.catalog.review(p.source_id).text for p in passages}
    exact = sum(texts[p.source_id][p.start : p.end] == p.text for p in passages)
    return f"{exact:,} of {len(passages):,} snippets equal the slice of their review exactly"


def queue_lines(store: Store) -> list[str]:
    return [f"{row.queue}: {row.items} items, {row.done} labelled" for row in store.queue.status()]


def decision_line(store: Store) -> str:
    decision = store.ledger.decisions("highlights")[0]
    return f"the gate: {decision.outcome}"


if __name__ == "__main__":
    main()
