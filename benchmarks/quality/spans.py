"""Hallucination spans: Mu-SHROOM in its 14 languages (answers from memory), RAGTruth and FaithBench (texts written from evidence).

What the trained file was made from is judged out of fold; the rest by all its models together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.quality.data import Row, Sets, area, share, shown
from benchmarks.quality.span_rows import marks_of, texts_of
from evals.grounding.span_context import Floats
from evals.grounding.spans import Setting, suspicion
from evals.statistics.intervals import Interval


@dataclass(frozen=True)
class Judged:
    """One text: what is flagged and how probable against what people marked; all three per character."""

    row: Row
    flagged: np.ndarray
    probability: Floats
    hard: np.ndarray
    soft: Floats

    @property
    def overlap(self) -> float:
        return _overlap(self.flagged, self.hard)

    @property
    def all_marked(self) -> float:
        return _overlap(np.ones(len(self.hard), dtype=bool), self.hard)

    @property
    def correlation(self) -> float:
        """Spearman's, as the task counts it: where one side is constant, 1 if both are, else 0."""
        if np.ptp(self.soft) == 0 or np.ptp(self.probability) == 0:
            return float(np.ptp(self.soft) == np.ptp(self.probability))
        return float(stats.spearmanr(self.probability, self.soft).statistic)


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    either = (one | other).sum()
    return float((one & other).sum() / either) if either else 1.0


def judged(row: Row, setting: Setting) -> Judged:
    marks = marks_of(row)
    found = suspicion(row["output"], row["lang"], setting=setting, group=row["group"], **texts_of(row))
    return Judged(row, found.flagged, found.characters, marks.hard > 0, marks.soft)


def figures(sets: Sets) -> str:
    """Both tables, as far as the sets are there."""
    memory = [judged(row, "memory") for row in sets.rows("grounding_mushroom")]
    evidence = [judged(row, "evidence") for name in ("grounding_ragtruth", "grounding_faithbench") for row in sets.rows(name)]
    return "\n".join([*_memory(memory), "", *_evidence(evidence)])


def _memory(found: Sequence[Judged]) -> Iterator[str]:
    yield "| Mu-SHROOM | IoU | mark all | mark none | ahead of mark all | correlation with votes | answers |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    by_language = defaultdict(list)
    for one in found:
        by_language[one.row["lang"]].append(one)
    for language, some in sorted(by_language.items()):
        yield _memory_row(language, some)
    yield _memory_row("with a page to look up", [one for one in found if one.row["source"]])
    yield _memory_row("without", [one for one in found if not one.row["source"]])
    yield _memory_row("**all**", found)


def _memory_row(name: str, some: Sequence[Judged]) -> str:
    groups = [one.row["group"] for one in some]
    overlap = share([one.overlap for one in some], groups)
    ahead = _signed([one.overlap - one.all_marked for one in some], groups)
    everything = np.mean([one.all_marked for one in some])
    nothing = np.mean([not one.hard.any() for one in some])
    correlation = _signed([one.correlation for one in some], groups)
    return f"| {name} | {shown(overlap)} | {everything:.3f} | {nothing:.3f} | **{ahead}** | {correlation} | {len(some)} |"


def _signed(values: Sequence[float], groups: Sequence[str]) -> str:
    """Mean of values in [−1, 1] with its interval."""
    found: Interval = share([(value + 1) / 2 for value in values], groups)
    if found.estimate is None or found.low is None or found.high is None:
        return "—"
    return f"{2 * found.estimate - 1:+.3f} ({2 * found.low - 1:+.3f} to {2 * found.high - 1:+.3f})"


def _evidence(found: Sequence[Judged]) -> Iterator[str]:
    yield "| written from evidence (en) | AUROC, characters | F1, characters | precision | recall | F1, mark all | texts |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    by_task = defaultdict(list)
    for one in found:
        by_task["FaithBench" if one.row["dataset"] == "faithbench" else f"RAGTruth {one.row['task']}"].append(one)
    for task, some in sorted(by_task.items()):
        yield _evidence_row(task, some)


def _evidence_row(task: str, some: Sequence[Judged]) -> str:
    hard = np.concatenate([one.hard for one in some])
    flagged = np.concatenate([one.flagged for one in some])
    groups = [one.row["group"] for one in some for _ in one.hard]
    ranked = area(np.concatenate([one.probability for one in some]).tolist(), hard.tolist(), groups)
    both, marked = (hard & flagged).sum(), hard.sum()
    precision, recall = both / max(1, flagged.sum()), both / max(1, marked)
    f1, f1_all = 2 * both / max(1, flagged.sum() + marked), 2 * marked / (marked + len(hard))
    return f"| {task} | {shown(ranked)} | {f1:.3f} | {precision:.3f} | {recall:.3f} | {f1_all:.3f} | {len(some)} |"
