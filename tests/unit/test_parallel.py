"""Items made by construction: right by careful reading, parallel in every language, shaped like real ones, queued once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from support import NOW, a_store, two_runs

from annotators.asking import queues
from annotators.asking.budget import load_plan
from annotators.labeling import CLAIM_V2, read_counts
from annotators.labeling.reading import judge
from annotators.raters import constructed, parallel
from evals.bands import band
from evals.claims import statements
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import CLAIM_VERDICTS, FEATURES, AspectRow, Feature

SAMPLE = ("en", "ja", "ar")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("feature", FEATURES)
def test_a_careful_reader_finds_the_verdict_we_built_in(language: str, feature: Feature) -> None:
    known = parallel.practice_items(language, feature, NOW, count=12)
    known += parallel.gold_items(language, feature, 48, 1, NOW)
    known += parallel.anchor_items([language], feature, 24, 1, NOW)
    found = [(item.data["claim"], judge(item.data)) for item, _ in known]
    assert found == [(item.data["claim"], key.verdict) for item, key in known]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_made_claim_is_one_statement_of_its_answer_as_real_claims_are(language: str) -> None:
    for item, _ in parallel.gold_items(language, "assistant", 48, 1, NOW):
        assert item.data["claim"] in [span.text for span in statements(item.data["answer"], language)]
    for item, _ in parallel.gold_items(language, "highlights", 48, 1, NOW):
        assert [span.text for span in statements(item.data["claim"], language)] == [item.data["claim"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_pack_has_what_is_made_from_it(language: str) -> None:
    words = pack(language)
    assert all(len(texts) >= constructed.EXCLAMATIONS for texts in words.openers.values())
    assert all(len(texts) >= constructed.WORDINGS for group in (words.summary, words.answer, words.ask) for texts in group.values())
    for scene in constructed.SCENES:
        assert words.aspects.keys() >= {*scene.aspects, *scene.absent} and words.attributes.keys() >= {*scene.attributes}
        assert not set(scene.aspects) & set(scene.absent)
    for row in words.aspects.values():
        assert min(len(row.positive), len(row.negative)) >= constructed.EXAMPLES


def test_practice_asks_two_of_each_verdict_openly_and_gold_is_silent() -> None:
    practice = parallel.practice_items("en", "highlights", NOW)
    assert Counter(key.verdict for _, key in practice) == dict.fromkeys(CLAIM_VERDICTS, 2)
    assert all(item.why == "gold" and key.practice and key.origin == "construction" for item, key in practice)
    gold = parallel.gold_items("en", "highlights", 8, 1, NOW)
    assert all(item.why == "gold" and not key.practice for item, key in gold)
    shown = [item.data["claim"] + item.data["evidence"] for item, _ in practice + gold]
    assert len(set(shown)) == 16, "practice gives silent gold away"


def test_more_gold_keeps_what_there_was_and_another_seed_gives_others() -> None:
    few, more = (parallel.gold_items("ja", "assistant", count, 1, NOW) for count in (5, 12))
    assert more[:5] == few and len({item.item_id for item, _ in more}) == 12
    others = parallel.gold_items("ja", "assistant", 12, 2, NOW)
    assert not {item.item_id for item, _ in more} & {item.item_id for item, _ in others}


def test_anchors_say_the_same_thing_in_every_language() -> None:
    by_language = {tag: parallel.anchor_items([tag], "highlights", 12, 1, NOW) for tag in SAMPLE}
    subjects = [[item.subject_id for item, _ in known] for known in by_language.values()]
    assert subjects[0] == subjects[1] == subjects[2] and len(set(subjects[0])) == 12
    assert len({item.item_id for known in by_language.values() for item, _ in known}) == 36
    assert len({tuple(key.verdict for _, key in known) for known in by_language.values()}) == 1
    for same in zip(*by_language.values(), strict=True):
        counts = [[_numbers(line, item.language) for line in item.data["evidence"].split("\n")] for item, _ in same]
        assert counts[0] == counts[1] == counts[2]
        assert len({item.data["claim"] for item, _ in same}) == 3
    assert all(item.why == "anchor" and item.overlap == 2 for known in by_language.values() for item, _ in known)


def _numbers(line: str, language: str) -> tuple[int, ...] | None:
    found = read_counts(line, language)
    return found[1:] if found else None


@pytest.mark.parametrize("feature", FEATURES)
def test_nothing_shown_tells_made_items_from_real_ones(feature: Feature) -> None:
    store = a_store()
    runs = two_runs(store, ("en",), feature=feature)
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=0, overlap=1, now=NOW)
    real = store.queue.items()[0]
    made = [item for item, _ in parallel.gold_items("en", feature, 8, 1, NOW) + parallel.anchor_items(["en"], feature, 4, 1, NOW)]
    for item in made:
        assert item.data.keys() == real.data.keys() and item.queue == real.queue
        assert len(item.item_id) == len(real.item_id) and item.item_id.partition("-")[0] == real.item_id.partition("-")[0]
        assert (item.run_id, item.case_id, item.output_id, item.claim_id) == (None, None, None, None)
        assert all(isinstance(value, str) and value for value in item.data.values())
        assert not any(word in str(item.data).lower() for word in ("gold", "anchor", "practice"))


def test_what_the_counts_say_is_plain() -> None:
    for item, _ in parallel.gold_items("en", "highlights", 48, 3, NOW):
        for line in item.data["evidence"].split("\n"):
            counts = read_counts(line, "en")
            if counts:
                row = AspectRow(counts[0], counts[1], counts[2], counts[3], 0)
                share = row.positive / (row.positive + row.negative)
                plain = {"most_positive": share >= 0.8, "most_negative": share <= 0.2, "mixed": 0.44 <= share <= 0.56}
                assert plain.get(band(row), row.positive + row.negative < 5)


def test_queueing_again_adds_nothing_and_a_kill_between_items_and_keys_is_mended() -> None:
    store, plan = a_store(), load_plan()
    new = parallel.queue_quality(store, SAMPLE, FEATURES, plan, seed=1, now=NOW)
    wanted = plan.queue("highlights", CLAIM_V2.name).onboarding_gold + parallel.GOLD + parallel.ANCHORS
    assert new == wanted * 6 == len(store.labels.keys())
    before = store.labels.keys()
    assert parallel.queue_quality(store, SAMPLE, FEATURES, plan, seed=1, now="2027-01-01T00:00:00Z") == 0
    assert store.labels.keys() == before
    killed = a_store()
    killed.queue.add_items(item for item, _ in parallel.anchor_items(["en"], "highlights", parallel.ANCHORS, 1, NOW))
    parallel.queue_quality(killed, ["en"], ["highlights"], plan, seed=1, now=NOW)
    assert len(killed.labels.keys()) == wanted


def test_a_plan_without_gold_queues_anchors_only() -> None:
    plan = load_plan()
    row = replace(plan.queue("highlights", CLAIM_V2.name), gold_every=0, onboarding_gold=0)
    none = replace(plan, queues={("highlights", CLAIM_V2.name): row})
    store = a_store()
    parallel.queue_quality(store, ["en"], ["highlights"], none, seed=1, now=NOW)
    assert {item.why for item in store.queue.items()} == {"anchor"}


def test_an_exclamation_cannot_be_checked_and_a_statement_beside_it_can() -> None:
    task = {"language": "en", "evidence": "Sound: positive 12 · negative 1 · neutral 0", "claim": "Wow, just wow."}
    assert judge(task) == "not_checkable"
    assert judge({**task, "claim": "Sound: most reviewers are satisfied."}) == "grounded"
