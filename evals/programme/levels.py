"""The level an experiment may use, so that all promotions of a feature together keep one error rate.

A test is one candidate of one registered experiment, in the order of registration; exploratory experiments are none, and neither are those
that were abandoned before anybody labelled anything: nothing was tested. What a level depends on was known when its experiment was planned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from evals.programme.rules import Rules
from evals.records import Ending, Experiment, Feature
from evals.statistics import online
from evals.store import Store


class Wealth(NamedTuple):
    """`tests` so far and `promotions` among them; the `level` that each of the next `candidates` may use; and the level of the one after,
    if one of these is promoted (`after_promotion`) and if none is (`after_none`)."""

    tests: int
    promotions: int
    candidates: int
    level: float
    after_promotion: float
    after_none: float


def wealth(store: Store, rules: Rules, feature: Feature, candidates: int = 1) -> Wealth:
    """What an experiment with so many candidates may use if it is planned now: the last and smallest of their levels, for all of them."""
    endings = store.programme.endings()
    return wealth_after(rules, counted(store.programme.experiments(feature), endings), endings, candidates)


def counted(experiments: Sequence[Experiment], endings: Mapping[str, Ending]) -> list[Experiment]:
    """The experiments that are tests, in order."""
    return [one for one in experiments if not one.exploratory and not is_void(endings.get(one.experiment_id))]


def is_void(ending: Ending | None) -> bool:
    """Abandoned before anybody labelled anything."""
    return ending is not None and ending.outcome == "abandoned" and not ending.labels


def wealth_after(rules: Rules, tests: Sequence[Experiment], endings: Mapping[str, Ending], candidates: int) -> Wealth:
    """From the tests so far, in order, and how they ended."""
    begun = sum(len(one.candidate_run_ids) for one in tests)
    known = [
        sum(len(other.candidate_run_ids) for other in tests if other.created_at <= ending.created_at)
        for one in tests
        if (ending := endings.get(one.experiment_id)) is not None
        for _ in range(ending.promoted)
    ]
    last = begun + candidates
    after = [_level(rules, last + 1, promoted) for promoted in ([*known, last], known)]
    return Wealth(begun, len(known), candidates, _level(rules, last, known), *after)


def _level(rules: Rules, number: int, known: Sequence[int]) -> float:
    share = online.power(rules.exponent)
    if rules.method == "spending":
        return online.spending(number, rules.alpha, share)
    return online.lord(number, known, rules.alpha, rules.initial * rules.alpha, share)
