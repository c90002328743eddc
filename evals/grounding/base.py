"""What a scorer of claims is, and what it concludes about one claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from evals.metric import Measured, Metric
from evals.records import Case, Claim, ClaimVerdict, Output, Passage, ScoreSource

_VALUE = {"grounded": 1.0, "contradicted": 0.0, "unsupported": 0.0}


@dataclass(frozen=True)
class Item:
    """One claim of an output with everything it may rest on: the passages and the aspect table of `output`, the question of `case`."""

    case: Case
    output: Output
    claim: Claim


@dataclass(frozen=True)
class Judgement:
    """`why` is short and in English, for a maintainer.

    `passage`: the evidence that decided, if one did; `span`: the part of its text that did, in code points (None: all of it).
    `probability`: that the evidence supports the claim, in [0, 1]; None where the scorer gives none. `extra` goes into a score's detail.
    """

    verdict: ClaimVerdict
    why: str
    passage: Passage | None = None
    span: tuple[int, int] | None = None
    probability: float | None = None
    extra: dict[str, Any] | None = None

    def measured(self) -> Measured:
        """The probability, or 1 for grounded and 0 for contradicted and unsupported; None for not checkable."""
        value = _VALUE.get(self.verdict) if self.probability is None or self.verdict == "not_checkable" else self.probability
        return Measured(value, None if value is not None else f"not measurable: {self.why}", self._detail())

    def _detail(self) -> dict[str, Any]:
        place = self.passage
        detail: dict[str, Any] = {
            "verdict": self.verdict,
            "passage": place.number if place else None,
            "start": place.start if place else None,
            "end": place.end if place else None,
            "why": self.why,
        }
        if place and self.span:
            detail |= {"start": place.start + self.span[0], "end": place.start + self.span[1]}
        return detail | (self.extra or {})


class Scorer(Protocol):
    """A judge of claims. `name` is that of the metric its scores are stored under; `signature` holds every setting that can move one.

    `judge` gives one `Judgement` an item, in order, in as few calls of a model as it can. A call that fails is a *not_checkable* with the
    reason, never a 0; what is no item's fault (no server, no model) is raised as RetryError or SetupError.
    """

    @property
    def name(self) -> str: ...
    @property
    def signature(self) -> str: ...
    @property
    def source(self) -> ScoreSource: ...
    @property
    def meaning(self) -> str: ...
    def judge(self, items: Sequence[Item]) -> Sequence[Judgement]: ...


def metric_of(scorer: Scorer) -> Metric:
    """The scorer as a metric with one value a claim; outputs are judged together."""

    def compute(samples: Sequence[tuple[Case, Output, Sequence[Claim]]]) -> list[list[Measured]]:
        items = [[Item(case, output, claim) for claim in claims] for case, output, claims in samples]
        found = iter(scorer.judge([item for group in items for item in group]))
        return [[next(found).measured() for _ in group] for group in items]

    return Metric(
        name=scorer.name,
        source=scorer.source,
        subject="claim",
        signature=scorer.signature,
        compute=lambda case, output, claims: compute([(case, output, claims)])[0],
        meaning=scorer.meaning,
        compute_many=compute,
    )
