"""The three changes of a champion: the first one, a promotion by a decision, a rollback to the last good one.

Nothing is overwritten: a change is a new row with the next number, written together with its audit event and its messages to webhooks, in
one transaction. Whoever read an older state finds the number taken, reads again and checks again: of two promotions that compared with the
same champion exactly one happens, and the other is told who serves now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from evals.errors import InputError, RetryError, UnknownIdError
from evals.records import EVERYWHERE, AuditEvent, Feature, Promotion
from evals.registry import presupposed, webhooks
from evals.registry.champions import in_force, newest, withdrawn
from evals.registry.webhooks import Endpoint
from evals.store import Store

ATTEMPTS = 20  # each is lost to somebody else's change of a champion
Changes = list[Promotion]  # of a feature, newest first


def install(
    store: Store,
    feature: Feature,
    variant_id: str,
    *,
    actor: str,
    reason: str,
    now: str,
    marketplace: str = EVERYWHERE,
    tell: Sequence[Endpoint] = (),
) -> Promotion:
    """Name the first champion, which has nothing to be compared with. Naming the one in service again does nothing.

    Raises InputError when another variant serves there already, UnknownIdError for a variant that is not stored.
    """
    if store.runs.variant(variant_id).feature != feature:
        raise InputError(f"variant {variant_id} is not for {feature}")

    def wanted(changes: Changes) -> Promotion:
        serving = in_force(changes, marketplace)
        if serving is not None and serving.variant_id != variant_id:
            raise InputError(f"{feature} is served by {serving.variant_id} already: a change needs a promote decision")
        return serving or Promotion(feature, variant_id, None, actor, reason, now, marketplace, "install")

    return _change(store, feature, wanted, tell)


def promote(
    store: Store, decision_id: str, *, actor: str, reason: str, now: str, marketplace: str = EVERYWHERE, tell: Sequence[Endpoint] = ()
) -> Promotion:
    """Make the candidate of a promote decision the champion, everywhere or in one marketplace. Done twice it is done once.

    Raises UnknownIdError for an unknown decision, MoreNeededError when it does not say promote, was overtaken by one that does not, rests
    on a waiver that has expired, or the experiment programme has something against it,
    InputError when it cannot be a reason: its champion is not the one in service, its cases are another marketplace's, its candidate was
    rolled back since, or what is stored of it was changed.
    """
    decision = store.ledger.decision(decision_id)
    presupposed.says_promote(store, decision, now)
    presupposed.is_about(store, decision, marketplace)
    compared, candidate = (store.runs.run(run).variant_id for run in (decision.champion_run_id, decision.candidate_run_id))

    def wanted(changes: Changes) -> Promotion:
        serving, own = in_force(changes, marketplace), newest(changes, marketplace)
        if own is not None and own.action != "follow" and own.decision_id == decision_id:
            return own
        presupposed.still_good(decision, candidate, changes)
        if serving is not None and serving.variant_id != compared:
            where = "" if marketplace == EVERYWHERE else f" in {marketplace}"
            raise InputError(f"decision {decision_id} compared with {compared}, but {serving.variant_id} serves {decision.feature}{where}")
        before = None if own is None or own.action == "follow" else own.number
        return Promotion(decision.feature, candidate, decision_id, actor, reason, now, marketplace, "promote", before)

    return _change(store, decision.feature, wanted, tell)


def rollback(
    store: Store,
    feature: Feature,
    *,
    actor: str,
    reason: str,
    now: str,
    marketplace: str = EVERYWHERE,
    bad: str | None = None,
    tell: Sequence[Endpoint] = (),
) -> Promotion:
    """Put back who served there before and was not rolled back itself; asked again it goes further back. No decision is needed: it was
    champion. The variant that goes is no longer promoted by a decision made before. A marketplace whose first own champion goes follows
    the champion of ``all`` again.

    Two who ask at once go back one step, not two. `bad`: the variant that must go; where another serves, nothing is done.
    Raises UnknownIdError where there is nobody to go back to, InputError where somebody changed the champion meanwhile.
    """
    seen: list[Promotion | None] = []

    def wanted(changes: Changes) -> Promotion:
        serving = newest(changes, marketplace)
        seen.append(serving)
        if serving != seen[0] or (bad is not None and (serving is None or serving.variant_id != bad)):
            now_there = f"{serving.variant_id} since {serving.created_at} ({serving.action} by {serving.actor})" if serving else "nobody"
            raise InputError(f"nothing was rolled back: {feature} is served by {now_there}; look, and ask again to go further back")
        if serving is None or serving.action == "follow":
            raise UnknownIdError(_nobody(feature, marketplace))
        good = _last_good(changes, serving)
        if good is not None:
            return Promotion(feature, good.variant_id, good.decision_id, actor, reason, now, marketplace, "rollback", good.before)
        general = newest(changes, EVERYWHERE)
        if marketplace == EVERYWHERE or general is None or general.variant_id == serving.variant_id:
            raise UnknownIdError(_nobody(feature, EVERYWHERE))
        return Promotion(feature, general.variant_id, general.decision_id, actor, reason, now, marketplace, "follow")

    return _change(store, feature, wanted, tell)


def _change(store: Store, feature: Feature, wanted: Callable[[Changes], Promotion], tell: Sequence[Endpoint]) -> Promotion:
    """Read, check, write; read again where somebody else wrote meanwhile. `wanted` gives a stored change where there is nothing to do."""
    for _ in range(ATTEMPTS):
        number = store.ledger.last_number() + 1  # before the changes are read: what comes in between makes the number taken
        changes = store.ledger.promotions(feature)
        change = wanted(changes)
        if change in changes:
            return change
        _answered_for(change)
        change = replace(change, number=number)
        before = in_force(changes, change.marketplace)
        if store.ledger.add_promotion(change, _event(change, before), webhooks.messages(store, change, before, tell)):
            return change
    raise RetryError(f"{feature}: {ATTEMPTS} others changed a champion meanwhile; ask again")


def _answered_for(change: Promotion) -> None:
    """Raises InputError for an actor or a reason that says nothing, or that no database takes."""
    for what, given in (("who answers for it", change.actor), ("why", change.reason)):
        if not given.strip():
            raise InputError(f"a change of champion needs to say {what}")
        if "\0" in given or any("\ud800" <= character <= "\udfff" for character in given):
            raise InputError(f"{what}: {given[:80]!a} holds a character that cannot be stored")


def _event(change: Promotion, before: Promotion | None) -> AuditEvent:
    detail = {
        "feature": change.feature,
        "marketplace": change.marketplace,
        "decision_id": change.decision_id,
        "before": before.variant_id if before else None,
        "number": change.number,
        "back_to": change.before,
        "reason": change.reason,
    }
    return AuditEvent(change.created_at, change.actor, change.action, change.variant_id, detail)


def _last_good(changes: Changes, serving: Promotion) -> Promotion | None:
    """Along the way back, the first that is not the one that goes and was not rolled back."""
    by_number = {row.number: row for row in changes}
    bad = withdrawn(changes).keys() | {serving.variant_id}
    before = serving.before
    while before is not None:
        row = by_number[before]
        if row.variant_id not in bad:
            return row
        before = row.before
    return None


def _nobody(feature: Feature, marketplace: str) -> str:
    if marketplace == EVERYWHERE:
        return f"{feature} has no earlier champion to go back to that was not rolled back itself"
    return f"{feature} in {marketplace} has no champion of its own: roll back the one of all"
