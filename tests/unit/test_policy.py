"""The policy file: what is read, what is refused, and that a refusal says where."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from evals.errors import PolicyError
from evals.gate import Policy, load_policy, parse_policy, schema
from evals.gate.policy import warnings
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


def test_the_schema_file_beside_the_policies_is_the_schema() -> None:
    assert json.loads((DATA / "policies" / "policy.schema.json").read_text(encoding="utf-8")) == schema()


# ---------------------------------------------------------------------------------------------- short forms


def a_policy(*rows: dict[str, Any], **more: Any) -> Policy:
    return parse_policy({"version": 1, "feature": "highlights", "requirements": list(rows), **more})


def test_percentiles_parity_and_bad_metrics_have_short_forms() -> None:
    tail = {"name": "t", "kind": "tail_latency", "p99": 0.8, "confidence": 0.99}
    parity = {"name": "q", "kind": "parity", "metric": "m", "source": "code", "share": 0.99, "min_length": 0.9, "critical": False}
    bad = {"name": "b", "kind": "floor", "metric": "m", "source": "code", "most": 0.03}
    found = {row.name: row for row in a_policy(tail, parity, bad).requirements}
    assert (found["t"].quantile, found["t"].seconds) == (0.99, 0.8)
    assert (found["q, length"].kind, found["q, length"].share, found["q, length"].critical) == ("length", 0.9, False)
    assert (found["b"].floor, found["b"].direction) == (pytest.approx(0.97), "lower")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{name: a, kind: tail_latency, p99: 1, p95: 2}", "needs exactly one of quantile, p50"),
        ("{name: a, kind: tail_latency, quantile: 0.9}", "seconds is missing"),
        ("{name: a, kind: cost}", "needs exactly one of max_ratio"),
        ("{name: a, kind: cost, max_usd_per_million_tokens: 0.5}", "needs usd_per_hour"),
        ("{name: a, kind: floor, metric: m, floor: 0.9, most: 0.1}", "exactly one of floor, most"),
        ("{name: a, kind: floor, metric: grounded, most: 0.1}", "people are asked whether claims are grounded"),
        ("{name: a, kind: parity, metric: m, source: code, share: 0.99, slices: [language]}", "a slice would need as many labels"),
        ("{name: a, kind: non_inferiority, metric: m, source: code, margin: 0.2, slices: [language], slice_margin: 0.1}", "tighter than"),
        ("{name: a, kind: ceiling, event: error, ceiling: 0.1, on_unverified: pass}", "is not one of"),
        ("{name: a, kind: ceiling, event: error, ceiling: 0.1, level: 0.7}", "0.7"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        load_policy(write(tmp_path, row))


def test_a_key_that_stands_twice_is_refused_and_a_day_is_text(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="the key 'margin' stands twice"):
        load_policy(write(tmp_path, GROUNDED.replace("margin: 0.05", "margin: 0.05, margin: 0.5")))
    waiver = "waivers: [{requirement: grounded, owner: ann, reason: r, expires: 2026-12-31, max_loss: 0.1}]\nwaiver_owners: [ann]\n"
    policy = load_policy(write(tmp_path, GROUNDED, head="version: 1\nfeature: highlights\n" + waiver))
    assert policy.waivers[0].expires == "2026-12-31"


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ({"looks": 0}, "looks|valid"),
        ({"looks": "often"}, "valid"),
        ({"looks": 2, "planned": [0.5]}, "one a look"),
        ({"looks": 2, "planned": [0.5, 0.9]}, "end at 1"),
        ({"looks": 2, "planned": [1.0, 0.5]}, "rise"),
        ({"looks": "any", "planned": [1.0]}, "one a look"),
        ({"looks": 1, "planned": [1], "planned_labels": 100}, "say the same thing"),
    ],
)
def test_a_plan_of_looks_must_make_sense(head: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        a_policy({"name": "a", "kind": "cost", "max_ratio": 1.1}, **head)


# ---------------------------------------------------------------------------------------------- what will hardly work

NI = {"name": "grounded", "kind": "non_inferiority", "metric": "grounded", "margin": 0.1, "min_labels": 40}
SLICED = NI | {"slices": ["language"], "slice_margin": 0.2, "slice_min_labels": 14}


@pytest.mark.parametrize(
    ("row", "head", "said"),
    [
        (NI | {"superiority_guard": True}, {}, "superiority_guard rejects an equal candidate with probability 0.05"),
        (NI | {"on_unverified": "ignore"}, {}, "lets a slice through that nobody measured"),
        (NI, {"looks": "any"}, "rests on large samples"),
        (SLICED, {"languages": ["en", "ja", "ar", "de", "fr"]}, r"passes all 5 languages with probability 0\.\d\d at 14 labels each"),
        (NI | {"critical": False}, {}, "nothing can be promoted"),
        (NI | {"source": "model", "metric": "faithfulness"}, {}, "a model decides this alone"),
    ],
)
def test_what_will_hardly_work_is_warned_of(row: dict[str, Any], head: dict[str, Any], said: str) -> None:
    found = warnings(a_policy(row, **head), "2026-11-22T12:00:00Z")
    assert any(re.search(said, one) for one in found), found


def test_a_waiver_that_has_expired_is_warned_of_from_the_day_after() -> None:
    waiver = {"requirement": "grounded", "owner": "ann", "reason": "r", "expires": "2026-12-01", "max_loss": 0.1}
    policy = a_policy(NI, waivers=[waiver], waiver_owners=["ann"])
    assert not warnings(policy, "2026-12-01T23:59:59Z")
    assert "expired on 2026-12-01" in warnings(policy, "2026-12-02T00:00:00Z")[0]


@pytest.mark.parametrize("name", ["highlights", "assistant"])
def test_nothing_is_to_be_warned_of_in_the_policies_we_ship(name: str) -> None:
    assert warnings(load_policy(DATA / "policies" / f"{name}.yaml"), "2026-11-22T12:00:00Z") == []
