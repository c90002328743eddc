"""``plumb install``, ``plumb promote``, ``plumb rollback``, ``plumb history``: who serves, since when and why."""

from __future__ import annotations

from typing import Annotated

import typer

from evals import registry
from workbench.context import feature_of, now, open_store, run_named, variant_name
from workbench.output import say, table


def register(app: typer.Typer) -> None:
    app.command("install")(install)
    app.command("promote")(promote)
    app.command("rollback")(rollback)
    app.command("history")(history)


Actor = Annotated[str, typer.Option(help="who answers for it")]


def install(
    feature: Annotated[str, typer.Argument(metavar="FEATURE")],
    variant: Annotated[str, typer.Argument(help="the variant's name; it must have run")],
    actor: Actor,
    reason: Annotated[str, typer.Option()] = "the first champion",
) -> None:
    """Name the first champion of a feature: it has nothing to be compared with."""
    store, kind = open_store(), feature_of(feature)
    serving = registry.install(store, kind, run_named(store, kind, variant).variant_id, actor=actor, reason=reason, now=now())
    say(f"{variant} ({serving.variant_id}) serves {kind} since {serving.created_at}.")


def promote(
    decision_id: Annotated[str, typer.Argument(metavar="DECISION", help="a promote decision")],
    actor: Actor,
    reason: Annotated[str, typer.Option()] = "the gate said promote",
) -> None:
    """Put a candidate into service. Only a promote decision allows it."""
    promoted = registry.promote(open_store(), decision_id, actor=actor, reason=reason, now=now())
    say(f"{promoted.variant_id} serves {promoted.feature} since {promoted.created_at}.")


def rollback(
    feature: Annotated[str, typer.Argument(metavar="FEATURE")],
    actor: Actor,
    reason: Annotated[str, typer.Option(help="why")],
) -> None:
    """Put back the variant that served before."""
    back = registry.rollback(open_store(), feature_of(feature), actor=actor, reason=reason, now=now())
    say(f"{back.variant_id} serves {back.feature} again since {back.created_at}.")


def history(feature: Annotated[str, typer.Argument(metavar="FEATURE")]) -> None:
    """Who served since when and why, and every decision."""
    store, kind = open_store(), feature_of(feature)
    names = {variant.variant_id: variant.name for variant in store.runs.variants(kind)}
    served = [(p.created_at, names[p.variant_id], p.actor, p.reason, p.decision_id) for p in store.ledger.promotions(kind)]
    table("In service", ("since", "variant", "by", "why", "decision"), served)
    rows = [
        (d.created_at, d.outcome, *(variant_name(store, store.runs.run(run)) for run in (d.champion_run_id, d.candidate_run_id)), d.reason)
        for d in store.ledger.decisions(kind)
    ]
    table("Decisions", ("when", "outcome", "champion", "candidate", "reason"), rows)
