"""The grid: how often a candidate that is worse by exactly the margin passes, an identical one fails, an interval misses the truth.

Each experiment is read at five points and judged three ways: once at the end, at five looks (O'Brien–Fleming), at any time (confidence
sequence). A cell is one line of JSON in ``benchmarks/results/gate_coverage.jsonl``; cells that stand there are not computed again.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.gate.model import Cell, Stream, draw
from evals.gate.verdicts import REJECT_LEVEL
from evals.identity import content_id
from evals.statistics.confidence_sequence import anytime_level, mixture
from evals.statistics.paired import sampled_mean, weighed
from evals.statistics.sequential import spent_levels

ALPHA, REPETITIONS, READINGS = 0.05, 400, 5
SLICES = (1, 6, 28)
SCHEMES = ("once", "five looks", "any time")
RESULTS = Path(__file__).parent.parent / "results" / "gate_coverage.jsonl"
MARGINS = {30: 0.15, 60: 0.10, 120: 0.10, 300: 0.05, 1000: 0.05}
SHAPES = ((0, 0.0), (5, 0.3), (12, 0.1))  # every case its own product; five cases a product, alike; twelve products in all


def grid() -> list[Cell]:
    """Labels × base rates × clusters × judges; annotator noise, several claims an output and active sampling for one judge."""
    cells = []
    for labels, base, (products, icc) in itertools.product(MARGINS, (0.5, 0.85, 0.95, 0.98, 0.02), SHAPES):
        count = labels // 5 if products == 5 else products
        shape = Cell(labels, base, MARGINS[labels], 0.6, 0.0, count, icc)
        cells += [replace(shape, rho=rho) for rho in (0.0, 0.3, 0.6, 0.8)]
        cells += [replace(shape, noise=0.1), replace(shape, claims=4), replace(shape, active=True)]
    return cells


def compute(cells: Sequence[Cell], repetitions: int, results: Path = RESULTS) -> Iterator[dict[str, Any]]:
    """Rows of the cells, those that are stored first; new ones are stored as they come. Kill it and run it again."""
    results.parent.mkdir(exist_ok=True)
    stored = {row["id"]: row for row in map(json.loads, results.read_text().splitlines())} if results.exists() else {}
    names = {name_of(cell, repetitions): cell for cell in cells}
    yield from (stored[name] for name in names if name in stored)
    missing = [(name, cell, repetitions) for name, cell in names.items() if name not in stored]
    with ProcessPoolExecutor(max(1, (os.cpu_count() or 2))) as workers, results.open("a") as file:
        for row in workers.map(_row, missing):
            file.write(json.dumps(row) + "\n")
            file.flush()
            yield row


def name_of(cell: Cell, repetitions: int) -> str:
    return content_id("cell", asdict(cell), repetitions)


def _row(task: tuple[str, Cell, int]) -> dict[str, Any]:
    name, cell, repetitions = task
    return {"id": name, "cell": asdict(cell), "repetitions": repetitions, "rates": measure(cell, repetitions, seed=int(name[-6:], 16))}


def measure(cell: Cell, repetitions: int, seed: int) -> dict[str, Any]:
    """Rates of one cell. Monte-Carlo standard error of a rate r: √(r(1−r)/repetitions)."""
    rng = np.random.default_rng(seed)
    worse = [_read(cell, draw(cell, cell.margin, rng)) for _ in range(repetitions)]
    same = [_read(cell, draw(cell, 0.0, rng)) for _ in range(repetitions)]
    rates: dict[str, Any] = {}
    for scheme in SCHEMES:
        failing = np.array([one[scheme][1] for one in same])
        rates[scheme] = {
            "false_promotion": float(np.mean([one[scheme][0] <= 1 for one in worse])),
            "power": float(np.mean([one[scheme][0] <= 1 for one in same])),
            "false_rejection": {str(s): _rejected(failing, s) for s in SLICES},
        }
    covered = [one["low"] <= cell.line <= one["high"] for one in worse]
    rates["coverage_95"] = float(np.mean(covered))
    return rates


def _rejected(ratios: NDArray[np.float64], slices: int) -> float:
    """How often one slice of so many fails for an identical candidate: what Holm leaves to the smallest p."""
    return float(np.mean(ratios <= min(1.0, REJECT_LEVEL / ALPHA) / slices)) if slices > 1 else float(np.mean(ratios <= 1))


def _read(cell: Cell, stream: Stream) -> dict[str, Any]:
    """Per scheme the smallest of p ÷ level over its looks, for passing and for failing: at most 1 is a verdict. And a 95 % interval."""
    line = _line(cell)
    samples = [stream.at(stream.time_of(round(cell.labels * k / READINGS))) for k in range(1, READINGS + 1)]

    weights = [weighed(sample) if sample.n > 1 and sample.clusters > 1 else None for sample in samples]
    found: dict[str, Any] = {}
    for scheme, levels in _levels(cell.labels).items():
        read = [(known.at(level, line), level) for reading, level in levels.items() if (known := weights[reading - 1])]
        found[scheme] = [min(one.p_above / level for one, level in read), min(one.p_below / level for one, level in read)]
    interval = sampled_mean(samples[-1], alpha=0.025, line=line).interval
    shift = -cell.base * (1 - 2 * cell.noise) - cell.noise if cell.rate else 0.0
    low, high = (-1.0 if interval.low is None else interval.low), (1.0 if interval.high is None else interval.high)
    return found | {"low": low - shift, "high": high - shift}


def _line(cell: Cell) -> float:
    """Of a rate: the share of labels that say error where errors are as many as the ceiling allows (base + margin)."""
    if not cell.rate:
        return cell.line
    return -(cell.noise + (1 - 2 * cell.noise) * (cell.base + cell.margin))


@cache
def _levels(labels: int) -> Mapping[str, Mapping[int, float]]:
    """Reading → one-sided level, by scheme."""
    five = spent_levels([k / 5 for k in range(1, 6)], ALPHA, "obrien_fleming")
    rho = mixture(ALPHA, planned=labels)
    return {
        "once": {READINGS: ALPHA},
        "five looks": {k: level for k, level in enumerate(five, 1) if level > 1e-6},
        "any time": {k: anytime_level(labels * k / READINGS, ALPHA, rho) for k in range(1, READINGS + 1)},
    }


# ---------------------------------------------------------------------------------------------- the page


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: by scheme the worst and the mean cell, then the cells nearest to a limit."""
    head = (
        "read",
        "cells",
        "false promotion: mean",
        "worst cell",
        "above 5 % + 3 SE",
        "an identical one is rejected somewhere in 28 languages",
        "same passes",
    )
    lines = ["| " + " | ".join(head) + " |", "|---|--:|--:|---|--:|--:|--:|"]
    for scheme in SCHEMES:
        wrong = [row["rates"][scheme]["false_promotion"] for row in rows]
        worst = max(rows, key=lambda row: row["rates"][scheme]["false_promotion"])
        over = sum(rate > limit(row["repetitions"]) for rate, row in zip(wrong, rows, strict=True))
        reject = 28 * np.mean([row["rates"][scheme]["false_rejection"]["28"] for row in rows])  # a cell alone cannot resolve 0.01/28
        power = np.mean([row["rates"][scheme]["power"] for row in rows])
        where = f"{max(wrong):.1%} ({shown(worst['cell'])})"
        lines.append(f"| {scheme} | {len(rows)} | {np.mean(wrong):.1%} | {where} | {over} | {reject:.2%} | {power:.0%} |")
    return "\n".join([*lines, "", _coverage([row["rates"]["coverage_95"] for row in rows])])


def _coverage(covered: Sequence[float]) -> str:
    """In how many cells a 95 % interval covers as often as it says, more often, less often."""
    near, more, less = (np.mean(test) for test in zip(*((0.935 <= one <= 0.965, one > 0.965, one < 0.935) for one in covered), strict=True))
    return (
        f"95 % intervals, read once: {near:.0%} of cells cover 94–96 % within the Monte-Carlo error, {more:.0%} more (rare outcomes, few "
        f"labels), {less:.0%} less (least {min(covered):.1%})."
    )


def limit(repetitions: int) -> float:
    """The stated level and three Monte-Carlo standard errors."""
    return ALPHA + 3 * float(np.sqrt(ALPHA * (1 - ALPHA) / repetitions))


def shown(cell: Mapping[str, Any]) -> str:
    clusters = f", {cell['products']} products alike {cell['icc']}" if cell["products"] else ""
    extra = (", active" if cell["active"] else "") + (f", {cell['claims']} claims" if cell["claims"] > 1 else "")
    noise = f", {cell['noise']:.0%} of labels wrong" if cell["noise"] else ""
    return f"{cell['labels']} labels, base {cell['base']}, judge {cell['rho']}{noise}{clusters}{extra}"
