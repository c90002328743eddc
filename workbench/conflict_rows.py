"""Behind the page Conflicts: which there are, what was said of each, by whom and what before. Shaped here, drawn by `vote_cards`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from annotators.asking.conflicts import Conflict
from annotators.label_studio.collect import annotation_id
from evals.errors import UnknownIdError
from evals.gate.settled import Settled
from evals.records import Annotator, Label
from evals.store import Store
from workbench import queries
from workbench.cards import cell

OPEN, WAITING, SETTLED = "open", "with experts", "settled"
STATES = (OPEN, WAITING, SETTLED)
_SHOWN = 160  # characters of a claim in the table


class Before(NamedTuple):
    """What a vote said before it was changed, and until when."""

    verdict: str
    comment: str | None
    at: str


class Vote(NamedTuple):
    """What one person says of a claim, and said before, oldest first. `spans`: of the evidence, the words that decide."""

    name: str
    simulated: bool
    verdict: str
    comment: str | None
    at: str
    seconds: float | None
    spans: tuple[tuple[int, int], ...]
    before: tuple[Before, ...]


def state(conflict: Conflict) -> str:
    """``open``: no expert has it yet."""
    if conflict.settled_by is not None:
        return SETTLED
    return WAITING if conflict.queued else OPEN


def short(conflict: Conflict) -> str:
    """Enough of a claim's id for an address."""
    return conflict.claim_id.removeprefix("claim-")[:12]


def chosen(conflicts: Sequence[Conflict], feature: str | None, language: str | None, wanted: str | None) -> list[Conflict]:
    """Those of a feature, language and state; None takes all."""
    return [
        one
        for one in conflicts
        if feature in (None, one.item.feature) and language in (None, one.item.language) and wanted in (None, state(one))
    ]


def table(conflicts: Sequence[Conflict]) -> pd.DataFrame:
    """A row a conflict, in the order given."""
    return pd.DataFrame(
        [
            {
                "claim": cell(str(one.item.data.get("claim", "")))[:_SHOWN],
                "language": one.item.language,
                "said": tally(one.votes),
                "sure": None if one.settled.probability is None else 100 * one.settled.probability,
                "state": [state(one)],
                "last": pd.Timestamp(max(vote.updated_at for vote in one.votes)),
            }
            for one in conflicts
        ]
    )


def tally(votes: Sequence[Label]) -> str:
    """What was said how often, the commonest first: ``2 grounded · 1 contradicted``."""
    counts = Counter(vote.verdict for vote in votes)
    return " · ".join(f"{count} {words(verdict)}" for verdict, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def words(verdict: str) -> str:
    return verdict.replace("_", " ").replace("+", " + ")


def together(settled: Settled) -> str:
    """What the votes come to without an expert, in a sentence."""
    if settled.value is None:
        return "Nobody could check it: there is nothing to settle but whether anybody can."
    if settled.value == 0.5:
        return "A tie: the gate counts one half until an expert settles it."
    said = "grounded" if settled.value == 1 else "not grounded"
    if settled.probability is None:
        return f"Most say {said}; how sure that is, nothing tells."
    return f"Most say {said}: right with probability {settled.probability:.2f}, as far as these people agree elsewhere."


def votes(store: Store, conflict: Conflict) -> list[Vote]:
    """Everybody's vote with what it said before."""
    return _with_history(store, conflict.votes)


def answer(store: Store, conflict: Conflict) -> Vote | None:
    """The expert's."""
    return None if conflict.settled_by is None else _with_history(store, [conflict.settled_by])[0]


def _with_history(store: Store, labels: Sequence[Label]) -> list[Vote]:
    people = {who.annotator_id: who for who in store.labels.annotators()}
    history: dict[str, list[Before]] = {}
    for edit in store.labels.edits(sorted({label.item_id for label in labels})):
        history.setdefault(edit.annotation_id, []).append(Before(edit.verdict, edit.comment, edit.updated_at))
    return [vote(label, people, history) for label in labels]


def vote(label: Label, people: Mapping[str, Annotator], history: Mapping[str, Sequence[Before]]) -> Vote:
    who = people.get(label.annotator_id)
    return Vote(
        name=who.name if who else label.annotator_id,
        simulated=bool(who and who.simulated),
        verdict=label.verdict,
        comment=label.comment,
        at=label.updated_at,
        seconds=label.lead_time_s,
        spans=tuple((int(start), int(end)) for start, end in label.detail.get("spans", ())),
        before=tuple(history.get(annotation_id(label.item_id, label.annotator_id), ())),
    )


def without_expert(conflicts: Sequence[Conflict], people: Sequence[Annotator]) -> list[str]:
    """Languages with a conflict nobody has settled, and no expert who could."""
    covered = {language for who in people if who.expert and who.paused_because is None for language in who.languages}
    return sorted({one.item.language for one in conflicts if one.settled_by is None} - covered)


def sample_address(store: Store, conflict: Conflict) -> dict[str, str] | None:
    """The page Sample with the claim's case under both runs that were compared; None where they cannot be found."""
    item = conflict.item
    if item.run_id is None or item.case_id is None:
        return None
    slugs = {run.run_id: slug for slug, run in queries.run_slugs(store, item.feature).items()}
    pair = _compared(store, item.run_id)
    if pair is None or not slugs.keys() >= set(pair):
        return None
    return {"feature": item.feature, "a": slugs[pair[0]], "b": slugs[pair[1]], "case": item.case_id}


def _compared(store: Store, run_id: str) -> tuple[str, str] | None:
    """Champion and candidate: as the newest decision about the run has them, else the run and the oldest other one over the same cases."""
    try:
        run = store.runs.run(run_id)
    except UnknownIdError:
        return None
    for decision in store.ledger.decisions(run.feature):
        if run_id in (decision.champion_run_id, decision.candidate_run_id):
            return decision.champion_run_id, decision.candidate_run_id
    others = [one.run_id for one in reversed(store.runs.runs(run.feature)) if one.dataset_id == run.dataset_id and one.run_id != run_id]
    return (others[0], run_id) if others else None
