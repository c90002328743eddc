"""All metrics that need no network, listed by hand. Adding one is a file here and a row below.

Metrics that ask a model are made when asked for (`plumb judge run`): `evals.judges.claim_judge.ClaimJudge`, `evals.judges.ragas.make`.
"""

from __future__ import annotations

from collections.abc import Iterable

from evals.grounding.rules import GROUNDED
from evals.grounding.verifier import SUPPORT
from evals.judges.ragas import STRING_PRESENCE
from evals.metric import Metric
from evals.metrics.aspect_coverage import ASPECT_COVERAGE
from evals.metrics.citation_support import CITATION_SUPPORT
from evals.metrics.citations import CITATIONS
from evals.metrics.hallucination_spans import HALLUCINATED_SHARE
from evals.metrics.language import LANGUAGE
from evals.metrics.length import LENGTH
from evals.metrics.readability import READABILITY
from evals.metrics.redundancy import REDUNDANCY
from evals.metrics.references import BLEU, CHRF, TER, references
from evals.metrics.sentiment_consistency import SENTIMENT_CONSISTENCY
from evals.records import Case

# Measured on every run.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        GROUNDED,
        SUPPORT,
        LANGUAGE,
        CITATIONS,
        LENGTH,
        STRING_PRESENCE,
        ASPECT_COVERAGE,
        SENTIMENT_CONSISTENCY,
        REDUNDANCY,
        READABILITY,
        CITATION_SUPPORT,
        HALLUCINATED_SHARE,
    )
}
# Measured besides where a case brings a reference text.
REFERENCE_METRICS: dict[str, Metric] = {metric.name: metric for metric in (CHRF, BLEU, TER)}


def metrics_for(cases: Iterable[Case]) -> dict[str, Metric]:
    """What is measured on outputs for these cases when nobody says otherwise."""
    return METRICS | REFERENCE_METRICS if any(references(case) for case in cases) else dict(METRICS)


__all__ = ["METRICS", "REFERENCE_METRICS", "metrics_for"]
