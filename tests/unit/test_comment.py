"""A report in a pull request: one comment, changed in place, on a server that answers as GitHub and GitLab do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import typer
from filled_store import fill
from forge import TOKEN, Forge, serving
from support import NOW
from typer.testing import CliRunner

from evals.errors import InputError, RetryError, SetupError
from evals.gate import decide, load_policy
from evals.paths import DATA
from evals.store import Store
from workbench import forges
from workbench.commands import reporting
from workbench.forges import place_of, put_comment


@pytest.fixture
def forge() -> Iterator[Forge]:
    with serving() as state:
        yield state


def place(forge: Forge, name: str, number: int = 7) -> forges.Place:
    key = "GITHUB_TOKEN" if name == "github" else "GITLAB_TOKEN"
    return place_of({key: TOKEN}, forge=name, project="team/shop", number=number, api=forge.url)


BOTH = pytest.mark.parametrize("name", ["github", "gitlab"])


@BOTH
def test_the_second_report_changes_the_first_comment(forge: Forge, name: str) -> None:
    for number in range(250):  # more than two pages of other people's comments, some that talk of us
        forge.add("<!-- plumbline: else -->" if number % 50 == 0 else f"hello {number} <!-- plumbline: gate -->")
    address, new = put_comment(place(forge, name), "first")
    assert new and address.endswith("/comment/251")
    address, new = put_comment(place(forge, name), "second")
    assert not new and address.endswith("/comment/251")
    assert forge.comments[251]["body"] == "<!-- plumbline: gate -->\nsecond" and len(forge.comments) == 251
    assert put_comment(place(forge, name), "other", "assistant") == (f"{forge.url}/comment/252", True)


@BOTH
def test_a_comment_of_somebody_else_with_our_marker_does_not_keep_ours_away(forge: Forge, name: str) -> None:
    forge.add("<!-- plumbline: gate -->\nnot ours", foreign=True)
    forge.add("<!-- plumbline: gate -->\nchanged the title", system=True)
    assert put_comment(place(forge, name), "ours")[1]
    assert put_comment(place(forge, name), "again") == (f"{forge.url}/comment/3", False)
    assert forge.comments[1]["body"].endswith("not ours")


@BOTH
def test_what_the_forge_refuses_is_one_sentence_without_the_token(forge: Forge, name: str) -> None:
    for status, kind, said in (
        (401, InputError, "does not know the token"),
        (403, InputError, "does not let this token comment"),
        (404, InputError, "has no such request"),
        (302, RetryError, "answered 302"),
        (500, RetryError, "answered 500"),
    ):
        forge.broken = [status]
        with pytest.raises(kind, match=said) as caught:
            put_comment(place(forge, name), "text")
        assert TOKEN not in str(caught.value)
    with pytest.raises(InputError, match="number 8"):
        put_comment(place(forge, name, number=8), "text")
    assert TOKEN not in repr(place(forge, name))
    assert not forge.comments


def test_a_forge_that_is_not_there_may_be_asked_again(forge: Forge) -> None:
    gone = place_of({"GITHUB_TOKEN": TOKEN}, project="team/shop", number=7, api="http://127.0.0.1:9")
    with pytest.raises(RetryError, match=r"github at 127\.0\.0\.1:9 does not answer"):
        put_comment(gone, "text")


def test_a_pipeline_says_where_it_runs(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 12}}), encoding="utf-8")
    hub = {"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "team/shop", "GITHUB_API_URL": "https://hub.example/api/v3"}
    first, second = place_of(hub | {"GITHUB_REF": "refs/pull/7/merge"}), place_of(hub | {"GITHUB_EVENT_PATH": str(event)})
    assert (first.number, second.number) == (7, 12)
    assert first.comments == "https://hub.example/api/v3/repos/team/shop/issues/7/comments"
    lab = {"GITLAB_TOKEN": TOKEN, "CI_API_V4_URL": "https://lab.example/api/v4", "CI_PROJECT_ID": "42", "CI_MERGE_REQUEST_IID": "3"}
    assert place_of(lab).comments == "https://lab.example/api/v4/projects/42/merge_requests/3/notes"


@pytest.mark.parametrize(
    ("environment", "more", "said"),
    [
        ({"GITHUB_REPOSITORY": "team/shop", "GITHUB_REF": "refs/heads/main"}, {}, "no pull or merge request"),
        ({"GITHUB_REF": "refs/pull/7/merge"}, {}, "which project"),
        ({}, {"project": "../../user", "number": 7}, "no project of github"),
        ({}, {"project": "team/shop", "number": 7, "forge": "gitea"}, "'gitea' is no forge"),
        ({}, {"project": "team/shop", "number": 7, "api": "file:///etc"}, r"no http\(s\) address"),
        ({"GITHUB_REPOSITORY": "team/shop", "GITHUB_EVENT_PATH": "/absent"}, {}, "no pull or merge request"),
    ],
)
def test_what_a_pipeline_does_not_say_is_asked_for(environment: dict[str, str], more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        place_of({"GITHUB_TOKEN": TOKEN} | environment, **more)


def test_a_missing_token_says_where_it_is_looked_for() -> None:
    with pytest.raises(SetupError, match="no token for gitlab: PLUMBLINE_GITLAB_TOKEN or GITLAB_TOKEN"):
        place_of({"GITHUB_TOKEN": TOKEN}, forge="gitlab", project="team/shop", number=7)


def test_a_name_cannot_end_the_hidden_marker() -> None:
    for name in ("", "a-->", "x" * 61, "line\nbreak"):
        with pytest.raises(InputError, match="cannot name a comment"):
            forges.marker(name)


# ---------------------------------------------------------------------------------------------- the commands


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path))
    monkeypatch.delenv("PLUMBLINE_DATABASE_URL", raising=False)
    return tmp_path


def plumb(*arguments: str) -> Any:
    app = typer.Typer()
    reporting.register(app)
    return CliRunner().invoke(app, list(arguments))


def test_a_long_report_is_cut_to_what_the_forge_takes(forge: Forge, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    (home / "gate.md").write_text("**Hold**\n<details>\n" + "| row |\n" * 20_000 + "</details>\n", encoding="utf-8")
    told = plumb("comment", str(home / "gate.md"), "--project", "team/shop", "--number", "7", "--api", forge.url)
    assert (told.exit_code, told.output) == (0, f"Commented: {forge.url}/comment/1\n")
    body = forge.comments[1]["body"]
    assert len(body) < 65_536 and body.startswith("<!-- plumbline: gate -->\n**Hold**") and body.count("</details>") == 1
    assert isinstance(plumb("comment", str(home / "absent.md"), "--project", "team/shop", "--number", "7").exception, InputError)


def test_a_stored_decision_is_written_again_with_links_to_the_workbench(home: Path) -> None:
    store = Store.open()
    runs = fill(store)["highlights"]
    policy = load_policy(DATA / "policies" / "highlights.yaml")
    decision = decide(store, policy, runs.champion.run_id, runs.candidate.run_id, now=NOW)
    out = [home / "gate.md", home / "gate.html", home / "gate.json"]
    options = [part for path in out for part in ("-o", str(path))]
    told = plumb("report", decision.decision_id, *options, "--workbench", "https://plumbline.example.com/")
    assert told.exit_code == 0, told.output
    addresses = re.findall(r"\]\((https://plumbline\.example\.com/sample\?[^)]*)\)", out[0].read_text(encoding="utf-8"))
    assert addresses
    asked = parse_qs(urlsplit(unquote(addresses[0])).query)
    assert asked["feature"] == ["highlights"] and asked["a"][0].startswith("champion.") and asked["b"][0].startswith("candidate.")
    assert store.runs.case(asked["case"][0])
    assert isinstance(plumb("report", decision.decision_id, "--workbench", "javascript:alert(1)").exception, InputError)
    assert plumb("report", decision.decision_id).output.startswith(("✋", "❌", "✅"))
