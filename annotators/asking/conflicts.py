"""Claims about which people disagree, and the queue in which an expert settles them.

An expert sees the claim, its evidence and what the others said, without names. Their answer ends the conflict: the gate takes it with
probability 1 and keeps the votes beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from annotators.asking.tasks import shown
from annotators.labeling import ADJUDICATION, queue_name
from evals.gate.settled import VOTING, Settled, settle
from evals.identity import content_id
from evals.packs import pack
from evals.records import Label, QueueItem, Why
from evals.store import Store

DISPUTED: tuple[Why, ...] = (*VOTING, "escalated")  # what people may differ about; what is made has its answer


@dataclass(frozen=True)
class Conflict:
    """`votes`: what was said, by whom, oldest first. `settled_by`: the expert's answer, None while nobody has given one. `queued`: whether
    the experts have it."""

    claim_id: str
    item: QueueItem
    settled: Settled
    votes: tuple[Label, ...]
    settled_by: Label | None
    queued: bool


def conflicts(store: Store) -> list[Conflict]:
    """Every claim in dispute and every one an expert settled, the open ones first, the least sure first."""
    rows = [row for row in store.labels.labels() if row.claim_id and row.why in (*DISPUTED, "adjudication")]
    answers = {row.claim_id: row for row in rows if row.why == "adjudication"}
    votes = _grouped(row for row in rows if row.why in DISPUTED)
    doubts = settle((row for row in rows if row.why in DISPUTED), DISPUTED).claims  # as if no expert had answered
    wanted = [claim for claim, one in doubts.items() if one.disputed or claim in answers]
    items = store.queue.named({votes[claim][0].item_id for claim in wanted})
    queued = {item.claim_id for item in store.queue.items(why="adjudication")}
    found = [
        Conflict(claim, items[votes[claim][0].item_id], doubts[claim], votes[claim], answers.get(claim), claim in queued)
        for claim in wanted
    ]
    return sorted(found, key=lambda one: (one.settled_by is not None, one.settled.probability or 0.0, one.claim_id))


def queue_conflicts(store: Store, *, now: str) -> int:
    """Put every open conflict before the experts of its language; how many are new. Done twice it adds nothing."""
    open_ones = [one for one in conflicts(store) if one.settled_by is None and not one.queued]
    return store.queue.add_items([_item(one, now) for one in open_ones])


def item_id(claim_id: str) -> str:
    """Of the item in which an expert settles the conflict about a claim."""
    return content_id("item", claim_id, ADJUDICATION.name)


def _item(conflict: Conflict, now: str) -> QueueItem:
    item, name = conflict.item, item_id(conflict.claim_id)
    data = {**item.data, "item_id": name, "votes": votes_text(conflict.votes, item.language)}
    return QueueItem(
        item_id=name,
        queue=queue_name(item.feature, item.language, ADJUDICATION.name),
        feature=item.feature,
        language=item.language,
        rubric=ADJUDICATION.name,
        subject_id=conflict.claim_id,
        why="adjudication",
        probability=item.probability,
        overlap=1,
        created_at=now,
        data=data,
        run_id=item.run_id,
        case_id=item.case_id,
        output_id=item.output_id,
        claim_id=conflict.claim_id,
        origin_id=item.item_id,
    )


def votes_text(votes: Sequence[Label], language: str) -> str:
    """What was said, a line a person, numbered and not named: ``1: Supported – it says so``."""
    words = pack(language).annotator
    lines = []
    for number, vote in enumerate(votes, 1):
        comment = " ".join(shown(vote.comment, language).split()) if vote.comment else ""
        lines.append(f"{number}: {words[vote.verdict]}" + (f" – {comment}" if comment else ""))
    return "\n".join(lines)


def _grouped(rows: Iterable[Label]) -> dict[str, tuple[Label, ...]]:
    found: dict[str, list[Label]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.created_at, row.annotator_id)):
        found[str(row.claim_id)].append(row)
    return {claim: tuple(mine) for claim, mine in found.items()}
