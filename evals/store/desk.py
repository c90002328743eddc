"""Who may label what, and who is about to: candidates for an annotator, and places reserved for a while.

A place on an item is taken by a person who has labelled it (a living annotation) or who holds a live reservation that was not skipped; an
item is full when as many places are taken as its overlap says. Gold and controls have a place for everybody. Nobody gets a subject twice
under one rubric, in whatever copy. Which of the candidates comes first is decided in `annotators.routing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from evals.errors import InputError, UnknownIdError
from evals.records import Reservation, StudioTask
from evals.store import tables
from evals.store.rows import from_row

OPEN_TO_ALL = ("gold", "control")  # everybody answers each of these once
_APART = ("escalated", "adjudication", *OPEN_TO_ALL)
Pile = Literal["escalated", "adjudication", "stream"]  # stream: drawn items, and what is mixed in with them

item, note, held, key, sent = tables.queue_item, tables.annotation, tables.reservation, tables.answer_key, tables.studio_task


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
        """What the annotator is working on: a live reservation without outcome, whose item they have not labelled."""
        mine = and_(held.c.annotator_id == asker.annotator_id, held.c.outcome.is_(None), held.c.expires_at > moment(asker.now))
        query = select(held).join(sent, and_(sent.c.item_id == held.c.item_id, sent.c.server_url == asker.server_url))
        if asker.rubrics:
            query = query.join(item, item.c.item_id == held.c.item_id).where(item.c.rubric.in_(asker.rubrics))
        query = query.where(mine, ~_labelled(held.c.item_id, held.c.annotator_id)).order_by(held.c.reserved_at, held.c.item_id).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
            return None if row is None else from_row(Reservation, row)

    def reserve(self, asker: Asker, item_id: str, expires_at: str) -> bool:
        """Take a place, unless it is gone, or the annotator had the subject or holds another place. Of two who want the last place one gets
        it: SQLite runs one writing statement at a time, on PostgreSQL the rows of annotator and item are locked first."""
        with self._engine.begin() as connection:
            self._lock(connection, asker.annotator_id, item_id)
            return connection.execute(self._reservation(asker, item_id, expires_at)).first() is not None

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
        live = and_(held.c.expires_at > moment(now), held.c.outcome.is_(None), ~_labelled(held.c.item_id, held.c.annotator_id))
        with self._engine.connect() as connection:
            rows = connection.execute(select(held).where(live).order_by(held.c.reserved_at, held.c.item_id)).mappings()
            return [from_row(Reservation, row) for row in rows]

    def _lock(self, connection: Connection, annotator_id: str, item_id: str) -> None:
        if connection.dialect.name == "postgresql":  # always in this order: no two wait for each other
            who = tables.annotator.c.annotator_id
            connection.execute(select(who).where(who == annotator_id).with_for_update())
            connection.execute(select(item.c.item_id).where(item.c.item_id == item_id).with_for_update())

    def _reservation(self, asker: Asker, item_id: str, expires_at: str) -> Any:
        now, other = moment(asker.now), held.alias("other")
        busy = (other.c.annotator_id == asker.annotator_id, other.c.outcome.is_(None), other.c.expires_at > now)
        values = (item.c.item_id, literal(asker.annotator_id), literal(now), literal(moment(expires_at)), null())
        chosen = select(*values).where(
            item.c.item_id == item_id,
            _is_new(asker),
            _has_place(now),
            ~select(other.c.item_id).where(*busy, ~_labelled(other.c.item_id, other.c.annotator_id)).exists(),
        )
        insert: Any = (postgresql if self._engine.dialect.name == "postgresql" else sqlite).insert(held)
        statement = insert.from_select([column.name for column in held.columns], chosen)
        again = {name: statement.excluded[name] for name in ("reserved_at", "expires_at", "outcome")}
        return statement.on_conflict_do_update(index_elements=["item_id", "annotator_id"], set_=again).returning(held.c.item_id)

    # ------------------------------------------------------------------ candidates
    def first(self, asker: Asker, pile: Pile, others: Mapping[str, Sequence[str]]) -> str | None:
        """The oldest item of a pile with a free place that the annotator may judge without having seen the other side of its case; else the
        oldest that none of the `others` of its language (language → annotator ids) could judge either."""
        free = [self._offered(asker, language, pile) for language in asker.languages]
        spoilt = _spoilt(_mine(asker))
        blind = self._oldest([query.where(~spoilt) for query in free])
        if blind is not None:
            return blind
        unseen = (_used_up(others.get(language, ())) >= len(others.get(language, ())) for language in asker.languages)
        return self._oldest([query.where(spoilt, nobody) for query, nobody in zip(free, unseen, strict=True)])

    def copies(self, asker: Asker, item_id: str) -> dict[str, str]:
        """Of the copies of a pair that have a free place: who is shown first → item id. Empty for what has no sides."""
        me, now = item.alias("me"), moment(asker.now)
        same = and_(item.c.subject_id == me.c.subject_id, item.c.rubric == me.c.rubric, item.c.why == me.c.why)
        query = select(item.c.first, item.c.item_id).join(me, same).join(sent, _is_sent(asker))
        query = query.where(me.c.item_id == item_id, me.c.first.is_not(None), _has_place(now)).order_by(item.c.item_id)
        with self._engine.connect() as connection:
            return {str(row.first): row.item_id for row in reversed(connection.execute(query).all())}

    def practice(self, asker: Asker) -> list[tuple[str, str]]:
        """(queue, item id) of the practice items the annotator has not answered."""
        practice = select(key.c.item_id).where(key.c.practice.is_(True))
        query = select(item.c.queue, item.c.item_id).join(sent, _is_sent(asker))
        query = query.where(item.c.item_id.in_(practice), item.c.language.in_(asker.languages), *_wanted(asker), _is_new(asker))
        with self._engine.connect() as connection:
            return [(row.queue, row.item_id) for row in connection.execute(query.order_by(item.c.queue, item.c.item_id))]

    def is_practice(self, item_id: str) -> bool:
        with self._engine.connect() as connection:
            return bool(connection.execute(select(key.c.practice).where(key.c.item_id == item_id)).scalar())

    def gold(self, asker: Asker, queue: str) -> list[str]:
        """Silent gold of a queue that the annotator has not answered, and degraded copies of what they have answered."""
        touched = _touched(asker).subquery("answered")
        query = select(item.c.item_id).join(sent, _is_sent(asker)).outerjoin(key, key.c.item_id == item.c.item_id)
        query = query.where(
            item.c.queue == queue,
            item.c.why.in_(OPEN_TO_ALL),
            _is_new(asker),
            func.coalesce(key.c.practice, False).is_(False),
            or_(key.c.worse_than.is_(None), key.c.worse_than.in_(select(touched.c.item_id))),
        )
        with self._engine.connect() as connection:
            return list(connection.execute(query.order_by(item.c.item_id)).scalars())

    def _offered(self, asker: Asker, language: str, pile: Pile) -> Select[Any]:
        query = select(item.c.created_at, item.c.item_id).join(sent, _is_sent(asker))
        query = query.where(item.c.language == language, _has_place(moment(asker.now)), *_wanted(asker), _is_new(asker))
        if pile == "stream":
            return query.where(item.c.why.not_in(_APART), _is_unsettled(asker))
        query = query.where(item.c.why == pile)
        return query.where(_is_unvoted(asker)) if pile == "adjudication" else query.where(_is_unsettled(asker))

    def _oldest(self, queries: Sequence[Select[Any]]) -> str | None:
        """One query a language: each walks its index from the oldest item on and stops at the first that fits."""
        with self._engine.connect() as connection:
            rows = [connection.execute(query.order_by(item.c.created_at, item.c.item_id).limit(1)).first() for query in queries]
        found = [(row.created_at, row.item_id) for row in rows if row is not None]
        return str(min(found)[1]) if found else None

    # ------------------------------------------------------------------ figures
    def tally(self, asker: Asker) -> list[Tally]:
        """What the annotator has answered, by queue."""
        touched, day = _touched(asker, skipped=False).subquery("touched"), moment(asker.now)[:10]
        practised = func.coalesce(key.c.practice, False)
        columns = (
            item.c.queue,
            func.sum(case((and_(touched.c.at >= day, touched.c.at < _next_day(day)), 1), else_=0)).label("today"),
            func.sum(case((practised.is_(False), 1), else_=0)).label("total"),
            func.sum(case((practised.is_(True), 1), else_=0)).label("practised"),
        )
        joined = touched.join(item, item.c.item_id == touched.c.item_id).outerjoin(key, key.c.item_id == item.c.item_id)
        with self._engine.connect() as connection:
            return [Tally(**row) for row in connection.execute(select(*columns).select_from(joined).group_by(item.c.queue)).mappings()]

    def done_today(self, now: str) -> dict[str, int]:
        """Annotator id → labels made on the day of `now` (UTC); who made none is not there."""
        day = moment(now)[:10]
        query = select(note.c.annotator_id, func.count().label("labels")).where(
            note.c.created_at >= day, note.c.created_at < _next_day(day)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(note.c.deleted.is_(False)).group_by(note.c.annotator_id))
            return {row.annotator_id: row.labels for row in rows}

    def free_places(self, server_url: str, now: str, languages: Sequence[str]) -> int:
        """How many labels are still wanted of what is on the server in these languages, gold and controls not counted."""
        asker = Asker("", server_url, tuple(languages), now)
        labels, waiting = _takers(moment(now))
        left = item.c.overlap - labels - waiting
        query = select(func.sum(left)).select_from(item.join(sent, _is_sent(asker)))
        with self._engine.connect() as connection:
            wanted = (item.c.language.in_(languages), item.c.why.not_in(OPEN_TO_ALL), left > 0)
            return int(connection.execute(query.where(*wanted)).scalar() or 0)

    def task(self, item_id: str, server_url: str) -> StudioTask:
        """The task that carries an item. Raises UnknownIdError where the server has none."""
        query = select(sent).where(sent.c.item_id == item_id, sent.c.server_url == server_url)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise UnknownIdError(f"item {item_id!r} has no task on {server_url}")
        return from_row(StudioTask, row)


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


# ---------------------------------------------------------------------------------------------- conditions on an item


def _is_sent(asker: Asker) -> ColumnElement[bool]:
    return and_(sent.c.item_id == item.c.item_id, sent.c.server_url == asker.server_url)


def _wanted(asker: Asker) -> list[ColumnElement[bool]]:
    rubrics = [item.c.rubric.in_(asker.rubrics)] if asker.rubrics else []
    return [*rubrics, *([item.c.queue.not_in(asker.closed)] if asker.closed else [])]


def _has_place(now: str) -> ColumnElement[bool]:
    labels, waiting = _takers(now)
    return or_(item.c.why.in_(OPEN_TO_ALL), and_(labels < item.c.overlap, labels + waiting < item.c.overlap))  # most are full of labels


def _takers(now: str) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """Distinct people who labelled the item, and others who are about to."""
    labels = select(func.count()).select_from(note).where(note.c.item_id == item.c.item_id, note.c.deleted.is_(False))
    waiting = select(func.count()).select_from(held).where(
        held.c.item_id == item.c.item_id,
        held.c.expires_at > now,
        func.coalesce(held.c.outcome, "") != "skipped",
        ~_labelled(held.c.item_id, held.c.annotator_id),
    )  # fmt: skip
    return labels.correlate(item).scalar_subquery(), waiting.correlate(item).scalar_subquery()


def _labelled(item_id: ColumnElement[str], annotator_id: ColumnElement[str]) -> ColumnElement[bool]:
    theirs = note.alias("theirs")
    same = (theirs.c.item_id == item_id, theirs.c.annotator_id == annotator_id, theirs.c.deleted.is_(False))
    return select(theirs.c.annotation_id).where(*same).exists()


def _is_new(asker: Asker) -> ColumnElement[bool]:
    """Neither this item nor another copy of its subject was before the annotator under this rubric."""
    mine = _mine(asker)
    return _asked(item).not_in(select(_asked(mine)))


def _asked(rows: FromClause) -> ColumnElement[str]:
    """One text, not a pair: of pairs SQLite looks through the whole list for every row that is not in it."""
    return rows.c.subject_id.concat("/").concat(rows.c.rubric)


def _is_unvoted(asker: Asker) -> ColumnElement[bool]:
    """The annotator had no vote on the claim, under any rubric."""
    mine = _mine(asker)
    return func.coalesce(item.c.claim_id, item.c.subject_id).not_in(select(func.coalesce(mine.c.claim_id, mine.c.subject_id)))


def _is_unsettled(asker: Asker) -> ColumnElement[bool]:
    """The annotator did not settle a conflict about the subject: they would judge it knowing what the others said."""
    mine = _mine(asker)
    return item.c.subject_id.not_in(select(mine.c.subject_id).where(mine.c.why == "adjudication"))


def _spoilt(mine: Subquery) -> ColumnElement[bool]:
    """A pair of whose case the annotator judged one side, or a side of a case whose pair they judged."""
    case_id, is_pair = func.coalesce(item.c.case_id, ""), item.c.other_output_id.is_not(None)
    of_case = mine.c.case_id.is_not(None)
    sides = select(mine.c.case_id).where(of_case, mine.c.other_output_id.is_(None))
    pairs = select(mine.c.case_id).where(of_case, mine.c.other_output_id.is_not(None))
    return or_(and_(is_pair, case_id.in_(sides)), and_(~is_pair, case_id.in_(pairs)))


def _used_up(others: Sequence[str]) -> ColumnElement[int]:
    """How many of the others judged the other side of the item's case, or its subject itself."""
    theirs = item.alias("of_others")
    opposite = theirs.c.other_output_id.is_(None) == item.c.other_output_id.is_not(None)
    same = and_(theirs.c.subject_id == item.c.subject_id, theirs.c.rubric == item.c.rubric)
    query = select(func.count(note.c.annotator_id.distinct())).select_from(note.join(theirs, theirs.c.item_id == note.c.item_id))
    query = query.where(theirs.c.case_id == item.c.case_id, note.c.annotator_id.in_(others), note.c.deleted.is_(False), or_(opposite, same))
    return query.correlate(item).scalar_subquery()


def _mine(asker: Asker) -> Subquery:
    """The items the annotator labelled, holds or skipped a while ago."""
    touched, seen = _touched(asker).subquery("touched"), item.alias("seen")
    columns = (seen.c.subject_id, seen.c.rubric, seen.c.case_id, seen.c.claim_id, seen.c.other_output_id, seen.c.why)
    return select(*columns).select_from(seen.join(touched, touched.c.item_id == seen.c.item_id)).subquery("mine")


def _touched(asker: Asker, *, skipped: bool = True) -> Any:
    """item_id and time of living labels, and of live reservations without one: all, or only those said to be answered."""
    labels = select(note.c.item_id, note.c.created_at.label("at"))
    labels = labels.where(note.c.annotator_id == asker.annotator_id, note.c.deleted.is_(False))
    live = and_(held.c.annotator_id == asker.annotator_id, held.c.expires_at > moment(asker.now))
    places = select(held.c.item_id, held.c.reserved_at).where(live, ~_labelled(held.c.item_id, held.c.annotator_id))
    return union_all(labels, places if skipped else places.where(held.c.outcome == "answered"))


def _next_day(day: str) -> str:
    return (datetime.fromisoformat(day) + timedelta(days=1)).strftime("%Y-%m-%d")
