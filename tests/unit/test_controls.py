"""Degraded copies of real outputs: false by construction, natural, balanced over the arms, made once."""

from __future__ import annotations

from collections import Counter

import pytest
from support import NOW, TwoRuns, a_store, two_runs

from annotators.asking import queues
from annotators.labeling.reading import judge, read
from annotators.raters.constructed import Dice
from annotators.raters.controls import add_controls, degraded
from annotators.raters.parallel import gold_items
from evals.errors import InputError
from evals.gate.evidence import read_evidence
from evals.languages import LANGUAGES
from evals.records import FEATURES, Feature, QueueItem
from evals.store import Store


def drawn(feature: Feature = "highlights", languages: tuple[str, ...] = ("en", "ja"), products: int = 6) -> tuple[Store, TwoRuns]:
    store = a_store()
    runs = two_runs(store, languages, feature=feature, products=products)
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=1, overlap=1, now=NOW)
    return store, runs


def both(runs: TwoRuns) -> list[str]:
    return [runs.champion.run_id, runs.candidate.run_id]


def originals(store: Store) -> dict[str, QueueItem]:
    return {item.item_id: item for item in store.queue.items()}


@pytest.mark.parametrize("feature", FEATURES)
def test_a_control_is_its_original_with_one_claim_made_untrue(feature: Feature) -> None:
    store, runs = drawn(feature)
    assert add_controls(store, both(runs), share=0.5, seed=1, now=NOW) > 0
    right_answers, items = store.labels.keys(), originals(store)
    keys = {key.item_id: key for key in right_answers}
    for control in store.queue.items(why="control"):
        original, key = items[str(control.origin_id)], keys[control.item_id]
        assert (key.origin, key.worse_than, key.practice) == ("construction", original.item_id, False)
        assert judge(original.data) == "grounded" and judge(control.data) == key.verdict != "grounded"
        assert control.data["evidence"] == original.data["evidence"] and control.data["claim"] != original.data["claim"]
        assert read(control.data["claim"], control.language, feature), "not a sentence of the language's patterns"
        if feature == "assistant":
            assert control.data["claim"] in control.data["answer"] and control.data["question"] == original.data["question"]
        assert (control.queue, control.run_id, control.claim_id) == (original.queue, original.run_id, None)
        assert control.subject_id != original.subject_id and control.data["item_id"] == control.item_id


def test_both_arms_get_equally_many_though_one_says_less_that_is_true() -> None:
    store, runs = drawn()
    add_controls(store, both(runs), share=1.0, seed=1, now=NOW)
    counts = Counter((item.language, item.run_id) for item in store.queue.items(why="control"))
    assert len(counts) == 4 and len(set(counts.values())) == 1


def test_asked_again_it_adds_nothing_and_asked_for_more_it_keeps_what_there_was() -> None:
    store, runs = drawn()
    few = add_controls(store, both(runs), share=0.25, seed=1, now=NOW)
    first = {item.item_id for item in store.queue.items(why="control")}
    assert len(first) == few
    assert add_controls(store, both(runs), share=0.25, seed=1, now="2027-01-01T00:00:00Z") == 0
    assert add_controls(store, both(runs), share=0.25, seed=2, now=NOW) == 0
    more = add_controls(store, both(runs), share=0.5, seed=1, now=NOW)
    assert (few, more) == (20, 16) and first < {item.item_id for item in store.queue.items(why="control")}


def test_a_kill_between_items_and_keys_is_mended() -> None:
    whole, runs = drawn()
    add_controls(whole, both(runs), share=0.5, seed=1, now=NOW)
    killed, _ = drawn()
    killed.queue.add_items(whole.queue.items(why="control"))
    assert add_controls(killed, both(runs), share=0.5, seed=1, now=NOW) == 0
    assert killed.labels.keys() == whole.labels.keys()


def test_controls_change_nothing_for_the_gate() -> None:
    store, runs = drawn()
    before = read_evidence(store, *both(runs))
    add_controls(store, both(runs), share=1.0, seed=1, now=NOW)
    assert read_evidence(store, *both(runs)) == before


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("feature", FEATURES)
def test_every_true_claim_can_be_made_untrue_in_every_language_and_way(feature: Feature, language: str) -> None:
    true = [item for item, key in gold_items(language, feature, 96, 1, NOW) if key.verdict == "grounded"]
    for item in true:
        copy = degraded(item.data, feature, Dice(item.item_id))
        assert copy is not None, item.data["claim"]
        assert judge({**item.data, "claim": copy[0]}) == copy[1] != "grounded"
    verdicts = {copy[1] for item in true if (copy := degraded(item.data, feature, Dice(item.item_id)))}
    assert verdicts == {"contradicted", "unsupported"}


def test_a_claim_that_does_not_read_as_true_gets_no_copy() -> None:
    for verdict in ("contradicted", "unsupported", "not_checkable"):
        item = next(item for item, key in gold_items("en", "highlights", 8, 1, NOW) if key.verdict == verdict)
        assert degraded(item.data, "highlights", Dice("1")) is None
    unread = {"language": "en", "claim": "Sound {0} {aspect} is <b>superb</b>\u202e, say all.", "evidence": "[1] Superb sound."}
    assert degraded(unread, "highlights", Dice("1")) is None


@pytest.mark.parametrize(
    ("value", "others"),
    [("248 g", {"348 g", "248 kg"}), ("1.2 L", {"2.2 L", "1.2 mL"}), ("IP67", {"IP77"}), ("9 h", {"1 h", "9 min"})],
)
def test_a_value_is_changed_by_a_digit_or_a_unit_and_written_as_before(value: str, others: set[str]) -> None:
    task = {"language": "en", "question": "?", "evidence": f"[1] Weight: {value}", "claim": f"Weight: {value}. [1]"}
    found = {degraded(task, "assistant", Dice(str(seed))) for seed in range(30)}
    texts = {copy[0] for copy in found if copy}
    assert texts == {
        pattern.format(other) for other in others for pattern in ("Weight: {}. [1]", "According to the product details: Weight – {}. [1]")
    }


def test_a_share_outside_its_range_is_refused() -> None:
    store, runs = drawn()
    for share in (0.0, 1.5):
        with pytest.raises(InputError, match="share"):
            add_controls(store, both(runs), share=share, seed=1, now=NOW)
