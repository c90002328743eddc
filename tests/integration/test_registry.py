"""Champions with real databases and real processes: two promotions at once, a stop at any moment, and the commands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Barrier

import pytest
from champions import add_runs, decided, variant_id
from sqlalchemy import text
from support import NOW

from evals import registry
from evals.errors import InputError
from evals.paths import ROOT
from evals.records import AuditEvent, Promotion
from evals.registry import audit
from evals.registry.webhooks import endpoints
from evals.store import Store, _engine, migrate

WHO = {"actor": "ada", "reason": "shown to be as good", "now": "2026-12-01T00:00:00Z"}
NAMES = [f"variant {number}" for number in range(9)]
DETAIL = '{"feature": "highlights", "decision_id": null, "reason": "r"}'
TELL = endpoints("http://127.0.0.1:9/hook")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else f"sqlite:///{tmp_path / 'store.sqlite3'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    made = Store.open(url)
    add_runs(made, NAMES)
    registry.install(made, "highlights", variant_id(NAMES[0]), **WHO)
    yield made
    made.close()


def test_of_eight_promotions_at_once_that_compared_with_one_champion_exactly_one_happens(store: Store, url: str) -> None:
    decisions = [decided(store, NAMES[0], name).decision_id for name in NAMES[1:]]
    together = Barrier(len(decisions))

    def promote(decision_id: str) -> Promotion | InputError:
        own = Store.open(url)
        together.wait()
        try:
            return registry.promote(own, decision_id, tell=TELL, **WHO)
        except InputError as error:
            return error
        finally:
            own.close()

    with ThreadPoolExecutor(len(decisions)) as threads:
        came_to = list(threads.map(promote, decisions))
    (won,) = [one for one in came_to if isinstance(one, Promotion)]
    lost = [str(one) for one in came_to if isinstance(one, InputError)]
    assert len(lost) == 7 and all(f"but {won.variant_id} serves highlights" in error for error in lost)
    assert registry.champion(store, "highlights") == won and len(store.ledger.promotions("highlights")) == 2
    assert len(store.deliveries.all()) == 1 and audit.verify(store).events == 2


def test_one_promotion_asked_for_eight_times_at_once_happens_once(store: Store, url: str) -> None:
    decision = decided(store, NAMES[0], NAMES[1]).decision_id

    def promote(_: int) -> Promotion:
        own = Store.open(url)
        try:
            return registry.promote(own, decision, tell=TELL, **WHO)
        finally:
            own.close()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(promote, range(8)))) == 1
    assert len(store.ledger.promotions("highlights")) == 2 and len(store.deliveries.all()) == 1


def test_of_many_rollbacks_at_once_one_goes_back_one_step(store: Store, url: str) -> None:
    for champion, candidate in pairwise(NAMES[:5]):
        registry.promote(store, decided(store, champion, candidate).decision_id, **WHO)
    together = Barrier(6)

    def back(_: int) -> Promotion | InputError:
        own = Store.open(url)
        serving = own.ledger.promotions("highlights")[0].variant_id
        together.wait()
        try:
            return registry.rollback(own, "highlights", bad=serving, **WHO)
        except InputError as error:
            return error
        finally:
            own.close()

    with ThreadPoolExecutor(6) as threads:
        came_to = list(threads.map(back, range(6)))
    assert sum(isinstance(one, Promotion) for one in came_to) == 1
    serving = registry.champion(store, "highlights")
    assert serving is not None and serving.variant_id == variant_id(NAMES[3])


def test_changes_of_different_marketplaces_at_once_all_happen(store: Store, url: str) -> None:
    decision = decided(store, NAMES[0], NAMES[1]).decision_id
    places = ("DE", "FR", "IT", "US", "JP", "IN")

    def promote(place: str) -> Promotion:
        own = Store.open(url)
        try:
            return registry.promote(own, decision, marketplace=place, **WHO)
        finally:
            own.close()

    with ThreadPoolExecutor(len(places)) as threads:
        made = list(threads.map(promote, places))
    assert sorted(one.number for one in made) == [2, 3, 4, 5, 6, 7]
    assert audit.verify(store).events == 7


def test_events_written_by_many_at_once_make_one_chain(store: Store, url: str) -> None:
    def write(who: int) -> None:
        own = Store.open(url)
        for number in range(10):
            own.ledger.add_event(AuditEvent(NOW, f"writer {who}", "note", str(number)))
        own.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(6)))
    assert audit.verify(store).events == 61
    assert [event.number for event in store.ledger.chain()] == list(range(1, 62))


KILLED = """
import os, signal, sys
from evals import registry
from evals.registry.webhooks import endpoints
from evals.store import Store, ledger
real, calls = ledger.insert_missing, []
def insert(connection, table, records):
    done = real(connection, table, records)
    calls.append(table.name)
    if table.name == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
    return done
ledger.insert_missing = insert
registry.promote(Store.open(sys.argv[1]), sys.argv[2], actor="ada", reason="r", now="2026-12-01T00:00:00Z",
                 tell=endpoints("http://127.0.0.1:9/hook"))
