"""Who serves since when, and why: a champion per feature. A change needs a promote decision; the first champion needs none.

Promotions and their audit events are written together and never changed; the newest promotion serves.
"""

from __future__ import annotations

from dataclasses import replace

from evals.errors import InputError, MoreNeededError, UnknownIdError
from evals.records import AuditEvent, Decision, Feature, Promotion
from evals.store import Store


def champion(store: Store, feature: Feature) -> Promotion | None:
    """The promotion in force; None before the first."""
    history = store.ledger.promotions(feature)
    return history[0] if history else None


def install(store: Store, feature: Feature, variant_id: str, *, actor: str, reason: str, now: str) -> Promotion:
    """Name the first champion, which has nothing to be compared with. Naming the one in service again does nothing.

    Raises InputError when another variant serves already, UnknownIdError for a variant that is not stored.
    """
    if store.runs.variant(variant_id).feature != feature:
        raise InputError(f"variant {variant_id} is not for {feature}")
    serving = champion(store, feature)
    if serving is None:
        return _change(store, Promotion(feature, variant_id, None, actor, reason, now), "install", None)
    if serving.variant_id != variant_id:
        raise InputError(f"{feature} is served by {serving.variant_id} already: a change needs a promote decision")
    return serving


def promote(store: Store, decision_id: str, *, actor: str, reason: str, now: str) -> Promotion:
    """Make the candidate of a promote decision the champion. Done twice it is done once.

    Raises UnknownIdError for an unknown decision, MoreNeededError when it does not say promote, InputError when its champion is not the one
    in service (the comparison was with another).
    """
    decision = store.ledger.decision(decision_id)
    serving = champion(store, decision.feature)
    candidate = store.runs.run(decision.candidate_run_id).variant_id
    if serving is not None and serving.decision_id == decision_id:
        return serving
    _allowed(store, decision, serving)
    return _change(store, Promotion(decision.feature, candidate, decision_id, actor, reason, now), "promote", serving)


def _allowed(store: Store, decision: Decision, serving: Promotion | None) -> None:
    if decision.outcome != "promote":
        raise MoreNeededError(f"decision {decision.decision_id} says {decision.outcome}: {decision.reason}")
    compared = store.runs.run(decision.champion_run_id).variant_id
    if serving is not None and serving.variant_id != compared:
        raise InputError(f"decision {decision.decision_id} compared with {compared}, but {serving.variant_id} serves {decision.feature}")


def rollback(store: Store, feature: Feature, *, actor: str, reason: str, now: str) -> Promotion:
    """Put back the variant that served before the present one: it has been champion, so no decision is needed.

    Raises UnknownIdError where there is none.
    """
    history = store.ledger.promotions(feature)
    serving = history[0] if history else None
    before = next((row for row in history if serving and row.variant_id != serving.variant_id), None)
    if serving is None or before is None:
        raise UnknownIdError(f"{feature} has no earlier champion to go back to")
    return _change(store, Promotion(feature, before.variant_id, before.decision_id, actor, reason, now), "rollback", serving)


def _change(store: Store, promotion: Promotion, action: str, before: Promotion | None) -> Promotion:
    detail = {"feature": promotion.feature, "decision_id": promotion.decision_id, "before": before.variant_id if before else None}
    event = AuditEvent(promotion.created_at, promotion.actor, action, promotion.variant_id, detail | {"reason": promotion.reason})
    promotion = replace(promotion, number=store.ledger.last_number() + 1)
    store.ledger.add_promotion(promotion, event)
    return promotion
