"""Scales compared: a rubric with its next version, a language with another. Known shifts are found, and covered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from crowd import a_person, label, truths
from support import NOW, a_store, two_runs

from annotators.asking import queues
from annotators.asking.sampling import uniform
from annotators.labeling.reading import judge
from annotators.raters import parallel
from annotators.raters.bridge import language_shifts, queue_bridge, scale_break
from evals.errors import InputError
from evals.records import FEATURES, QueueItem
from evals.store import Store


def strict(rate: float, truth: dict[str, str], seed: str) -> Callable[[QueueItem], str]:
    """The truth, but at `rate` what is grounded is called unsupported."""

    def answer(item: QueueItem) -> str:
        said = truth[item.item_id]
        return "unsupported" if said == "grounded" and uniform(seed, item.subject_id) < rate else said

    return answer


# ---------------------------------------------------------------------------------------------- languages


def anchored(rates: dict[str, float], count: int = 24) -> Store:
    store = a_store()
    for feature in FEATURES:
        parallel.add_known(store, parallel.anchor_items(rates, feature, count, 1, NOW))
    for language, rate in rates.items():
        items = [item for item in store.queue.items() if item.language == language]
        for number in range(2):
            label(store, a_person(store, f"{language}{number}", language), items, strict(rate, truths(store), f"{language}{number}"))
    return store


def test_a_stricter_language_is_found_and_the_interval_covers_by_how_much() -> None:
    (found,) = language_shifts(anchored({"ja": 0.5, "pt": 0.02}))
    assert (found.first, found.second, found.anchors, found.raters) == ("ja", "pt", 48, (2, 2))
    low, high = found.interval.low, found.interval.high
    assert low is not None and high is not None and low <= -0.24 <= high < 0, "half of the anchors are grounded: 0.5 · (0.5 − 0.02)"
    assert found.comparable is not True


def test_languages_that_mean_the_same_are_comparable() -> None:
    found = language_shifts(anchored({"ar": 0.02, "ja": 0.02, "pt": 0.02}))
    assert [(one.first, one.second) for one in found] == [("ar", "ja"), ("ar", "pt"), ("ja", "pt")]
    assert all(one.comparable for one in found)


def test_one_rater_or_few_anchors_tell_nothing() -> None:
    store = a_store()
    parallel.add_known(store, parallel.anchor_items(["ja", "pt"], "highlights", 24, 1, NOW))
    for language in ("ja", "pt"):
        items = store.queue.items(f"highlights/{language}/claim-v2")
        label(store, a_person(store, language, language), items, strict(0.0, truths(store), language))
    (found,) = language_shifts(store)
    assert found.comparable is None and "1 raters in ja" in str(found.interval.reason)
    assert language_shifts(anchored({"ja": 0.0, "pt": 0.0}, count=4))[0].comparable is None
    assert language_shifts(a_store()) == []


def test_a_person_of_two_languages_is_heard_in_both() -> None:
    store = anchored({"ja": 0.0, "pt": 0.0})
    both = a_person(store, "Both", "ja", "pt")
    label(store, both, store.queue.items(), strict(0.0, truths(store), "b"))
    assert language_shifts(store)[0].raters == (3, 3)


# ---------------------------------------------------------------------------------------------- versions of a rubric


def bridged(old: float, new: float, *, products: int = 40, per_language: int = 100) -> Store:
    """Two people label under version 1, then the bridge under version 2, at these rates of strictness."""
    store = a_store()
    runs = two_runs(store, ("en",), products=products, claims=2)
    queues.enqueue(
        store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=1, overlap=2, now=NOW, rubrics=["claim-v1"]
    )  # fmt: skip
    people = [a_person(store, name, "en") for name in ("Ann", "Bo")]
    for rubric, rate in (("claim-v1", old), ("claim-v2", new)):
        queue_bridge(store, "claim-v1", "claim-v2", per_language=per_language, seed=1, now=NOW)
        items = [item for item in store.queue.items() if item.rubric == rubric]
        truth = {item.item_id: judge(item.data) for item in items}
        for who in people:
            label(store, who, items, strict(rate, truth, rubric + who.name))
    return store


def test_a_break_of_the_scale_is_found_and_forbids_pooling() -> None:
    found = scale_break(bridged(0.02, 0.6), "claim-v1", "claim-v2")["en"]
    assert (found.first, found.second, found.anchors, found.raters) == ("claim-v2", "claim-v1", 100, (2, 2))
    low, high = found.interval.low, found.interval.high
    grounded = 0.83  # of the claims: a third of the candidate's are wrong
    assert low is not None and high is not None and low <= -grounded * 0.58 <= high
    assert found.comparable is False


def test_a_version_that_changed_nothing_may_be_pooled() -> None:
    assert scale_break(bridged(0.02, 0.02), "claim-v1", "claim-v2")["en"].comparable is True


def test_a_bridge_asks_about_the_same_things_once_and_no_more_than_wanted() -> None:
    store = bridged(0.0, 0.0, products=5, per_language=6)
    items = store.queue.items(why="bridge")
    assert len(items) == 6 == len({item.subject_id for item in items})
    assert queue_bridge(store, "claim-v1", "claim-v2", per_language=6, seed=1, now=NOW) == 0
    assert queue_bridge(store, "claim-v1", "claim-v2", per_language=8, seed=1, now=NOW) == 2
    assert {item.item_id for item in items} < {item.item_id for item in store.queue.items(why="bridge")}
    for item in items:
        origin = store.queue.item(str(item.origin_id))
        assert (item.subject_id, item.claim_id, item.run_id) == (origin.subject_id, origin.claim_id, origin.run_id)
        assert item.rubric == "claim-v2" and item.queue.endswith("/claim-v2") and item.item_id != origin.item_id
        assert item.data == {**origin.data, "item_id": item.item_id} and item.overlap == 2


def test_what_nobody_has_labelled_and_what_was_made_is_not_bridged() -> None:
    store = a_store()
    parallel.add_known(store, parallel.anchor_items(["en"], "highlights", 4, 1, NOW))
    label(store, a_person(store, "Ann", "en"), store.queue.items(), lambda item: "grounded")
    runs = two_runs(store, ("en",))
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=1, overlap=1, now=NOW)
    assert queue_bridge(store, "claim-v2", "claim-v1", per_language=10, seed=1, now=NOW) == 0
    assert scale_break(store, "claim-v2", "claim-v1") == {}


def test_rubrics_about_different_things_have_no_bridge() -> None:
    store = bridged(0.0, 0.0, products=3, per_language=2)
    for old, new in (("claim-v1", "failures-v1"), ("claim-v1", "claim-v1")):
        with pytest.raises(InputError, match="no bridge"):
            queue_bridge(store, old, new, per_language=3, seed=1, now=NOW)
    with pytest.raises(InputError, match="votes"):
        queue_bridge(store, "claim-v1", "adjudication-v1", per_language=3, seed=1, now=NOW)
