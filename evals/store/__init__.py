"""The only place that speaks SQL: SQLite embedded by default, PostgreSQL by URL. Records in, records out.

>>> store = Store.open("sqlite://")
>>> store.catalog.products()
[]
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.pool import StaticPool

from evals import paths
from evals.errors import InputError, RetryError
from evals.store import tables
from evals.store.backlog import Backlog
from evals.store.catalog import Catalog, ReviewCount
from evals.store.comparisons import Comparisons, Pair, PairedMean
from evals.store.contested import Contested, ContestedClaim, ScoredClaims
from evals.store.coverage import CatalogTotals, Coverage, CoveredProduct
from evals.store.deliveries import Deliveries
from evals.store.desk import Asker, Desk, Tally
from evals.store.escalations import Escalations
from evals.store.exposure import Exposure
from evals.store.findings import Findings, Found, HitCount, Judged
from evals.store.judging import Judging, Spent
from evals.store.labels import Labels
from evals.store.ledger import Ledger
from evals.store.people import Disagreement, People, Time, Worked
from evals.store.programme import Month, Programme, Reads
from evals.store.queue import Queue, QueueStatus
from evals.store.runs import Runs, RunTotals, ScoreMean

__all__ = [
    "Asker",
    "Backlog",
    "Catalog",
    "CatalogTotals",
    "Comparisons",
    "Contested",
    "ContestedClaim",
    "Coverage",
    "CoveredProduct",
    "Deliveries",
    "Desk",
    "Disagreement",
    "Escalations",
    "Exposure",
    "Findings",
    "Found",
    "HitCount",
    "Judged",
    "Judging",
    "Labels",
    "Ledger",
    "Month",
    "Pair",
    "PairedMean",
    "People",
    "Programme",
    "Queue",
    "QueueStatus",
    "Reads",
    "ReviewCount",
    "RunTotals",
    "Runs",
    "ScoreMean",
    "ScoredClaims",
    "Spent",
    "Store",
    "Tally",
    "Time",
    "Worked",
]

HEAD = "0007"  # the newest migration; a test compares it with the scripts


class Store:
    """The system of record, in its parts: `catalog`, `runs`, `comparisons`, `coverage`, `queue`, `labels`, `desk`, `escalations`,
    `exposure`, `people`, `judging`, `findings`, `contested`, `ledger`, `deliveries`, `programme`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.catalog = Catalog(engine)
        self.runs = Runs(engine)
        self.comparisons = Comparisons(engine)
        self.coverage = Coverage(engine)
        self.queue = Queue(engine)
        self.labels = Labels(engine)
        self.desk = Desk(engine)
        self.escalations = Escalations(engine)
        self.exposure = Exposure(engine)
        self.people = People(engine)
        self.judging = Judging(engine)
        self.findings = Findings(engine)
        self.contested = Contested(engine)
        self.ledger = Ledger(engine)
        self.deliveries = Deliveries(engine)
        self.programme = Programme(engine)

    @classmethod
    def open(cls, url: str | None = None) -> Store:
        """The store at `url` (else ``PLUMBLINE_DATABASE_URL``, else the embedded one), brought to the newest schema.

        Raises InputError for a URL that cannot be one and RetryError when the server does not answer.
        """
        engine = _engine(url or paths.database_url())
        try:
            migrate(engine)
        except OperationalError as error:
            raise RetryError(f"{engine.url.render_as_string()}: the database does not answer: {error.orig}") from error
        return cls(engine)

    def close(self) -> None:
        self.engine.dispose()


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to `revision`; costs one query when it is there already. Two processes may ask at once."""
    if revision == "head" and _version(engine) == HEAD:
        return
    try:
        _upgrade(engine, revision)
    except (OperationalError, ProgrammingError, IntegrityError):
        if not _done_by_another(engine):
            raise


def _upgrade(engine: Engine, revision: str) -> None:
    with engine.connect() as connection, _alone(connection):
        if revision == "head" and not inspect(connection).get_table_names():
            _create(connection)
        else:
            _run_migrations(connection, revision)
        connection.commit()


def _create(connection: Connection) -> None:
    """A new database gets the newest tables at once, ten times faster than step by step; a test compares the two ways."""
    tables.metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _run_migrations(connection: Connection, revision: str) -> None:
    from alembic import command  # 0.3 s: only when there is something to do
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """All or nothing, also on SQLite: there a table is changed by copying it, which its foreign keys would forbid, and a transaction that
    changes tables must be begun by hand."""
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.rollback()  # nothing is left to undo unless something failed
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.commit()


def _done_by_another(engine: Engine, patience_s: float = 20.0) -> bool:
    """Whether a process that began before us brings the schema to HEAD within `patience_s`."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with suppress(OperationalError):
            if _version(engine) == HEAD:
                return True
        time.sleep(0.1)
    return False


def _version(engine: Engine) -> str | None:
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InputError(f"database URL: {error}") from error
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if parsed.get_backend_name() != "sqlite":
        raise InputError(f"database URL: {parsed.get_backend_name()!r} is neither sqlite nor postgresql")
    return _sqlite(parsed.database or "")


def _sqlite(database: str) -> Engine:
    if database in ("", ":memory:"):
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(f"sqlite:///{database}")
    event.listen(engine, "connect", _pragmas)
    return engine


def _pragmas(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=30000", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
