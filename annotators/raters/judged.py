"""The judge against people: does the metric say of a claim what people together say?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals.gate.settled import ADJUDICATION, settle
from evals.records import DRAWN, Feature, Label
from evals.statistics.auroc import auroc
from evals.statistics.bootstrap import DRAWS, Coefficient, groups_of, interval, nothing, weighted_mean_of
from evals.statistics.intervals import Interval
from evals.store import Store

METRIC = "grounded"
_LINE = 0.5  # from here on the judge says yes


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
    rows = [row for row in store.labels.labels(feature=feature) if row.claim_id and row.why in (*DRAWN, ADJUDICATION)]
    drawn = {str(row.claim_id): row for row in rows if row.why in DRAWN}
    settled = settle(row for row in rows if str(row.claim_id) in drawn).claims
    signature, scores = _scores(store, drawn.values(), metric)
    by_language: dict[str, list[str]] = defaultdict(list)
    for claim, row in sorted(drawn.items()):
        by_language[row.language].append(claim)
    found = []
    for language, claims in sorted(by_language.items()):
        decided = {claim: settled[claim].value == 1 for claim in claims if settled[claim].value in (0, 1)}
        both = [claim for claim in decided if claim in scores]
        accuracy, ranking = _coefficients([drawn[claim] for claim in both], decided, scores)
        one, other = (interval(figure, n=len(both), level=level, draws=draws, seed=seed) for figure in (accuracy, ranking))
        undecided, unscored = len(claims) - len(decided), len(decided) - len(both)
        found.append(JudgeAgainstPeople(language, metric, signature, len(both), undecided, unscored, one, other))
    return found


def _scores(store: Store, rows: Iterable[Label], metric: str) -> tuple[str | None, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for run_id in sorted({row.run_id for row in rows if row.run_id}):
        for score in store.runs.scores(run_id, metric, "claim"):
            if score.value is not None:
                found[score.signature][score.subject_id] = score.value
    if not found:
        return None, {}
    counts = Counter({signature: len(scores) for signature, scores in found.items()})
    signature = min(counts, key=lambda one: (-counts[one], one))
    return signature, found[signature]


def _coefficients(rows: Sequence[Label], people: Mapping[str, bool], scores: Mapping[str, float]) -> tuple[Coefficient, Coefficient]:
    if not rows:
        none = nothing("no claim that people decided has a score")
        return none, none
    claims = [str(row.claim_id) for row in rows]
    groups = groups_of({claim: row.product_id for claim, row in zip(claims, rows, strict=True)})
    right = np.array([people[claim] for claim in claims])
    judged = np.array([scores[claim] for claim in claims])
    weights = np.array([1 / row.probability for row in rows])
    same = ((judged >= _LINE) == right).astype(float)
    return weighted_mean_of(same, groups, weights), auroc(judged, right, groups, weights)
