"""What was decided, who serves where, who did what, and whom we tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from evals.records.words import Feature, Outcome

EVERYWHERE = "all"
Change = Literal["install", "promote", "rollback", "follow"]


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
    """A change of champion: who serves since when, and which decision allowed it. Append-only; a marketplace's newest row says who serves
    there, and where a marketplace has none, or ``follow`` is its newest, the newest of ``all`` does.

    `number` counts all changes from 1; `before` is the change that a rollback from this one restores, None where there is none.
    """

    feature: Feature
    variant_id: str
    decision_id: str | None
    actor: str
    reason: str
    created_at: str
    marketplace: str = EVERYWHERE
    action: Change = "promote"
    before: int | None = None
    number: int = 1


@dataclass(frozen=True)
class AuditEvent:
    """Who did what to which thing, when. Append-only: `number` counts from 1 and `hash` covers the event and the hash before it; both are
    given when it is stored."""

    created_at: str
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    hash: str = ""


@dataclass(frozen=True)
class Delivery:
    """One message to one webhook. id = hash(endpoint, event): the receiver's key for "I have seen this".

    `endpoint` names the URL by a hash (the URL may be a secret), `host` is what may be shown of it. `body` is what is sent, byte for byte,
    each time. `due_at`: not before; `error` says what came of the newest of `attempts`.
    """

    delivery_id: str
    endpoint: str
    host: str
    body: str
    created_at: str
    attempts: int
    due_at: str
    delivered_at: str | None = None
    error: str | None = None
