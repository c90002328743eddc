"""From evidence to arrays: what people, judges and code said about the two runs, one row a case.

Only what was drawn at random decides: cases queued as ``random audit`` or ``uncertain``, with the probability stored when they were drawn.
What was flagged, escalated, gold or anchor stays apart and is counted. Cases in which neither arm says anything leave the comparison and
are counted; a gap in one arm is filled with what is worst for the candidate, never dropped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evals.gate.evidence import Arm, Evidence
from evals.gate.policy import Requirement
from evals.gate.settled import certainty
from evals.records import Case, Score
from evals.statistics.clusters import codes
from evals.statistics.paired import Sample
from evals.store import Store

HUMAN_METRIC = "grounded"


@dataclass(frozen=True)
class Measured:
    """Arrays for one requirement, one row a case, with the counts a report needs.

    `label_error`: share of people's values that are wrong as far as the consensus knows, 0 where nothing tells. `missing`: why nothing was
    measured here (the verdict is *unverified*); `broken`: why it cannot be trusted (*error*).
    """

    sample: Sample
    language: NDArray[np.str_]
    category: NDArray[np.str_]
    case_ids: NDArray[np.str_]
    counts: Mapping[str, int]
    claims_per_case: float | None = None
    label_error: float = 0.0
    missing: str | None = None
    broken: str | None = None

    def part(self, attribute: str, value: str) -> Measured:
        """The rows of one language or category."""
        mine = getattr(self, attribute) == value
        s = self.sample
        columns = {name: getattr(s, name)[mine] for name in ("value", "labelled", "probability", "judge", "cluster")}
        return replace(
            self,
            sample=replace(s, **columns),
            language=self.language[mine],
            category=self.category[mine],
            case_ids=self.case_ids[mine],
            counts={},
        )


def measure(store: Store, evidence: Evidence, requirement: Requirement) -> Measured:
    """The arrays of a requirement about a metric: the paired difference, or the candidate's own value for a floor."""
    if requirement.source == "human":
        return _human(store, evidence, requirement)
    return _scored(store, evidence, requirement)


def _human(store: Store, evidence: Evidence, requirement: Requirement) -> Measured:
    arms = _arms(evidence, requirement)
    if requirement.metric != HUMAN_METRIC:
        return nothing_measured(f"people are asked about {HUMAN_METRIC!r}, not about {requirement.metric!r}")
    if any(not arm.claims for arm in arms):
        return nothing_measured(
            "a run has no claims: score it first" if any(not arm.scored for arm in arms) else "a run makes no claim at all"
        )
    speaking = [case for case in evidence.cases if any(arm.claims.get(case.case_id) for arm in arms)]
    cases = list(evidence.cases) if len(arms) == 1 else speaking
    judges = _judges(store, arms, requirement.judge or requirement.metric)
    values = [_signed([arm.value(case.case_id) for arm in arms]) for case in cases]
    judged = [_signed([arm.judged(case.case_id, scores) for arm, scores in zip(arms, judges, strict=True)]) for case in cases]
    drawn = [_probability(arms, case.case_id) for case in cases]
    known = [value is not None and probability > 0 for value, probability in zip(values, drawn, strict=True)]
    unscored = sum(len(arm.unscored) for arm in arms)
    return replace(
        _measured(cases, values, known, [p or 1.0 for p in drawn], judged, len(arms)),
        counts=_human_counts(evidence, arms, cases, drawn, known, judged),
        claims_per_case=_claims_per_case(arms, cases, drawn),
        label_error=1 - (certainty([vote for arm in arms for vote in arm.votes.values()]) or 1.0),
        broken=f"{unscored} outputs say something and were never cut into claims: score the runs again" if unscored else None,
    )


def _arms(evidence: Evidence, requirement: Requirement) -> list[Arm]:
    return [evidence.candidate] if requirement.kind == "floor" else [evidence.candidate, evidence.champion]


