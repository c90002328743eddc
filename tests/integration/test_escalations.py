"""Reports over HTTP from a real server, from the command line, from two at once, and after a kill: hidden at once, never twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from reported import LATER, REPORT, answer, report, serving
from support import TwoRuns, two_runs

from annotators.customers import reports
from annotators.customers.escalations import MAX_REPORT, queue_regressions, resolve
from annotators.label_studio import receiver
from evals.errors import InputError, RetryError
from evals.paths import ROOT
from evals.publication import REPORTED, published
from evals.store import Store

SECRET = "c0" * 32
OURS = {"Authorization": f"Bearer {SECRET}"}
GIVEN = {"feature": "highlights", "product_id": "product-1", "language": "ja", "report": REPORT}
HOSTILE = "<script>alert(1)</script> \u202egnp.exe \0 \u200b =cmd|' /C calc'!A0 '; DROP TABLE escalation; --"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'plumbline.sqlite3'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store.open(url)
    yield store
    store.close()


@pytest.fixture
def runs(store: Store) -> TwoRuns:
    return serving(store, two_runs(store, ("en", "ja"), products=2, wrong_every=0))


@pytest.fixture
def http(url: str, runs: TwoRuns) -> Iterator[httpx.Client]:
    """The receiver with the routes of reports, over a store of its own."""
    opened: list[Store] = []

    def factory() -> Store:
        opened.append(Store.open(url))
        return opened[-1]

    application = receiver.app(lambda _: None, "webhooks", reports.routes(factory, SECRET, now=lambda: LATER))
    with receiver.serve(application, 0) as served, httpx.Client(base_url=served.url, headers=OURS, timeout=30) as client:
        yield client
    for each in opened:
        each.close()


def seen(http: httpx.Client, product: str = "product-1", language: str = "ja") -> httpx.Response:
    return http.get(f"/highlights/{product}", params={"language": language}, headers={"Authorization": ""})


# ---------------------------------------------------------------------------------------------- HTTP


def test_a_report_hides_the_text_before_it_is_answered(http: httpx.Client, store: Store) -> None:
    before = seen(http)
    assert before.status_code == 200 and before.json()["text"] and before.json()["passages"][0]["number"] == 1
    answered = http.post("/escalations", json=GIVEN)
    [escalation] = store.escalations.all()
    assert answered.status_code == 201
    assert answered.json() == {"escalation_id": escalation.escalation_id, "output_id": before.json()["output_id"], "hidden": True}
    after = seen(http)
    assert after.status_code == 404 and after.json()["hidden"] is True and after.json()["because"] == REPORTED
    assert "text" not in after.json() and after.headers["Cache-Control"] == "no-store"
    assert seen(http, language="en").status_code == 200
    assert len(store.queue.items(why="escalated")) == 3


def test_the_same_report_again_is_known_and_says_whether_the_text_is_still_hidden(http: httpx.Client, store: Store) -> None:
    first = http.post("/escalations", json=GIVEN).json()
    again = http.post("/escalations", json=GIVEN | {"reporter": None, "question": None})
    assert (again.status_code, again.json()) == (200, first)
    answer(store)
    resolve(store, first["escalation_id"], "two people checked it", "owner", LATER)
    assert http.post("/escalations", json=GIVEN).json()["hidden"] is False
    assert seen(http).status_code == 200


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", f"Bearer {SECRET[:-1]}", f"Bearer {SECRET}0", f"Basic {SECRET}", SECRET, "Bearer sécret"]
)
def test_without_the_secret_nothing_happens(http: httpx.Client, store: Store, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given.encode("latin-1")}
    answered = httpx.post(f"{http.base_url}/escalations", json=GIVEN, headers=headers)
    assert answered.status_code == 401 and answered.headers["WWW-Authenticate"] == "Bearer"
    assert store.escalations.all() == []


def test_routes_without_a_secret_are_not_made() -> None:
    with pytest.raises(InputError, match="secret for reports is empty"):
        reports.routes(Store.open, "", now=lambda: LATER)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"feature": "listing"}, "feature"),
        ({"feature": ["highlights"]}, "feature"),
        ({"language": "xx"}, "language"),
        ({"language": "JA"}, "language"),
        ({"product_id": ""}, "product_id"),
        ({"product_id": 7}, "product_id"),
        ({"product_id": "x" * 129}, "product_id"),
        ({"report": " \n"}, "report"),
        ({"report": None}, "report"),
        ({"report": "x" * (MAX_REPORT + 1)}, "report"),
        ({"reporter": {"name": "x"}}, "reporter"),
        ({"output_id": True}, "output_id"),
        ({"hidden": True}, "hidden"),
        ({"\ud800": "x"}, "?"),
    ],
)
def test_a_wrong_field_is_named(http: httpx.Client, store: Store, change: dict[str, object], field: str) -> None:
    answered = http.post("/escalations", content=json.dumps(GIVEN | change))
    assert answered.status_code == 422 and answered.json()["field"] == field
    assert store.escalations.all() == []


@pytest.mark.parametrize("missing", ["feature", "product_id", "language", "report"])
def test_a_missing_field_is_named(http: httpx.Client, missing: str) -> None:
    answered = http.post("/escalations", json={name: value for name, value in GIVEN.items() if name != missing})
    assert (answered.status_code, answered.json()["field"]) == (422, missing)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"\xff\xfe", 400), (b"[" * 100_000, 400), (b"[]", 422), (b'"x"', 422), (b"null", 422), (b"7" * 5000, 400)],
)
def test_a_body_that_is_no_report_is_refused(http: httpx.Client, store: Store, body: bytes, status: int) -> None:
    assert http.post("/escalations", content=body).status_code == status
    assert store.escalations.all() == []


def test_a_report_of_a_megabyte_is_refused_whether_its_size_is_announced_or_not(http: httpx.Client, store: Store) -> None:
    endless = json.dumps(GIVEN | {"report": "x" * (1 << 20)}).encode()
    assert http.post("/escalations", content=endless).status_code == 413
    assert http.post("/escalations", content=iter([endless[:100], endless[100:]])).status_code == 413
    assert store.escalations.all() == [] and seen(http).status_code == 200


def test_the_longest_report_of_the_widest_characters_fits(http: httpx.Client, store: Store) -> None:
    assert http.post("/escalations", content=json.dumps(GIVEN | {"report": "😀" * MAX_REPORT})).status_code == 201
    assert store.escalations.all()[0].report == "😀" * MAX_REPORT


def test_a_hostile_report_is_stored_and_goes_nowhere_else(http: httpx.Client, store: Store) -> None:
    answered = http.post("/escalations", content=json.dumps(GIVEN | {"report": HOSTILE + "\ud800", "reporter": HOSTILE}))
    assert answered.status_code == 201 and "script" not in answered.text
    assert store.escalations.all()[0].report == (HOSTILE + "\ud800").replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    assert "script" not in str([item.data for item in store.queue.items()])
    assert "\u202e" not in str(store.ledger.events()[0])


def test_what_is_not_published_is_404_with_what_is(http: httpx.Client, store: Store) -> None:
    answered = http.post("/escalations", json=GIVEN | {"product_id": "product-9"})
    assert answered.status_code == 404 and "only about product-1, product-2" in answered.json()["error"]
    assert http.post("/escalations", json=GIVEN | {"language": "de"}).status_code == 404
    assert http.post("/escalations", json=GIVEN | {"feature": "assistant", "question": "Heavy?"}).status_code == 404
    for odd in ("\0", "\ud800", "../../etc", "<b>"):
        assert http.post("/escalations", content=json.dumps(GIVEN | {"product_id": odd})).status_code == 404
        assert http.post("/escalations", content=json.dumps(GIVEN | {"output_id": odd})).status_code == 404
    assert http.post("/escalations", json=GIVEN | {"question": "Heavy?"}).status_code == 422
    assert store.escalations.all() == []


@pytest.mark.parametrize("product", ["product-9", "%00", "%ED%A0%80", "..%2F..%2Fetc", "%3Cscript%3E"])
def test_what_was_never_published_is_404_and_not_hidden(http: httpx.Client, product: str) -> None:
    answered = seen(http, product)
    assert answered.status_code == 404 and answered.json()["hidden"] is False and answered.headers["X-Content-Type-Options"] == "nosniff"


def test_a_shopper_says_which_language(http: httpx.Client) -> None:
    for query in ("", "?language=", "?language=xx", "?language=%00"):
        answered = http.get(f"/highlights/product-1{query}")
        assert (answered.status_code, answered.json()["field"]) == (422, "language")
    assert http.post("/highlights/product-1").status_code == 405 and http.get("/escalations").status_code == 405


def test_twenty_reports_at_once_are_as_many_as_they_differ(http: httpx.Client, store: Store) -> None:
    bodies = [GIVEN | {"report": f"wrong {number % 4}"} for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: http.post("/escalations", json=body).status_code, bodies))
    assert sorted(set(answers)) == [200, 201] and answers.count(201) == len(store.escalations.all()) == 4
    assert [event.action for event in store.ledger.events()].count("escalate") == 4


def test_a_database_that_does_not_answer_is_said_and_asked_again(url: str, runs: TwoRuns) -> None:
    failures = [RetryError("the database does not answer")]

    def factory() -> Store:
        if failures:
            raise failures.pop()
        return Store.open(url)

    application = receiver.app(lambda _: None, "webhooks", reports.routes(factory, SECRET, now=lambda: LATER))
    with receiver.serve(application, 0) as served, httpx.Client(base_url=served.url, headers=OURS) as client:
        first = client.post("/escalations", json=GIVEN)
        assert (first.status_code, first.headers["Retry-After"]) == (503, "1")
        assert client.post("/escalations", json=GIVEN).status_code == 201


# ---------------------------------------------------------------------------------------------- killed

KILLED = """
import os, signal, sys
sys.path[:0] = ["tests"]
from annotators.customers import escalations
from evals.store import Store
from reported import report
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
escalations.claim_task = die
report(Store.open(sys.argv[1]))
"""


def test_killed_between_hiding_and_asking_it_is_hidden_and_completed_by_the_next(store: Store, url: str, runs: TwoRuns) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, url], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert published(store, "highlights", "product-1", "ja").hidden_because == REPORTED
    assert store.queue.items(why="escalated") == [] and len(store.ledger.events()) == 2
    assert (report(store).new, report(store).items) == (False, 0) and len(store.queue.items(why="escalated")) == 3


# ---------------------------------------------------------------------------------------------- PostgreSQL


@pytest.mark.postgres
def test_the_same_holds_on_postgres(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    runs = serving(store, two_runs(store, ("en", "ja"), products=2, wrong_every=0))
    done = report(store, HOSTILE + "\ud800", reporter="a\0b")
    assert (done.new, done.items, report(store, HOSTILE + "\ud800").new) == (True, 3, False)
    assert published(store, "highlights", "product-1", "ja").hidden_because == REPORTED
    assert queue_regressions(store, runs.champion.run_id, runs.candidate.run_id, overlap=2, now=LATER) == 3
    assert [case.case_id for case in store.escalations.regression_cases("highlights")] == [done.escalation.case_id]
    answer(store)
    assert resolve(store, done.escalation.escalation_id, "fine", "owner", LATER).withdrawn is False
    assert published(store, "highlights", "product-1", "ja").text and len(store.ledger.events()) == 3
    store.close()


# ---------------------------------------------------------------------------------------------- the command line


def plumb(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PLUMBLINE_DATABASE_URL": url, "COLUMNS": "250"}
    command = [sys.executable, "-m", "workbench", *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_escalate_show_list_and_resolve_from_the_command_line(store: Store, url: str, runs: TwoRuns) -> None:
    place = ("--product", "product-1", "--language", "ja")
    assert "[1]" in plumb(url, "show", "highlights", *place).stdout
    first = plumb(url, "escalate", "highlights", *place, "--report", f"{REPORT} \u202egnp\nnot at all", "--reporter", "joe")
    assert first.returncode == 0 and "is hidden; 3 claims are first in the queue" in first.stdout, first.stderr
    [escalation] = store.escalations.all()
    again = plumb(url, "escalate", "highlights", *place, "--report", f"{REPORT} \u202egnp\nnot at all")
    assert f"{escalation.escalation_id} is known since" in again.stdout
    assert f"Nothing is shown: {REPORTED}" in plumb(url, "show", "highlights", *place).stdout
    listed = plumb(url, "escalations").stdout
    assert "open" in listed and "0 of 3" in listed and "\u202e" not in listed
    waiting = plumb(url, "resolve", escalation.escalation_id, "--because", "looked at it")
    assert waiting.returncode == 1 and "3 of 3 claims wait for people" in waiting.stderr
    answer(store)
    done = plumb(url, "resolve", escalation.escalation_id, "--because", "two people checked it")
    assert done.stdout.strip() == f"{escalation.escalation_id} is resolved: the text is shown again."
    assert "[1]" in plumb(url, "show", "highlights", *place).stdout


def test_what_is_not_there_is_one_sentence_and_status_2(url: str, runs: TwoRuns) -> None:
    wrong = plumb(url, "escalate", "highlights", "--product", "product-9", "--language", "ja", "--report", "x")
    assert (wrong.returncode, wrong.stderr.count("\n") <= 2) == (2, True) and "only about product-1" in wrong.stderr
    assert plumb(url, "resolve", "escalation-0", "--because", "x").returncode == 2
