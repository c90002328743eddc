"""What was decided, who serves, who did what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evals.records.words import Feature, Outcome


@dataclass(frozen=True)
class Decision:
    """One reading of the evidence by a policy. Append-only. id = hash(policy, runs, look, body).

    `body` is the whole report as JSON: requirements with verdicts, intervals, counts, missing labels, seeds and hashes.
    """

    decision_id: str
    feature: Feature
    policy_sha256: str
    champion_run_id: str
    candidate_run_id: str
    outcome: Outcome
    reason: str
    created_at: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Promotion:
    """A change of champion: who serves since when, and which decision allowed it. Append-only; the newest row serves."""

    feature: Feature
    variant_id: str
    decision_id: str | None
    actor: str
    reason: str
    created_at: str


@dataclass(frozen=True)
class AuditEvent:
    """Who did what to which thing, when. Append-only."""

    created_at: str
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
