"""The rows one decision rests on, taken out of a store and put into an empty one: what a bundle holds.

What no verdict reads stays behind: texts of reviews and products, the evidence annotators saw, comments, reports, names of people. People
keep an order and get a number: who voted twice must be seen, who it was need not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import JSON, Boolean, Column, Connection, Engine, Float, Integer, Select, Table, select
from sqlalchemy.exc import SQLAlchemyError

from evals.errors import InputError
from evals.records import Decision
from evals.store import tables as t
from evals.store.exposure import EXPOSED, SET_ASIDE
from evals.store.rows import batches

Row = dict[str, Any]
Rows = dict[str, list[Row]]

TABLES = (
    t.product, t.case, t.dataset, t.dataset_case, t.variant, t.run, t.output, t.finding, t.claim, t.score, t.annotator, t.queue_item,
    t.annotation, t.escalation, t.decision, t.audit_event, t.certificate, t.retest,
)  # fmt: skip
# What is put in the place of what stays behind.
BLANK: dict[str, Row] = {
    "product": {"title": "", "category": "", "attributes": {}},
    "output": {"passages": [], "aspects": []},
    "finding": {"detail": ""},
    "score": {"detail": {}},
    "annotator": {"email": "", "name": "", "daily_limit": None, "paused_because": None},
    "queue_item": {"data": {}},
    "annotation": {"comment": None, "detail": {}, "lead_time_s": None},
    "escalation": {"report": "", "reporter": "", "resolution": None},
    "audit_event": {"actor": "", "detail": {}, "hash": ""},
}
MOST_INTEGER = 2**63 - 1


class _Reader(NamedTuple):
    """Rows as mappings, of one connection."""

    connection: Connection

    def read(self, query: Select[Any]) -> list[Row]:
        return [dict(row) for row in self.connection.execute(query).mappings()]

    def among(self, table: Table, column: str, rows: Iterable[Row]) -> list[Row]:
        """Rows of a table whose `column` is that of any of these rows."""
        values = sorted({str(row[column]) for row in rows})
        return [row for batch in batches(values) for row in self.read(select(table).where(table.c[column].in_(batch)))]


def rows_of(engine: Engine, decision: Decision, *, as_of_then: bool) -> Rows:
    """By table name, each by its key. `as_of_then`: as far as the store remembers, as it was when the decision was made; else as it is."""
    with engine.connect() as connection:
        reader = _Reader(connection)
        runs = reader.among(t.run, "run_id", [{"run_id": decision.champion_run_id}, {"run_id": decision.candidate_run_id}])
        rows = _inputs(reader, decision, runs) | _answers(reader, runs) | _people(reader, runs)
        rows |= _judges(reader, rows["score"]) | {"run": runs, "decision": reader.read(_others(decision))}
    if as_of_then:
        rows = _as_of(rows, _moment(decision.created_at))
    rows = _unnamed(rows)
    return {table.name: _sorted(table, [row | BLANK.get(table.name, {}) for row in rows[table.name]]) for table in TABLES}


def _inputs(reader: _Reader, decision: Decision, runs: list[Row]) -> Rows:
    """What was asked, of which products, and what customers reported; with what says that a product was given to training."""
    members = reader.among(t.dataset_case, "dataset_id", runs)
    reports = reader.read(select(t.escalation).where(t.escalation.c.feature == decision.feature))
    cases = reader.among(t.case, "case_id", [*members, *reports])
    subjects = {case["product_id"] for case in cases} | {run["dataset_id"] for run in runs}
    apart = reader.read(select(t.audit_event).where(t.audit_event.c.action.in_((EXPOSED, SET_ASIDE))))
    return {
        "product": reader.among(t.product, "product_id", cases),
        "eval_case": cases,
        "dataset": reader.among(t.dataset, "dataset_id", runs),
        "dataset_case": members,
        "variant": reader.among(t.variant, "variant_id", runs),
        "escalation": reports,
        "audit_event": [event for event in apart if event["subject"] in subjects],
    }


def _answers(reader: _Reader, runs: list[Row]) -> Rows:
    """What was said, what rails found in it, what it claims, how it scores."""
    outputs = reader.among(t.output, "run_id", runs)
    return {
        "output": outputs,
        "finding": reader.among(t.finding, "output_id", outputs),
        "claim": reader.among(t.claim, "output_id", outputs),
        "score": reader.among(t.score, "run_id", runs),
    }


def _people(reader: _Reader, runs: list[Row]) -> Rows:
    """What people were asked and what they said, now and before."""
    items = reader.among(t.queue_item, "run_id", runs)
    notes = reader.among(t.annotation, "item_id", items)
    return {
        "queue_item": items,
        "annotation": notes,
        "annotation_edit": reader.among(t.annotation_edit, "annotation_id", notes),
        "annotator": reader.among(t.annotator, "annotator_id", notes),
    }


def _judges(reader: _Reader, scores: list[Row]) -> Rows:
    """Certificates of whatever scored."""
    certificates = reader.among(t.certificate, "signature", scores)
    return {"certificate": certificates, "retest": reader.among(t.retest, "certificate_id", certificates)}


def _others(decision: Decision) -> Select[Any]:
    """The other decisions about the same two runs: which look this one was follows from them."""
    d = t.decision.c
    same = (d.champion_run_id == decision.champion_run_id, d.candidate_run_id == decision.candidate_run_id)
    return select(t.decision).where(*same, d.decision_id != decision.decision_id)


def _unnamed(rows: Rows) -> Rows:
    """People by number, and what carries a hash of a person or of a report too: whoever guesses an address could try it. Numbers keep the
    order of the ids, so whatever sorts by them, as a consensus may do, gives the same."""
    found = dict(rows)
    for column, names in (
        ("annotator_id", ("annotator", "annotation")),
        ("annotation_id", ("annotation",)),
        ("escalation_id", ("escalation",)),
    ):
        ids = sorted({row[column] for name in names for row in rows[name]})
        number = {one: f"{column.removesuffix('_id')}-{place:07}" for place, one in enumerate(ids, 1)}
        found |= {name: [row | {column: number[row[column]]} for row in found[name]] for name in names}
    return found


def _sorted(table: Table, rows: Iterable[Row]) -> list[Row]:
    keys = [column.name for column in table.primary_key]
    return sorted(rows, key=lambda row: tuple((str(type(row[key])), row[key]) for key in keys))


# ---------------------------------------------------------------------------------------------- as it was then


def _as_of(rows: Rows, then: datetime) -> Rows:
    """Without what came later; annotations as they read then, reports as open as they were then."""
    found = dict(rows)
    for name in ("queue_item", "escalation", "decision", "audit_event", "certificate", "retest"):
        found[name] = [row for row in rows[name] if _moment(row["created_at"]) <= then]
    found["annotation"] = list(_notes_as_of(rows["annotation"], rows["annotation_edit"], then))
    found["escalation"] = [
        row if _before(row["resolved_at"], then) else row | {"resolved_at": None, "withdrawn": False} for row in found["escalation"]
    ]
    people = {row["annotator_id"] for row in found["annotation"]}
    found["annotator"] = [row for row in rows["annotator"] if row["annotator_id"] in people]
    return found


def _notes_as_of(notes: Iterable[Row], edits: Iterable[Row], then: datetime) -> Iterator[Row]:
    said: dict[str, list[Row]] = defaultdict(list)
    for edit in edits:
        if _before(edit["updated_at"], then):
            said[edit["annotation_id"]].append(edit)
    for note in notes:
        if _before(note["updated_at"], then):
            yield note
        elif note["annotation_id"] in said:
            yield note | max(said[note["annotation_id"]], key=lambda edit: _moment(edit["updated_at"]))


def _before(time: str | None, then: datetime) -> bool:
    return time is not None and _moment(time) <= then


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# ---------------------------------------------------------------------------------------------- back into a store


def fill(engine: Engine, rows: Mapping[str, Iterable[Row]]) -> None:
    """Put rows into an empty store in memory, without checking foreign keys: a bundle holds no more parents than a verdict reads.

    Raises InputError naming table, row and column for what does not fit.
    """
    by_name = {table.name: table for table in TABLES}
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.commit()
    with engine.begin() as connection:
        for name, given in rows.items():
            table = by_name.get(name)
            if table is None:
                raise InputError(f"rows of {name[:40]!r}: no such table here")
            for batch in batches(_checked(table, given)):
                try:
                    connection.execute(table.insert(), batch)
                except (SQLAlchemyError, UnicodeError) as error:
                    raise InputError(f"{name}: rows that cannot be stored: {str(getattr(error, 'orig', error))[:200]}") from None


def _checked(table: Table, rows: Iterable[Row]) -> Iterator[Row]:
    names = {column.name for column in table.columns}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or row.keys() != names:
            given = set(row) if isinstance(row, dict) else set()
            raise InputError(f"{table.name}, row {number}: columns differ from ours: {sorted(map(str, given ^ names))[:5]}")
        for column in table.columns:
            if not _fits(column, row[column.name]):
                raise InputError(f"{table.name}, row {number}: {column.name} cannot be {str(row[column.name])[:60]!r}")
        yield row


def _fits(column: Column[Any], value: object) -> bool:
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, JSON):
        return isinstance(value, dict | list)
    if isinstance(column.type, Boolean):
        return isinstance(value, bool)
    if isinstance(column.type, Integer):
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST_INTEGER
    if isinstance(column.type, Float):
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
    return isinstance(value, str)
