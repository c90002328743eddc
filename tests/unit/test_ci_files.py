"""The files for pipelines: nothing that somebody may write reaches a script as part of it, and every input is used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from evals.paths import ROOT

ACTION = ROOT / "action.yml"
GITLAB = ROOT / "docs" / "ci" / "gitlab.yml"
SCRIPT = ROOT / "scripts" / "gate.sh"


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def test_no_expression_stands_in_a_script_of_the_action() -> None:
    for step in read(ACTION)["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), step["name"]


def test_every_input_of_the_action_is_used_and_every_used_one_declared() -> None:
    text, declared = ACTION.read_text(encoding="utf-8"), set(read(ACTION)["inputs"])
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == declared


def test_the_token_goes_to_the_comment_alone() -> None:
    with_token = [step["name"] for step in read(ACTION)["runs"]["steps"] if "GITHUB_TOKEN" in step.get("env", {})]
    assert with_token == ["Comment"]


@pytest.mark.parametrize("path", [ACTION, GITLAB])
def test_both_pipelines_give_the_script_what_it_reads(path: Path) -> None:
    asked = set(re.findall(r"\$\{?([A-Z_]{5,})", SCRIPT.read_text(encoding="utf-8"))) - {
        "GITHUB_OUTPUT",
        "GITHUB_STEP_SUMMARY",
        "WORKBENCH",
    }
    if path == ACTION:
        given = set(next(step for step in read(path)["runs"]["steps"] if step.get("id") == "gate")["env"])
    else:
        given = set(read(path)["plumbline"]["variables"])
    assert asked <= given
