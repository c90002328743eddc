"""Known error rates come out: who is wrong is paused, who clicks is watched, who is good is ok, and nobody is judged on little."""

from __future__ import annotations

from crowd import a_person, label, truths, wrong
from support import NOW, TwoRuns, a_store, two_runs

from annotators.asking import queues
from annotators.raters import parallel, standing
from annotators.raters.controls import add_controls
from annotators.raters.quality import Limits
from annotators.raters.worth import worth
from evals.records import QueueItem
from evals.store import Store

QUEUE = "highlights/en/claim-v2"


def measured(languages: tuple[str, ...] = ("en",)) -> Store:
    """Ten items of practice and 48 of silent gold a language."""
    store = a_store()
    for tag in languages:
        known = parallel.practice_items(tag, "highlights", NOW, count=10) + parallel.gold_items(tag, "highlights", 48, 1, NOW)
        parallel.add_known(store, known)
    return store


def with_controls() -> tuple[Store, TwoRuns]:
    store = a_store()
    runs = two_runs(store, ("en",), products=8)
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=1, overlap=1, now=NOW)
    add_controls(store, [runs.champion.run_id, runs.candidate.run_id], share=1.0, seed=1, now=NOW)
    return store, runs


def test_who_is_wrong_on_four_in_ten_is_paused_and_who_is_nearly_always_right_is_ok() -> None:
    store = measured()
    good, poor = a_person(store, "Good", "en"), a_person(store, "Poor", "en")
    label(store, good, store.queue.items(), wrong(0.03, truths(store), seed="good"))
    label(store, poor, store.queue.items(), wrong(0.40, truths(store), seed="poor"))
    found = standing.standings(store, Limits())
    assert found[good.annotator_id].verdict == "ok"
    assert found[poor.annotator_id].verdict == "pause" and "gold items right" in found[poor.annotator_id].reasons[0]
    gold = found[poor.annotator_id].gold
    assert gold.n == 58 and gold.low is not None and gold.high is not None and gold.low <= 0.60 <= gold.high < 0.75


def test_the_interval_covers_the_true_error_rate_of_most_of_many() -> None:
    store, rates = measured(), {f"P{number}": 0.05 * number for number in range(10)}
    people = {name: a_person(store, name, "en") for name in rates}
    for name, rate in rates.items():
        label(store, people[name], store.queue.items(), wrong(rate, truths(store), seed=name))
    found = standing.standings(store)
    covered = 0
    for name, rate in rates.items():
        gold = found[people[name].annotator_id].gold
        assert gold.low is not None and gold.high is not None
        covered += gold.low <= 1 - rate <= gold.high
    assert covered >= 9


def test_who_clicks_fast_is_watched_even_if_right() -> None:
    store = measured()
    for name in ("Ann", "Bo"):
        label(store, a_person(store, name, "en"), store.queue.items(), wrong(0.05, truths(store), seed=name), lead_time_s=30)
    fast = a_person(store, "Fast", "en")
    label(store, fast, store.queue.items(), wrong(0.05, truths(store), seed="fast"), lead_time_s=1.5)
    found = standing.standings(store)[fast.annotator_id]
    assert found.verdict == "watch" and QUEUE in found.reasons[0] and found.speed[0].too_fast


def test_who_says_grounded_to_everything_is_found_out_by_controls() -> None:
    store, _ = with_controls()
    careful, clicker = a_person(store, "Careful", "en"), a_person(store, "Clicker", "en")
    pairs = {str(item.origin_id) for item in store.queue.items(why="control")}
    items = [item for item in store.queue.items() if item.why == "control" or item.item_id in pairs]
    keys = truths(store)
    label(store, careful, items, lambda item: keys.get(item.item_id, "grounded"))
    label(store, clicker, items, lambda item: "grounded")
    found = standing.standings(store)
    good, bad = found[careful.annotator_id], found[clicker.annotator_id]
    assert good.controls.estimate == 1.0 and good.controls.n == len(pairs) and good.verdict == "ok"
    assert bad.controls.estimate == 0.0 and bad.verdict == "pause" and "controls" in bad.reasons[0]
    assert good.gold.n == bad.gold.n == 0, "a control is not gold too"


def test_practice_is_part_of_gold_and_shown_apart() -> None:
    store = measured()
    keys = store.labels.keys()
    practice, truth = {key.item_id for key in keys if key.practice}, truths(store)

    def learns(item: QueueItem) -> str:
        return "unsupported" if item.item_id in practice and truth[item.item_id] != "unsupported" else truth[item.item_id]

    ann = a_person(store, "Ann", "en")
    label(store, ann, store.queue.items(), learns)
    (row,) = standing.error_rates(store)
    assert (row.name, row.labels, row.gold.n, row.practice.n) == ("Ann", 58, 58, 10)
    assert row.practice.estimate == 0.2 and row.gold.estimate == 50 / 58


def test_rows_name_everybody_the_urgent_first_and_say_how_little_is_known() -> None:
    store = measured(("en", "ja"))
    a_person(store, "Aki", "ja")
    script, poor = a_person(store, "Script", "en", simulated=True), a_person(store, "Poor", "en")
    items = store.queue.items(QUEUE)
    label(store, script, items[:4], wrong(0.0, truths(store)))
    label(store, poor, items, wrong(0.6, truths(store), seed="p"))
    rows = standing.error_rates(store)
    assert [(row.name, row.verdict, row.simulated) for row in rows] == [
        ("Poor", "pause", False),
        ("Aki", None, False),
        ("Script", None, True),
    ]
    assert rows[1].reasons == ("no label yet",) and rows[1].gold.estimate is None and rows[1].gold.reason == "no observation"
    assert rows[2].reasons == ("4 of 10 gold items, 0 of 10 controls",)


def test_a_deleted_label_counts_no_more_and_an_edited_one_once() -> None:
    store = measured()
    ann, items = a_person(store, "Ann", "en"), store.queue.items()
    label(store, ann, items, wrong(1.0, truths(store)))
    label(store, ann, items, wrong(0.0, truths(store)))
    assert standing.standings(store)[ann.annotator_id].gold.estimate == 1.0
    store.labels.mark_deleted([note.annotation_id for note in store.labels.annotations()])
    assert standing.standings(store) == {}


def test_the_two_copies_of_a_pair_are_one_item_for_the_peers() -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=6)
    queues.enqueue(
        store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=1, overlap=2, now=NOW, rubrics=["preference-v1"]
    )  # fmt: skip
    items = store.queue.items()
    assert len(items) == 2 * len({item.subject_id for item in items})
    for name, first in (("Ann", "champion"), ("Bo", "candidate")):
        label(store, a_person(store, name, "en"), [item for item in items if item.first == first], lambda item: "champion_better")
    shares = [row.peers[0].share for row in standing.error_rates(store)]
    assert [(share.estimate, share.n) for share in shares] == [(1.0, len(items) // 2)] * 2


def test_an_answer_that_says_nothing_about_the_output_has_no_worth() -> None:
    assert worth("claim-v2", "not_checkable") is worth("citation-v1", "cannot_tell") is None
    assert [worth("citation-v1", said) for said in ("supports", "partly", "does_not_support")] == [1.0, 0.5, 0.0]
    assert [worth("preference-v1", said) for said in ("champion_much_better", "candidate_much_better")] == [0.0, 1.0]
