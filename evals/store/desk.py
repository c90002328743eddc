"""Who may label what, and who is about to: candidates for an annotator, and places reserved for a while.

A place on an item is taken by a person who has labelled it (a living annotation) or who holds a live reservation that was not skipped; an
item is full when as many places are taken as its overlap says. Gold and controls have a place for everybody. Nobody gets a subject twice
under one rubric, in whatever copy. Which of the candidates comes first is decided in `annotators.asking.routing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Engine, Select, String, and_, bindparam, case, func, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from evals.errors import InputError, UnknownIdError
from evals.records import Reservation, StudioTask
from evals.store import places, tables
from evals.store.backlog import Backlog, backlog
from evals.store.places import CLOSED, LANGUAGE, LANGUAGES, ME, NOW, OPEN_TO_ALL, RUBRICS, SERVER, held, item, key, note, sent
from evals.store.rows import from_row

Pile = Literal["escalated", "adjudication", "stream"]  # stream: drawn items, and what is mixed in with them
_APART = ("escalated", "adjudication", *OPEN_TO_ALL)
_ITEM, _UNTIL, _QUEUE, _DAY, _NEXT_DAY = (
    bindparam(name, type_=String()) for name in ("an_item", "an_end", "a_queue", "a_day", "a_next_day")
)


@dataclass(frozen=True)
class Asker:
    """Somebody who asks for work: which languages, on which labelling server, when. `rubrics`: only these, all where empty; `closed`:
    queues in which they have done enough today."""

    annotator_id: str
    server_url: str
    languages: tuple[str, ...]
    now: str
    rubrics: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    def values(self, **more: object) -> dict[str, object]:
        """What the statements' parameters stand for."""
        named = {ME.key: self.annotator_id, NOW.key: moment(self.now), SERVER.key: self.server_url}
        return named | {LANGUAGES.key: self.languages, RUBRICS.key: self.rubrics, CLOSED.key: self.closed} | more


class Tally(NamedTuple):
    """What an annotator has answered in a queue, answers not collected yet included: today (UTC), ever without practice, as practice."""

    queue: str
    today: int
    total: int
    practised: int


