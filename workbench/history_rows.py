"""Behind the page History: who served when, as a table; decisions and audit events of a feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import pandas as pd

from evals.records import EVERYWHERE, AuditEvent, Decision, Feature
from evals.registry import champions
from evals.registry.champions import Served
from evals.store import Store
from workbench.cards import plain

SHOWN_EVENTS = 200


class Live(NamedTuple):
    """One who served on the day that was asked for: what is said of it, as Markdown, and the decision behind it."""

    heading: str
    lines: tuple[str, ...]
    decision: Decision | None


def live(store: Store, one: Served) -> Live:
    """Who, since when, by whom, why, and the decision's own reason."""
    change = one.promotion
    decision = None if change.decision_id is None else store.ledger.decision(change.decision_id)
    until = f"until {shown(one.until)}" if one.until else "still in service"
    lines = [f"Since {shown(one.since)}, {until}.", f"{plain(change.action)} by {plain(change.actor)}: {plain(change.reason)}"]
    lines += [f"The gate said: {plain(decision.reason)}"] if decision else ["No decision stands behind it: the first champion needs none."]
    return Live(f"**{plain(store.runs.variant(change.variant_id).name)}** {where(change.marketplace)}", tuple(lines), decision)


def shown(moment: datetime) -> str:
    """A time as people write it, UTC.

    >>> from datetime import UTC
    >>> shown(datetime(2026, 11, 1, 12, 5, tzinfo=UTC))
    '2026-11-01 12:05 UTC'
    """
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def where(marketplace: str) -> str:
    return "everywhere" if marketplace == EVERYWHERE else f"in {marketplace}"


def places_frame(store: Store, feature: Feature, day: str) -> pd.DataFrame:
    """Who served at the end of a day, by marketplace: everywhere first, then those that ever had a champion of their own."""
    names = _names(store)
    own = sorted({change.marketplace for change in store.ledger.promotions(feature)} - {EVERYWHERE})
    last = {place: champions.on(store, feature, day, place)[-1:] for place in (EVERYWHERE, *own)}
    return pd.DataFrame(
        [
            {
                "marketplace": where(place),
                "variant": names[one.promotion.variant_id],
                "as": "its own" if one.promotion.marketplace == place else "everywhere's",
                "since": pd.Timestamp(one.since),
                "why": one.promotion.reason,
            }
            for place, found in last.items()
            for one in found
        ]
    )


def _names(store: Store) -> Mapping[str, str]:
    return {variant.variant_id: variant.name for variant in store.runs.variants()}


def served_frame(store: Store, spans: Sequence[Served]) -> pd.DataFrame:
    """Newest first."""
    names = _names(store)
    return pd.DataFrame(
        [
            {
                "since": pd.Timestamp(one.since),
                "until": pd.Timestamp(one.until) if one.until else pd.NaT,
                "variant": names[one.promotion.variant_id],
                "where": where(one.promotion.marketplace),
                "change": one.promotion.action,
                "by": one.promotion.actor,
                "why": one.promotion.reason,
                "decision": one.promotion.decision_id,
            }
            for one in reversed(spans)
        ]
    )


def event_frame(events: Sequence[AuditEvent]) -> pd.DataFrame:
    """Newest first, as the log gives them."""
    return pd.DataFrame(
        [
            {
                "no.": event.number,
                "when": pd.Timestamp(event.created_at),
                "who": event.actor,
                "what": event.action,
                "to what": event.subject,
                "why": event.detail.get("reason"),
                "hash": event.hash[:12],
            }
            for event in events
        ]
    )
