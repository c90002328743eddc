"""A decision's name covers all it says: whoever changes a word of it makes another decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.identity import content_id
from evals.records import Decision


def decision_id(policy_sha256: str, champion_run_id: str, candidate_run_id: str, body: Mapping[str, Any]) -> str:
    """Of a policy's reading of two runs; which look it was stands in the body."""
    return content_id("decision", policy_sha256, champion_run_id, candidate_run_id, body["policy"]["look"], dict(body))


def damage(decision: Decision) -> str | None:
    """What shows that a stored decision was changed since it was made; None for one that says what it said."""
    try:
        name = decision_id(decision.policy_sha256, decision.champion_run_id, decision.candidate_run_id, decision.body)
    except (KeyError, TypeError, ValueError):
        return "its body is none that the gate writes"
    said = (decision.body.get("outcome"), decision.body.get("reason"), decision.body.get("feature"))
    if name != decision.decision_id:
        return "its content no longer has the hash it is named by"
    if said != (decision.outcome, decision.reason, decision.feature):
        return "its outcome, reason or feature is not the one in its body"
    return None
