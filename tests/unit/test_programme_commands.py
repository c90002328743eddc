"""``plumb experiment``: the programme from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from support import a_store, two_runs
from typer.testing import CliRunner

from evals.paths import DATA
from evals.programme import experiments
from evals.store import Store
from workbench.cli import app

POLICY = """
version: 1
feature: highlights
alpha: 0.02
requirements:
  - {name: grounded, kind: non_inferiority, metric: grounded, margin: 0.9, min_labels: 3}
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path))
    monkeypatch.setenv("PLUMBLINE_DATABASE_URL", url)
    monkeypatch.setenv("COLUMNS", "240")
    return a_store(url)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def plumb(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["experiment", *map(str, arguments)])


def asked(*arguments: object) -> Any:
    result = plumb(*arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.output)


def plan(policy: Path, *more: object) -> Result:
    arms = ("--champion", "champion", "--candidate", "candidate")
    return plumb("plan", "highlights", *arms, "--hypothesis", "As true, and shorter.", "--policy", policy, "--actor", "ann", *more)


def test_an_experiment_is_planned_listed_shown_and_abandoned(store: Store, policy: Path) -> None:
    two_runs(store, ("en",), products=1)
    planned = plan(policy)
    assert planned.exit_code == 0 and "is registered since" in planned.output
    (one,) = asked("list", "highlights")
    name = one["experiment"]["experiment_id"]
    assert one["state"] == "planned" and asked("show", name[:18])["verified"] is True
    assert (
        "the next candidate may be read at 0.00722, the one after at 0.0256 if it is promoted, at 0.00377 if not (1 candidate tested"
        in plumb("list").output
    )
    assert "what is stored is what was registered" in plumb("show", name).output
    assert "is abandoned, with 0 labels" in plumb("abandon", name, "--actor", "ann", "--reason", "too slow").output
    assert "too slow" in plumb("show", name).output
    assert "As true, and shorter." in plumb("list", "highlights").output


def test_what_the_rules_do_not_allow_is_an_error_that_says_what_to_do(store: Store, policy: Path) -> None:
    two_runs(store, ("en",), products=1)
    policy.write_text(POLICY.replace("0.02", "0.05"), encoding="utf-8")
    refused = plan(policy)
    assert refused.exit_code != 0 and "--lower-alpha" in str(refused.exception)
    lowered = plan(policy, "--lower-alpha", "--json")
    assert json.loads(lowered.output)["alpha"] == 0.0218
    assert "exploratory: it promotes nothing" in plan(policy, "--exploratory").output


def test_a_decision_that_is_held_goes_on_with_status_4(store: Store, policy: Path) -> None:
    two_runs(store, ("en",), products=1)
    plan(policy)
    name = asked("list")[0]["experiment"]["experiment_id"]
    held = plumb("decide", name, "--actor", "ann")
    assert held.exit_code == 4 and "It goes on" in held.output
    assert experiments.shown(store)[0].state == "planned"


def test_calendar_and_exposure_can_be_read_by_people_and_programs(store: Store, policy: Path) -> None:
    two_runs(store, ("en",), products=1)
    plan(policy)
    (month,) = asked("calendar")
    assert (month["planned"], month["decided"], month["abandoned"]) == (1, 0, 0)
    assert "fewer than meant" in plumb("calendar", "highlights").output
    (dataset,) = asked("exposure")
    assert (dataset["comparisons"], dataset["left"], dataset["standing"]) == (1, 11, "fresh")
    assert "fresh" in plumb("exposure").output


@pytest.mark.slow
def test_a_set_is_sealed_kept_from_runs_and_opened(store: Store) -> None:
    for kind, file in (("products", "products.yaml"), ("reviews", "reviews.jsonl")):
        assert CliRunner().invoke(app, ["import", kind, str(DATA / "sample" / file)]).exit_code == 0
    done = plumb("seal", "highlights", "--name", "winter", "--products", 2, "--actor", "ann")
    assert done.exit_code == 0, (done.output, done.exception)
    (one,) = asked("sealed")
    assert (one["name"], one["opened_at"], one["body"]) == ("winter", None, {"products": 2})
    assert one["commitment"] in done.output
    opened = plumb("unseal", one["sealed_id"], "--actor", "ann", "--reason", "The old version is spent.")
    assert opened.exit_code == 0 and f"{one['cases']:,} cases" in opened.output
    assert "The old version is spent." in plumb("sealed").output
    dataset = asked("sealed")[0]["dataset_id"]
    ran = CliRunner().invoke(app, ["run", "highlights", "--variant", "template", "--dataset", dataset, "--no-score", "-q"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert [run.dataset_id for run in store.runs.runs("highlights")] == [dataset]
