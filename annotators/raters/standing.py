"""How well each annotator labels, read from the store: `annotators.raters.quality` over every label and every right answer we know.

Right answers are gold (practice included) and anchors; degraded copies count by pairs with their originals (`controls`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from annotators.labeling import rubric_named
from annotators.raters import quality
from annotators.raters.quality import Drift, Judgement, Limits, Peers, Speed, Standing
from annotators.raters.worth import worth
from evals.records import Annotator, AnswerKey, Label
from evals.statistics.intervals import Interval
from evals.store import Store


@dataclass(frozen=True)
class ErrorRates:
    """One annotator, as a page shows them. `gold`: on everything whose right answer is known, practice included; `practice`: on practice
    alone, which is asked openly. `verdict` is None where too little is known, and `reasons` then says how little."""

    annotator_id: str
    name: str
    languages: tuple[str, ...]
    simulated: bool
    expert: bool
    paused_because: str | None
    labels: int
    verdict: quality.Verdict | None
    reasons: tuple[str, ...]
    gold: Interval
    practice: Interval
    controls: Interval
    peers: tuple[Peers, ...]
    speed: tuple[Speed, ...]
    drift: Drift


def standings(store: Store, limits: Limits | None = None) -> dict[str, Standing]:
    """Everybody who has labelled, by annotator id."""
    return _standings(store.labels.labels(), store.labels.keys(), limits)


def error_rates(store: Store, limits: Limits | None = None) -> list[ErrorRates]:
    """Everybody we know of, also who has not labelled: those to be paused first, then those to look at; by name."""
    labels, keys = store.labels.labels(), store.labels.keys()
    found = _standings(labels, keys, limits)
    practice = {key.item_id: key.verdict for key in keys if key.practice}
    said: dict[str, list[Judgement]] = defaultdict(list)
    for one in judgements(labels):
        said[one.annotator].append(one)
    rows = [
        _row(who, found.get(who.annotator_id), said[who.annotator_id], practice, limits or Limits()) for who in store.labels.annotators()
    ]
    urgency = {"pause": 0, "watch": 1}
    return sorted(rows, key=lambda row: (urgency.get(row.verdict or "", 2), row.name, row.annotator_id))


def judgements(labels: Iterable[Label]) -> list[Judgement]:
    """One judgement per annotator and item, the latest. The two copies of a pair, sides swapped, are one item: their answers do not
    depend on the side."""
    latest = {(row.annotator_id, _item(row)): row for row in sorted(labels, key=lambda row: (row.updated_at, row.item_id))}
    return [
        Judgement(who, item, row.verdict, row.queue, row.created_at, row.lead_time_s) for (who, item), row in sorted(latest.items())
    ]  # fmt: skip


def _standings(labels: Sequence[Label], keys: Iterable[AnswerKey], limits: Limits | None) -> dict[str, Standing]:
    worths = {row.verdict: value for row in labels if (value := worth(row.rubric, row.verdict)) is not None}
    gold: dict[str, str] = {}
    controls: list[tuple[str, str]] = []
    for key in keys:
        if key.worse_than is None:
            gold[key.item_id] = key.verdict
        else:
            controls.append((key.worse_than, key.item_id))
    return quality.standings(judgements(labels), gold, controls=controls if worths else (), worth=worths, limits=limits)


def _row(
    who: Annotator, standing: Standing | None, said: Sequence[Judgement], practice: Mapping[str, str], limits: Limits
) -> ErrorRates:  # fmt: skip
    nothing = quality.on_gold((), {}, limits.level)
    return ErrorRates(
        annotator_id=who.annotator_id,
        name=who.name,
        languages=who.languages,
        simulated=who.simulated,
        expert=who.expert,
        paused_because=who.paused_because,
        labels=len(said),
        verdict=standing.verdict if standing else None,
        reasons=standing.reasons if standing else ("no label yet",),
        gold=standing.gold if standing else nothing,
        practice=quality.on_gold(said, practice, limits.level),
        controls=standing.controls if standing else nothing,
        peers=standing.peers if standing else (),
        speed=standing.speed if standing else (),
        drift=standing.drift if standing else quality.drift((), limits),
    )


def _item(row: Label) -> str:
    return row.subject_id if rubric_named(row.rubric).subject == "pair" else row.item_id
