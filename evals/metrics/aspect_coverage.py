"""Does a highlight speak about what the reviews speak about? Aspects with enough opinions, weighted by the reviews that mention them."""

from __future__ import annotations

from collections.abc import Sequence

from evals.bands import MIN_OPINIONS, opinionated
from evals.claims import without_citations
from evals.grounding.lexicon import VERSION, reader
from evals.languages import LANGUAGES
from evals.metric import Measured, Metric, signature
from evals.records import AspectRow, Case, Claim, Output


def evident(rows: Sequence[AspectRow]) -> list[AspectRow]:
    """The aspects with opinions enough that a summary should say something about them."""
    return [row for row in rows if opinionated(row) >= MIN_OPINIONS]


def _compute(case: Case, output: Output, _claims: Sequence[Claim]) -> list[Measured]:
    if case.language not in LANGUAGES:
        return [Measured(None, f"not measurable: language {case.language!r} is not one of ours")]
    due = evident(output.aspects)
    if not due:
        return [Measured(None, f"not measurable: no aspect has {MIN_OPINIONS} opinions")]
    reviews = sum(row.reviews for row in due)
    if not reviews:
        return [Measured(None, "not measurable: the aspects are counted in no review")]
    text = without_citations(output.text)
    covered = [row for row in due if reader(case.language).mentions(text, row.aspect)]
    missed = sorted((row for row in due if row not in covered), key=lambda row: -row.reviews)
    detail = {"aspects": len(due), "covered": len(covered), "missed": [row.aspect for row in missed[:10]]}
    return [Measured(sum(row.reviews for row in covered) / reviews, detail=detail)]


ASPECT_COVERAGE = Metric(
    name="aspect_coverage",
    source="code",
    subject="output",
    signature=signature(1, lexicon=VERSION, opinions=MIN_OPINIONS, weight="reviews"),
    compute=_compute,
    meaning="share of the reviews' aspects that the text speaks about, each weighted by the reviews that mention it",
)