def _probability(arms: Sequence[Arm], case_id: str) -> float:
    """With which the case was drawn, 0 where it was not; 1 where nobody need be asked because no arm says anything."""
    if not any(arm.claims.get(case_id) for arm in arms):
        return 1.0
    return max(arm.drawn.get(case_id, 0.0) for arm in arms)


def _human_counts(
    evidence: Evidence,
    arms: Sequence[Arm],
    cases: Sequence[Case],
    drawn: Sequence[float],
    known: Sequence[bool],
    judged: Sequence[float | None],
) -> dict[str, int]:
    votes = [vote for arm in arms for vote in arm.votes.values()]
    counts = {
        "cases": len(cases),
        "drawn": sum(p > 0 for p in drawn),
        "labelled": sum(known),
        "unfinished": sum(p > 0 and not k for p, k in zip(drawn, known, strict=True)),
        "both_silent": len(evidence.cases) - len(cases),
        "candidate_silent": sum(not evidence.candidate.claims.get(case.case_id) for case in cases),
        "champion_silent": sum(not evidence.champion.claims.get(case.case_id) for case in cases),
        "not_checkable_claims": sum(vote.value is None for vote in votes),
        "tied_claims": sum(vote.value == 0.5 for vote in votes),
        "disputed_claims": sum(vote.disputed for vote in votes),
        "settled_by_experts": sum(vote.adjudicated for vote in votes),
        "not_judged": sum(value is None for value in judged),
    }
    apart = Counter[str]()
    for arm in arms:
        apart.update(arm.apart)
    return counts | {f"apart_{why.replace(' ', '_')}": count for why, count in sorted(apart.items())}


def _claims_per_case(arms: Sequence[Arm], cases: Sequence[Case], drawn: Sequence[float]) -> float | None:
    """Claims people see per drawn case, both arms together."""
    seen = [sum(len(arm.queued.get(case.case_id, ())) for arm in arms) for case, p in zip(cases, drawn, strict=True) if p > 0]
    return float(np.mean(seen)) if seen else None


def _scored(store: Store, evidence: Evidence, requirement: Requirement) -> Measured:
    """A metric measured over every output. Missing counts against the candidate: see `_penalised`."""
    metric, arms = requirement.metric or "", _arms(evidence, requirement)
    rows = _rows(store, arms, metric)
    if not all(rows):
        return nothing_measured(f"no score of {metric!r} (with the same signature in every run) is stored")
    means = [_means(arm_rows, requirement.direction == "lower") for arm_rows in rows]
    raw = [[case_means.get(case.case_id) for case_means in means] for case in evidence.cases]
    filled = [(case, _penalised(row, [case.case_id in arm.spoken for arm in arms])) for case, row in zip(evidence.cases, raw, strict=True)]
    kept = [(case, row) for case, row in filled if None not in row]
    unscored = sum(len(_unscored(arm, arm_rows)) for arm, arm_rows in zip(arms, rows, strict=True))
    outside = sum(value is not None and not 0 <= value <= 1 for row in raw for value in row)
    known = [True] * len(kept)
    return replace(
        _measured([case for case, _ in kept], [_signed(row) for _, row in kept], known, [1.0] * len(kept), [None] * len(kept), len(arms)),
        counts={
            "cases": len(kept),
            "not_measurable": len(raw) - len(kept),
            "counted_against": sum(None in row for row in raw) - (len(raw) - len(kept)),
        },
        missing=None if kept else f"{metric} could not be measured on any case",
        broken=_broken(metric, unscored, outside),
    )


def _broken(metric: str, unscored: int, outside: int) -> str | None:
    if unscored:
        return f"{unscored} outputs have no score of {metric}: score the runs again"
    return f"{metric} has {outside} values outside 0 … 1: a margin in shares cannot be applied" if outside else None


