"""What is tried, in which order, and what is kept unseen for later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from evals.records.words import Feature

State = Literal["planned", "running", "decided", "abandoned"]
STATES: tuple[State, ...] = ("planned", "running", "decided", "abandoned")


@dataclass(frozen=True)
class Experiment:
    """One question, registered before its labels and never changed. id, the pre-registration = hash(feature, hypothesis, dataset, champion
    run, candidate runs, policy, planned looks, seed, exploratory).

    `policy` is the gate's file as frozen, `policy_sha256` its name, `looks` how often it plans to read, as written there. `alpha`: the
    level each candidate is read at; `level`: what the programme allowed when it was planned. `exploratory`: registered after labels, or
    beyond what the programme allows; it can promote nothing.
    """

    experiment_id: str
    feature: Feature
    hypothesis: str
    dataset_id: str
    champion_run_id: str
    candidate_run_ids: tuple[str, ...]
    policy: Mapping[str, Any]
    policy_sha256: str
    looks: str
    seed: int
    exploratory: bool
    alpha: float
    level: float
    actor: str
    created_at: str


@dataclass(frozen=True)
class Ending:
    """How an experiment ended: once. `promoted`: candidates with a promote decision that no waiver carried; `labels`: what its
    candidates had; `body` names the decisions."""

    experiment_id: str
    outcome: Literal["decided", "abandoned"]
    promoted: int
    labels: int
    actor: str
    reason: str
    created_at: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SealedSet:
    """Cases that nobody may run before an owner opens them. id = hash(feature, commitment).

    `commitment` is the SHA-256 of feature and `body` (seed, products, case ids); `dataset_id` is what they became when they were opened.
    """

    sealed_id: str
    feature: Feature
    name: str
    commitment: str
    cases: int
    body: Mapping[str, Any]
    actor: str
    created_at: str
    opened_at: str | None = None
    opened_by: str | None = None
    opened_because: str | None = None
    dataset_id: str | None = None
