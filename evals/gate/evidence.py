"""What is stored about two runs over the same cases, as the gate reads it: outputs, claims, what people were asked and what they said.

A case's value in an arm is the mean over its labelled claims: 1 where people together call the claim grounded, 0 where they do not, ½ where
they are undecided (`evals.gate.settled`). Two rules keep it honest:

- **Silence is not quality.** An output that is missing, failed, blocked, blank or without a claim has the value 0 in its arm.
- **Half a case is no case.** A case is labelled when every claim queued for it has a vote.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evals.errors import InputError
from evals.gate.drawn import chances, together
from evals.gate.settled import ADJUDICATION, Settled, settle
from evals.identity import content_id
from evals.records import Case, Label, Run
from evals.store import Store

ALWAYS_APART = ("gold", "control", "escalated", "anchor", "bridge")  # they may be about a claim that was drawn: never count them twice


class Served(NamedTuple):
    """What serving one case took: seconds at the caller, tokens generated."""

    first_token_s: float | None
    total_s: float | None
    generated_tokens: int


@dataclass(frozen=True)
class Arm:
    """One run, by case id. `spoken`: outputs with status ok and text in them; `claims`: claim ids of each output;
    `votes`: what people together say of each claim; `queued`: claims put before people, of the cases drawn at random;
    `drawn`: the probabilities of those; `apart`: items that may not decide, counted by why; `served`: times and tokens;
    `rails`: those that objected to the case; `annotators`: who voted."""

    run: Run
    status: Mapping[str, str]
    spoken: frozenset[str]
    scored: frozenset[str]
    claims: Mapping[str, tuple[str, ...]]
    votes: Mapping[str, Settled]
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
        votes = [vote for claim in queued if (vote := self.votes[claim].value) is not None]
        return float(np.mean(votes)) if votes else None

    def judged(self, case_id: str, scores: Mapping[str, list[float]]) -> float | None:
        """The judge's mean over the case's claims, 0 for silence, None where it measured none of them."""
        if not self.claims.get(case_id):
            return 0.0
        return float(np.mean(scores[case_id])) if scores.get(case_id) else None


@dataclass(frozen=True)
class Evidence:
    """Both runs over the same cases. `methods`: per language how several people's votes became one value."""

    cases: tuple[Case, ...]
    champion: Arm
    candidate: Arm
    methods: Mapping[str, str]

    def labels_sha(self) -> str:
        """Names what people said so far: equal when no label came, changed or went."""
        arms = [sorted((claim, vote.value) for claim, vote in arm.votes.items()) for arm in (self.champion, self.candidate)]
        drawn = [sorted(arm.drawn.items()) for arm in (self.champion, self.candidate)]
        return content_id("labels", arms, drawn)


def read_evidence(store: Store, champion_run_id: str, candidate_run_id: str) -> Evidence:
    """Everything the gate needs of two runs. Raises UnknownIdError, and InputError when they did not answer the same cases."""
    champion, candidate = store.runs.run(champion_run_id), store.runs.run(candidate_run_id)
    if champion.dataset_id != candidate.dataset_id:
        raise InputError(
            f"runs {champion_run_id} and {candidate_run_id} are over different datasets: a paired comparison needs the same cases"
        )
    runs = (champion, candidate)
    said = [_said(store, run) for run in runs]
    samples = [chances(item for item in store.queue.items(run_id=run.run_id) if item.claim_id) for run in runs]
    drawn = together(samples, [one.claims.keys() for one in said])
    labels = {run.run_id: _claim_labels(store, run, drawn) for run in runs}
    verdicts = settle(row for rows in labels.values() for row in rows)
    arms = [_arm(store, run, one, drawn, labels[run.run_id], verdicts.claims) for run, one in zip(runs, said, strict=True)]
    return Evidence(tuple(store.runs.cases(champion.dataset_id)), arms[0], arms[1], verdicts.methods)


def _claim_labels(store: Store, run: Run, drawn: Mapping[str, float]) -> list[Label]:
    """What was said of claims of the cases drawn at random, and what experts settled."""
    return [row for row in store.labels.labels(run_id=run.run_id) if row.claim_id and row.case_id in drawn and row.why not in ALWAYS_APART]


class _Said(NamedTuple):
    """What a run answered: by case id, but for `case_of`, which is by output."""

    case_of: Mapping[str, str]
    status: Mapping[str, str]
    served: Mapping[str, Served]
    spoken: frozenset[str]
    claims: Mapping[str, tuple[str, ...]]


def _said(store: Store, run: Run) -> _Said:
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
    return _Said(case_of, status, served, frozenset(spoken), {case: ids for case, ids in claims.items() if case in spoken})


def _arm(store: Store, run: Run, said: _Said, drawn: Mapping[str, float], labels: Sequence[Label], settled: Mapping[str, Settled]) -> Arm:
    queued, apart = _queue(store, run.run_id, drawn)
    rails = _grouped((said.case_of[finding.output_id], finding.rail) for finding in store.runs.findings(run.run_id))
    return Arm(
        run=run,
        status=said.status,
        spoken=said.spoken,
        scored=frozenset(score.case_id for score in store.runs.scores(run.run_id)),
        claims=said.claims,
        votes={claim: settled[claim] for row in labels if (claim := str(row.claim_id)) in settled},
        queued=queued,
        drawn=drawn,
        apart=apart,
        served=said.served,
        rails={case: frozenset(names) for case, names in rails.items()},
        annotators=frozenset(row.annotator_id for row in labels),
    )


def _queue(store: Store, run_id: str, drawn: Mapping[str, float]) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    """Claims put before people of the cases drawn at random; what else is in the queue, counted by why."""
    items = store.queue.items(run_id=run_id)
    claims = [item for item in items if item.claim_id and item.why != ADJUDICATION]
    own = {(item.case_id, item.claim_id) for item in claims if item.case_id in drawn and item.why not in ALWAYS_APART}
    apart = Counter[str](item.why for item in claims if item.case_id not in drawn or item.why in ALWAYS_APART)
    return _grouped((str(case_id), str(claim_id)) for case_id, claim_id in sorted(own, key=str)), dict(apart)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}
