"""Aspects and sentiment: both models know their packs in all languages, and the rules around them do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from evals.errors import UnknownIdError
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import Review
from runner.highlights.aspects import AspectFinder, finder
from runner.highlights.mentions import Opinion, opinions
from runner.highlights.sentiment import SentimentModel, model, polarity


def opinions_of(text: str, tag: str = "en", rating: float | None = None) -> dict[str, Opinion]:
    [(_, found)] = opinions([Review("r", "p", tag, text, rating=rating)], tag)
    return {opinion.aspect: opinion for opinion in found}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_finder_knows_the_sentences_of_its_pack(tag: str) -> None:
    rows = [(aspect, text) for aspect, row in pack(tag).aspects.items() for text in (*row.positive, *row.negative)]
    found = finder(tag).find([text for _, text in rows])
    right = sum(aspect in {hit.aspect for hit in hits} for (aspect, _), hits in zip(rows, found, strict=True))
    assert right / len(rows) > 0.95


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_sentiment_model_knows_the_sentences_of_its_pack(tag: str) -> None:
    for sign, name in ((1, "positive"), (-1, "negative")):
        texts = [text for row in pack(tag).aspects.values() for text in getattr(row, name)]
        values = model(tag).values(texts, [None] * len(texts))
        assert sum(value * sign > 0 for value in values) / len(values) >= 0.95


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_term_of_a_pack_is_found_in_upper_case_at_its_place(tag: str) -> None:
    for aspect, row in pack(tag).aspects.items():
        for term in row.terms:
            text = f"• {term.upper()} •"
            [hits] = finder(tag).find([text])
            assert any(hit.aspect == aspect or hit.term for hit in hits), (tag, aspect, term)
            assert all(0 <= hit.start < hit.end <= len(text) for hit in hits)


def test_training_twice_gives_the_same_numbers() -> None:
    texts = ["Das Display ist super", "", "kaputt nach zwei Tagen"]
    first, second = (SentimentModel(pack("de")).values(texts, [None] * 3) for _ in range(2))
    assert first == second
    assert np.array_equal(*(AspectFinder(pack("de"))._model.predict(texts) for _ in range(2)))


def test_a_term_is_a_term_at_the_start_of_a_word_only() -> None:
    assert [hit.aspect for hit in finder("en").find(["The batteries were empty."])[0]] == ["battery"]
    assert finder("en").named("A mushroom soup") == []


def test_arabic_and_hebrew_words_are_found_behind_what_is_written_onto_them() -> None:
    assert "battery" in finder("ar").named("والبطارية ضعيفة")
    assert "price" in finder("he").named("והמחיר") or "value" in finder("he").named("והמחיר")


def test_a_sentence_may_have_several_aspects() -> None:
    found = opinions_of("Fantastic sound, but the battery is awful.")
    assert set(found) == {"sound", "battery"} and all(mention.shared for opinion in found.values() for mention in opinion.mentions)
    assert found["sound"].mentions[0].value > found["battery"].mentions[0].value


def test_negation_turns_a_polarity_word_round() -> None:
    words = model("en").words
    assert words("satisfied") == 1 and words("not satisfied") == -1 and words("no complaints") == 1 and words("a stone") == 0
    assert model("hi").words("अच्छा नहीं है") == -1


def test_a_rating_tips_what_the_words_leave_open() -> None:
    value = dict(zip((1.0, None, 5.0), model("en").values(["It has a battery."] * 3, [1.0, None, 5.0]), strict=True))
    assert value[1.0] < value[None] < value[5.0]


def test_a_review_counts_once_for_an_aspect_however_often_it_speaks_of_it() -> None:
    found = opinions_of("The sound is rich, warm and crystal clear. Amazing audio. The sound is tinny and flat.")
    assert len(found["sound"].mentions) == 3 and found["sound"].polarity == "positive"
    even = opinions_of("The sound is rich, warm and crystal clear. The sound is tinny and flat.")
    assert even["sound"].polarity == "neutral"


def test_a_text_that_says_nothing_has_no_opinions() -> None:
    for text in ("", "👍", "ok", "1234 5678"):
        assert opinions_of(text) == {}


def test_values_around_nought_are_neutral() -> None:
    assert [polarity(value) for value in (0.0, 0.04, -0.04, 0.05, -0.05)] == ["neutral", "neutral", "neutral", "positive", "negative"]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UnknownIdError, match="'xx'"):
        finder("xx")
