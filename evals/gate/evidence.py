"""What is stored about two runs over the same cases, as the gate reads it: outputs, claims, what people were asked and what they said.

A case's value in an arm is the mean over its labelled claims: 1 where most people call the claim grounded, 0 where most do not, ½ on a tie;
``not_checkable`` is no vote. Two rules keep it honest:

- **Silence is not quality.** An output that is missing, failed, blocked, blank or without a claim has the value 0 in its arm.
- **Half a case is no case.** A case is labelled when every claim queued for it has a vote.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evals.errors import InputError
from evals.identity import content_id
from evals.records import Case, ClaimVerdict, Run
from evals.store import Store

SAMPLED = ("random audit", "uncertain")
ALWAYS_APART = ("gold", "escalated", "anchor")


class Served(NamedTuple):
    """What serving one case took: seconds at the caller, tokens generated."""

    first_token_s: float | None
    total_s: float | None
    generated_tokens: int


@dataclass(frozen=True)
class Arm:
    """One run, by case id. `spoken`: outputs with status ok and text in them; `claims`: claim ids of each output;
    `votes`: per claim the share of its votes that say grounded; `queued`: claims put before people, of the cases drawn at random;
    `drawn`: the probabilities of those; `apart`: items that may not decide, counted by why; `served`: times and tokens;
    `rails`: those that objected to the case; `annotators`: who voted."""

    run: Run
    status: Mapping[str, str]
    spoken: frozenset[str]
    scored: frozenset[str]
    claims: Mapping[str, tuple[str, ...]]
    votes: Mapping[str, float | None]
    queued: Mapping[str, tuple[str, ...]]
    drawn: Mapping[str, float]
    apart: Mapping[str, int]
    served: Mapping[str, Served]
    rails: Mapping[str, frozenset[str]]
    annotators: frozenset[str]

    @property
    def unscored(self) -> list[str]:
        """Cases whose output says something that was never cut into claims."""
        known = self.claims.keys() | self.scored
        return sorted(case for case in self.spoken if case not in known) if self.scored or not self.claims else []

    def value(self, case_id: str) -> float | None:
        """What people say of the case, 0 for silence, None while a queued claim has no vote or none could be checked."""
        if not self.claims.get(case_id):
            return 0.0
        queued = self.queued.get(case_id, ())
        if not queued or any(claim not in self.votes for claim in queued):
            return None
        votes = [vote for claim in queued if (vote := self.votes[claim]) is not None]
        return float(np.mean([_majority(vote) for vote in votes])) if votes else None

    def judged(self, case_id: str, scores: Mapping[str, list[float]]) -> float | None:
        """The judge's mean over the case's claims, 0 for silence, None where it measured none of them."""
        if not self.claims.get(case_id):
            return 0.0
        return float(np.mean(scores[case_id])) if scores.get(case_id) else None


@dataclass(frozen=True)
class Evidence:
    """Both runs over the same cases."""

    cases: tuple[Case, ...]
    champion: Arm
    candidate: Arm

    def labels_sha(self) -> str:
        """Names what people said so far: equal when no label came, changed or went."""
        arms = [sorted((claim, vote) for claim, vote in arm.votes.items()) for arm in (self.champion, self.candidate)]
        drawn = [sorted(arm.drawn.items()) for arm in (self.champion, self.candidate)]
        return content_id("labels", arms, drawn)


def read_evidence(store: Store, champion_run_id: str, candidate_run_id: str) -> Evidence:
    """Everything the gate needs of two runs. Raises UnknownIdError, and InputError when they did not answer the same cases."""
    champion, candidate = store.runs.run(champion_run_id), store.runs.run(candidate_run_id)
    if champion.dataset_id != candidate.dataset_id:
        raise InputError(
            f"runs {champion_run_id} and {candidate_run_id} are over different datasets: a paired comparison needs the same cases"
        )
    drawn = _drawn(store, champion_run_id, candidate_run_id)
    return Evidence(tuple(store.runs.cases(champion.dataset_id)), _arm(store, champion, drawn), _arm(store, candidate, drawn))


def _drawn(store: Store, *run_ids: str) -> dict[str, float]:
    """Cases drawn at random, whichever arm's items say so, with their probability."""
    drawn: dict[str, float] = {}
    for run_id in run_ids:
        for item in store.queue.items(run_id=run_id):
            if item.why in SAMPLED:
                drawn[item.case_id] = max(item.probability, drawn.get(item.case_id, 0.0))
    return drawn


def _arm(store: Store, run: Run, drawn: Mapping[str, float]) -> Arm:
    case_of: dict[str, str] = {}
    status: dict[str, str] = {}
    served: dict[str, Served] = {}
    spoken = set()
    for output in store.runs.outputs(run.run_id):
        case_of[output.output_id], status[output.case_id] = output.case_id, output.status
        served[output.case_id] = Served(output.first_token_s, output.total_s, output.generated_tokens)
        if output.status == "ok" and output.text.strip():
            spoken.add(output.case_id)
    claims = _grouped((case_of[claim.output_id], claim.claim_id) for claim in store.runs.claims(run.run_id))
    claims = {case: ids for case, ids in claims.items() if case in spoken}
    queued, apart = _queue(store, run.run_id, drawn)
    labels = store.queue.labelled_claims(run.run_id)
    rails = _grouped((case_of[finding.output_id], finding.rail) for finding in store.runs.findings(run.run_id))
    return Arm(
        run=run,
        status=status,
        spoken=frozenset(spoken),
        scored=frozenset(score.case_id for score in store.runs.scores(run.run_id)),
        claims=claims,
        votes=_votes((row.claim_id, row.verdict) for row in labels),
        queued=queued,
        drawn=drawn,
        apart=apart,
        served=served,
        rails={case: frozenset(names) for case, names in rails.items()},
        annotators=frozenset(row.annotator_id for row in labels),
    )


def _queue(store: Store, run_id: str, drawn: Mapping[str, float]) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    """Claims put before people of the cases drawn at random; what else is in the queue, counted by why."""
    items = store.queue.items(run_id=run_id)
    own = [item for item in items if item.case_id in drawn and item.why not in ALWAYS_APART]
    apart = Counter(item.why for item in items if item.case_id not in drawn or item.why in ALWAYS_APART)
    return _grouped((item.case_id, item.claim_id) for item in own), dict(apart)


def _votes(rows: Iterable[tuple[str, ClaimVerdict]]) -> dict[str, float | None]:
    """Share of checkable votes that say grounded; None where people looked and nobody could check."""
    votes: dict[str, list[float]] = defaultdict(list)
    for claim, verdict in rows:
        votes[claim] += [] if verdict == "not_checkable" else [float(verdict == "grounded")]
    return {claim: float(np.mean(given)) if given else None for claim, given in votes.items()}


def _majority(share: float) -> float:
    return 0.5 if share == 0.5 else float(share > 0.5)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}
