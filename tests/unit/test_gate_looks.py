"""At which level a look is read, and that looks are counted whichever policy looks."""

from __future__ import annotations

import math
from typing import Any

import pytest
from scipy import stats

from evals.gate import Policy, parse_policy
from evals.gate.looks import look_level, planned_levels
from evals.statistics.confidence_sequence import mixture, multiplier

ROW = {"name": "grounded", "kind": "non_inferiority", "metric": "grounded", "margin": 0.1, "min_labels": 50}


def a_policy(**more: Any) -> Policy:
    return parse_policy({"version": 1, "feature": "highlights", "requirements": [ROW], **more})


def level(policy: Policy, look: int, labelled: list[int], clusters: int = 50) -> float:
    return look_level(policy, policy.requirements[0], look, labelled, clusters)


def test_one_look_has_the_whole_level_and_no_further_look_has_any() -> None:
    assert level(a_policy(), 1, [50]) == 0.05 and level(a_policy(), 2, [50, 60]) == 0.0


def test_planned_looks_spend_late_or_evenly_and_never_more_than_stated() -> None:
    late, even = (planned_levels(5, kind, (), 0.05) for kind in ("obrien_fleming", "pocock"))
    assert list(late) == sorted(late) and late[0] < 1e-4 < even[0]
    assert late[-1] < 0.05 < sum(late) and max(even) < 0.05 < sum(even) < 0.11  # looks are correlated: less than the sum is spent


def test_a_plan_of_fractions_and_a_plan_of_labels_say_the_same() -> None:
    by_fraction = level(a_policy(looks=2, planned=[0.5, 1.0]), 2, [50, 100])
    assert level(a_policy(looks=2, planned_labels=100), 2, [50, 100]) == pytest.approx(by_fraction)
    assert level(a_policy(looks=2), 2, [1, 7]) == pytest.approx(by_fraction)


def test_more_labels_than_planned_at_a_look_spend_more_of_the_level_there() -> None:
    policy = a_policy(looks=2, planned_labels=100)
    assert level(policy, 1, [80]) > level(policy, 1, [50]) > level(policy, 1, [20])
    assert level(policy, 1, [100]) == 0.05


def test_labels_that_were_taken_back_are_no_error() -> None:
    assert 0 <= level(a_policy(looks=3, planned_labels=100), 2, [60, 40]) < 0.05


def test_a_look_at_any_time_is_as_far_out_as_the_confidence_sequence() -> None:
    found = level(a_policy(looks="any", planned_labels=80), 17, [40], clusters=40)
    assert stats.norm.isf(found) == pytest.approx(multiplier(40, 0.05, mixture(0.05, 80)))
    assert math.isfinite(level(a_policy(looks="any"), 1, [0], clusters=0))


def test_a_requirement_may_have_a_level_of_its_own() -> None:
    policy = parse_policy({"version": 1, "feature": "highlights", "requirements": [ROW | {"level": 0.01}]})
    assert level(policy, 1, [50]) == 0.01
