"""What a promotion presupposes, each with the error that says what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from evals.errors import InputError, MoreNeededError
from evals.gate.named import damage
from evals.programme import experiments
from evals.records import EVERYWHERE, Decision, Promotion
from evals.registry.champions import moment, withdrawn
from evals.store import Store


def says_promote(store: Store, decision: Decision, now: str) -> None:
    """It says what it said when it was made, that is promote, and nothing since took it back."""
    if broken := damage(decision):
        raise InputError(f"decision {decision.decision_id} was changed after it was made: {broken}")
    if decision.outcome != "promote":
        raise MoreNeededError(f"decision {decision.decision_id} says {decision.outcome}: {decision.reason}")
    newest = next(other for other in store.ledger.decisions(decision.feature) if _asks_the_same(other, decision))
    if newest.outcome != "promote" and newest.created_at > decision.created_at:
        raise MoreNeededError(f"decision {decision.decision_id} was overtaken by {newest.decision_id}: {newest.reason}")
    for waiver in decision.body.get("waivers", ()):
        if waiver["expires"] < now[:10]:
            what = f"a waiver of {waiver['requirement']!r} by {waiver['owner']} that expired on {waiver['expires']}"
            raise MoreNeededError(f"decision {decision.decision_id} rests on {what}: ask the gate again")
    experiments.refuse(store, decision)


def _asks_the_same(one: Decision, other: Decision) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in ("policy_sha256", "champion_run_id", "candidate_run_id"))


def is_about(store: Store, decision: Decision, marketplace: str) -> None:
    """What was shown on one storefront's cases says nothing about another's."""
    cases = store.runs.cases(store.runs.run(decision.candidate_run_id).dataset_id)
    asked = {str(case.inputs["marketplace"]) if "marketplace" in case.inputs else EVERYWHERE for case in cases}
    if EVERYWHERE not in asked and marketplace not in asked:
        raise InputError(
            f"decision {decision.decision_id} is about cases of {', '.join(sorted(asked))} only: it cannot promote in {marketplace}"
        )


def still_good(decision: Decision, candidate: str, changes: Sequence[Promotion]) -> None:
    """Nobody rolled the candidate back since the decision was made."""
    rolled_back = withdrawn(changes).get(candidate)
    if rolled_back is not None and moment(decision.created_at) <= moment(rolled_back.created_at):
        raise InputError(
            f"variant {candidate} was rolled back at {rolled_back.created_at} by {rolled_back.actor} ({rolled_back.reason}): "
            f"decision {decision.decision_id} is older than that, and what it says was shown not to be enough"
        )