def _penalised(row: Sequence[float | None], said: Sequence[bool]) -> list[float | None]:
    """Values with the gaps filled. An arm that said nothing gets 0; where an arm said something that could not be measured it gets what is
    worst for the candidate: 0 for the candidate, 1 for the champion. A pair that nobody answered or nobody could measure stays empty.

    >>> _penalised([None, 1.0], [True, True]), _penalised([0.8, None], [True, True]), _penalised([0.8, None], [True, False])
    ([0.0, 1.0], [0.8, 1.0], [0.8, 0.0])
    >>> _penalised([None, None], [True, True])
    [None, None]
    """
    if len(row) == 2 and all(value is None for value in row):
        return list(row)
    worst = (0.0, 1.0)
    return [value if value is not None else worst[arm] * spoke for arm, (value, spoke) in enumerate(zip(row, said, strict=True))]


def _means(rows: Sequence[Score], mirrored: bool) -> dict[str, float]:
    """Mean of the measured values of each case: of its output, or of its claims; 1 − mean where the metric counts what is bad."""
    means = {case: float(np.mean(given)) for case, given in _values(rows).items()}
    return {case: 1 - mean for case, mean in means.items()} if mirrored else means


def _values(rows: Sequence[Score]) -> dict[str, list[float]]:
    values: dict[str, list[float]] = defaultdict(list)
    for score in rows:
        if score.value is not None:
            values[score.case_id].append(score.value)
    return values


def _unscored(arm: Arm, rows: Sequence[Score]) -> set[str]:
    """Cases whose output says something and has no row of the metric at all, not even one with a reason."""
    by_claim = any(score.subject == "claim" for score in rows)
    subjects = {case for case in arm.spoken if arm.claims.get(case)} if by_claim else set(arm.spoken)
    return subjects - {score.case_id for score in rows}


def _judges(store: Store, arms: Sequence[Arm], metric: str) -> list[dict[str, list[float]]]:
    """The judge's scores of claims by case, per arm; empty where there is no judge."""
    return [_values([score for score in rows if score.subject == "claim"]) for rows in _rows(store, arms, metric)]


def _rows(store: Store, arms: Sequence[Arm], metric: str) -> list[list[Score]]:
    """Scores of the metric per arm, under one signature: the one with most scores among those every run has. Empty where there is none."""
    rows = [list(store.runs.scores(arm.run.run_id, metric)) for arm in arms]
    counted = [Counter(score.signature for score in arm_rows) for arm_rows in rows]
    shared = set(counted[0]).intersection(*counted[1:])
    chosen = max(shared, key=lambda name: (sum(counts[name] for counts in counted), name), default=None)
    return [[score for score in arm_rows if score.signature == chosen] for arm_rows in rows]


def _signed(values: Sequence[float | None]) -> float | None:
    """Candidate − champion, or the candidate's own where it stands alone; None where an arm has none."""
    if any(value is None for value in values):
        return None
    first, *rest = [value for value in values if value is not None]
    return first - rest[0] if rest else first


def _measured(
    cases: Sequence[Case],
    values: Sequence[float | None],
    known: Sequence[bool],
    probability: Sequence[float],
    judge: Sequence[float | None],
    arms: int,
) -> Measured:
    sample = Sample(
        value=np.array([0.0 if value is None else value for value in values], dtype=float),
        labelled=np.array(known, dtype=bool),
        probability=np.array(probability, dtype=float),
        judge=np.array([0.0 if value is None else value for value in judge], dtype=float),
        cluster=codes(np.array([case.product_id for case in cases], dtype=str))[0],
        lowest=-1.0 if arms == 2 else 0.0,
    )
    language, category, ids = (np.array([getattr(case, name) for case in cases], dtype=str) for name in ("language", "category", "case_id"))
    return Measured(sample, language, category, ids, counts={})


def nothing_measured(reason: str) -> Measured:
    """No row, and why."""
    empty = _measured([], [], [], [], [], 2)
    return replace(empty, missing=reason)
