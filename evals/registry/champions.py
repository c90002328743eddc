"""Who serves, now and on any day: read from the changes, of which the newest counts.

A marketplace with a champion of its own is served by that; every other, and one that gave its own up (``follow``), by the champion of
``all``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import NamedTuple

from evals.errors import InputError
from evals.languages import LANGUAGES
from evals.records import EVERYWHERE, Feature, Promotion
from evals.store import Store

MARKETPLACES = (EVERYWHERE, *sorted({code for row in LANGUAGES.values() for code in row.marketplaces}))


class Served(NamedTuple):
    """A stretch of time in which one change was in force: from `since` to before `until`, None while it lasts."""

    since: datetime
    until: datetime | None
    promotion: Promotion


def marketplace_named(name: str | None) -> str:
    """``all`` for None. Raises InputError for a word that is no marketplace of ours."""
    if name is None or name in MARKETPLACES:
        return name or EVERYWHERE
    raise InputError(f"marketplace {name[:20]!r} is none of ours: {' '.join(MARKETPLACES)}")


def champion(store: Store, feature: Feature, marketplace: str = EVERYWHERE) -> Promotion | None:
    """The change in force in a marketplace; None before the first."""
    return in_force(store.ledger.promotions(feature), marketplace)


def in_force(changes: Iterable[Promotion], marketplace: str) -> Promotion | None:
    """Of a feature's changes, newest first, the one that says who serves in the marketplace."""
    rows = list(changes)
    return _force(newest(rows, marketplace), newest(rows, EVERYWHERE))


def _force(own: Promotion | None, general: Promotion | None) -> Promotion | None:
    return general if own is None or own.action == "follow" else own


def newest(changes: Iterable[Promotion], marketplace: str) -> Promotion | None:
    """The marketplace's own newest change, of changes newest first."""
    return next((row for row in changes if row.marketplace == marketplace), None)


def withdrawn(changes: Sequence[Promotion]) -> Mapping[str, Promotion]:
    """Variants that were rolled back, wherever, and not promoted since, with the rollback. `changes`: newest first."""
    serving: dict[str, Promotion] = {}
    bad: dict[str, Promotion] = {}
    for row in reversed(changes):
        if row.action in ("rollback", "follow") and row.marketplace in serving:
            bad[serving[row.marketplace].variant_id] = row
        if row.variant_id in bad and bad[row.variant_id] is not row:
            del bad[row.variant_id]
        serving[row.marketplace] = row
    return bad


def served(store: Store, feature: Feature, marketplace: str = EVERYWHERE) -> list[Served]:
    """Who served in the marketplace, oldest first.

    The order of the changes is that of their numbers: where a clock went back, a change is dated by the newest before it.
    """
    return _stretches(reversed(store.ledger.promotions(feature)), marketplace)


def on(store: Store, feature: Feature, when: str, marketplace: str = EVERYWHERE) -> list[Served]:
    """Who served at a moment, or on a day in UTC (``2026-11-01``), oldest first. Raises InputError for a time that cannot be read."""
    first, last = day(when)
    return [one for one in served(store, feature, marketplace) if one.since <= last and (one.until is None or one.until > first)]


def _stretches(changes: Iterable[Promotion], marketplace: str) -> list[Served]:
    newest_of: dict[str, Promotion] = {}
    found: list[Served] = []
    for row in changes:
        newest_of[row.marketplace] = row
        force = _force(newest_of.get(marketplace), newest_of.get(EVERYWHERE))
        if force is not None and (not found or force != found[-1].promotion):
            since = max([moment(row.created_at), *(one.since for one in found[-1:])])
            found.append(Served(since, None, force))
    ends = [one.since for one in found[1:]]
    return [one._replace(until=end) for one, end in zip_longest(found, ends)]


def moment(text: str) -> datetime:
    """A time as ISO 8601, in UTC where it names no zone. Raises InputError.

    >>> moment("2026-11-01T12:00") == moment("2026-11-01T14:00+02:00") == moment("2026-11-01T12:00:00Z")
    True
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text[:40]!r} is no time: write 2026-11-01 or 2026-11-01T12:00") from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def day(text: str) -> tuple[datetime, datetime]:
    """First and last moment of what was written: of a day the whole of it in UTC, else the moment itself. Raises InputError.

    >>> [str(end) for end in day("2026-11-01")]
    ['2026-11-01 00:00:00+00:00', '2026-11-01 23:59:59.999999+00:00']
    """
    begin = moment(text)
    whole = len(text) == len("2026-11-01")
    return begin, begin.replace(hour=23, minute=59, second=59, microsecond=999999) if whole else begin
