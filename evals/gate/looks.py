"""Which level one look at accumulating labels is read at. The only place that knows.

``looks: 1`` reads once at the whole level. ``looks: K`` spends it over K looks (`evals.statistics.sequential`): at the planned fractions of
information, or, where the policy says how many labels the whole plan has, at the fractions found. ``looks: any`` may be read after every
label: the level of a normal bound as far out as the confidence sequence's (`evals.statistics.confidence_sequence`).

>>> [round(level, 4) for level in planned_levels(2, "obrien_fleming", (), 0.05)]
[0.0056, 0.0482]
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from evals.gate.policy.records import Policy, Requirement
from evals.statistics.confidence_sequence import anytime_level, mixture
from evals.statistics.sequential import Spending, spent_levels

SMALLEST = 1e-6  # information never falls; a look that adds nothing is one that added this little


def look_level(policy: Policy, requirement: Requirement, look: int, labelled: Sequence[int], clusters: int) -> float:
    """One-sided level of look number `look` (from 1) for a requirement on human labels.

    `labelled`: labelled cases at each look so far, this one last; `clusters`: independent groups labelled now, which is what a confidence
    sequence counts. 0 for a look beyond those planned: nothing is left to spend.
    """
    alpha = policy.level(requirement)
    if policy.looks == "any":
        return anytime_level(max(clusters, 2), alpha, mixture(alpha, planned_information(policy, requirement)))
    if look > policy.looks:
        return 0.0
    if policy.looks == 1:
        return alpha
    if policy.planned_labels:
        return spent_levels(_rising([max(n, 1) / policy.planned_labels for n in labelled]), alpha, policy.spending)[-1]
    return planned_levels(policy.looks, policy.spending, policy.planned, alpha)[look - 1]


@cache
def planned_levels(looks: int, spending: Spending, planned: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    """The level of every planned look; without a plan they are evenly spaced."""
    return tuple(spent_levels(planned or [k / looks for k in range(1, looks + 1)], alpha, spending))


def planned_information(policy: Policy, requirement: Requirement) -> int:
    """Labelled cases after which a confidence sequence should be narrowest: the plan's, else the requirement's minimum."""
    return policy.planned_labels or max(requirement.min_labels, 2)


def _rising(fractions: Sequence[float]) -> list[float]:
    """Fractions that rise: labels may be deleted, information that was read stays read."""
    found: list[float] = []
    for fraction in fractions:
        found.append(max(fraction, found[-1] * (1 + SMALLEST)) if found else fraction)
    return found
