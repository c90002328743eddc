"""Metrics of whole summaries against people's ratings, with and without the length held still.

Length alone explains much of what raters say: a metric earns its place by what is left of its correlation when length is held still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from benchmarks.quality.data import LEVEL, Row, Sets, shown
from evals.claims import claims_of
from evals.metrics import METRICS, REFERENCE_METRICS
from evals.metrics.length import length
from evals.records import Case, Output, Passage
from evals.statistics.bootstrap import groups_of, interval
from evals.statistics.partial import spearman

OPINION = ("length_words", "grounded", "support", "redundancy", "readability", "hallucinated_share")
DIMENSIONS = ("faithfulness", "aspect_coverage", "sentiment_consistency", "fluency")


def figures(sets: Sets) -> str:
    """Markdown: two tables."""
    return "\n\n".join("\n".join(table) for table in (_opinion(sets), _multilingual(sets)))


def _opinion(sets: Sets) -> Iterator[str]:
    rows = sets.rows("summqual_opinion")
    yield f"SummEval-OP: {len(rows)} summaries of reviews, Spearman with the raters' mean and, after the arrow, with length held still.\n"
    yield "| metric | n | " + " | ".join(DIMENSIONS) + " |"
    yield "|---|--:|" + "---|" * len(DIMENSIONS)
    for name in OPINION:
        if name not in METRICS:
            continue
        measured = [(row, value) for row in rows if (value := _value(name, row)) is not None]
        cells = [_cell(measured, lambda row, d=dimension: float(row["human"][d])) for dimension in DIMENSIONS]
        yield f"| {name} | {len(measured)} | " + " | ".join(cells) + " |"


def _value(name: str, row: Row) -> float | None:
    """The metric's value of a summary whose evidence is its reviews; claim by claim the mean of those measured."""
    passages = tuple(Passage(i, "review", f"r{i}", row["lang"], text, 0, len(text)) for i, text in enumerate(row["reviews"], 1))
    output = Output("o", "r", "c", row["output"], "ok", "now", passages)
    case = Case("c", "assistant", "p", row["lang"], "shop", {"question": ""})
    scores = METRICS[name].measure(case, output, claims_of(output, row["lang"]))
    values = [score.value for score in scores if score.value is not None]
    return sum(values) / len(values) if values else None


def _multilingual(sets: Sets) -> Iterator[str]:
    rows = sets.rows("summqual_multilingual")
    yield "Multi_SummEval: news summaries against a reference; focus is precision, coverage recall.\n"
    yield "| language | n | chrf ~ focus | chrf ~ coverage | bleu ~ focus | ter ~ focus |\n|---|--:|---|---|---|---|"
    for tag in sorted({row["lang"] for row in rows}):
        some = [row for row in rows if row["lang"] == tag]
        cells = []
        for name, dimension in (("chrf", "focus"), ("chrf", "coverage"), ("bleu", "focus"), ("ter", "focus")):
            measured = [(row, value) for row in some if (value := _likeness(name, row)) is not None]
            cells.append(_cell(measured, lambda row, d=dimension: float(row["human"][d])))
        yield f"| {tag} | {len(some)} | " + " | ".join(cells) + " |"


def _likeness(name: str, row: Row) -> float | None:
    case = Case("c", "assistant", "p", row["lang"], "news", {"reference": row["reference"]})
    (score,) = REFERENCE_METRICS[name].measure(case, Output("o", "r", "c", row["output"], "ok", "now"), [])
    return score.value


def _cell(measured: Sequence[tuple[Row, float]], people: Callable[[Row], float]) -> str:
    """``0.52 → 0.31 (0.10–0.48)``: plain, then partial with its interval by source; — where there is none."""
    x = np.array([value for _, value in measured])
    y = np.array([people(row) for row, _ in measured])
    z = np.array([length(row["output"], row["lang"]) for row, _ in measured], dtype=float)
    groups = groups_of({str(i): row["group"] for i, (row, _) in enumerate(measured)})
    plain = spearman(x, y, groups).estimate
    held = interval(spearman(x, y, groups, given=z), n=len(x), level=LEVEL)
    return f"{'—' if plain is None else f'{plain:.2f}'} → {shown(held, 2)}"
