"""``plumb annotators`` against the real labelling server: somebody is added, given work, paused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import Result
from support import NOW, two_runs
from typer.testing import CliRunner

from annotators.asking.queues import enqueue
from annotators.label_studio import server
from annotators.label_studio.accounts import ensure_user
from annotators.label_studio.push import push
from annotators.label_studio.studio import Studio
from evals.errors import InputError, UnknownIdError
from evals.store import Store
from workbench.cli import app

pytestmark = pytest.mark.labelstudio


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label_studio: server.RunningServer, studio: Studio) -> Store:
    """The command line's own store, with six claims in Japanese on the session's server."""
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")  # tables on one line
    monkeypatch.delenv("PLUMBLINE_DATABASE_URL", raising=False)
    monkeypatch.setenv("PLUMBLINE_LABEL_STUDIO_URL", label_studio.url)
    monkeypatch.setenv("PLUMBLINE_LABEL_STUDIO_TOKEN", label_studio.token)
    store = Store.open()
    runs = two_runs(store, ("ja",), products=1)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=1, now=NOW)
    push(store, studio)
    return store


def plumb(*arguments: str) -> str:
    result: Result = CliRunner().invoke(app, ["annotators", *arguments])
    if result.exception is not None:
        raise result.exception
    return str(result.output)


def test_somebody_is_added_signs_in_and_gets_their_next_task(store: Store, studio: Studio) -> None:
    said = plumb("add", "--email", "Hanako@Example.org", "--name", "Hanako Sato", "--languages", "ja, en", "--expert")
    assert said.startswith("Hanako Sato labels en ja and settles conflicts; ")
    password = re.search(r"with the password (\S+) ", said)
    assert password and ensure_user(studio, "hanako@example.org", password[1], "Hanako Sato")
    (hanako,) = store.labels.annotators()
    assert (hanako.email, hanako.languages, hanako.expert, hanako.simulated) == ("hanako@example.org", ("en", "ja"), True, False)
    assert password[1] not in str(store.ledger.events())
    first = plumb("next", "hanako@example.org")
    assert re.match(rf"{studio.url}/projects/\d+/data\?task=\d+\nhighlights/ja/claim-v2; theirs until ", first)
    assert first == plumb("next", "hanako@example.org"), "the same one until it is labelled"


def test_added_again_they_are_changed_and_their_account_stays(store: Store) -> None:
    plumb("add", "--email", "ann@example.org", "--name", "Ann", "--languages", "en")
    plumb("pause", "ann@example.org", "--because", "on leave")
    said = plumb("add", "--email", "ann@example.org", "--languages", "ja", "--daily-limit", "50")
    assert "is there already" in said and "password" not in said
    (ann,) = store.labels.annotators()
    assert (ann.name, ann.languages, ann.daily_limit, ann.paused_because) == ("Ann", ("ja",), 50, "on leave")


def test_who_is_to_sign_up_alone_gets_the_invitation(store: Store, studio: Studio) -> None:
    said = plumb("add", "--email", "bo@example.org", "--languages", "sv", "--invite")
    assert f"sign up at {studio.url}/user/signup/?token=" in said
    assert "bo@example.org" not in {user.email for user in studio.users().values()}


def test_pausing_and_going_on_stand_in_the_list_and_the_audit_log(store: Store) -> None:
    plumb("add", "--email", "cy@example.org", "--languages", "ja")
    plumb("pause", "cy@example.org", "--because", "9 of 20 gold items right", "--actor", "lead")
    assert plumb("next", "cy@example.org") == "cy@example.org is paused and is given nothing.\n"
    assert "paused: 9 of 20" in " ".join(plumb("list").split())
    assert "is paused: 9 of 20 gold items right" in plumb("alerts")
    plumb("resume", "cy@example.org")
    assert "theirs until" in plumb("next", "cy@example.org")
    assert [(event.actor, event.action) for event in store.ledger.events() if "annotator" in event.action][::-1] == [
        ("owner", "add annotator"), ("lead", "pause annotator"), ("owner", "resume annotator"),
    ]  # fmt: skip


@pytest.mark.parametrize("email", ["nobody", "a b@example.org", "sim-ja-1@annotators.invalid", "x@\u202eexample.org"])
def test_what_is_no_address_of_a_person_is_refused(store: Store, email: str) -> None:
    with pytest.raises(InputError, match="no address of a person"):
        plumb("add", "--email", email, "--languages", "ja")


def test_a_language_that_is_not_ours_and_a_person_nobody_knows_are_named(store: Store) -> None:
    with pytest.raises(InputError, match="'xx'"):
        plumb("add", "--email", "a@example.org", "--languages", "ja,xx")
    with pytest.raises(UnknownIdError, match=r"nobody labels as 'a@example\.org'"):
        plumb("next", "a@example.org")


def test_the_scripts_take_what_is_open_and_the_list_marks_them(store: Store) -> None:
    assert "2 SIMULATED annotators: 6 annotations made" in plumb("simulate")
    assert "0 annotations made" in plumb("simulate")
    assert plumb("simulate", "--quiet") == ""
    listed = plumb("list")
    assert listed.count("simulated") >= 2 and "Simulated" in listed
