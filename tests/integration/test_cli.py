"""The command line: what goes wrong is a sentence and a status, what goes well can be read by programs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.paths import DATA, ROOT
from workbench.cli import app

COMMANDS = (  # noqa: SIM905 (readable)
    "run score compare queue collect gate install promote rollback history validate schema serve ui demo doctor "
    "import export label-studio annotators escalate escalations resolve show judge rails scorer "
    "experiment bundle verify audit webhooks report comment waive"
).split()


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path))
    monkeypatch.delenv("PLUMBLINE_DATABASE_URL", raising=False)
    return tmp_path


def plumb(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PLUMBLINE_HOME": str(home)}
    command = [sys.executable, "-m", "workbench", *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_help_names_every_command() -> None:
    text = CliRunner().invoke(app, ["--help"]).output
    assert [name for name in COMMANDS if f"\n  {name} " not in text] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_is_for(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()[2].strip()) > 10


def test_a_missing_file_is_one_sentence_and_status_2(tmp_path: Path) -> None:
    result = plumb("import", "reviews", "absent.jsonl", home=tmp_path)
    assert (result.returncode, result.stderr.strip()) == (2, "plumb: absent.jsonl: there is no such file")


def test_an_import_can_be_read_by_a_program(tmp_path: Path) -> None:
    result = plumb("import", "reviews", str(DATA / "sample" / "reviews.jsonl"), "--json", home=tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["new"] == 1932


def test_running_without_reviews_says_what_to_do_first(tmp_path: Path) -> None:
    result = plumb("run", "highlights", home=tmp_path)
    assert result.returncode == 1
    assert "import reviews" in result.stderr


def test_the_shipped_policies_are_valid() -> None:
    result = CliRunner().invoke(app, ["validate", *map(str, sorted((DATA / "policies").glob("*.yaml")))])
    assert result.exit_code == 0, result.output
    assert result.output.count("a valid policy") >= 2


def test_the_schema_is_json() -> None:
    assert json.loads(CliRunner().invoke(app, ["schema"]).output)["$schema"]


def test_a_run_of_a_variant_that_never_ran_is_named(tmp_path: Path) -> None:
    result = plumb("gate", "highlights", "--candidate", "nobody", home=tmp_path)
    assert result.returncode == 2
    assert "plumb run highlights" in result.stderr
