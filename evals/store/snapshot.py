"""The rows one decision rests on, taken out of a store and put into an empty one: what a bundle holds.

What no verdict reads stays behind: texts of reviews and products, the evidence annotators saw, comments, reports, names of people. People
keep an order and get a number: who voted twice must be seen, who it was need not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Engine, Float, Integer, Select, Table, select
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


def rows_of(engine: Engine, decision: Decision, *, as_of_then: bool) -> Rows:
    """By table name, each by its key. `as_of_then`: as far as the store remembers, as it was when the decision was made; else as it is."""
    with engine.connect() as connection:

        def read(query: Select[Any]) -> list[Row]:
            return [dict(row) for row in connection.execute(query).mappings()]

        def among(table: Table, column: str, values: Iterable[object]) -> list[Row]:
            return [
                row for batch in batches(sorted(set(map(str, values)))) for row in read(select(table).where(table.c[column].in_(batch)))
            ]

        runs = among(t.run, "run_id", (decision.champion_run_id, decision.candidate_run_id))
        names = [run["run_id"] for run in runs]
        members = among(t.dataset_case, "dataset_id", (run["dataset_id"] for run in runs))
        reports = read(select(t.escalation).where(t.escalation.c.feature == decision.feature))
        cases = among(t.case, "case_id", [row["case_id"] for row in (*members, *reports)])
        products = among(t.product, "product_id", (case["product_id"] for case in cases))
        outputs, items, scores = (among(table, "run_id", names) for table in (t.output, t.queue_item, t.score))
        spoken = [output["output_id"] for output in outputs]
        notes = among(t.annotation, "item_id", (item["item_id"] for item in items))
        edits = among(t.annotation_edit, "annotation_id", (note["annotation_id"] for note in notes))
        signatures = {score["signature"] for score in scores}
        certificates = among(t.certificate, "signature", signatures)
        apart = t.audit_event.c.action.in_((EXPOSED, SET_ASIDE))
        rows = {
            "product": products,
            "eval_case": cases,
            "dataset": among(t.dataset, "dataset_id", (run["dataset_id"] for run in runs)),
            "dataset_case": members,
            "variant": among(t.variant, "variant_id", (run["variant_id"] for run in runs)),
            "run": runs,
            "output": outputs,
            "finding": among(t.finding, "output_id", spoken),
            "claim": among(t.claim, "output_id", spoken),
            "score": scores,
            "annotator": among(t.annotator, "annotator_id", (note["annotator_id"] for note in notes)),
            "queue_item": items,
            "annotation": notes,
            "escalation": reports,
            "decision": read(_earlier(decision)),
            "audit_event": [
                row
                for row in read(select(t.audit_event).where(apart))
                if row["subject"] in {product["product_id"] for product in products} | {run["dataset_id"] for run in runs}
            ],
            "certificate": certificates,
            "retest": among(t.retest, "certificate_id", (row["certificate_id"] for row in certificates)),
        }
    if as_of_then:
        rows = _as_of(rows, edits, _moment(decision.created_at))
    return {table.name: _sorted(table, [row | BLANK.get(table.name, {}) for row in _unnamed(rows)[table.name]]) for table in TABLES}


def _earlier(decision: Decision) -> Select[Any]:
    """Decisions about the same two runs but this one: which look it was follows from them."""
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


def _as_of(rows: Rows, edits: Sequence[Row], then: datetime) -> Rows:
    """Without what came later; annotations as they read then, reports as open as they were then."""
    found = dict(rows)
    for name in ("queue_item", "escalation", "decision", "audit_event", "certificate", "retest"):
        found[name] = [row for row in rows[name] if _moment(row["created_at"]) <= then]
    found["annotation"] = list(_notes_as_of(rows["annotation"], edits, then))
    found["escalation"] = [
        row if _before(row["resolved_at"], then) else row | {"resolved_at": None, "withdrawn": False} for row in found["escalation"]
    ]
    people = {row["annotator_id"] for row in found["annotation"]}
    found["annotator"] = [row for row in rows["annotator"] if row["annotator_id"] in people]
    return found


def _notes_as_of(notes: Iterable[Row], edits: Sequence[Row], then: datetime) -> Iterator[Row]:
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