class Desk:
    """Candidates and reservations."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ------------------------------------------------------------------ places
    def pending(self, asker: Asker) -> Reservation | None:
        """What the annotator is working on, of whatever rubric: a live reservation without outcome, whose item they have not labelled."""
        rows = self._rows(_pending(), asker.values())
        return from_row(Reservation, rows[0]) if rows else None

    def reserve(self, asker: Asker, item_id: str, expires_at: str) -> bool:
        """Take a place, unless it is gone, or the annotator had the subject or works on another item. Of two who want the last place one
        gets it: SQLite runs one writing statement at a time, on PostgreSQL the rows of annotator and item are locked first."""
        statement = _reservation(self._engine.dialect.name)
        with self._engine.begin() as connection:
            self._lock(connection, asker.annotator_id, item_id)
            return connection.execute(statement, asker.values(an_item=item_id, an_end=moment(expires_at))).first() is not None

    def release(self, item_id: str, annotator_id: str) -> None:
        """Give the place back."""
        with self._engine.begin() as connection:
            connection.execute(held.delete().where(held.c.item_id == item_id, held.c.annotator_id == annotator_id))

    def finish(self, item_id: str, annotator_id: str, outcome: Literal["answered", "skipped"], expires_at: str | None = None) -> None:
        """Say what came of a reservation; one that nobody made stays unmade."""
        changed = {"outcome": outcome} | ({"expires_at": moment(expires_at)} if expires_at else {})
        with self._engine.begin() as connection:
            connection.execute(update(held).where(held.c.item_id == item_id, held.c.annotator_id == annotator_id).values(changed))

    def reservations(self, now: str) -> list[Reservation]:
        """The live ones on which somebody is working, oldest first."""
        live = and_(held.c.expires_at > NOW, held.c.outcome.is_(None), ~places.is_labelled())
        rows = self._rows(select(held).where(live).order_by(held.c.reserved_at, held.c.item_id), {NOW.key: moment(now)})
        return [from_row(Reservation, row) for row in rows]

    @staticmethod
    def _lock(connection: Connection, annotator_id: str, item_id: str) -> None:
        if connection.dialect.name == "postgresql":  # always in this order: no two wait for each other
            who = tables.annotator.c.annotator_id
            connection.execute(select(who).where(who == annotator_id).with_for_update())
            connection.execute(select(item.c.item_id).where(item.c.item_id == item_id).with_for_update())

    # ------------------------------------------------------------------ candidates
    def first(self, asker: Asker, pile: Pile, others: Mapping[str, Sequence[str]]) -> str | None:
        """The oldest item of a pile with a free place that the annotator may judge without having seen the other side of its case; else the
        oldest that none of the `others` of its language (language → annotator ids) could judge either."""
        for blind in (True, False):
            statement = _oldest(pile, blind, bool(asker.rubrics), bool(asker.closed))
            found = [row for language in asker.languages for row in self._oldest(statement, asker, language, others.get(language, ()))]
            if found:
                return min(found)[1]
        return None

    def _oldest(self, statement: Select[Any], asker: Asker, language: str, others: Sequence[str]) -> list[tuple[str, str]]:
        """One question a language: it walks the language's index from the oldest item on and stops at the first that fits."""
        rows = self._rows(statement, asker.values(a_language=language, the_others=others, others_count=len(others)))
        return [(row["created_at"], row["item_id"]) for row in rows]

    def copies(self, asker: Asker, item_id: str) -> dict[str, str]:
        """Of the copies of a pair that have a free place: who is shown first → item id. Empty for what has no sides."""
        return {str(row["first"]): row["item_id"] for row in reversed(self._rows(_copies(), asker.values(an_item=item_id)))}

    def practice(self, asker: Asker) -> list[tuple[str, str]]:
        """(queue, item id) of the practice items the annotator has not answered."""
        rows = self._rows(_practice(bool(asker.rubrics), bool(asker.closed)), asker.values())
        return [(row["queue"], row["item_id"]) for row in rows]

    def is_practice(self, item_id: str) -> bool:
        rows = self._rows(select(key.c.practice).where(key.c.item_id == item_id), {})
        return bool(rows and rows[0]["practice"])

    def gold(self, asker: Asker, queue: str) -> list[str]:
        """Silent gold of a queue that the annotator has not answered, and degraded copies of what they have answered."""
        return [row["item_id"] for row in self._rows(_gold(), asker.values(a_queue=queue))]

    # ------------------------------------------------------------------ figures
    def tally(self, asker: Asker) -> list[Tally]:
        """What the annotator has answered, by queue."""
        day = moment(asker.now)[:10]
        return [Tally(**row) for row in self._rows(_tally(), asker.values(a_day=day, a_next_day=_next_day(day)))]

    def done_today(self, now: str) -> dict[str, int]:
        """Annotator id → labels made on the day of `now` (UTC); who made none is not there."""
        day = moment(now)[:10]
        query: Select[Any] = select(note.c.annotator_id, func.count().label("labels")).where(
            note.c.created_at >= day, note.c.created_at < _next_day(day)
        )
        rows = self._rows(query.where(note.c.deleted.is_(False)).group_by(note.c.annotator_id), {})
        return {row["annotator_id"]: row["labels"] for row in rows}

    def free_places(self, server_url: str, now: str, languages: Sequence[str]) -> int:
        """How many labels are still wanted of what is on the server in these languages, gold and controls not counted."""
        labels, waiting = places.takers()
        left = item.c.overlap - labels - waiting
        query: Select[Any] = select(func.sum(left).label("left")).select_from(item.join(sent, places.is_sent()))
        query = query.where(item.c.language.in_(LANGUAGES), item.c.why.not_in(OPEN_TO_ALL), left > 0)
        return int(self._rows(query, Asker("", server_url, tuple(languages), now).values())[0]["left"] or 0)

    def backlog(self, now: str, *, since: str) -> list[Backlog]:
        """Every queue in the figures alerts are made of; `since`: the beginning of what counts as lately."""
        with self._engine.connect() as connection:
            return backlog(connection, moment(now), moment(since))

    def task(self, item_id: str, server_url: str) -> StudioTask:
        """The task that carries an item. Raises UnknownIdError where the server has none."""
        rows = self._rows(select(sent).where(sent.c.item_id == item_id, sent.c.server_url == server_url), {})
        if not rows:
            raise UnknownIdError(f"item {item_id!r} has no task on {server_url}")
        return from_row(StudioTask, rows[0])

    def _rows(self, query: Select[Any], values: Mapping[str, object]) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(query, values).mappings().all()


