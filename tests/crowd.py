"""People for tests: each answers as a rule says, errs at a known rate and takes a known time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from annotators.asking.sampling import uniform
from annotators.label_studio.collect import annotation_id
from evals.identity import content_id
from evals.records import Annotation, Annotator, QueueItem
from evals.store import Store

Answer = Callable[[QueueItem], str]
START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def a_person(store: Store, name: str, *languages: str, simulated: bool = False) -> Annotator:
    """Somebody new, known to the store."""
    person = Annotator(content_id("annotator", name), f"{name.lower()}@example.org", name, languages, simulated=simulated)
    store.labels.put_annotators([person])
    return person


def label(
    store: Store,
    who: Annotator,
    items: Iterable[QueueItem],
    answer: Answer,
    *,
    lead_time_s: float = 20.0,
    spans: Callable[[QueueItem], Sequence[Sequence[int]]] | None = None,
) -> None:
    """They answer the items one a minute; times vary around `lead_time_s` by a fifth either way."""
    notes = []
    for number, item in enumerate(items):
        at = (START + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        took = lead_time_s * (0.8 + 0.4 * uniform(who.annotator_id, item.item_id, "time"))
        detail = {"spans": spans(item)} if spans else {}
        name = annotation_id(item.item_id, who.annotator_id)
        notes.append(Annotation(name, item.item_id, who.annotator_id, answer(item), None, at, at, took, detail=detail))
    store.labels.put_annotations(notes)


def wrong(rate: float, truth: Mapping[str, str], *, seed: str = "") -> Answer:
    """The truth, or at `rate` another of the three plain verdicts; everybody errs on items of their own with a `seed` of their own."""

    def answer(item: QueueItem) -> str:
        said = truth[item.item_id]
        if uniform(seed, item.item_id, "errs") >= rate:
            return said
        others = [verdict for verdict in ("grounded", "contradicted", "unsupported") if verdict != said]
        return others[int(uniform(seed, item.item_id, "which") * len(others))]

    return answer


def truths(store: Store) -> dict[str, str]:
    """What is right, by item."""
    keys = store.labels.keys()
    return {key.item_id: key.verdict for key in keys}
