"""From the outputs of two runs to items for people: claims, whole outputs, pairs, citations, each under a rubric.

An item's id is a hash of what is judged, the rubric and what makes the copy special, so that queueing twice queues once. Items are labelled
in the order of their ids: the arms are mixed, and nothing shown tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from annotators.asking import tasks
from annotators.asking.sampling import Drawn, uniform
from annotators.labeling import Rubric, queue_name
from annotators.labeling.rubric import Subject
from evals.identity import content_id
from evals.records import Arm, Case, Claim, Output, QueueItem, Run

ARMS: tuple[Arm, Arm] = ("champion", "candidate")


@dataclass(frozen=True)
class Answered:
    """A case both runs have answered. `outputs` and `claims` by arm."""

    case: Case
    runs: Mapping[Arm, Run]
    outputs: Mapping[Arm, Output]
    claims: Mapping[Arm, list[Claim]]


@dataclass(frozen=True)
class Asking:
    """How: the rubric, how many people per item, the share of items that one more judges, since when, and the seed behind what is drawn."""

    rubric: Rubric
    overlap: int
    seed: int
    now: str
    second_opinions: float = 0.0

    def item(self, answered: Answered, arm: Arm, drawn: Drawn, subject_id: str, data: dict[str, Any], **fields: Any) -> QueueItem:
        """An item about the output of an arm; `fields` are those of QueueItem that not every item has."""
        case, special = answered.case, [fields[key] for key in ("first", "origin_id") if fields.get(key)]
        special += [drawn.why] if drawn.why == "escalated" else []
        item_id = content_id("item", subject_id, self.rubric.name, *special)
        return QueueItem(
            item_id=item_id,
            queue=queue_name(case.feature, case.language, self.rubric.name),
            feature=case.feature,
            language=case.language,
            rubric=self.rubric.name,
            subject_id=subject_id,
            why=drawn.why,
            probability=drawn.probability,
            overlap=fields.pop("overlap", self.people(subject_id)),
            created_at=self.now,
            data={"item_id": item_id, "language": case.language} | data,
            run_id=answered.runs[arm].run_id,
            case_id=case.case_id,
            output_id=answered.outputs[arm].output_id,
            **fields,
        )

    def people(self, subject_id: str) -> int:
        """How many judge this subject."""
        return self.overlap + (uniform(str(self.seed), subject_id, "second opinion") < self.second_opinions)


def items_of(answered: Answered, asking: Asking, drawn: Drawn) -> Iterator[QueueItem]:
    """Every item of a case under a rubric."""
    yield from MAKERS[asking.rubric.subject](answered, asking, drawn)


def _claims(answered: Answered, asking: Asking, drawn: Drawn) -> Iterator[QueueItem]:
    for arm in ARMS:
        for claim in answered.claims[arm]:
            data = tasks.claim_task(answered.case, answered.outputs[arm], claim)
            yield asking.item(answered, arm, drawn, claim.claim_id, data, claim_id=claim.claim_id)


def _outputs(answered: Answered, asking: Asking, drawn: Drawn) -> Iterator[QueueItem]:
    for arm in ARMS:
        output = answered.outputs[arm]
        if output.status == "ok" and output.text.strip():
            yield asking.item(answered, arm, drawn, output.output_id, tasks.output_task(answered.case, output))


def _pairs(answered: Answered, asking: Asking, drawn: Drawn) -> Iterator[QueueItem]:
    """Two copies with the sides swapped, for half of the people each; with one person a case, the copy that a coin says.

    Equal texts are a tie that nobody need be asked about."""
    one, other = (answered.outputs[arm] for arm in ARMS)
    if any(output.status != "ok" for output in (one, other)) or one.text.split() == other.text.split():
        return
    subject_id = content_id("pair", one.output_id, other.output_id)
    heads = uniform(str(asking.seed), subject_id, "side") < 0.5
    order: tuple[Arm, Arm] = ("champion", "candidate") if heads else ("candidate", "champion")
    people = asking.people(subject_id)
    for first, overlap in zip(order, (-(-people // 2), people // 2), strict=True):
        if overlap:
            shown = (one, other) if first == "champion" else (other, one)
            data = tasks.pair_task(answered.case, *shown)
            yield asking.item(
                answered, "candidate", drawn, subject_id, data, first=first, other_output_id=one.output_id, overlap=overlap
            )  # fmt: skip


def _citations(answered: Answered, asking: Asking, drawn: Drawn) -> Iterator[QueueItem]:
    for arm in ARMS:
        passages = {passage.number: passage for passage in answered.outputs[arm].passages}
        for claim in answered.claims[arm]:
            for number in claim.citations:
                if number in passages:
                    subject_id = content_id("citation", claim.claim_id, number)
                    yield asking.item(
                        answered, arm, drawn, subject_id, tasks.citation_task(answered.case, claim, passages[number])
                    )  # fmt: skip


MAKERS: Mapping[Subject, Callable[[Answered, Asking, Drawn], Iterator[QueueItem]]] = {
    "claim": _claims,
    "output": _outputs,
    "pair": _pairs,
    "citation": _citations,
}
