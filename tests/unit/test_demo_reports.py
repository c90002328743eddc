"""The committed reports of a blocked and a passed change: complete, honest about their labels, and true by their bundles.

When the gate's words or intervals change on purpose, ``python -m benchmarks.demo_reports`` writes them again.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from evals.bundle import verify
from evals.gate import load_policy
from evals.paths import ROOT
from evals.records import Decision
from evals.report import exit_status, from_json, render

REPORTS = ROOT / "docs" / "reports"
BOTH = pytest.mark.parametrize(("name", "outcome", "status"), [("blocked", "reject", 3), ("passed", "promote", 0)])


def decision(name: str) -> Decision:
    return from_json((REPORTS / name / "gate.json").read_text(encoding="utf-8"))


@BOTH
def test_the_report_says_what_its_decision_says(name: str, outcome: str, status: int) -> None:
    made = decision(name)
    assert (made.outcome, exit_status(made)) == (outcome, status)
    assert made.policy_sha256 == load_policy(REPORTS / "policy.yaml").sha256
    text = (REPORTS / name / "gate.md").read_text(encoding="utf-8")
    without_losses = render(made, "md").splitlines()
    assert [line for line in without_losses if line not in text.splitlines()] == []
    assert render(made, "junit") == (REPORTS / name / "gate.junit.xml").read_text(encoding="utf-8")
    assert "https://plumbline.example.com/sample?feature=highlights&" in text and "Largest losses" in text


@BOTH
def test_every_format_says_that_nobody_labelled_anything(name: str, outcome: str, status: int) -> None:
    evidence = decision(name).body["evidence"]
    assert evidence["annotators"] == evidence["simulated_annotators"] > 0
    for ending in ("md", "html"):
        assert "annotators are scripts, not people." in (REPORTS / name / f"gate.{ending}").read_text(encoding="utf-8")


@BOTH
def test_the_bundle_gives_the_same_decision_again(name: str, outcome: str, status: int) -> None:
    checked = verify(REPORTS / name / "bundle.zip")
    assert (checked.difference, checked.decision_id, checked.outcome) == (None, decision(name).decision_id, outcome)


@BOTH
def test_a_server_that_reads_junit_sees_the_verdict(name: str, outcome: str, status: int) -> None:
    root = ElementTree.parse(REPORTS / name / "gate.junit.xml").getroot()
    assert bool(root.findall(".//failure")) == (outcome == "reject")


def test_the_reports_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in Path(REPORTS).rglob("*.*")}
    assert max(sizes.values()) < 300_000
