"""Items whose right answer we know because we made them: practice for everybody new, silent gold, and anchors across languages.

They are the same in every language (`constructed`), look like the items of real outputs, and belong to no run, case or output.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from annotators.asking.budget import LabellingPlan
from annotators.labeling import CLAIM_V2, queue_name
from annotators.raters.constructed import Dice, task
from evals.identity import content_id
from evals.records import CLAIM_VERDICTS, AnswerKey, ClaimVerdict, Feature, QueueItem, Why
from evals.store import Store

PRACTICE = 8  # two of each verdict
GOLD = 48  # a queue: drift is visible from 40 on (`quality.Limits`), and nobody sees the same twice
ANCHORS = 24  # a feature: what people spend on them is spent in every language
ANCHOR_VERDICTS: tuple[ClaimVerdict, ...] = ("grounded", "contradicted", "grounded", "unsupported")  # who is strict, who is lenient
ANCHOR_RATERS = 2  # `anchors.MIN_RATERS`: with one, a strict person cannot be told from a strict language

Known = tuple[QueueItem, AnswerKey]


def practice_items(language: str, feature: Feature, now: str, *, count: int = PRACTICE) -> list[Known]:
    """The first tasks of everybody new in a queue, the same for ever; as many of each verdict as `count` allows."""
    return [_known(language, feature, "gold", ("practice",), number, now, practice=True) for number in range(count)]


def gold_items(language: str, feature: Feature, count: int, seed: int, now: str) -> list[Known]:
    """Tasks that nobody can tell from real ones. A larger `count` begins with the items of a smaller one; another seed gives others."""
    return [_known(language, feature, "gold", ("gold", str(seed)), number, now) for number in range(count)]


def anchor_items(
    languages: Iterable[str], feature: Feature, count: int, seed: int, now: str, *, overlap: int = ANCHOR_RATERS
) -> list[Known]:
    """The same tasks in all `languages`: those with one `subject_id` say the same thing."""
    return [
        _known(language, feature, "anchor", ("anchor", str(seed)), number, now, overlap=overlap)
        for language in languages
        for number in range(count)
    ]


def queue_quality(
    store: Store,
    languages: Sequence[str],
    features: Sequence[Feature],
    plan: LabellingPlan,
    *,
    seed: int,
    now: str,
    anchors: int = ANCHORS,
) -> int:
    """Queue practice, gold (both as far as the plan wants them) and anchors; how many items were new. Again, it adds nothing."""
    new = 0
    for feature in features:
        wanted = plan.queue(feature, CLAIM_V2.name)
        for language in languages:
            known = practice_items(language, feature, now, count=wanted.onboarding_gold)
            known += gold_items(language, feature, GOLD if wanted.gold_every else 0, seed, now)
            new += add_known(store, known + anchor_items([language], feature, anchors, seed, now))
    return new


def add_known(store: Store, known: Sequence[Known]) -> int:
    """Queue items with their keys; how many items were new. After a kill between the two, asking again writes the keys that are missing."""
    new = store.queue.add_items(item for item, _ in known)
    keys = store.labels.keys()
    have = {key.item_id for key in keys}
    store.labels.put_keys(key for _, key in known if key.item_id not in have)
    return new


def _known(
    language: str, feature: Feature, why: Why, kind: tuple[str, ...], number: int, now: str, *, practice: bool = False, overlap: int = 1
) -> Known:
    """Number `number` of a kind. The verdicts take turns; nothing depends on the language but the words."""
    verdicts = ANCHOR_VERDICTS if why == "anchor" else CLAIM_VERDICTS
    verdict = verdicts[number % len(verdicts)]
    data = task(feature, language, verdict, Dice(*kind, feature, str(number)))
    subject_id = content_id(kind[0], feature, *kind[1:], number, *([] if why == "anchor" else [language]))
    item_id = content_id("item", subject_id, CLAIM_V2.name, language)
    item = QueueItem(
        item_id=item_id,
        queue=queue_name(feature, language, CLAIM_V2.name),
        feature=feature,
        language=language,
        rubric=CLAIM_V2.name,
        subject_id=subject_id,
        why=why,
        probability=1.0,
        overlap=overlap,
        created_at=now,
        data={"item_id": item_id, "language": language} | data,
    )
    return item, AnswerKey(item_id, verdict, "construction", now, practice=practice)
