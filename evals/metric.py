"""What a metric is: a definition whose value for one output, or for each of its claims, is a number or a reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from evals.records import Case, Claim, Output, Score, ScoreSource


@dataclass(frozen=True)
class Measured:
    """A value, or None and the reason; `detail` holds what decided."""

    value: float | None
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


Sample = tuple[Case, Output, Sequence[Claim]]


@dataclass(frozen=True)
class Metric:
    """One row of METRICS.

    `subject`: what a value belongs to. `signature`: every setting that can move a value, ``v:1|…`` as sacrebleu writes them.
    `compute` gets outputs with status ``ok`` only and returns one `Measured` per output, or one per claim, in order; `compute_many` the
    same for several outputs at once, for a metric that is faster so.
    """

    name: str
    source: ScoreSource
    subject: Literal["output", "claim"]
    signature: str
    compute: Callable[[Case, Output, Sequence[Claim]], Sequence[Measured]]
    meaning: str
    compute_many: Callable[[Sequence[Sample]], Sequence[Sequence[Measured]]] | None = None

    def measure(self, case: Case, output: Output, claims: Sequence[Claim]) -> list[Score]:
        """The scores of one output: one, or one per claim.

        Where nothing can be measured (output blocked or failed, no claim made) it is a single score of the *output* without a value,
        so that missing is stored and counted, never silent.
        """
        none = self._nothing_to_measure(output, claims)
        return [none] if none else self._scores(output, claims, self.compute(case, output, claims))

    def measure_many(self, samples: Sequence[Sample]) -> list[list[Score]]:
        """`measure` for several outputs, in order, in one call of `compute_many` where the metric has one."""
        if self.compute_many is None:
            return [self.measure(*sample) for sample in samples]
        nothing = [self._nothing_to_measure(output, claims) for _, output, claims in samples]
        measurable = [sample for sample, none in zip(samples, nothing, strict=True) if none is None]
        measured = iter(self.compute_many(measurable) if measurable else ())
        return [
            [none] if none else self._scores(output, claims, next(measured))
            for (_, output, claims), none in zip(samples, nothing, strict=True)
        ]

    def _nothing_to_measure(self, output: Output, claims: Sequence[Claim]) -> Score | None:
        if output.status != "ok":
            return self._score(output, None, Measured(None, f"not measurable: the output is {_status(output)}"))
        if self.subject == "claim" and not claims:
            return self._score(output, None, Measured(None, "not measurable: the output makes no claim"))
        return None

    def _scores(self, output: Output, claims: Sequence[Claim], measured: Sequence[Measured]) -> list[Score]:
        subjects: Sequence[Claim | None] = claims if self.subject == "claim" else [None]
        return [self._score(output, claim, value) for claim, value in zip(subjects, measured, strict=True)]

    def _score(self, output: Output, claim: Claim | None, measured: Measured) -> Score:
        value, reason = measured.value, measured.reason
        if value is not None and not math.isfinite(value):
            value, reason = None, f"not measurable: the value was {value}"
        if value is None and not reason:
            reason = "not measurable: no reason was given"
        return Score(
            run_id=output.run_id,
            case_id=output.case_id,
            subject="output" if claim is None else "claim",
            subject_id=output.output_id if claim is None else claim.claim_id,
            metric=self.name,
            signature=self.signature,
            source=self.source,
            value=value,
            reason=reason if value is None else None,
            detail=measured.detail,
        )


def _status(output: Output) -> str:
    return f"an error: {output.error or 'no message'}" if output.status == "error" else output.status


def signature(version: int, **settings: object) -> str:
    """Settings in the order given.

    >>> signature(1, tokens="words", threshold=0.6)
    'v:1|tokens:words|threshold:0.6'
    """
    return "|".join([f"v:{version}", *(f"{key}:{value}" for key, value in settings.items())])
