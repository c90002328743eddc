"""The policy file: what is read, what is refused, and that a refusal says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from evals.errors import PolicyError
from evals.gate import load_policy, parse_policy, schema
from evals.paths import DATA
from evals.records import FEATURES

GROUNDED = "{name: grounded, kind: non_inferiority, metric: grounded, margin: 0.05, min_labels: 59}"


def write(tmp_path: Path, *requirements: str, head: str = "version: 1\nfeature: highlights\n") -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(head + "requirements:\n" + "\n".join(f"  - {row}" for row in requirements), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["highlights", "assistant"])
def test_the_policies_we_ship_are_valid_and_explained(name: str) -> None:
    path = DATA / "policies" / f"{name}.yaml"
    policy = load_policy(path)
    assert policy.feature == name and any(row.kind == "non_inferiority" and row.source == "human" for row in policy.requirements)
    assert path.read_text(encoding="utf-8").count("#") >= 3


def test_the_schema_is_a_json_schema_that_accepts_the_shipped_policies() -> None:
    import yaml

    Draft202012Validator.check_schema(schema())
    for path in (DATA / "policies" / f"{feature}.yaml" for feature in FEATURES):
        Draft202012Validator(schema()).validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_an_unknown_key_is_an_error_that_names_file_line_and_key(tmp_path: Path) -> None:
    path = write(tmp_path, GROUNDED, "{name: answers, kind: ceiling, event: blocked, ceilling: 0.05}")
    with pytest.raises(PolicyError, match=r"policy\.yaml:5: requirement 2 \(answers\).*'ceilling' was unexpected"):
        load_policy(path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{name: a, kind: nope}", "kind 'nope' is not one of"),
        ("{name: a, kind: floor, metric: m}", "needs exactly one of floor, most"),
        ("{name: a, kind: ceiling, event: 'rm -rf', ceiling: 0.1}", "does not match"),
        ("{name: a, kind: non_inferiority, metric: m, margin: 0}", "0"),
        ("{name: a, kind: non_inferiority, metric: m, margin: .nan}", "not plain JSON values"),
        ("{name: a, kind: tail_latency, quantile: 1.0, seconds: 1}", "1.0"),
        ("{name: a, kind: non_inferiority, metric: m, margin: 0.05, min_labels: 59, slices: [language]}", "slice_margin is missing"),
    ],
)
def test_a_wrong_requirement_is_refused_with_the_reason(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        load_policy(write(tmp_path, row))


def test_a_minimum_that_could_prove_nothing_is_refused_with_the_number_that_could(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="min_labels must be at least 59"):
        load_policy(write(tmp_path, GROUNDED.replace("59", "58")))
    with pytest.raises(PolicyError, match="at least 60"):
        load_policy(write(tmp_path, GROUNDED, head="version: 1\nfeature: highlights\nlooks: 2\n"))


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "version: 2\nfeature: highlights\nrequirements: []", "\x00"])
def test_what_is_no_policy_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=r"policy\.yaml"):
        load_policy(path)


def test_a_missing_or_undecodable_file_is_a_policy_error(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"feature: \xff\xfe")
    for name in ("none.yaml", "latin.yaml"):
        with pytest.raises(PolicyError, match=name):
            load_policy(tmp_path / name)


def test_two_requirements_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="two requirements are named 'grounded'"):
        load_policy(write(tmp_path, GROUNDED, GROUNDED))


def test_the_name_of_a_policy_is_its_content() -> None:
    raw = {"version": 1, "feature": "highlights", "requirements": [{"name": "a", "kind": "ceiling", "event": "error", "ceiling": 0.05}]}
    assert parse_policy(raw).sha256 == parse_policy(dict(reversed(raw.items()))).sha256
    assert parse_policy(raw).sha256 != parse_policy(raw | {"alpha": 0.1}).sha256


