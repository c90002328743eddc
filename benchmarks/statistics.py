"""``python -m benchmarks.statistics [--peers PYTHON] [--write]``: judge-assisted means of a million cases, 28 slices and 8 metrics.

`--peers` names the interpreter of an environment with ppi-python and truescore (`benchmarks/oracles/reference.py` says how to make one);
they are asked for the same, in a loop over slices and metrics, on the same cases. Seeded; the best of five runs counts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import hardware, put
from evals.statistics.batch import Cases, SliceEstimates, estimate_slices

CASES, LABELS, SLICES, METRICS, PRODUCTS = 1_000_000, 10_000, 28, 8, 20_000
LOOP = Path(__file__).parent / "oracles" / "loop.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="python with ppi-python and truescore")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    options = parser.parse_args()
    cases = make_cases()
    runs = [timed(cases) for _ in range(5)]
    seconds, found = min(run[0] for run in runs), runs[0][1]
    text = table(seconds, found, ask(options.peers, cases) if options.peers else {})
    print(text)
    if options.write:
        put("statistics", text)


def make_cases(seed: int = 0) -> Cases:
    """Scores of every case, labels of an even draw, all made up: rates around .9, a judge that correlates .7 with people."""
    rng = np.random.default_rng(seed)
    truth = rng.random((METRICS, CASES)) < 0.9
    judge = np.clip(truth * 0.6 + 0.2 + rng.normal(0, 0.18, (METRICS, CASES)), 0, 1)
    labelled = np.sort(rng.choice(CASES, LABELS, replace=False))
    slices, products = rng.integers(0, SLICES, CASES), rng.integers(0, PRODUCTS, CASES)
    return Cases(slices, products, judge, labelled, truth[:, labelled] * 1.0, np.full(LABELS, LABELS / CASES))


def timed(cases: Cases) -> tuple[float, SliceEstimates]:
    begin = time.perf_counter()
    found = estimate_slices(cases)
    return time.perf_counter() - begin, found


def ask(python: Path, cases: Cases) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.npz"
        np.savez(path, slices=cases.slices, judge=cases.judge, labelled=cases.labelled, values=cases.values)
        done = subprocess.run([str(python), str(LOOP), str(path)], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def table(seconds: float, found: SliceEstimates, peers: dict[str, Any]) -> str:
    """One row a package; the last column: how far their estimates lie from ours at most, in our standard errors."""
    rows = [f"| `evals/statistics/batch.py`, one pass: weights, clusters, cross-fitted λ, t | {seconds:.2f} | 1 | |"]
    for name, answer in peers.items():
        theirs = np.array(answer["estimates"]).reshape(SLICES, METRICS).T
        apart = float(np.max(np.abs(theirs - found.estimate) / found.error))
        ratio = answer["seconds"] / seconds
        rows.append(
            f"| {name}, loop over slices and metrics: neither weights nor clusters | {answer['seconds']:.2f} | {ratio:.1f} | {apart:.2f} |"
        )
    head = f"{CASES:,} scored cases, {LABELS:,} labelled, {PRODUCTS:,} products, {SLICES} slices × {METRICS} metrics."
    lines = [
        hardware(),
        "",
        head,
        "",
        "| how | seconds | ratio | largest distance of estimates, standard errors |",
        "|---|---|---|---|",
        *rows,
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
