"""The gate on the command line: a policy is checked, tried and applied, and a hold becomes tasks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from support import NOW, TwoRuns, two_runs
from typer.testing import CliRunner

from annotators.asking import queues
from evals.errors import PolicyError
from evals.store import Store
from workbench.cli import app

ROW = "{name: grounded, kind: non_inferiority, metric: grounded, margin: 0.2, min_labels: 14%s}"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path / "home"))
    return Store.open()


@pytest.fixture
def runs(store: Store) -> TwoRuns:
    return two_runs(store, ("en", "ja"), products=6, claims=1)


def plumb(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def a_file(tmp_path: Path, row: str = ROW % "", **head: str) -> Path:
    path = tmp_path / "policy.yaml"
    lines = [f"{key}: {value}" for key, value in {"version": "1", "feature": "highlights", **head}.items()]
    path.write_text("\n".join([*lines, "requirements:", f"  - {row}"]) + "\n", encoding="utf-8")
    return path


def test_validate_warns_of_what_will_hardly_work_and_ends_well(tmp_path: Path) -> None:
    result = plumb("validate", a_file(tmp_path, ROW % ", superiority_guard: true"))
    assert result.exit_code == 0 and "warning: requirement 'grounded': superiority_guard rejects an equal candidate" in result.output


def test_validate_refuses_a_criterion_by_its_column(tmp_path: Path) -> None:
    result = plumb("validate", a_file(tmp_path, criteria='"blocked <= 5% or error <= 1%"'))
    assert isinstance(result.exception, PolicyError) and ":3: criteria, column 15: expected 'and'" in str(result.exception)


def test_a_policy_is_tried_before_there_is_anything_to_decide(store: Store, tmp_path: Path) -> None:
    result = plumb("gate", "highlights", "--self-test", "--policy", a_file(tmp_path), "--json")
    found = json.loads(result.output)
    assert result.exit_code == 0 and found["passed"] and found["repetitions"] == 300
    assert "decides as it says" in plumb("gate", "highlights", "--self-test", "--policy", a_file(tmp_path)).output
    assert store.ledger.decisions() == []


def test_a_hold_becomes_tasks_once(store: Store, runs: TwoRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLUMBLINE_LABEL_STUDIO_URL", raising=False)
    held = plumb("gate", "highlights", "--champion", "champion", "--candidate", "candidate", "--policy", a_file(tmp_path))
    assert held.exit_code == 4
    promised = plumb("queue", "top-up", "--dry-run")
    assert "would be queued" in promised.output and store.queue.items() == []
    assert "new items queued" in plumb("queue", "top-up").output
    queued = len(store.queue.items())
    assert queued > 0 and "0 new items queued" in plumb("queue", "top-up", "--decision", store.ledger.decisions()[0].decision_id).output
    assert len(store.queue.items()) == queued


def test_top_up_needs_a_decision(store: Store) -> None:
    assert "no decision is stored yet" in str(plumb("queue", "top-up").exception)


def test_queue_without_a_word_before_the_feature_still_draws(store: Store, runs: TwoRuns) -> None:
    """`plumb queue highlights` is `plumb queue draw highlights`, whatever options come first."""
    assert "--fraction" in plumb("queue", "highlights", "--help").output == plumb("queue", "draw", "highlights", "--help").output
    assert "top-up" in plumb("queue", "--help").output
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=0, overlap=1, now=NOW)
    assert plumb("queue", "--fraction", "x", "highlights").exit_code == 2


def test_a_waiver_is_printed_for_the_file_and_signed_under_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = a_file(tmp_path, waiver_owners="[ann]")
    words = ["waive", "highlights", "--requirement", "grounded", "--owner", "ann", "--reason", "no annotators yet: soon", "--policy", file]
    words += ["--expires", "2026-12-31", "--max-loss", "0.1", "--unmeasured"]
    before, plain = file.read_text(encoding="utf-8"), plumb(*words)
    assert plain.exit_code == 0 and "signature" not in plain.output and file.read_text(encoding="utf-8") == before
    monkeypatch.setenv("PLUMBLINE_WAIVER_KEY", "secret")
    signed = plumb(*words).output
    assert "signature: " in signed and "secret" not in signed
    file.write_text(before + signed, encoding="utf-8")
    assert "a valid policy" in plumb("validate", file).output
    wrong = plumb(*[word if word != "ann" else "bo" for word in words])
    assert "'bo' is not among waiver_owners" in str(wrong.exception)
