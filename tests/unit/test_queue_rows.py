"""What the page Queues counts: per queue, per day, who can work on it. Over a store, without a page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import NOW, a_store, two_runs

from annotators.asking.budget import load_plan
from annotators.asking.queues import enqueue
from annotators.raters import parallel
from evals.records import Annotation, Annotator
from evals.store import Store
from workbench import queries, queue_rows

PLAN = load_plan()
LATER = "2026-11-26T12:00:00.250000Z"  # four days after everything was queued
AIKO = Annotator("annotator-1", "aiko@example.org", "Aiko", ("ja",))
KEN = Annotator("annotator-2", "ken@example.org", "Ken\u202e", ("ar", "ja"), expert=True)
SCRIPT = Annotator("annotator-3", "sim@annotators.invalid", "Simulated annotator ja-1", ("ja",), simulated=True)


@pytest.fixture
def store() -> Store:
    store = a_store()
    runs = two_runs(store, ("ja", "ar"), products=2)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=1, now=NOW)
    store.labels.put_annotators([AIKO, KEN, SCRIPT])
    return store


def label(store: Store, language: str, days: list[str], who: Annotator = AIKO) -> None:
    """One label at each of the times, on different items of a language's queue."""
    items = store.queue.items(f"highlights/{language}/claim-v2")
    store.labels.put_annotations(
        Annotation(f"note-{language}-{n}", item.item_id, who.annotator_id, "grounded", None, at, at)
        for n, (item, at) in enumerate(zip(items, days, strict=False))
    )


def test_labels_are_counted_by_queue_and_day_and_deleted_ones_are_not(store: Store) -> None:
    label(store, "ja", ["2026-11-20T23:59:59Z", "2026-11-21T00:00:00.000001Z", "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"])
    store.labels.mark_deleted(["note-ja-3"])
    queue = "highlights/ja/claim-v2"
    assert store.labels.per_day("2026-11-01") == [(queue, "2026-11-20", 1), (queue, "2026-11-21", 2)]
    assert store.labels.per_day("2026-11-21T23:00:00Z") == [(queue, "2026-11-21", 2)]


def test_the_newest_labels_come_first(store: Store) -> None:
    label(store, "ja", ["2026-11-22T12:00:00Z", "2026-11-22T12:00:05Z"])
    label(store, "ar", ["2026-11-22T12:00:03Z"], KEN)
    assert [(row.created_at[17:19], row.language, row.name) for row in store.labels.latest(2)] == [
        ("05", "ja", "Aiko"),
        ("03", "ar", KEN.name),
    ]


def test_throughput_has_a_place_for_every_day_and_today_is_last(store: Store) -> None:
    label(store, "ja", ["2026-11-09T12:00:00Z", "2026-11-13T12:00:00Z", "2026-11-26T00:00:00Z", "2026-11-26T11:59:00Z"])
    assert queue_rows.throughput(store, now=LATER) == {"highlights/ja/claim-v2": [1, *[0] * 12, 2]}
    frame = queue_rows.day_frame(queue_rows.backlog_frame(store, PLAN, now=LATER), now=LATER)
    assert (len(frame), str(frame["day"].iloc[-1]), frame["labels"].tolist()[-1]) == (14, "2026-11-26", 2)


def test_a_label_of_a_server_whose_clock_is_ahead_breaks_nothing(store: Store) -> None:
    label(store, "ja", ["2026-11-27T12:00:00Z"])
    assert queue_rows.throughput(store, now=LATER) == {}


def test_a_queue_that_waits_longer_than_the_plan_allows_is_late_and_comes_first(store: Store) -> None:
    label(store, "ja", [LATER] * 99)
    frame = queue_rows.backlog_frame(store, PLAN, now=LATER)
    assert frame["language"].tolist() == ["ar", "ja"]
    assert frame["late"].tolist() == [True, False]
    assert frame["age_h"].iloc[0] == pytest.approx(96, abs=0.01) and frame["service_level_h"].iloc[0] == 72
    assert not queue_rows.backlog_frame(store, PLAN, now=NOW)["late"].any()


def test_a_queue_the_plan_does_not_speak_of_is_never_late(store: Store) -> None:
    assert queue_rows.service_level_h(replace(PLAN, queues={}), "highlights/ja/claim-v2") is None


def test_paused_people_cover_nothing_and_conflicts_are_covered_by_experts_only(store: Store) -> None:
    frame = queue_rows.backlog_frame(store, PLAN, now=NOW).set_index("language")
    assert frame["covered"].to_dict() == {"ja": 3, "ar": 1}
    assert frame["people"]["ja"].startswith("Aiko, Ken") and "\u202e" not in frame["people"]["ja"]
    assert [one.name for one in queue_rows.covering([AIKO, KEN], "ja", "adjudication-v1")] == [KEN.name]
    assert queries.uncovered(store) == []
    store.labels.put_annotators([replace(KEN, paused_because="gold")])
    assert queue_rows.backlog_frame(store, PLAN, now=NOW).set_index("language")["covered"].to_dict() == {"ja": 2, "ar": 0}
    assert queries.uncovered(store) == ["ar"]


def test_many_names_are_a_few_and_a_number() -> None:
    people = [replace(AIKO, annotator_id=f"annotator-{n}", name=f"Person {n}") for n in range(5)]
    assert queue_rows.named([*people, SCRIPT]) == "Person 0, Person 1, Person 2 (+3)"


def test_filters_choose_rows(store: Store) -> None:
    frame = queue_rows.backlog_frame(store, PLAN, now=NOW)
    assert queue_rows.chosen(frame, {"language": "ar", "feature": None})["language"].tolist() == ["ar"]
    assert queue_rows.chosen(frame, {"feature": "assistant"}).empty


def test_gold_is_no_backlog_but_its_labels_count_as_work(store: Store) -> None:
    before = {row.queue: row for row in store.queue.status()}
    gold = [item for item, _ in parallel.practice_items("ja", "highlights", NOW)]
    parallel.add_known(store, parallel.practice_items("ja", "highlights", NOW))
    queue = "highlights/ja/claim-v2"
    store.labels.put_annotations([Annotation("note-gold", gold[0].item_id, AIKO.annotator_id, "grounded", None, NOW, NOW)])
    after = {row.queue: row for row in store.queue.status()}
    assert after[queue] == before[queue]._replace(annotations=1)
    parallel.add_known(store, parallel.practice_items("de", "highlights", NOW))
    frame = queue_rows.backlog_frame(store, PLAN, now=NOW).set_index("language")
    assert frame.loc["de", ["items", "open", "done", "progress"]].tolist() == [0, 0, 0, 0]


def test_agreement_is_that_of_items_judged_twice(store: Store) -> None:
    items = store.queue.items("highlights/ja/claim-v2")
    for who, verdicts in ((AIKO, ("grounded", "contradicted", "grounded")), (KEN, ("grounded", "contradicted", "unsupported"))):
        store.labels.put_annotations(
            Annotation(f"note-{who.name}-{item.item_id}", item.item_id, who.annotator_id, verdict, None, NOW, NOW)
            for item, verdict in zip(items, verdicts, strict=False)
        )
    (row,) = queue_rows.agreement(store).items()
    assert row[0] == "highlights/ja/claim-v2" and row[1][1] == 3
    assert row[1][0] == pytest.approx(1 - (2 / 6) / (22 / 30))  # observed over expected disagreement of 3 g, 2 c, 1 u


def test_an_empty_store_has_an_empty_backlog() -> None:
    assert queue_rows.backlog_frame(a_store(), PLAN, now=NOW).empty
