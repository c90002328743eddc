"""``python -m benchmarks.quality [--part dev|holdout] [--only NAME …] [--write]``: every figure of scorers and rails, in Markdown.

`--write` puts each part between its marks on docs/benchmarks.md; without it they are printed only.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time

from benchmarks.quality.data import Sets
from benchmarks.report import hardware, put
from evals.paths import shared_data

PARTS = {
    "verifier": "benchmarks.quality.verifier",
    "pii": "benchmarks.quality.pii",
    "hate": "benchmarks.quality.hate",
    "safety": "benchmarks.quality.safety",
    "injection": "benchmarks.quality.injection",
    "rails": "benchmarks.quality.rails",
    "claims": "benchmarks.quality.claims",
    "table": "benchmarks.quality.table",
    "summaries": "benchmarks.quality.summaries",
    "spans": "benchmarks.quality.spans",
    "judges": "benchmarks.quality.judges",
    "throughput": "benchmarks.quality.throughput",
    "fuzz": "benchmarks.quality.fuzz",
}


def main() -> int:
    """0, or 1 where the public data is not there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--part", choices=("dev", "holdout"), default="dev")
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=list(PARTS))
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    if not shared_data().is_dir():
        print(f"the public data is not at {shared_data()}: set PLUMBLINE_SHARED", file=sys.stderr)
        return 1
    for name in asked.only:
        began = time.perf_counter()
        module = importlib.import_module(PARTS[name])
        text = module.figures(Sets(asked.part))
        text = f"{hardware()}, part `{asked.part}`, {time.perf_counter() - began:.0f} s\n\n{text.strip()}"
        print(f"## {name}\n{text}\n", flush=True)
        if asked.write:
            put(f"quality-{name}", text)
            if hasattr(module, "keep"):  # figures that the workbench shows
                module.keep(Sets(asked.part))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
