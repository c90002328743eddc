"""The pipeline's script with real files of a real tool: verdict, exit status, reports, bundle, and the comment that is changed in place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from forge import TOKEN, serving

from evals.bundle import verify
from evals.paths import ROOT
from evals.report import from_json

FILES = ROOT / "tests" / "data" / "peers" / "promptfoo"
POLICY = """
version: 1
feature: assistant
requirements:
  - {name: states the value, kind: non_inferiority, metric: promptfoo_contains, source: code, margin: 0.3}
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "PLUMBLINE_HOME": str(home / "plumbline-home"), "LANG": "C.UTF-8"} | more


def pipeline(home: Path, candidate: str, **more: str) -> subprocess.CompletedProcess[str]:
    (home / "policy.yaml").write_text(POLICY, encoding="utf-8")
    asked = {
        "FEATURE": "assistant",
        "CHAMPION": "old",
        "CANDIDATE": candidate,
        "POLICY": "policy.yaml",
        "CHAMPION_RESULTS": f"{FILES}/champion*.gz",
        "CANDIDATE_RESULTS": f"{FILES}/{candidate}*.gz",
        "FOLDER": f"out-{candidate}",
        "GITHUB_OUTPUT": str(home / "output"),
        "GITHUB_STEP_SUMMARY": str(home / "summary.md"),
    }
    command = ["bash", str(ROOT / "scripts" / "gate.sh")]
    return subprocess.run(command, cwd=home, env=environment(home, **asked | more), capture_output=True, text=True, timeout=300)


def test_a_worse_change_is_blocked_and_an_equal_one_passes_and_the_comment_follows(tmp_path: Path) -> None:
    with serving() as forge:
        for candidate, status, outcome in (("degraded", 3, "reject"), ("candidate", 0, "promote")):
            done = pipeline(tmp_path, candidate)
            assert done.returncode == 0, done.stderr
            folder = tmp_path / f"out-{candidate}"
            assert (folder / "status").read_text(encoding="utf-8").strip() == str(status)
            decision = from_json((folder / "gate.json").read_text(encoding="utf-8"))
            assert decision.outcome == outcome
            assert f"status={status}\noutcome={outcome}\ndecision={decision.decision_id}" in (tmp_path / "output").read_text(
                encoding="utf-8"
            )
            assert verify(folder / "bundle.zip").difference is None
            assert {path.name for path in folder.iterdir()} == {
                "status", "gate.md", "gate.html", "gate.json", "gate.junit.xml", "bundle.zip",
            }  # fmt: skip
            comment = [sys.executable, "-m", "workbench", "comment", str(folder / "gate.md"), "--name", "assistant"]
            github = {
                "GITHUB_TOKEN": TOKEN,
                "GITHUB_API_URL": forge.url,
                "GITHUB_REPOSITORY": "team/shop",
                "GITHUB_REF": "refs/pull/7/merge",
            }
            said = subprocess.run(
                comment, cwd=ROOT, env=environment(tmp_path, **github), capture_output=True, text=True, timeout=60, check=True
            )
            assert TOKEN not in said.stdout + said.stderr
        assert len(forge.comments) == 1
        assert forge.comments[1]["body"].startswith("<!-- plumbline: assistant -->\n✅ **Promote: the one critical requirement passes")
    assert json.dumps(TOKEN) not in (tmp_path / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ({"CANDIDATE_RESULTS": "absent/*.json"}, 2, "no file matches absent/*.json"),
        ({"POLICY": "absent.yaml"}, 2, "absent.yaml"),
        ({"CHAMPION_RESULTS": "", "CANDIDATE_RESULTS": ""}, 2, "no assistant run of a variant named 'old'"),
        ({"FEATURE": "$(touch pwned)"}, 2, "is no feature"),
    ],
)
def test_what_is_wrong_is_said_and_is_no_verdict(tmp_path: Path, more: dict[str, str], status: int, said: str) -> None:
    done = pipeline(tmp_path, "candidate", **more)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert not (tmp_path / "out-candidate" / "status").exists()
    assert not (tmp_path / "pwned").exists()
