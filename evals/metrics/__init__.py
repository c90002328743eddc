"""All metrics that need no network, listed by hand. Adding one is a file here and a row below.

Metrics that ask a judge over HTTP are made when asked for: `evals.judges.ragas.make_faithfulness`.
"""

from __future__ import annotations

from evals.grounding.rules import GROUNDED
from evals.judges.ragas import STRING_PRESENCE
from evals.metric import Metric
from evals.metrics.citations import CITATIONS
from evals.metrics.language import LANGUAGE
from evals.metrics.length import LENGTH

METRICS: dict[str, Metric] = {metric.name: metric for metric in (GROUNDED, LANGUAGE, CITATIONS, LENGTH, STRING_PRESENCE)}

__all__ = ["METRICS"]
