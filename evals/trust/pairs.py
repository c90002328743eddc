"""Two runs compared pair by pair by a judge, and what came of it; what people prefer of the same pairs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evals.errors import InputError
from evals.gate.settled import ADJUDICATION
from evals.identity import content_id
from evals.judges.pairwise import Pair, PairJudge, Verdict
from evals.records import DRAWN, Label, Preference
from evals.statistics.agreement import Rated
from evals.statistics.bootstrap import groups_of, interval, mean_of
from evals.statistics.consensus import consensus
from evals.statistics.intervals import Interval, no_interval
from evals.store import Store
from evals.store.rows import batches

RUBRIC = "preference-v1"
BATCH = 16  # pairs between two writes
LEVEL = 0.95
WORTH: Mapping[str, float] = {"a": 1.0, "tie": 0.5, "b": 0.0}
_SIDES: Mapping[str, Verdict] = {"candidate": "a", "champion": "b", "tie": "tie"}


@dataclass(frozen=True)
class Tally:
    """One language. `share`: how often the candidate is preferred, a tie counting one half, clustered by product. `reasons`: why pairs
    have no verdict."""

    language: str
    candidate: int
    champion: int
    ties: int
    share: Interval
    reasons: Mapping[str, int] = field(default_factory=dict)


def pairs_of(store: Store, champion_run: str, candidate_run: str) -> list[Pair]:
    """The outputs of both runs, case by case: `a` is the candidate's. Raises InputError for runs over different datasets, or one run."""
    champion, candidate = store.runs.run(champion_run), store.runs.run(candidate_run)
    if champion.dataset_id != candidate.dataset_id or champion.run_id == candidate.run_id:
        raise InputError(f"runs {champion_run} and {candidate_run} are not two over one dataset: nothing is paired")
    models = [store.runs.variant(run.variant_id).settings.get("model") for run in (candidate, champion)]
    wrote = (None if models[0] is None else str(models[0]), None if models[1] is None else str(models[1]))
    outputs = [{one.case_id: one for one in store.runs.outputs(run.run_id)} for run in (candidate, champion)]
    cases = store.runs.cases(champion.dataset_id)
    both = [case for case in cases if all(case.case_id in mine for mine in outputs)]
    return [Pair(case, outputs[0][case.case_id], outputs[1][case.case_id], wrote) for case in both]


def compare(
    store: Store, judge: PairJudge, pairs: Sequence[Pair], *, now: str, progress: Callable[[int, int | None], None] | None = None
) -> int:
    """Ask about the pairs that have no stored preference of this judge yet, batch by batch; how many are new. A stop loses one batch."""
    stored = {one.preference_id for one in store.judging.preferences(judge.name, judge.signature)}
    missing = [pair for pair in pairs if judge.preference_id(pair) not in stored]
    new = 0
    for some in batches(missing, BATCH):
        new += store.judging.add_preferences(judge.compare(some, now=now))
        if progress:
            progress(len(pairs) - len(missing) + new, len(pairs))
    return new


def tallies(pairs: Sequence[Pair], preferences: Iterable[Preference]) -> list[Tally]:
    """What a judge prefers of these pairs, by language."""
    said = {(one.output_id, one.other_output_id): one for one in preferences}
    by_language: dict[str, list[tuple[Pair, Preference]]] = defaultdict(list)
    for pair in pairs:
        found = said.get((pair.a.output_id, pair.b.output_id))
        if found is not None:
            by_language[pair.case.language].append((pair, found))
    return [_tally(tag, rows) for tag, rows in sorted(by_language.items())]


def _tally(language: str, rows: Sequence[tuple[Pair, Preference]]) -> Tally:
    decided = [(pair, one) for pair, one in rows if one.verdict is not None]
    count = Counter(str(one.verdict) for _, one in decided)
    reasons = Counter(str(one.reason) for _, one in rows if one.verdict is None)
    groups = groups_of({pair.case.case_id: pair.case.product_id for pair, _ in decided})
    worth = np.array([WORTH[str(one.verdict)] for _, one in decided])
    none = no_interval(LEVEL, 0, 0, "no pair has a verdict")
    share = interval(mean_of(worth, groups), n=len(worth), level=LEVEL) if decided else none
    return Tally(language, count["a"], count["b"], count["tie"], share, dict(reasons.most_common()))


def people(labels: Iterable[Label]) -> dict[str, Verdict]:
    """Pair (`pair_id`) → what people prefer together: ``a`` the candidate's, ``b`` the champion's, ``tie``; "much better" is "better".

    One answer a person, the newest; an expert's settles; pairs on which people are divided are left out.
    """
    newest: dict[str, dict[tuple[str, str], Label]] = {"votes": {}, "expert": {}}
    for row in sorted(labels, key=lambda row: (row.updated_at, row.item_id)):
        if row.rubric == RUBRIC and row.why in (*DRAWN, ADJUDICATION):
            newest["expert" if row.why == ADJUDICATION else "votes"][(row.subject_id, row.annotator_id)] = row
    votes = [Rated(pair, who, _side(row)) for (pair, who), row in newest["votes"].items()]
    found = {pair: one.label for pair, one in consensus(votes, tuple(WORTH)).items.items()} if votes else {}
    found |= {pair: _side(row) for (pair, _), row in newest["expert"].items()}
    return {pair: _verdict(label) for pair, label in sorted(found.items()) if label is not None}


def pair_id(preference: Preference) -> str:
    """The name under which people are asked about the pair: the champion's output, then the candidate's."""
    return content_id("pair", preference.other_output_id, preference.output_id)


def _side(row: Label) -> Verdict:
    return _SIDES[row.verdict.partition("_")[0]]


def _verdict(label: str) -> Verdict:
    return "a" if label == "a" else "b" if label == "b" else "tie"
