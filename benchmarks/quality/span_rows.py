"""Rows of the public sets with marked spans, as the predictor of spans reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.quality.data import Row
from evals.grounding.span_context import Floats
from evals.grounding.span_features import Reading, read

UNWANTED = 2  # FaithBench: a severity from which a mark is a hallucination


@dataclass(frozen=True)
class Marks:
    """Per character: what the majority marked (0 or 1), and the share of people who did (the same where votes are not known)."""

    hard: Floats
    soft: Floats


def marks_of(row: Row) -> Marks:
    n = len(row["output"])
    hard, soft = np.zeros(n), np.zeros(n)
    for span in row.get("spans") or ():
        if span.get("severity", UNWANTED) >= UNWANTED:
            hard[span["start"] : span["end"]] = 1.0
    for span in row.get("soft_spans") or ():
        soft[span["start"] : span["end"]] = span["prob"]
    return Marks(hard, soft if "soft_spans" in row else hard)


def texts_of(row: Row) -> dict[str, str]:
    return {"question": row.get("question") or "", "evidence": row.get("source") or ""}


def reading_of(row: Row) -> Reading:
    return read(row["output"], row["lang"], **texts_of(row))
