"""Does a highlight feel about an aspect as the reviews do? Of the claims that take a side, the share on the side that was counted."""

from __future__ import annotations

from collections.abc import Sequence

from evals.bands import band
from evals.grounding.lexicon import VERSION, Reading, reader
from evals.languages import LANGUAGES
from evals.metric import Measured, Metric, signature
from evals.records import AspectRow, Case, Claim, Output


def _side(reading: Reading) -> str | None:
    return "mixed" if reading.quantity == "mixed" or len(reading.sides) == 2 else reading.side


def _agrees(said: str, row: AspectRow) -> bool:
    return said == "mixed" if band(row) == "mixed" else band(row).endswith(said)


def _compute(case: Case, output: Output, claims: Sequence[Claim]) -> list[Measured]:
    if case.language not in LANGUAGES:
        return [Measured(None, f"not measurable: language {case.language!r} is not one of ours")]
    rows = {row.aspect: row for row in output.aspects}
    readings = [reader(case.language).read(claim.text) for claim in claims]
    stated = [(rows[reading.aspect], side) for reading in readings if reading.aspect in rows and (side := _side(reading))]
    if not stated:
        return [Measured(None, "not measurable: no claim takes a side on an aspect that was counted")]
    against = [row.aspect for row, side in stated if not _agrees(side, row)]
    return [Measured(1 - len(against) / len(stated), detail={"claims": len(stated), "against": against[:10]})]


SENTIMENT_CONSISTENCY = Metric(
    name="sentiment_consistency",
    source="code",
    subject="output",
    signature=signature(1, lexicon=VERSION, sides="bands"),
    compute=_compute,
    meaning="share of the claims taking a side on a counted aspect that take the side most opinions take",
)
