"""What people together say of each claim: one value, how sure it is, and who decided.

The consensus of a language's annotators (`evals.statistics.consensus`, over both runs: the same people judged both), unless an
expert settled the conflict. ``not_checkable`` is no vote. A tie that nobody settled is worth one half: nobody is asked to guess.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evals.records import DRAWN, Label, Why
from evals.statistics.agreement import Rated
from evals.statistics.consensus import Consensus, consensus

ADJUDICATION = "adjudication"
VOTING: tuple[Why, ...] = (*DRAWN, "flagged")
_YES, _NO = "grounded", "not grounded"


class Settled(NamedTuple):
    """`value`: 1 grounded, 0 not, ½ undecided, None where nobody could check. `probability` that the value is right: 1 where an expert
    settled it, None where nothing tells how far to trust the votes. `disputed`: an expert should look."""

    value: float | None
    probability: float | None
    adjudicated: bool
    disputed: bool


@dataclass(frozen=True)
class Verdicts:
    """`claims`: claim id → what people say of it. `methods`: per language how votes became one value, and why so."""

    claims: Mapping[str, Settled]
    methods: Mapping[str, str]


def settle(labels: Iterable[Label], voting: Collection[Why] = VOTING) -> Verdicts:
    """One value per claim that anybody voted on, each person once, by their newest answer. Labels that are before people for another reason
    than those `voting` names (gold, anchors …) are left out."""
    rows = list(labels)
    votes = {(row.claim_id, row.annotator_id): row for row in sorted(rows, key=_age) if row.claim_id and row.why in voting}
    expert = {row.claim_id: row for row in sorted(rows, key=_age) if row.claim_id and row.why == ADJUDICATION}
    by_language: dict[str, list[Label]] = defaultdict(list)
    for row in votes.values():
        by_language[row.language].append(row)
    claims: dict[str, Settled] = {}
    methods: dict[str, str] = {}
    for language, mine in sorted(by_language.items()):
        together = consensus([_rated(row) for row in mine if row.verdict != "not_checkable"], (_YES, _NO))
        methods[language] = f"{together.method}: {together.reason}"
        claims |= {str(row.claim_id): _settled(together.items.get(str(row.claim_id))) for row in mine}
    return Verdicts(claims | {str(claim): _by_expert(row) for claim, row in expert.items()}, methods)


def certainty(settled: Sequence[Settled]) -> float | None:
    """Mean probability that a claim's value is right, over the claims where that is known."""
    known = [one.probability for one in settled if one.probability is not None]
    return sum(known) / len(known) if known else None


def _age(row: Label) -> tuple[str, str]:
    return row.updated_at, row.item_id


def _rated(row: Label) -> Rated:
    return Rated(str(row.claim_id), row.annotator_id, _YES if row.verdict == _YES else _NO)


def _settled(found: Consensus | None) -> Settled:
    if found is None:
        return Settled(None, None, adjudicated=False, disputed=False)
    value = 0.5 if found.label is None else float(found.label == _YES)
    return Settled(value, found.probability, adjudicated=False, disputed=found.disputed())


def _by_expert(row: Label) -> Settled:
    return Settled(None if row.verdict == "not_checkable" else float(row.verdict == _YES), 1.0, adjudicated=True, disputed=False)
