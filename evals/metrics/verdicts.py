"""What a grounding check concludes about one claim."""

from __future__ import annotations

from dataclasses import dataclass

from evals.metrics.base import Measured
from evals.records import ClaimVerdict, Passage

_VALUE = {"grounded": 1.0, "contradicted": 0.0, "unsupported": 0.0}


@dataclass(frozen=True)
class Judgement:
    """`why` is short and in English, for a maintainer; `passage`: the evidence that decided, if one did."""

    verdict: ClaimVerdict
    why: str
    passage: Passage | None = None

    def measured(self) -> Measured:
        """1 for grounded, 0 for contradicted and unsupported, None for not checkable."""
        place = self.passage
        detail = {
            "verdict": self.verdict,
            "passage": place.number if place else None,
            "start": place.start if place else None,
            "end": place.end if place else None,
            "why": self.why,
        }
        value = _VALUE.get(self.verdict)
        return Measured(value, None if value is not None else f"not measurable: {self.why}", detail)
