"""Records to rows and back; the two write statements everything uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Table
from sqlalchemy.dialects import postgresql, sqlite

from evals.records import AspectRow, Passage

Record = TypeVar("Record")
BATCH = 500  # SQLite binds at most 32,766 values a statement

_TUPLES = {"citations", "languages"}
_NESTED = {"passages": Passage, "aspects": AspectRow}


def to_row(record: Any) -> dict[str, Any]:
    """A record's fields as column values; nested records become JSON objects."""
    row = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    for name, value in row.items():
        if name in _NESTED:
            row[name] = [dataclasses.asdict(item) for item in value]
        elif isinstance(value, tuple):
            row[name] = list(value)
        elif name in ("inputs", "settings", "attributes", "detail", "data", "body", "measures") and not isinstance(value, str):
            row[name] = dict(value)
    return row


def from_row(kind: type[Record], row: RowMapping) -> Record:
    """The record of `kind` that `to_row` made this row from; columns that are no field are left out."""
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {name: value for name, value in row.items() if name in names}
    for name in _TUPLES & values.keys():
        values[name] = tuple(values[name])
    for name, nested in _NESTED.items():
        if name in values:
            values[name] = tuple(nested(**item) for item in values[name])
    return kind(**values)


def batches(items: Iterable[Record], size: int = BATCH) -> Iterator[list[Record]]:
    """Lists of at most `size`, lazily."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def insert_missing(connection: Connection, table: Table, records: Sequence[Any]) -> int:
    """Insert the records whose key is not there yet; how many were new. Asked twice, it does nothing the second time."""
    if not records:
        return 0
    statement = _insert(connection, table).values([to_row(record) for record in records]).on_conflict_do_nothing()
    key = next(iter(table.primary_key))
    return len(connection.execute(statement.returning(key)).all())  # rowcount is -1 on PostgreSQL


def upsert(connection: Connection, table: Table, records: Sequence[Any]) -> None:
    """Insert, or replace every non-key column of the row with the same key."""
    if not records:
        return
    statement = _insert(connection, table).values([to_row(record) for record in records])
    keys = [column.name for column in table.primary_key]
    changed = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
