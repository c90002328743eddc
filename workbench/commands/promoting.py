"""``plumb install``, ``promote``, ``rollback``, ``history``, ``audit``, ``webhooks``: who serves where, since when and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from evals import paths, registry
from evals.records import Promotion
from evals.registry import audit as log
from evals.registry import champions, webhooks
from evals.registry.champions import Served
from evals.registry.webhooks import Endpoint
from evals.store import Store
from workbench.context import feature_of, now, open_store, run_named, variant_name
from workbench.output import echo_json, say, table

Actor = Annotated[str, typer.Option(help="who answers for it")]
Marketplace = Annotated[str | None, typer.Option(help="one storefront (ISO 3166 code); without it all that have no champion of their own")]
FeatureName = Annotated[str, typer.Argument(metavar="FEATURE")]
AsJson = Annotated[bool, typer.Option("--json")]


def register(app: typer.Typer) -> None:
    app.command("install")(install)
    app.command("promote")(promote)
    app.command("rollback")(rollback)
    app.command("history")(history)
    app.command("audit")(audit)
    app.command("webhooks")(send_webhooks)


# ---------------------------------------------------------------------------------------------- changes


def install(
    feature: FeatureName,
    variant: Annotated[str, typer.Argument(help="the variant's name; it must have run")],
    actor: Actor,
    reason: Annotated[str, typer.Option()] = "the first champion",
    marketplace: Marketplace = None,
) -> None:
    """Name the first champion of a feature: it has nothing to be compared with."""
    store, kind, where = open_store(), feature_of(feature), registry.marketplace_named(marketplace)
    found = run_named(store, kind, variant).variant_id
    serving = registry.install(store, kind, found, actor=actor, reason=reason, now=now(), marketplace=where, tell=_told())
    say(f"{variant} ({serving.variant_id}) serves {_place(kind, serving.marketplace)} since {serving.created_at}.")
    _tell(store)


def promote(
    decision_id: Annotated[str, typer.Argument(metavar="DECISION", help="a promote decision")],
    actor: Actor,
    reason: Annotated[str, typer.Option()] = "the gate said promote",
    marketplace: Marketplace = None,
) -> None:
    """Put a candidate into service. Only a promote decision allows it, about the champion that serves there now."""
    store, where = open_store(), registry.marketplace_named(marketplace)
    promoted = registry.promote(store, decision_id, actor=actor, reason=reason, now=now(), marketplace=where, tell=_told())
    say(f"{_named(store, promoted)} serves {_place(promoted.feature, where)} since {promoted.created_at}.")
    _tell(store)


def rollback(
    feature: FeatureName,
    actor: Actor,
    reason: Annotated[str, typer.Option(help="why")],
    marketplace: Marketplace = None,
    bad: Annotated[str | None, typer.Option(help="the variant that must go (id): where another serves by now, nothing is done")] = None,
) -> None:
    """Put back the last good champion; asked again it goes further back. What goes needs a decision made since to come back."""
    store, kind, where = open_store(), feature_of(feature), registry.marketplace_named(marketplace)
    back = registry.rollback(store, kind, actor=actor, reason=reason, now=now(), marketplace=where, bad=bad, tell=_told())
    again = "again" if back.action == "rollback" else "again, as everywhere else,"
    say(f"{_named(store, back)} serves {_place(kind, where)} {again} since {back.created_at}.")
    changes = store.ledger.promotions(kind)
    for place in dict.fromkeys(row.marketplace for row in changes):
        serving = champions.in_force(changes, place)
        if serving is not None and serving.variant_id in registry.withdrawn(changes):
            still = f"{_named(store, serving)} was rolled back and still serves {_place(kind, place)}"
            say(f"{still}: plumb rollback {kind} --marketplace {place}")
    _tell(store)


def _named(store: Store, change: Promotion) -> str:
    return f"{store.runs.variant(change.variant_id).name} ({change.variant_id})"


def _place(feature: str, marketplace: str) -> str:
    return feature if marketplace == "all" else f"{feature} in {marketplace}"


# ---------------------------------------------------------------------------------------------- looking back


def history(
    feature: FeatureName,
    marketplace: Marketplace = None,
    on: Annotated[str | None, typer.Option(help="a day or a moment in UTC: 2026-11-01 or 2026-11-01T12:00")] = None,
    as_json: AsJson = False,
) -> None:
    """What was live, there and then, and why: the change, its decision with reason and waivers, who answered for it."""
    store, kind, where = open_store(), feature_of(feature), registry.marketplace_named(marketplace)
    spans = registry.served(store, kind, where) if on is None else champions.on(store, kind, on, where)
    rows = [_told_of(store, one) for one in reversed(spans)]
    if as_json:
        echo_json({"feature": kind, "marketplace": where, "on": on, "served": rows})
        return
    header = ("since", "until", "variant", "by", "action", "why", "decision", "waivers")
    names = ("since", "until", "variant", "actor", "action", "reason", "decision_id")
    title = f"In service: {_place(kind, where)}" + (f" on {on}" if on else "")
    table(title, header, [(*(row[name] for name in names), _waivers(row)) for row in rows])
    if on is not None:
        for row in rows:
            say(f"{row['variant']}: {row['reason']}" + (f"\n  {row['decision']['reason']}" if row["decision"] else ""))
        if not rows:
            say(f"Nothing served {_place(kind, where)} then.")
        return
    _decisions(store, kind)


def _told_of(store: Store, one: Served) -> dict[str, Any]:
    change = one.promotion
    decision = None if change.decision_id is None else store.ledger.decision(change.decision_id)
    return {
        "since": _written(one.since),
        "until": None if one.until is None else _written(one.until),
        "variant": store.runs.variant(change.variant_id).name,
        "variant_id": change.variant_id,
        "marketplace": change.marketplace,
        "action": change.action,
        "number": change.number,
        "actor": change.actor,
        "reason": change.reason,
        "decision_id": change.decision_id,
        "decision": decision
        and {
            "outcome": decision.outcome,
            "reason": decision.reason,
            "created_at": decision.created_at,
            "policy_sha256": decision.policy_sha256,
            "waivers": decision.body.get("waivers", []),
        },
    }


def _written(time: datetime) -> str:
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def _waivers(row: Mapping[str, Any]) -> str | None:
    given: Sequence[Any] = row["decision"]["waivers"] if row["decision"] else ()
    return (
        "; ".join(f"{one['requirement']} ({one['slice']}), {one['owner']} until {one['expires']}: {one['reason']}" for one in given) or None
    )


def _decisions(store: Store, feature: Any) -> None:
    rows = [
        (d.created_at, d.outcome, *(variant_name(store, store.runs.run(run)) for run in (d.champion_run_id, d.candidate_run_id)), d.reason)
        for d in store.ledger.decisions(feature)
    ]
    table("Decisions", ("when", "outcome", "champion", "candidate", "reason"), rows)


def audit(
    verify: Annotated[bool, typer.Option("--verify", help="recompute every hash, and compare the log with who served")] = False,
    end: Annotated[str | None, typer.Option(help="with --verify: a hash noted before, which must still be in the log")] = None,
    limit: Annotated[int, typer.Option(min=1, help="the newest so many")] = 200,
    as_json: AsJson = False,
) -> None:
    """Who did what: a log that can only grow. Each event's hash covers the one before it; note the last one somewhere else."""
    store = open_store()
    if verify or end:
        whole = log.verify(store, end)
        if as_json:
            echo_json(whole._asdict())
        else:
            say(f"{whole.events} events, none changed, removed or slipped in; the last hash is {whole.end or 'not there yet'}")
        return
    events = store.ledger.events(limit)
    if as_json:
        echo_json(events)
        return
    rows = [(event.number, event.created_at, event.actor, event.action, event.subject, event.hash[:12]) for event in events]
    table("Audit log", ("no.", "when", "who", "what", "to what", "hash"), rows)


