"""One process at a time, where two at once would get in each other's way; whoever comes second waits.

A turn ends with the process that holds it, however that ends: it is a lock of the operating system beside an SQLite file, a lock of the
session on PostgreSQL. A store in memory is its process's own and needs none.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from evals.identity import sha256


@contextmanager
def turn(engine: Engine, name: str) -> Iterator[None]:
    """Wait for, and hold, the turn called `name` among all who use this database."""
    database = engine.url.database
    if engine.dialect.name == "postgresql":
        yield from _on_postgresql(engine, name)
    elif database in (None, "", ":memory:"):
        yield
    else:
        with Path(f"{database}.{sha256(name)[:12]}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _on_postgresql(engine: Engine, name: str) -> Iterator[None]:
    number = {"number": int(sha256(f"plumbline {name}")[:15], 16)}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:number)"), number)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:number)"), number)
