"""All metrics that need no network, listed by hand. Adding one is a file here and a row below.

Metrics that ask a judge over HTTP are made when asked for: `evals.metrics.ragas.make_faithfulness`.
"""

from __future__ import annotations

from evals.metrics.base import Measured, Metric
from evals.metrics.citations import CITATIONS
from evals.metrics.claims import claims_of
from evals.metrics.grounding import GROUNDED
from evals.metrics.language import LANGUAGE
from evals.metrics.length import LENGTH
from evals.metrics.ragas import STRING_PRESENCE

METRICS: dict[str, Metric] = {metric.name: metric for metric in (GROUNDED, LANGUAGE, CITATIONS, LENGTH, STRING_PRESENCE)}

__all__ = ["METRICS", "Measured", "Metric", "claims_of"]
