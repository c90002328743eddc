"""The judge against people: does the metric say of a claim what people together say?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evals.records import Feature
from evals.statistics.auroc import auroc
from evals.statistics.bootstrap import DRAWS, Coefficient, groups_of, interval, nothing, weighted_mean_of
from evals.statistics.intervals import Interval
from evals.store import Store
from evals.trust.certificates import THRESHOLD
from evals.trust.labelled import Labelled, from_store

METRIC = "grounded"


@dataclass(frozen=True)
class JudgeAgainstPeople:
    """One language. `accuracy`: share of claims on which judge and people say the same, `auroc`: chance that a claim that people find
    grounded has the higher score; both over `claims` claims, weighted by 1 ÷ the chance with which each was drawn, so that they speak of
    all claims and not of the doubtful ones that people see more of. Left out: `undecided` by people, `unscored` by the judge."""

    language: str
    metric: str
    signature: str | None
    claims: int
    undecided: int
    unscored: int
    accuracy: Interval
    auroc: Interval


def judge_against_people(
    store: Store, *, feature: Feature | None = None, metric: str = METRIC, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> list[JudgeAgainstPeople]:
    """Per language in which people judged drawn claims; intervals over products. Where scores have several signatures, the commonest."""
    against = from_store(store, metric, feature=feature)
    found = []
    for language in sorted({*against.by_language, *against.undecided}):
        rows = against.by_language.get(language, [])
        both = [row for row in rows if row.said is not None]
        one, other = (interval(figure, n=len(both), level=level, draws=draws, seed=seed) for figure in _coefficients(both))
        undecided, unscored = against.undecided.get(language, 0), len(rows) - len(both)
        found.append(JudgeAgainstPeople(language, metric, against.signature, len(both), undecided, unscored, one, other))
    return found


def _coefficients(rows: Sequence[Labelled]) -> tuple[Coefficient, Coefficient]:
    if not rows:
        none = nothing("no claim that people decided has a score")
        return none, none
    groups = groups_of({row.subject_id: row.group for row in rows})
    right = np.array([row.right for row in rows])
    judged = np.array([row.said for row in rows], dtype=float)
    weights = np.array([row.weight for row in rows])
    same = ((judged >= THRESHOLD) == right).astype(float)
    return weighted_mean_of(same, groups, weights), auroc(judged, right, groups, weights)
