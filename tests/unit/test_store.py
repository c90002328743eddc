"""The store: idempotent by natural key, append-only where it says so, the same on an old file."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from evals import store as store_package
from evals.errors import InputError, UnknownIdError
from evals.paths import ROOT
from evals.records import AuditEvent, Case, Dataset, Output, Product, Promotion, Review, Run, Score, Variant
from evals.store import HEAD, Store, _engine, migrate

NOW = "2026-11-22T12:00:00Z"


@pytest.fixture
def store() -> Store:
    store = Store.open("sqlite://")
    store.catalog.add_products([Product("p1", "Kettle", "kitchen", {"color": "red"})])
    return store


def a_run(store: Store) -> Run:
    case = Case("case-1", "highlights", "p1", "en", "kitchen", {"reviews": 3})
    store.runs.add_dataset(Dataset("dataset-1", "sample", "highlights", 1, NOW), [case])
    store.runs.add_variant(Variant("variant-1", "template", "highlights", {"kind": "template"}))
    return store.runs.add_run(Run("run-1", "highlights", "variant-1", "dataset-1", NOW))


def test_records_come_back_as_they_went_in(store: Store) -> None:
    assert store.catalog.product("p1") == Product("p1", "Kettle", "kitchen", {"color": "red"})
    review = Review("r1", "p1", "ar", "ممتاز", rating=4.5)
    assert (store.catalog.add_reviews([review]), store.catalog.add_reviews([review])) == (1, 0)
    assert list(store.catalog.reviews("p1")) == [review]


def test_a_run_resumed_is_asked_only_for_its_missing_cases(store: Store) -> None:
    run = a_run(store)
    assert [case.case_id for case in store.runs.missing_cases(run)] == ["case-1"]
    output = Output("output-1", "run-1", "case-1", "Good.", "ok", NOW)
    assert (store.runs.add_outputs([output]), store.runs.add_outputs([output])) == (1, 0)
    assert store.runs.missing_cases(run) == []
    assert list(store.runs.outputs("run-1")) == [output]


def test_a_missing_score_is_counted_as_missing_and_not_as_zero(store: Store) -> None:
    a_run(store)
    store.runs.add_outputs([Output("output-1", "run-1", "case-1", "Good.", "ok", NOW)])
    score = Score("run-1", "case-1", "output", "output-1", "length", "v:1", "code", None, "empty output")
    store.runs.add_scores([score])
    store.runs.roll_up("run-1")
    (mean,) = store.runs.score_means("run-1")
    assert (mean.n, mean.missing, mean.mean) == (0, 1, None)


def test_a_run_measured_again_under_another_signature_is_averaged_under_one(store: Store) -> None:
    a_run(store)
    store.runs.add_outputs([Output("output-1", "run-1", "case-1", "Good.", "ok", NOW)])
    old = [Score("run-1", "case-1", "claim", f"claim-{n}", "grounded", "v:1", "code", 0.0) for n in range(2)]
    new = [Score("run-1", "case-1", "claim", f"claim-{n}", "grounded", "v:2", "code", 1.0) for n in range(3)]
    store.runs.add_scores([*old, *new])
    for _ in range(2):  # summed again it is the same
        store.runs.roll_up("run-1")
        (mean,) = store.runs.score_means("run-1")
        assert (mean.n, mean.missing, mean.mean) == (3, 0, 1.0)


def test_a_finished_run_keeps_its_first_finishing_time(store: Store) -> None:
    a_run(store)
    store.runs.finish_run("run-1", NOW)
    store.runs.finish_run("run-1", "2027-01-01T00:00:00Z")
    assert store.runs.run("run-1").finished_at == NOW


def test_the_newest_promotion_serves_and_history_and_audit_log_grow(store: Store) -> None:
    a_run(store)
    for number, time in enumerate((NOW, "2026-12-01T00:00:00Z"), 1):
        promotion = Promotion("highlights", "variant-1", None, "owner", "first", time, number=number)
        assert store.ledger.add_promotion(promotion, AuditEvent(time, "owner", "promote", "variant-1"))
    assert [row.created_at for row in store.ledger.promotions("highlights")] == ["2026-12-01T00:00:00Z", NOW]
    assert len(store.ledger.events()) == 2


def test_what_is_not_stored_is_named(store: Store) -> None:
    with pytest.raises(UnknownIdError, match="no run 'run-9' is stored"):
        store.runs.run("run-9")


def test_a_url_of_another_database_is_refused() -> None:
    with pytest.raises(InputError, match="neither sqlite nor postgresql"):
        Store.open("mysql://localhost/x")


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(store_package.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_file_of_the_first_schema_is_upgraded_and_keeps_its_rows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    old = _engine(url)
    migrate(old, "0001")
    Store(old).catalog.add_products([Product("p1", "Kettle", "kitchen")])
    old.dispose()
    upgraded = Store.open(url)
    assert [product.product_id for product in upgraded.catalog.products()] == ["p1"]
    with upgraded.engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def test_labels_of_the_second_schema_are_upgraded_whole_and_foreign_keys_hold_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    old = _engine(url)
    migrate(old, "0002")
    with old.begin() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for statement in SECOND_SCHEMA:
            connection.exec_driver_sql(statement)
    old.dispose()
    upgraded = Store.open(url)
    (label,) = upgraded.labels.labels()
    assert (label.verdict, label.rubric, label.subject_id, label.claim_id, label.detail) == (
        "grounded",
        "claim-v1",
        "claim-1",
        "claim-1",
        {},
    )
    assert [person.expert for person in upgraded.labels.annotators()] == [False]
    with upgraded.engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []


def test_the_migrations_make_exactly_the_tables_that_a_new_store_gets(tmp_path: Path) -> None:
    stepwise = _engine(f"sqlite:///{tmp_path / 'stepwise.sqlite3'}")
    migrate(stepwise, "0001")
    migrate(stepwise)
    assert _schema(stepwise) == _schema(Store.open(f"sqlite:///{tmp_path / 'new.sqlite3'}").engine)


def _schema(engine: Engine) -> dict[str, object]:
    """Columns, keys and indexes by table, without the order and names that the two ways give by themselves."""
    found = inspect(engine)
    return {
        name: (
            {column["name"]: (str(column["type"]), column["nullable"]) for column in found.get_columns(name)},
            set(found.get_pk_constraint(name)["constrained_columns"]),
            {(key["constrained_columns"][0], key["referred_table"]) for key in found.get_foreign_keys(name)},
            {(index["name"], tuple(index["column_names"]), bool(index["unique"])) for index in found.get_indexes(name)},
        )
        for name in found.get_table_names()
        if name != "alembic_version"
    }


def test_sqlite_writes_ahead_and_checks_foreign_keys(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    with store.engine.connect() as connection:
        pragmas = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "foreign_keys", "busy_timeout")}
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30000}


def test_two_processes_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    script = f"from evals.store import Store; Store.open('sqlite:///{tmp_path / 'new.sqlite3'}').catalog.products()"
    processes = [subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, cwd=ROOT) for _ in range(3)]
    errors = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], errors


SECOND_SCHEMA = (
    "INSERT INTO product VALUES ('p1', 'Kettle', 'kitchen', '{}')",
    "INSERT INTO eval_case VALUES ('case-1', 'highlights', 'p1', 'en', 'kitchen', '{}')",
    "INSERT INTO dataset VALUES ('d1', 'd', 'highlights', 1, 'now')",
    "INSERT INTO variant VALUES ('v1', 'v', 'highlights', '{}')",
    "INSERT INTO run VALUES ('run-1', 'highlights', 'v1', 'd1', 'now', 'now')",
    "INSERT INTO output (output_id, run_id, case_id, text, status, created_at, passages, aspects, prompt_tokens, generated_tokens)"
    " VALUES ('output-1', 'run-1', 'case-1', 'Fine.', 'ok', 'now', '[]', '[]', 0, 0)",
    "INSERT INTO claim VALUES ('claim-1', 'output-1', 0, 'Fine.', 0, 5, '[]')",
    "INSERT INTO annotator VALUES ('ann', 'a@example.org', 'Ann', '[\"en\"]', 0)",
    "INSERT INTO queue_item (item_id, queue, feature, language, rubric, run_id, case_id, output_id, claim_id, why, probability, overlap,"
    " created_at, data) VALUES ('item-1', 'highlights/en/claim-v1', 'highlights', 'en', 'claim-v1', 'run-1', 'case-1', 'output-1',"
    " 'claim-1', 'random audit', 1.0, 1, 'now', '{}')",
    "INSERT INTO annotation VALUES ('note-1', 'item-1', 'ann', 'grounded', NULL, 'now', 'now', NULL, 0)",
    "INSERT INTO studio_task VALUES ('item-1', 'http://x', 1, 1)",
)
