"""Do two scales mean the same: an old and a new version of a rubric, Japanese and Portuguese?

A bridge set is labelled under both versions, anchors in every language. What was said under two rubrics, or in two languages, is pooled or
compared only where `Shift.comparable` is True. Scores are `worth`: from 0 to 1, for claims 1 where the claim is said to be grounded.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from annotators.asking.sampling import uniform
from annotators.labeling import CLAIM_V2, Rubric, queue_name, rubric_named
from annotators.raters.agreement import REAL, latest
from annotators.raters.anchors import Anchored, Shift, shift
from annotators.raters.parallel import ANCHOR_RATERS
from annotators.raters.worth import worth
from evals.errors import InputError
from evals.identity import content_id
from evals.records import Feature, Label, QueueItem
from evals.store import Store

MARGIN = 0.1  # a tenth of the scale: what may be called the same


def queue_bridge(store: Store, from_rubric: str, to_rubric: str, *, per_language: int, seed: int, now: str) -> int:
    """Queue items that people have labelled under one rubric again under another; how many were new.

    `per_language`: subjects in all, for each feature and language, those counted that are before people under the new rubric anyway. Again,
    it adds nothing. Raises InputError where the rubrics are not about the same kind of thing, or the new one shows what was not stored.
    """
    old, new = rubric_named(from_rubric), rubric_named(to_rubric)
    _check(old, new)
    labelled = {row.subject_id for row in store.labels.labels(rubric=old.name)}
    queues: dict[tuple[Feature, str], dict[str, QueueItem]] = defaultdict(dict)
    queued = set()
    for item in store.queue.items():
        if item.rubric == old.name and item.why in REAL and item.subject_id in labelled:
            queues[item.feature, item.language].setdefault(item.subject_id, item)
        queued |= {item.subject_id} if item.rubric == new.name else set()
    items: list[QueueItem] = []
    for mine in queues.values():
        there = mine.keys() & queued
        rest = sorted(mine.keys() - queued, key=lambda subject: uniform(str(seed), subject, new.name, "bridge"))
        items += [_again(mine[subject], new, now) for subject in rest[: max(0, per_language - len(there))]]
    return store.queue.add_items(items)


def scale_break(
    store: Store, from_rubric: str, to_rubric: str, *, margin: float = MARGIN, alpha: float = 0.05, seed: int = 0
) -> dict[str, Shift]:
    """Language → how much higher the new rubric scores the same things than the old one. Labels may be pooled where it is comparable."""
    scores: dict[str, list[Anchored]] = defaultdict(list)
    for name in (from_rubric, to_rubric):
        for row in latest(row for row in store.labels.labels(rubric=name) if row.why in REAL):
            scores[row.language] += _scored(row, name)
    return {
        language: shift(mine, to_rubric, from_rubric, lowest=0, highest=1, margin=margin, alpha=alpha, seed=seed)
        for language, mine in sorted(scores.items())
        if any(one.group == to_rubric for one in mine)
    }


def language_shifts(
    store: Store,
    *,
    rubric: str = CLAIM_V2.name,
    feature: Feature | None = None,
    margin: float = MARGIN,
    alpha: float = 0.05,
    seed: int = 0,
) -> list[Shift]:
    """Every two languages that have labelled anchors: how much higher the first scores the same things. Each pair is tested by itself."""
    rows = latest_in_language(store.labels.labels(rubric=rubric, feature=feature))
    scores = [one for row in rows for one in _scored(row, row.language)]
    languages = sorted({one.group for one in scores})
    return [
        shift(scores, first, second, lowest=0, highest=1, margin=margin, alpha=alpha, seed=seed)
        for first, second in itertools.combinations(languages, 2)
    ]


def latest_in_language(labels: Iterable[Label]) -> list[Label]:
    """As `latest`, of anchors: who labels in two languages has said something in each."""
    by_language: dict[str, list[Label]] = defaultdict(list)
    for row in labels:
        if row.why == "anchor":
            by_language[row.language].append(row)
    return [row for _, rows in sorted(by_language.items()) for row in latest(rows)]


def _scored(row: Label, group: str) -> list[Anchored]:
    """None where the answer says nothing about how good the thing is (``not_checkable``)."""
    value = worth(row.rubric, row.verdict)
    return [] if value is None else [Anchored(row.subject_id, group, row.annotator_id, value, row.product_id)]


def _again(item: QueueItem, rubric: Rubric, now: str) -> QueueItem:
    item_id = content_id("item", item.subject_id, rubric.name, "bridge")
    missing = [key for key in rubric.keys[item.feature] if key not in item.data]
    if missing:
        raise InputError(f"item {item.item_id}: {rubric.name} shows {', '.join(missing)}, which was not stored under {item.rubric}")
    return replace(
        item,
        item_id=item_id,
        queue=queue_name(item.feature, item.language, rubric.name),
        rubric=rubric.name,
        why="bridge",
        overlap=ANCHOR_RATERS,
        created_at=now,
        data={**item.data, "item_id": item_id},
        origin_id=item.item_id,
    )


def _check(old: Rubric, new: Rubric) -> None:
    if old.name == new.name or old.subject != new.subject:
        raise InputError(
            f"no bridge from {old.name} ({old.subject}) to {new.name} ({new.subject}): two rubrics about the same kind of thing"
        )
