"""Who gets what: every rule of `annotators.asking.routing`, on a store whose items have tasks on a server that nobody needs to start."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from routed import (
    CLAIMS,
    FAILURES,
    PREFERENCE,
    SERVER,
    a_plan,
    an_item,
    ask,
    enqueued,
    label,
    later,
    names,
    people,
    put,
    race,
    send,
    somebody,
    work,
)
from support import NOW, a_store

from annotators.asking import routing
from annotators.asking.budget import load_plan
from annotators.asking.queues import enqueue
from annotators.asking.routing import Turn, coin, next_item
from evals.errors import PolicyError
from evals.records import QueueItem, StudioTask
from evals.store import Asker, Store

# ---------------------------------------------------------------------------------------------- who may have it


def test_what_is_reserved_is_given_again_until_it_is_labelled() -> None:
    store = a_store()
    (ann,) = people(store, "ann")
    put(store, an_item(1), an_item(2))
    turn = ask(store, ann)
    assert turn.item is not None and turn == ask(store, ann, now=later(5)) and turn.reason == "" and not turn.practice
    assert [held.item_id for held in store.desk.reservations(NOW)] == [turn.item.item_id]
    label(store, ann, turn.item.item_id)
    assert store.desk.reservations(NOW) == []
    second = ask(store, ann)
    assert second.item is not None and second.item != turn.item


def test_who_works_on_something_gets_it_back_whatever_else_they_ask_for_and_works_on_one_item_a_server() -> None:
    store = a_store()
    (ann,) = people(store, "ann")
    put(store, an_item(1), an_item(2, rubric=FAILURES))
    assert ask(store, ann).item == an_item(1)
    assert ask(store, ann, rubrics=[FAILURES]).item == an_item(1)
    store.queue.put_tasks([StudioTask("item-en-002", "http://elsewhere", 1, 1)])
    assert next_item(store, ann, "http://elsewhere", a_plan(), now=NOW).item == an_item(2, rubric=FAILURES)


def test_nobody_gets_a_language_they_do_not_speak() -> None:
    store = a_store()
    put(store, an_item(1, language="ja"), an_item(1, "escalated", language="ar"), an_item(1, "gold", language="hi"))
    (ann,) = people(store, "ann")
    assert ask(store, ann) == Turn(None, "nothing_to_do")
    both = somebody("bob", "en", "ja")
    store.labels.put_annotators([both])
    assert names(work(store, both)) == ["item-ja-001"]
    nobody = replace(somebody("cy"), languages=())
    store.labels.put_annotators([nobody])
    assert ask(store, nobody).reason == "nothing_to_do"


def test_what_is_not_on_the_server_is_not_given() -> None:
    store = a_store()
    (ann,) = people(store, "ann")
    store.queue.add_items([an_item(1)])
    assert ask(store, ann).reason == "nothing_to_do"
    send(store)
    assert next_item(store, ann, "http://elsewhere", a_plan(), now=NOW).reason == "nothing_to_do"
    assert ask(store, ann).item is not None


def test_an_item_is_full_when_its_overlap_has_labelled_it_or_is_about_to() -> None:
    store = a_store()
    ann, bob, cy = people(store, "ann", "bob", "cy")
    put(store, an_item(1, overlap=2))
    label(store, ann, "item-en-001")
    assert ask(store, ann).reason == "nothing_to_do"
    assert ask(store, bob).item is not None
    assert ask(store, cy).reason == "nothing_to_do"
    label(store, ann, "item-en-001", deleted=True)
    assert ask(store, cy).item is not None


def test_a_label_and_the_reservation_behind_it_take_one_place() -> None:
    store = a_store()
    ann, bob = people(store, "ann", "bob")
    put(store, an_item(1, overlap=2))
    assert ask(store, ann).item is not None
    label(store, ann, "item-en-001")
    assert ask(store, bob).item is not None


def test_a_reservation_expires_and_the_place_goes_to_somebody_else() -> None:
    store = a_store()
    ann, bob = people(store, "ann", "bob")
    put(store, an_item(1))
    turn = ask(store, ann, plan=a_plan(reservation_minutes=30))
    assert turn.expires_at is not None and turn.expires_at.startswith("2026-11-22T12:30:00")
    assert ask(store, bob, now=later(29)).reason == "nothing_to_do"
    assert ask(store, bob, now=later(31)).item == turn.item
    assert ask(store, ann, now=later(31)).reason == "nothing_to_do"
    assert ask(store, ann, now=later(62)).item == turn.item, "and back again"


def test_nobody_gets_a_second_copy_of_a_subject_under_one_rubric() -> None:
    store = a_store()
    ann, bob = people(store, "ann", "bob")
    put(store, an_item(1), an_item(2, "escalated", subject_id="subject-item-en-001"), an_item(3, subject_id="subject-item-en-001"))
    assert names(work(store, ann)) == ["item-en-002"]
    assert names(work(store, bob)) == ["item-en-001"]
    put(store, an_item(4, rubric=FAILURES, subject_id="subject-item-en-001"))
    assert names(work(store, ann)) == ["item-en-004"], "another question about it is another matter"


def test_gold_and_practice_are_open_to_everybody_once() -> None:
    store = a_store()
    team = people(store, "ann", "bob", "cy")
    put(store, *(an_item(n, "gold") for n in range(2)), practice=True)
    for who in team:
        assert sorted(names(work(store, who, plan=a_plan(onboarding_gold=2)))) == ["item-en-000", "item-en-001"]


def test_who_is_released_or_skips_lets_others_in_and_a_skip_is_remembered() -> None:
    store = a_store()
    ann, bob = people(store, "ann", "bob")
    put(store, an_item(1), an_item(2))
    assert ask(store, ann).item == an_item(1)
    routing.release(store, "item-en-001", ann.annotator_id)
    assert ask(store, ann).item == an_item(1)
    routing.skip(store, "item-en-001", ann.annotator_id, now=NOW)
    assert ask(store, ann).item == an_item(2)
    assert ask(store, bob).item == an_item(1)
    routing.release(store, "item-en-001", bob.annotator_id)
    label(store, ann, "item-en-002")
    assert ask(store, ann, now=later(60)).reason == "nothing_to_do"
    assert ask(store, ann, now=later(60 * 25)).item == an_item(1), "a day later they are asked again"


def test_an_answer_that_was_not_collected_yet_keeps_its_place() -> None:
    store = a_store()
    ann, bob = people(store, "ann", "bob")
    put(store, an_item(1), an_item(2))
    for number in (1, 2):
        assert ask(store, ann).item == an_item(number)
        routing.answered(store, f"item-en-00{number}", ann.annotator_id)
    assert (ask(store, ann).reason, ask(store, bob).reason) == ("nothing_to_do", "nothing_to_do")
    assert store.desk.reservations(NOW) == []


# ---------------------------------------------------------------------------------------------- races


@pytest.mark.parametrize("overlap", [1, 3])
def test_of_many_who_race_for_the_last_places_only_so_many_get_one(tmp_path: Path, overlap: int) -> None:
    store = a_store(f"sqlite:///{tmp_path / 'store.db'}")
    race(store, overlap)
    store.close()


def test_one_person_in_two_windows_gets_one_item(tmp_path: Path) -> None:
    store = a_store(f"sqlite:///{tmp_path / 'store.db'}")
    (ann,) = people(store, "ann")
    put(store, *(an_item(n) for n in range(6)))
    start = Barrier(6)

    def window(_: int) -> Turn:
        start.wait()
        return ask(store, ann)

    with ThreadPoolExecutor(6) as pool:
        turns = list(pool.map(window, range(6)))
    assert {turn.item.item_id for turn in turns if turn.item} == {"item-en-000"}
    assert len(store.desk.reservations(NOW)) == 1
    store.close()


# ---------------------------------------------------------------------------------------------- the order


def test_customers_come_first_then_conflicts_then_practice_then_what_was_drawn_oldest_first() -> None:
    store = a_store()
    (expert,) = people(store, "expert", expert=True)
    old, new = "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"
    put(store, an_item(1, created_at=new), an_item(2, created_at=old), an_item(3, "anchor", created_at=old), an_item(4, "flagged"))
    put(store, an_item(5, "gold"), practice=True)
    put(store, an_item(6, "adjudication", rubric="adjudication-v1"), an_item(7, "escalated"), an_item(8, "bridge", rubric="claim-v1"))
    given = names(work(store, expert, plan=a_plan(onboarding_gold=1)))
    assert [int(name[-3:]) for name in given] == [7, 6, 5, 2, 3, 1, 4, 8]


def test_conflicts_are_settled_by_experts_who_had_no_vote() -> None:
    store = a_store()
    runs = enqueued(store, CLAIMS, 1)
    claim = next(item for item in store.queue.items() if item.run_id == runs.candidate.run_id)
    conflict = replace(
        claim,
        item_id="item-conflict",
        queue="highlights/en/adjudication-v1",
        rubric="adjudication-v1",
        why="adjudication",
        origin_id=claim.item_id,
    )
    put(store, conflict)
    ann, expert, voter = somebody("ann"), somebody("expert", expert=True), somebody("voter", expert=True)
    store.labels.put_annotators([ann, expert, voter])
    label(store, voter, claim.item_id)
    only = ["adjudication-v1"]
    assert ask(store, ann, rubrics=only).reason == "nothing_to_do"
    assert ask(store, voter, rubrics=only).reason == "nothing_to_do"
    assert ask(store, expert, rubrics=only).item == conflict
    label(store, expert, conflict.item_id)
    label(store, voter, claim.item_id, deleted=True)
    assert claim.item_id not in names(work(store, expert)), "who settled it knows what the others said"
    assert claim.item_id in names(work(store, ann))


def test_practice_comes_first_for_who_is_new_in_an_order_of_their_own_and_ends() -> None:
    store = a_store()
    ann, bob = people(store, "ann", "bob")
    put(store, *(an_item(n, "gold") for n in range(8)), practice=True)
    put(store, an_item(9, overlap=2))
    plan = a_plan(onboarding_gold=5)
    orders = []
    for who in (ann, bob):
        assert ask(store, who, plan=plan).practice
        given = names(work(store, who, plan=plan))
        assert len(given) == 6 and given[-1] == "item-en-009"
        orders.append(given[:5])
        assert not ask(store, who, plan=plan).practice
    assert orders[0] != orders[1]


def gold_places(seed: int, name: str = "ann", every: int = 5, count: int = 50) -> list[int]:
    store = a_store()
    (who,) = people(store, name)
    put(store, *(an_item(n, "gold") for n in range(20)))
    put(store, *(an_item(100 + n) for n in range(count)))
    plan = a_plan(gold_every=every)
    given: list[QueueItem] = []
    while len(given) < count:
        turn = ask(store, who, plan=plan, seed=seed)
        assert turn.item is not None and not turn.practice, "silent: nobody is told"
        label(store, who, turn.item.item_id)
        given.append(turn.item)
    return [place for place, item in enumerate(given) if item.why == "gold"]


def test_one_item_in_so_many_is_gold_at_a_place_nobody_can_count_to() -> None:
    places = gold_places(seed=1)
    assert [place // 5 for place in places] == list(range(10)), "one in every five"
    assert len({place % 5 for place in places}) >= 3, "not always the same one"
    assert places == gold_places(seed=1), "the same for the same seed and person"
    assert places != gold_places(seed=2) and places != gold_places(seed=1, name="bob")


def test_a_degraded_copy_is_given_only_to_who_judged_what_it_is_a_copy_of() -> None:
    store = a_store()
    ann, bob = people(store, "ann", "bob")
    put(store, an_item(0))
    put(store, an_item(1, "control"), worse_than="item-en-000")
    put(store, *(an_item(10 + n) for n in range(8)))
    plan = a_plan(gold_every=2)
    first = names(work(store, ann, plan=plan))
    assert first.index("item-en-000") < first.index("item-en-001")
    put(store, *(an_item(20 + n) for n in range(8)))
    assert "item-en-001" not in names(work(store, bob, plan=plan))


def test_without_drawn_work_nobody_is_given_gold() -> None:
    store = a_store()
    (ann,) = people(store, "ann")
    put(store, an_item(1, "gold"), an_item(2, "control"))
    assert ask(store, ann, plan=a_plan(gold_every=2)).reason == "nothing_to_do"


# ---------------------------------------------------------------------------------------------- limits


def test_enough_is_enough_for_a_day() -> None:
    store = a_store()
    ann, bob, cy = somebody("ann"), somebody("bob", daily_limit=2), somebody("cy")
    store.labels.put_annotators([ann, bob, cy])
    put(store, *(an_item(n, overlap=3) for n in range(6)), *(an_item(n, rubric=FAILURES, overlap=3) for n in range(50, 56)))
    plan = a_plan(daily_limit=3)
    assert Counter(item.rubric for item in work(store, ann, plan=plan)) == {CLAIMS: 3, FAILURES: 3}, "the plan's is a queue's"
    assert ask(store, ann, plan=plan) == Turn(None, "limit_reached")
    assert len(work(store, bob, plan=plan)) == 2, "a limit of one's own is for everything"
    assert ask(store, bob, plan=plan).reason == "limit_reached"
    assert len(work(store, ann, plan=plan, now=later(60 * 24))) == 6
    assert ask(store, ann, plan=plan, now=later(60 * 24)).reason == "nothing_to_do"
    assert store.desk.done_today(NOW) == {ann.annotator_id: 6, bob.annotator_id: 2}
    for done in range(1, 4):
        turn = ask(store, cy, plan=plan)
        assert turn.item is not None
        routing.answered(store, turn.item.item_id, cy.annotator_id)
        assert sum(row.today for row in store.desk.tally(Asker(cy.annotator_id, SERVER, cy.languages, NOW))) == done


def test_who_is_paused_is_given_nothing_not_even_what_they_hold() -> None:
    store = a_store()
    (ann,) = people(store, "ann")
    put(store, an_item(1))
    assert ask(store, ann).item is not None
    assert ask(store, replace(ann, paused_because="10 of 20 gold items right")) == Turn(None, "paused")


def test_work_that_the_plan_does_not_know_is_an_error_and_an_older_version_follows_the_newest() -> None:
    store = a_store()
    (ann,) = people(store, "ann")
    plan = load_plan()
    assert routing.rules(plan, "highlights/en/claim-v1") == plan.queue("highlights", CLAIMS)
    put(store, an_item(1, rubric="tone-v1"))
    with pytest.raises(PolicyError, match=r"highlights\.tone-v1"):
        ask(store, ann)


# ---------------------------------------------------------------------------------------------- pairs


def test_the_sides_of_a_pair_are_a_coin_of_annotator_and_pair_and_balance() -> None:
    store = a_store()
    enqueued(store, PREFERENCE, 2, products=8)
    ann, bob = people(store, "ann", "bob")
    given = [work(store, ann), work(store, bob)]
    assert all(item.first == coin(0, ann.annotator_id, item.subject_id) for item in given[0]), "everything was free"
    assert all(item.first is not None and "first" not in item.data for items in given for item in items)
    assert Counter(item.first for items in given for item in items) == {"champion": 8, "candidate": 8}
    for who in given:
        assert len({item.subject_id for item in who}) == len(who) == 8, "nobody sees a pair twice"
    assert {coin(0, f"annotator-{n}", "pair-1") for n in range(20)} == {"champion", "candidate"}
    heads = sum(coin(0, f"annotator-{n}", "pair-1") == "champion" for n in range(2000))
    assert abs(heads - 1000) < 100


def test_where_the_coins_copy_is_full_the_other_one_is_given() -> None:
    store = a_store()
    enqueued(store, PREFERENCE, 3, products=2)
    team = people(store, "ann", "bob", "cy", "dan")
    given = [item for who in team for item in work(store, who)]
    assert Counter(Counter(item.subject_id for item in given).values()) == {3: 2}
    assert all(
        sorted(Counter(item.first for item in given if item.subject_id == pair).values()) == [1, 2]
        for pair in {i.subject_id for i in given}
    )


def blind_store(rubric: str) -> Store:
    """Three cases with their pairs and with claims or whole texts, everything wanted once."""
    store = a_store()
    runs = enqueued(store, rubric, 1)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=1, now=NOW, rubrics=[PREFERENCE])
    send(store)
    return store


@pytest.mark.parametrize("rubric", [CLAIMS, FAILURES])
def test_who_judged_one_side_is_not_given_the_pair_while_somebody_else_could_judge_it_blind(rubric: str) -> None:
    store = blind_store(rubric)
    ann, bob = people(store, "ann", "bob")
    singles = [item for item in store.queue.items() if item.rubric == rubric]
    label(store, ann, *names(singles))
    assert ask(store, ann).reason == "nothing_to_do", "bob can do the pairs"
    assert {item.rubric for item in work(store, bob)} == {PREFERENCE}


def test_who_judged_a_pair_is_not_given_its_sides_while_somebody_else_could() -> None:
    store = blind_store(CLAIMS)
    ann, bob = people(store, "ann", "bob")
    pairs = [item for item in store.queue.items() if item.rubric == PREFERENCE]
    label(store, ann, pairs[0].item_id)
    seen = work(store, ann)
    assert pairs[0].case_id not in {item.case_id for item in seen if item.rubric == CLAIMS}
    assert pairs[0].case_id in {item.case_id for item in work(store, bob)}


def test_where_nobody_else_could_judge_it_blind_they_get_it_after_everything_else() -> None:
    store = blind_store(CLAIMS)
    (ann,) = people(store, "ann")
    others = [somebody("paused", paused_because="drift"), somebody("french", "fr"), somebody("script", simulated=True)]
    store.labels.put_annotators(others)
    given = work(store, ann)
    assert Counter(item.rubric for item in given)[PREFERENCE] == 3 and len(given) == len(store.queue.items())


def test_two_who_both_spoilt_a_pair_do_not_wait_for_each_other_for_ever() -> None:
    store = blind_store(CLAIMS)
    ann, bob = people(store, "ann", "bob")
    claims = [item for item in store.queue.items() if item.rubric == CLAIMS]
    for number, claim in enumerate(claims):
        label(store, (ann, bob)[number % 2], claim.item_id)
    assert {item.rubric for item in work(store, ann)} == {PREFERENCE}
    assert ask(store, bob).reason == "nothing_to_do"


def test_answers_on_their_way_count_as_seen() -> None:
    store = blind_store(CLAIMS)
    ann, bob = people(store, "ann", "bob")
    given: list[QueueItem] = []
    while turns := [turn.item for turn in (ask(store, ann), ask(store, bob)) if turn.item]:
        for turn, who in [(item, who) for item in turns for who in (ann, bob)]:
            routing.answered(store, turn.item_id, who.annotator_id)
        given += turns
    assert len(given) == len(store.queue.items()) == len({item.item_id for item in given})


def test_the_same_questions_in_the_same_order_get_the_same_answers() -> None:
    def everything(seed: int) -> list[list[str]]:
        store = a_store()
        put(store, *(an_item(n, "gold") for n in range(6)), practice=True)
        enqueued(store, PREFERENCE, 2)
        team = people(store, "ann", "bob")
        plan = a_plan(onboarding_gold=3, gold_every=4)
        found: list[list[str]] = [[], []]
        for _ in range(12):
            for mine, who in zip(found, team, strict=True):
                turn = ask(store, who, plan=plan, seed=seed)
                if turn.item:
                    label(store, who, turn.item.item_id)
                    mine.append(turn.item.item_id)
        return found

    assert everything(3) == everything(3) != everything(4)
