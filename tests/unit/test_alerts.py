"""What somebody who runs the queues must hear of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from routed import a_plan, an_item, ask, enqueued, label, later, people, put, somebody
from support import NOW, a_store

from annotators.asking import routing
from annotators.asking.alerts import Alert, alerts
from evals.store import Store

DAY = 24 * 60
OLD = "2026-11-17T12:00:00Z"  # five days before NOW


def said(store: Store, *, now: str = NOW, kinds: Sequence[str] = (), **plan: object) -> list[Alert]:
    return [alert for alert in alerts(store, a_plan(**plan), now=now) if not kinds or alert.kind in kinds]


def test_where_all_is_well_nothing_is_said() -> None:
    store = a_store()
    assert said(store) == []
    (ann,) = people(store, "ann")
    put(store, an_item(1), an_item(2), an_item(3, "gold", language="ja"))
    label(store, ann, "item-en-001")
    assert said(store) == [], "gold that nobody answers is no work"


def test_a_language_that_nobody_active_covers_is_urgent_and_named_once() -> None:
    store = a_store()
    put(store, *(an_item(n, language="ar") for n in range(3)), an_item(9, language="ar", rubric="failures-v1"))
    store.labels.put_annotators([somebody("gone", "ar", paused_because="moved"), somebody("ann", "en")])
    (alert,) = said(store, kinds=["uncovered", "too_few"])
    assert (alert.severity, alert.language, alert.queue) == ("urgent", "ar", None)
    assert alert.sentence == "ar: 4 items wait, and no active annotator covers the language."
    store.labels.put_annotators([somebody("amal", "ar")])
    assert said(store, kinds=["uncovered", "too_few"]) == []


def test_fewer_people_than_an_item_wants_can_never_do_it() -> None:
    store = a_store()
    people(store, "ann", "bob")
    enqueued(store, "preference-v1", 3)  # two copies, for two people and for one
    (alert,) = said(store, kinds=["too_few"])
    assert alert.queue == "highlights/en/preference-v1" and "want 3 annotators each, and there are 2 active" in alert.sentence
    people(store, "cy")
    assert said(store, kinds=["too_few"]) == []


def test_a_conflict_wants_an_expert() -> None:
    store = a_store()
    people(store, "ann", "bob")
    put(store, an_item(1, "adjudication", rubric="adjudication-v1"))
    (alert,) = said(store)
    assert alert.kind == "too_few" and "want 1 expert each, and there are 0 active" in alert.sentence
    people(store, "eve", expert=True)
    assert said(store) == []


def test_what_has_waited_longer_than_agreed_is_overdue() -> None:
    store = a_store()
    (ann,) = people(store, "ann")
    put(store, an_item(1, created_at=OLD), an_item(2))
    (alert,) = said(store, kinds=["overdue"], service_level_h=72)
    assert alert.severity == "urgent" and alert.sentence.endswith("the oldest of 2 open items has waited 120 h, 72 h are agreed.")
    assert said(store, kinds=["overdue"], service_level_h=121) == []
    label(store, ann, "item-en-001")
    assert said(store, kinds=["overdue"], service_level_h=72) == []


def test_work_the_plan_does_not_know_is_urgent() -> None:
    store = a_store()
    people(store, "ann")
    put(store, an_item(1, rubric="tone-v1"))
    (alert,) = said(store)
    assert (alert.severity, alert.kind) == ("urgent", "unplanned") and "nobody is given any" in alert.sentence


def test_a_backlog_grows_when_a_fifth_more_is_asked_for_than_given_in_a_week() -> None:
    store = a_store()
    (ann,) = people(store, "ann")
    put(store, *(an_item(n) for n in range(60)))
    assert said(store, kinds=["growing"]) == [], "today's work had no time"
    tomorrow = later(2 * DAY)
    (alert,) = said(store, now=tomorrow, kinds=["growing"])
    assert alert.severity == "notice" and "in 7 days 60 labels were asked for and 0 given" in alert.sentence
    label(store, ann, *(f"item-en-{n:03}" for n in range(50)))
    assert said(store, now=tomorrow, kinds=["growing"]) == [], "60 is not more than 1.2 times 50"
    label(store, ann, "item-en-000", deleted=True)
    assert len(said(store, now=tomorrow, kinds=["growing"])) == 1
    assert said(store, now=later(9 * DAY), kinds=["growing"]) == [], "an old backlog does not grow any more"


def test_reservations_that_keep_expiring_are_noticed_and_skips_and_answers_are_not() -> None:
    store = a_store()
    ann, bob = people(store, "ann", "bob")
    put(store, *(an_item(n) for n in range(12)))
    for number in range(5):
        turn = ask(store, ann, now=later(60 * number))
        assert turn.item is not None
        routing.skip(store, turn.item.item_id, ann.annotator_id, now=later(60 * number))
    assert said(store, now=later(DAY), kinds=["expiring"]) == []
    for number in range(5):
        turn = ask(store, bob, now=later(60 * number))
        assert turn.item is not None
        label(store, bob, turn.item.item_id)
    assert said(store, now=later(DAY), kinds=["expiring"]) == []
    for name in ("cy", "dan", "eve", "fay", "gil"):
        (who,) = people(store, name)
        assert ask(store, who, now=later(10 * 60)).item is not None
    assert said(store, now=later(10 * 60), kinds=["expiring"]) == []
    (alert,) = said(store, now=later(DAY), kinds=["expiring"])
    assert "5 of 15 reservations in 7 days ended without a label" in alert.sentence


def test_a_language_in_which_nobody_labels_any_more_is_noticed() -> None:
    store = a_store()
    (ann,) = people(store, "ann")
    put(store, an_item(1, created_at=OLD), an_item(2, created_at=OLD), an_item(1, language="ja", created_at=NOW))
    (alert,) = said(store, kinds=["quiet"])
    assert alert.sentence == "en: nobody has labelled yet, and 2 items wait."
    label(store, ann, "item-en-001")
    assert said(store, kinds=["quiet"]) == []
    (alert,) = said(store, now=later(4 * DAY), kinds=["quiet"])[:1]
    assert alert.sentence == "en: nobody has labelled for 4 days, and 1 item wait."


def test_who_is_paused_is_named_with_the_reason_in_one_visible_line() -> None:
    store = a_store()
    store.labels.put_annotators([replace(somebody("ann"), name="Ann\u202e\n=1+1", paused_because="9 of 20\x00 gold\nitems right")])
    (alert,) = said(store)
    assert (alert.severity, alert.kind, alert.language) == ("notice", "paused", "en")
    assert (
        "\n" not in alert.sentence
        and "\u202e" not in alert.sentence
        and "\x00" not in alert.sentence
        and "gold items right" in alert.sentence
    )


def test_the_urgent_comes_first() -> None:
    store = a_store()
    people(store, "ann")
    store.labels.put_annotators([somebody("bob", paused_because="drift")])
    put(store, *(an_item(n, created_at=OLD) for n in range(20)), an_item(1, language="zh"))
    found = said(store)
    assert [alert.severity for alert in found] == ["urgent"] * 2 + ["notice"] * 3
    assert [(alert.kind, alert.language) for alert in found[:2]] == [("overdue", "en"), ("uncovered", "zh")]
    assert {alert.kind for alert in found[2:]} == {"growing", "paused", "quiet"}
