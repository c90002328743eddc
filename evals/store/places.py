"""Conditions on a queued item, put together in `evals.store.desk`: is a place free, is the annotator new to it, have they seen too much.

Everything that changes from question to question is a named parameter (`ME`, `NOW` …), so that a statement is built once: building costs
ten times what SQLite needs to answer.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, String, Subquery, and_, bindparam, func, or_, select, union_all

from evals.store import tables

OPEN_TO_ALL = ("gold", "control")  # everybody answers each of these once

item, note, held, key, sent = tables.queue_item, tables.annotation, tables.reservation, tables.answer_key, tables.studio_task

# "an_" because the names of columns mean something else to an INSERT
ME, NOW, SERVER = (bindparam(name, type_=String()) for name in ("an_annotator", "an_instant", "an_url"))
LANGUAGE, LANGUAGES = bindparam("a_language", type_=String()), bindparam("the_languages", type_=String(), expanding=True)
RUBRICS, CLOSED, OTHERS = (bindparam(name, type_=String(), expanding=True) for name in ("the_rubrics", "the_closed", "the_others"))
OTHERS_COUNT = bindparam("others_count", type_=Integer())


def is_sent() -> ColumnElement[bool]:
    """The item has a task on the server."""
    return and_(sent.c.item_id == item.c.item_id, sent.c.server_url == SERVER)


def has_place() -> ColumnElement[bool]:
    """Gold and controls always; else while fewer than the overlap have labelled it or are about to."""
    labels, waiting = takers()
    return or_(item.c.why.in_(OPEN_TO_ALL), and_(labels < item.c.overlap, labels + waiting < item.c.overlap))  # most are full of labels


def takers() -> tuple[ColumnElement[int], ColumnElement[int]]:
    """How many people labelled the item, and how many others are about to or have, though it was not collected yet."""
    labels = select(func.count()).select_from(note).where(note.c.item_id == item.c.item_id, note.c.deleted.is_(False))
    holds = and_(held.c.item_id == item.c.item_id, held.c.expires_at > NOW, func.coalesce(held.c.outcome, "") != "skipped")
    waiting = select(func.count()).select_from(held).where(holds, ~is_labelled())
    return labels.correlate(item).scalar_subquery(), waiting.correlate(item).scalar_subquery()


@cache
def is_labelled() -> ColumnElement[bool]:
    """The holder of a reservation has labelled its item."""
    theirs = note.alias("theirs")
    same = (theirs.c.item_id == held.c.item_id, theirs.c.annotator_id == held.c.annotator_id, theirs.c.deleted.is_(False))
    return select(theirs.c.annotation_id).where(*same).correlate(held).exists()


def is_new() -> ColumnElement[bool]:
    """Neither this item nor another copy of its subject was before the annotator under this rubric."""
    return _asked(item).not_in(select(_asked(mine())))


def is_unvoted() -> ColumnElement[bool]:
    """The annotator had no vote on the claim, under any rubric."""
    return func.coalesce(item.c.claim_id, item.c.subject_id).not_in(select(func.coalesce(mine().c.claim_id, mine().c.subject_id)))


def is_unsettled() -> ColumnElement[bool]:
    """The annotator did not settle a conflict about the subject: they would judge it knowing what the others said."""
    return item.c.subject_id.not_in(select(mine().c.subject_id).where(mine().c.why == "adjudication"))


def is_spoilt() -> ColumnElement[bool]:
    """A pair of whose case the annotator judged one side, or a side of a case whose pair they judged."""
    case_id, is_pair, seen = func.coalesce(item.c.case_id, ""), item.c.other_output_id.is_not(None), mine()
    of_case = seen.c.case_id.is_not(None)
    sides = select(seen.c.case_id).where(of_case, seen.c.other_output_id.is_(None))
    pairs = select(seen.c.case_id).where(of_case, seen.c.other_output_id.is_not(None))
    return or_(and_(is_pair, case_id.in_(sides)), and_(~is_pair, case_id.in_(pairs)))


def is_spoilt_for_others() -> ColumnElement[bool]:
    """Each of the others had the other side of the item's case before them, or its subject itself."""
    theirs, who = item.alias("of_others"), tables.annotator.c.annotator_id
    opposite = theirs.c.other_output_id.is_(None) == item.c.other_output_id.is_not(None)
    same = and_(theirs.c.subject_id == item.c.subject_id, theirs.c.rubric == item.c.rubric)
    labels = select(note.c.item_id).where(note.c.item_id == theirs.c.item_id, note.c.annotator_id == who, note.c.deleted.is_(False))
    places = select(held.c.item_id).where(held.c.item_id == theirs.c.item_id, held.c.annotator_id == who, held.c.expires_at > NOW)
    had = or_(labels.correlate(theirs, tables.annotator).exists(), places.correlate(theirs, tables.annotator).exists())
    seen = select(theirs.c.item_id).where(theirs.c.case_id == item.c.case_id, or_(opposite, same), had)
    query = select(func.count(who)).where(who.in_(OTHERS), seen.correlate(item, tables.annotator).exists())
    return query.correlate(item).scalar_subquery() >= OTHERS_COUNT


@cache
def mine() -> Subquery:
    """The items the annotator labelled, holds or skipped a while ago."""
    touched_by_me, seen = touched().subquery("touched"), item.alias("seen")
    columns = (seen.c.subject_id, seen.c.rubric, seen.c.case_id, seen.c.claim_id, seen.c.other_output_id, seen.c.why)
    return select(*columns).select_from(seen.join(touched_by_me, touched_by_me.c.item_id == seen.c.item_id)).subquery("mine")


def touched(*, skipped: bool = True) -> Any:
    """item_id and time of the annotator's labels, and of their live reservations without one: all, or only those said to be answered."""
    labels = select(note.c.item_id, note.c.created_at.label("at")).where(note.c.annotator_id == ME, note.c.deleted.is_(False))
    places = select(held.c.item_id, held.c.reserved_at).where(held.c.annotator_id == ME, held.c.expires_at > NOW, ~is_labelled())
    return union_all(labels, places if skipped else places.where(held.c.outcome == "answered"))


def _asked(rows: FromClause) -> ColumnElement[str]:
    """One text, not a pair: of pairs SQLite looks through the whole list for every row that is not in it."""
    return rows.c.subject_id.concat("/").concat(rows.c.rubric)
