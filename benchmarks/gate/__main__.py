"""``python -m benchmarks.gate [--only coverage|real] [--write]`` (``make bench-gate``): is the gate right at the error rate that it states?

Seeded and resumable: every cell of the grid is stored as it is computed. ``--quick`` computes a tenth of the grid.
"""

from __future__ import annotations

import argparse
import random

from tqdm import tqdm

from benchmarks.gate import coverage
from benchmarks.report import hardware, put

PARTS = ("coverage", "real")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repetitions", type=int, default=coverage.REPETITIONS, help="experiments of each kind a cell")
    parser.add_argument("--quick", action="store_true", help="every tenth cell")
    parser.add_argument("--part", choices=("dev", "holdout"), default="dev", help="of the public data, for `real`")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args()
    for name in options.only:
        text = grid(options.repetitions, options.quick) if name == "coverage" else on_real_labels(options.part)
        print(text, flush=True)
        if options.write:
            put(f"gate-{name}", f"{text}\n\n{hardware()}")


def grid(repetitions: int, quick: bool) -> str:
    cells = coverage.grid()
    random.Random(0).shuffle(cells)  # an interrupted run has then seen a bit of everything
    cells = cells[::10] if quick else cells
    rows = list(tqdm(coverage.compute(cells, repetitions), total=len(cells), desc="coverage", unit="cell"))
    return coverage.table(rows)


def on_real_labels(part: str) -> str:
    from benchmarks.gate import real

    return real.figures(part)


if __name__ == "__main__":
    main()
