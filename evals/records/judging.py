"""How far a judge can be trusted, what it cost, which of two it prefers, and what people say of a rail's findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Certificate:
    """A judge's agreement with people in one language. id = hash(judge, signature, rubric, language, labels).

    `judge` and `signature`: the metric and its settings; `labels`: hash of the labelled subjects and their values. `n` subjects had a
    label and a value, `not_measured` a label only; `groups` products they belong to; `positives` of n that people found grounded.
    `measures`: AUROC, kappa, calibration error and Brier score with intervals (``{"auroc": [0.81, 0.74, 0.87]}``: value, low, high;
    null where it cannot be had, with a reason in ``"why"``), the calibration curve (``"curve": [[said, found, n], …]``).
    `reason` None: the judge is certified until `expires_at`; otherwise why it is not. A stored certificate is never changed.
    """

    certificate_id: str
    judge: str
    signature: str
    rubric: str
    language: str
    labels: str
    n: int
    positives: int
    groups: int
    not_measured: int
    created_at: str
    expires_at: str
    reason: str | None = None
    measures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Retest:
    """A certified judge on the anchor set again. id = hash(certificate, created_at). `reason` None: it judges as it did."""

    retest_id: str
    certificate_id: str
    created_at: str
    n: int
    reason: str | None = None
    measures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JudgeCall:
    """One request to a judge's endpoint, for the bill. id = hash(request, created_at, attempt).

    `request`: the cache's key; `purpose`: the metric that asked. Tokens as the server counted them, None where it did not;
    `usd` None where no price is known. `error` None: it answered usably.
    """

    call_id: str
    request: str
    judge: str
    purpose: str
    created_at: str
    seconds: float
    prompt_tokens: int | None
    completion_tokens: int | None
    usd: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Preference:
    """Which of two outputs of a case a judge prefers, asked in both orders. id = hash(judge, signature, output ids in order).

    `verdict`: ``a`` (of `output_id`), ``b`` (of `other_output_id`) or ``tie``, also where the two orders disagree; None with a `reason`
    where it could not be had. `detail`: what was said in each order, lengths, who wrote what.
    """

    preference_id: str
    judge: str
    signature: str
    case_id: str
    output_id: str
    other_output_id: str
    verdict: Literal["a", "b", "tie"] | None
    created_at: str
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FindingReview:
    """What a person says of a rail's finding; one person's newest word counts. Key: (finding_id, reviewer)."""

    finding_id: str
    reviewer: str
    right: bool
    created_at: str
    comment: str | None = None