# ---------------------------------------------------------------------------------------------- telling others


def send_webhooks(
    do: Annotated[str, typer.Argument(metavar="list|send", help="what waits and what was sent, or send what is due")] = "list",
    every: Annotated[bool, typer.Option("--all", help="with send: what waits for its next try or was given up, too")] = False,
    as_json: AsJson = False,
) -> None:
    """Who is told of a change of champion (PLUMBLINE_WEBHOOKS, signed with PLUMBLINE_WEBHOOK_SECRET). Safe to repeat and to kill."""
    store = open_store()
    if do not in ("list", "send"):
        raise typer.BadParameter(f"{do!r} is neither list nor send")
    if do == "send":
        sent = webhooks.send(store, _told(), paths.webhooks()[1], now=now(), every=every)
        if as_json:
            echo_json(sent._asdict())
        else:
            say(f"{sent.delivered} delivered, {sent.waiting} to be tried again, {sent.unknown} for a URL that is not configured now.")
        return
    messages = store.deliveries.all()
    if as_json:
        echo_json(messages)
        return
    rows = [(m.created_at, m.host, m.delivered_at or f"due {m.due_at}", m.attempts, m.error, m.delivery_id) for m in messages]
    table("Webhooks", ("written", "host", "delivered", "tries", "error", "id"), rows)


def _told() -> list[Endpoint]:
    """Who is told; what is wrong with the URLs or the secret is said before anything is changed."""
    urls, secret = paths.webhooks()
    if secret:
        webhooks.key_of(secret)
    return webhooks.endpoints(urls)


def _tell(store: Store) -> None:
    """Send what is due after a change. The change stands whatever comes of it: what did not go through waits in the outbox."""
    told, (_, secret) = _told(), paths.webhooks()
    if not told:
        return
    if not secret:
        typer.echo("plumb: webhooks wait: set PLUMBLINE_WEBHOOK_SECRET, then plumb webhooks send", err=True)
        return
    sent = webhooks.send(store, told, secret, now=now())
    if sent.waiting:
        typer.echo(f"plumb: {sent.waiting} webhooks did not go through and wait: plumb webhooks send", err=True)