def moment(text: str) -> str:
    """A time of ours in the one spelling whose order is the order of time. Raises InputError for what is no time with a zone.

    >>> moment("2026-11-22T13:00:00+01:00"), moment("2026-11-22T12:00:00.5Z")
    ('2026-11-22T12:00:00.000000Z', '2026-11-22T12:00:00.500000Z')
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is not a time in ISO 8601") from error
    if at.tzinfo is None:
        raise InputError(f"{text!r} does not say its zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _next_day(day: str) -> str:
    return (datetime.fromisoformat(day) + timedelta(days=1)).strftime("%Y-%m-%d")


# ---------------------------------------------------------------------------------------------- statements, each built once


@cache
def _pending() -> Select[Any]:
    query: Select[Any] = select(held).join(sent, and_(sent.c.item_id == held.c.item_id, sent.c.server_url == SERVER))
    query = query.where(held.c.annotator_id == ME, held.c.outcome.is_(None), held.c.expires_at > NOW, ~places.is_labelled())
    return query.order_by(held.c.reserved_at, held.c.item_id).limit(1)


@cache
def _reservation(dialect: str) -> Any:
    """One statement that looks and writes; a reservation of theirs that has expired is made anew."""
    chosen = select(item.c.item_id, ME, NOW, _UNTIL, null()).where(item.c.item_id == _ITEM, places.is_new(), places.has_place())
    insert: Any = (postgresql if dialect == "postgresql" else sqlite).insert(held)
    statement = insert.from_select([column.name for column in held.columns], chosen.where(~_pending().exists()))
    again = {name: statement.excluded[name] for name in ("reserved_at", "expires_at", "outcome")}
    return statement.on_conflict_do_update(index_elements=["item_id", "annotator_id"], set_=again).returning(held.c.item_id)


@cache
def _oldest(pile: Pile, blind: bool, only: bool, closed: bool) -> Select[Any]:
    query: Select[Any] = select(item.c.created_at, item.c.item_id).join(sent, places.is_sent())
    query = query.where(item.c.language == LANGUAGE, item.c.why.not_in(_APART) if pile == "stream" else item.c.why == pile)
    query = _asked_for(query.where(places.has_place()), only, closed).where(places.is_new())
    query = query.where(places.is_unvoted() if pile == "adjudication" else places.is_unsettled())
    spoilt = places.is_spoilt()
    query = query.where(~spoilt) if blind else query.where(spoilt, places.is_spoilt_for_others())
    return query.order_by(item.c.created_at, item.c.item_id).limit(1)


@cache
def _copies() -> Select[Any]:
    me = item.alias("me")
    same = and_(item.c.subject_id == me.c.subject_id, item.c.rubric == me.c.rubric, item.c.why == me.c.why)
    query: Select[Any] = select(item.c.first, item.c.item_id).join(me, same).join(sent, places.is_sent())
    return query.where(me.c.item_id == _ITEM, me.c.first.is_not(None), places.has_place()).order_by(item.c.item_id)


@cache
def _practice(only: bool, closed: bool) -> Select[Any]:
    practice = select(key.c.item_id).where(key.c.practice.is_(True))
    query: Select[Any] = select(item.c.queue, item.c.item_id).join(sent, places.is_sent())
    query = query.where(item.c.item_id.in_(practice), item.c.language.in_(LANGUAGES), places.is_new())
    return _asked_for(query, only, closed).order_by(item.c.queue, item.c.item_id)


@cache
def _gold() -> Select[Any]:
    mine = places.touched().subquery("answered")
    query: Select[Any] = select(item.c.item_id).join(sent, places.is_sent()).outerjoin(key, key.c.item_id == item.c.item_id)
    original = or_(key.c.worse_than.is_(None), key.c.worse_than.in_(select(mine.c.item_id)))
    silent = (item.c.why.in_(OPEN_TO_ALL), func.coalesce(key.c.practice, False).is_(False))
    return query.where(item.c.queue == _QUEUE, *silent, original, places.is_new()).order_by(item.c.item_id)


@cache
def _tally() -> Select[Any]:
    mine, practised = places.touched(skipped=False).subquery("touched"), func.coalesce(key.c.practice, False)
    columns = (
        item.c.queue,
        func.sum(case((and_(mine.c.at >= _DAY, mine.c.at < _NEXT_DAY), 1), else_=0)).label("today"),
        func.sum(case((practised.is_(False), 1), else_=0)).label("total"),
        func.sum(case((practised.is_(True), 1), else_=0)).label("practised"),
    )
    joined = mine.join(item, item.c.item_id == mine.c.item_id).outerjoin(key, key.c.item_id == item.c.item_id)
    return select(*columns).select_from(joined).group_by(item.c.queue)


def _asked_for(query: Select[Any], only: bool, closed: bool) -> Select[Any]:
    query = query.where(item.c.rubric.in_(RUBRICS)) if only else query
    return query.where(item.c.queue.not_in(CLOSED)) if closed else query