"""


@pytest.mark.parametrize("moment", ["promotion", "delivery"])
def test_killed_in_the_middle_of_a_promotion_nothing_of_it_is_there_and_asking_again_does_all_of_it(
    store: Store, url: str, moment: str
) -> None:
    decision = decided(store, NAMES[0], NAMES[1]).decision_id
    killed = subprocess.run([sys.executable, "-c", KILLED, url, decision, moment], cwd=ROOT, capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr.decode()
    assert len(store.ledger.promotions("highlights")) == 1 == audit.verify(store).events and not store.deliveries.all()
    registry.promote(store, decision, tell=TELL, **WHO)
    assert len(store.deliveries.all()) == 1 and audit.verify(store).events == 2


def test_an_older_database_is_brought_up_whole_and_goes_on(url: str) -> None:
    old = _engine(url)
    migrate(old, "0005")
    with old.begin() as connection:
        for number in (0, 1):
            connection.execute(
                text("INSERT INTO variant VALUES (:id, :name, 'highlights', '{}')"),
                {"id": variant_id(NAMES[number]), "name": NAMES[number]},
            )
        for day, action in enumerate(("install", "promote", "rollback"), 1):
            row = {"v": variant_id(NAMES[day % 2]), "t": f"2026-11-0{day}T00:00:00Z", "a": action, "d": DETAIL}
            connection.execute(
                text("INSERT INTO promotion (feature, variant_id, actor, reason, created_at) VALUES ('highlights', :v, 'ada', 'r', :t)"),
                row,
            )
            connection.execute(
                text("INSERT INTO audit_event (created_at, actor, action, subject, detail) VALUES (:t, 'ada', :a, :v, :d)"), row
            )
    old.dispose()
    store = Store.open(url)
    assert [(row.action, row.before) for row in store.ledger.promotions("highlights")] == [
        ("rollback", None),
        ("promote", 1),
        ("install", None),
    ]
    assert audit.verify(store).events == 3
    add_runs(store, NAMES)
    registry.promote(store, decided(store, NAMES[1], NAMES[2]).decision_id, **WHO)
    assert registry.rollback(store, "highlights", **WHO).variant_id == variant_id(NAMES[1])
    assert audit.verify(store).events == 5
    store.close()


# ---------------------------------------------------------------------------------------------- the commands


def plumb(*words: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"PLUMBLINE_HOME": str(home), "PATH": "/usr/bin:/bin", "COLUMNS": "250", **environment}
    return subprocess.run([sys.executable, "-m", "workbench", *words], cwd=ROOT, env=given, capture_output=True, text=True, check=False)


def test_from_the_first_champion_to_a_rollback_by_command(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'plumbline.sqlite3'}")
    add_runs(store, NAMES[:3])
    decision = decided(store, NAMES[0], NAMES[1]).decision_id
    store.close()
    hooks = {"PLUMBLINE_WEBHOOKS": "http://127.0.0.1:9/T0KEN", "PLUMBLINE_WEBHOOK_SECRET": "s3cret"}
    assert plumb("install", "highlights", NAMES[0], "--actor", "ada", home=tmp_path).returncode == 0
    promoted = plumb("promote", decision, "--actor", "ada", "--marketplace", "DE", home=tmp_path, **hooks)
    assert promoted.returncode == 0 and "serves highlights in DE since" in promoted.stdout
    assert "1 webhooks did not go through and wait" in promoted.stderr

    live = json.loads(plumb("history", "highlights", "--marketplace", "DE", "--on", "2099-01-01", "--json", home=tmp_path).stdout)
    (row,) = live["served"]
    assert (row["variant"], row["decision"]["outcome"], row["actor"]) == (NAMES[1], "promote", "ada")
    shown = plumb("history", "highlights", "--marketplace", "DE", "--on", "2099-01-01", home=tmp_path)
    assert "Promote: variant 1 against variant 0" in shown.stdout

    waiting = plumb("webhooks", "list", home=tmp_path, **hooks)
    assert "127.0.0.1" in waiting.stdout and "ConnectError" in waiting.stdout
    back = plumb("rollback", "highlights", "--marketplace", "DE", "--actor", "bob", "--reason", "complaints", home=tmp_path)
    assert "serves highlights in DE again, as everywhere else" in back.stdout
    refused = plumb("promote", decision, "--actor", "ada", home=tmp_path)
    assert refused.returncode == 2 and "was rolled back at" in refused.stderr

    end = json.loads(plumb("audit", "--verify", "--json", home=tmp_path).stdout)["end"]
    assert plumb("audit", "--end", end, home=tmp_path).returncode == 0
    assert plumb("audit", "--verify", "--end", "nothing", home=tmp_path).returncode == 2
    everything = "".join(done.stdout + done.stderr for done in (promoted, shown, waiting, back, refused))
    assert "T0KEN" not in everything and "s3cret" not in everything
    bad = plumb("promote", decision, "--actor", "ada", home=tmp_path, PLUMBLINE_WEBHOOK_SECRET="whsec_!", PLUMBLINE_WEBHOOKS="")
    assert bad.returncode == 2 and "not base64" in bad.stderr
