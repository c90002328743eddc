"""A policy is tried before it may gate: gates of the kind that peers have fail, ours holds on every shape it is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support import NOW, a_store, two_runs

from evals.errors import PolicyError
from evals.gate import decide, parse_policy, selftest, try_policy, verdicts
from evals.gate.measure import Measured, nothing_measured
from evals.gate.policy import Requirement
from evals.gate.verdicts import Cell
from evals.records import Verdict
from evals.statistics.paired import Sample

NI = Requirement("grounded", "non_inferiority", metric="grounded", margin=0.1, min_labels=40)
FLOOR = Requirement("grounded", "floor", metric="grounded", floor=0.9, min_labels=40)
PARITY = Requirement("grounded", "parity", metric="grounded", share=0.95, min_labels=59)


def a_sample(n: int = 100, products: int = 100, changed: float = 0.2, seed: int = 0, uneven: bool = False) -> Sample:
    """Differences −1, 0, 1 with a judge that half knows them; products of one size."""
    rng = np.random.default_rng(seed)
    value = np.where(rng.random(n) < changed, rng.choice([-1.0, 1.0], n), 0.0)
    judge = np.where(rng.random(n) < 0.5, value, 0.0)
    chance = rng.uniform(0.2, 1.0, n) if uneven else np.ones(n)
    return Sample(value, np.ones(n, dtype=bool), chance, judge, np.arange(n) % products)


def shaped(sample: Sample | None, requirement: Requirement = NI, alpha: float = 0.05, line: float = -0.1) -> selftest.Tested:
    empty = nothing_measured("no evidence yet")
    measured = {"overall": empty if sample is None else replace(empty, sample=sample, missing=None)}
    return selftest.Tested(requirement, alpha, measured, {"overall": line}, {"overall": requirement.min_labels})


def run(one: selftest.Tested, repetitions: int = 60, seed: int = 0) -> dict[str, Any]:
    return selftest.self_test([one], seed=seed, repetitions=repetitions)


# ---------------------------------------------------------------------------------------------- gates that do not hold


def by_point(mean: float, line: float) -> Verdict:
    """promptfoo, DeepEval, MLflow: the mean against a number."""
    return "pass" if mean > line else "fail"


def unless_significant(mean: float, line: float) -> Verdict:
    """Fail only what is far below; whatever is not shown to be worse passes."""
    return "fail" if mean < 2 * line else "pass"


def no_worse(mean: float, line: float) -> Verdict:
    """Every candidate that looks worse at all fails."""
    return "pass" if mean >= 0 else "fail"


def never(mean: float, line: float) -> Verdict:
    """Nothing is ever decided."""
    return "inconclusive"


def judging_by(habit: Callable[[float, float], Verdict]) -> Callable[..., Cell]:
    def cell(measured: Measured, *, line: float, **more: Any) -> Cell:
        sample = measured.sample
        mean = float(np.average(sample.value[sample.labelled], weights=1 / sample.probability[sample.labelled]))
        return replace(verdicts.mean_cell(measured, line=line, **more), verdict=habit(mean, line))

    return cell


@pytest.mark.parametrize(
    ("habit", "said"),
    [
        (by_point, "a regression of the margin's size passed"),
        (unless_significant, "a regression of the margin's size passed"),
        (no_worse, "an equal candidate was rejected"),
        (never, "a candidate known to be bad was rejected"),
    ],
)
def test_habits_that_err_are_refused_with_the_numbers(
    habit: Callable[[float, float], Verdict], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "mean_cell", judging_by(habit))
    found = run(shaped(a_sample()))
    assert not found["passed"]
    with pytest.raises(PolicyError, match=rf"failed its self-test.*'grounded', .*{said} \d+ of \d+ times, at (most|least) \d+ allowed"):
        selftest.refuse_if_failed(found)


# ---------------------------------------------------------------------------------------------- the gate as it is


@pytest.mark.parametrize(
    "sample",
    [a_sample(), a_sample(changed=0.03), a_sample(products=12), a_sample(uneven=True), a_sample(400, 80, 0.5), None],
    ids=["plain", "rare", "clusters", "uneven", "many", "before labels"],
)
@pytest.mark.parametrize("alpha", [0.05, 0.0056])
def test_our_own_gate_holds_on_evidence_of_many_shapes(sample: Sample | None, alpha: float) -> None:
    found = run(shaped(sample, alpha=alpha))
    assert found["passed"], found


@pytest.mark.parametrize(("requirement", "line", "lowest"), [(FLOOR, 0.9, 0.0), (PARITY, 0.0, -0.95)])
def test_floors_and_parity_are_tried_on_values_as_they_are(requirement: Requirement, line: float, lowest: float) -> None:
    rng = np.random.default_rng(1)
    good = (rng.random(150) < 0.95).astype(float)
    value = good if requirement is FLOOR else good - 0.95 * (rng.random(150) < 0.95)
    sample = replace(a_sample(150, 150), value=value, judge=np.zeros(150), lowest=lowest)
    for shape in (sample, None):
        found = run(shaped(shape, requirement, line=line))
        assert found["passed"], found
    assert "an equal candidate was rejected" not in {count["what"] for count in found["requirements"][0]["counts"]}


def test_a_guard_may_reject_equals_as_often_as_its_level_says() -> None:
    found = run(shaped(a_sample(300), replace(NI, superiority_guard=True)), repetitions=200)
    equal = found["requirements"][0]["counts"][0]
    assert found["passed"] and 0 < equal["happened"] <= equal["limit"]


def test_the_same_seed_gives_the_same_counts_and_they_survive_json() -> None:
    first, again, other = run(shaped(a_sample())), run(shaped(a_sample())), run(shaped(a_sample()), seed=1)
    assert first == again == json.loads(json.dumps(first)) != other


def test_too_few_labels_are_replaced_by_what_the_plan_assumes_and_the_body_says_so() -> None:
    row = run(shaped(a_sample(20)))["requirements"][0]
    assert row["labels"] == NI.min_labels and "too few labels yet" in row["shape"]
    assert run(shaped(a_sample(50)))["requirements"][0]["shape"] == "the labels there are"


def test_slices_are_tried_too_pooled() -> None:
    whole = shaped(a_sample(120))
    parts = {f"language={tag}": replace(whole.measured["overall"], sample=a_sample(40, 40, seed=k)) for k, tag in enumerate(("en", "ja"))}
    sliced = replace(whole, measured=whole.measured | parts, lines=whole.lines | dict.fromkeys(parts, -0.3),
                     minima=whole.minima | dict.fromkeys(parts, 11))  # fmt: skip
    counts = {count["what"]: count for count in run(sliced)["requirements"][0]["counts"]}
    assert counts["in a slice a regression of its margin's size passed"]["times"] == 2 * round(selftest.SLICE_CALLS * 60 / 40 / 4)


# ---------------------------------------------------------------------------------------------- in a decision


def test_a_decision_carries_its_self_test_and_a_policy_can_be_tried_without_evidence() -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=2, claims=1)
    row = {"name": "grounded", "kind": "non_inferiority", "metric": "grounded", "margin": 0.1, "min_labels": 40,
           "slices": ["language"], "slice_margin": 0.3, "slice_min_labels": 11}  # fmt: skip
    policy = parse_policy({"version": 1, "feature": "highlights", "requirements": [row], "languages": ["en", "ja"]})
    ids = (runs.champion.run_id, runs.candidate.run_id)
    body = decide(store, policy, *ids, now=NOW).body
    assert body["self_test"]["passed"] and body["self_test"]["requirements"][0]["name"] == "grounded"
    alone = try_policy(None, policy, repetitions=20)
    assert alone["passed"] and alone["requirements"][0]["labels"] == 40
    assert try_policy(store, policy, ids, repetitions=20)["passed"]


def test_a_policy_that_fails_its_self_test_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=2, claims=1)
    row = {"name": "grounded", "kind": "non_inferiority", "metric": "grounded", "margin": 0.1, "min_labels": 40}
    policy = parse_policy({"version": 1, "feature": "highlights", "requirements": [row]})
    monkeypatch.setattr(selftest, "mean_cell", judging_by(no_worse))
    with pytest.raises(PolicyError, match="so it may not gate"):
        decide(store, policy, runs.champion.run_id, runs.candidate.run_id, now=NOW)
    assert store.ledger.decisions() == []
