"""A champion that serves, customers who report, and people who answer: what tests about escalations share."""

from __future__ import annotations

from collections.abc import Callable

from support import NOW, TwoRuns

from annotators.customers.escalations import Escalated, escalate
from evals import registry
from evals.identity import content_id
from evals.records import Annotation, Annotator, Feature, QueueItem
from evals.store import Store

LATER = "2026-11-23T09:00:00Z"
REPORT = "That is not true, write to joe@example.org"


def serving(store: Store, runs: TwoRuns) -> TwoRuns:
    """The champion of the two runs serves."""
    registry.install(store, runs.champion.feature, runs.champion.variant_id, actor="owner", reason="the first", now=NOW)
    return runs


def report(store: Store, text: str = REPORT, language: str = "ja", feature: Feature = "highlights", **more: str) -> Escalated:
    """A shopper's report about product-1."""
    given = {"product_id": "product-1", "reporter": "a shopper", "now": LATER, **more}
    return escalate(store, feature=feature, language=language, report=text, **given)  # type: ignore[arg-type]  # texts all


def answer(store: Store, verdict: Callable[[QueueItem], str] = lambda item: "grounded", people: int = 2, why: str = "escalated") -> None:
    """`people` answer every item queued for that reason."""
    names = [Annotator(f"annotator-{n}", f"{n}@example.org", str(n), ("en", "ja", "ar")) for n in range(people)]
    store.labels.put_annotators(names)
    store.labels.put_annotations(
        Annotation(
            content_id("annotation", item.item_id, one.annotator_id), item.item_id, one.annotator_id, verdict(item), None, LATER, LATER
        )
        for item in store.queue.items(why=why)
        for one in names
    )
