"""What a claim is about, by words: reviews, reviewers, the product; and a false claim of each kind is caught in each language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.claims import claims_of
from evals.claims.kinds import KINDS, kind_of, traits_in
from evals.languages import LANGUAGES
from evals.metrics import METRICS
from evals.packs import pack
from evals.records import FEATURES, AspectRow, Case, Output, Passage

TAGS = list(LANGUAGES)
GROUNDED = METRICS["grounded"]


def reviews(tag: str, *texts: str) -> list[Passage]:
    return [Passage(n, "review", f"r{n}", tag, text, 0, len(text)) for n, text in enumerate(texts, 1)]


def details(tag, text, passages=(), rows=(), feature="highlights"):
    said = Output("output", "run", "case", text, "ok", "now", tuple(passages), tuple(rows))
    case = Case("case", feature, "product", tag, "category", {})
    return [(score.detail["kind"], score.detail["verdict"]) for score in GROUNDED.measure(case, said, claims_of(said, tag))]


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("tag", TAGS)
def test_patterns_about_reviews_and_about_the_product_are_told_apart(tag, feature):
    words = pack(tag)
    keys = ("aspect_positive", "aspect_mixed", "aspect_negative")
    said = [variant for variants in (*words.summary.values(), *(words.answer[key] for key in keys)) for variant in variants]
    for aspect in words.aspects.values():
        assert {kind_of(pattern.format(aspect=aspect.name, positive=3, total=7), tag, feature) for pattern in said} == {"review"}
    for attribute in words.attributes.values():
        given_as = [pattern.format(attribute=attribute, value="1,5 kg") for pattern in words.answer["attribute"]]
        assert {kind_of(text, tag, feature) for text in given_as} == {"fact"}


@pytest.mark.parametrize("tag", TAGS)
def test_who_the_reviewers_are_is_a_kind_of_its_own(tag):
    words = pack(tag)
    assert kind_of(words.examples["reviewer"], tag, "highlights") == "reviewer"
    assert traits_in(words.examples["reviewer"], tag) & traits_in(words.examples["reviewer_evidence"], tag)
    assert kind_of(words.examples["fact"], tag, "highlights") == "fact"


def test_what_is_quoted_says_nothing_of_the_reviewers():
    assert kind_of("One reviewer writes: “As a nurse I love it.”", "en", "assistant") == "review"


def test_a_highlight_without_a_number_tells_what_reviews_say():
    assert kind_of("The battery lasts long", "en", "highlights") == "review"
    assert kind_of("The battery lasts long", "en", "assistant") == "fact"
    assert kind_of("The battery holds 5000 mAh", "en", "highlights") == "fact"


@given(st.text(), st.sampled_from([*TAGS, "und"]), st.sampled_from(FEATURES))
def test_every_text_has_a_kind(text, tag, feature):
    assert kind_of(text, tag, feature) in KINDS


@pytest.mark.parametrize("tag", TAGS)
def test_a_false_claim_about_reviews_is_caught(tag):
    words = pack(tag)
    for aspect in ("sound", "battery"):
        row = AspectRow(aspect, 1, 2, 9, 12)
        for pattern in words.summary["most_positive"]:
            assert details(tag, pattern.format(aspect=words.aspects[aspect].name), (), [row]) == [("review", "contradicted")]


@pytest.mark.parametrize("tag", TAGS)
def test_a_false_claim_about_reviewers_is_caught_and_a_true_one_is_not(tag):
    examples, others = pack(tag).examples, [row.positive[0] for row in list(pack(tag).aspects.values())[:6]]
    said, of_themselves = examples["reviewer"], examples["reviewer_evidence"]
    assert details(tag, said, reviews(tag, *others)) == [("reviewer", "unsupported")]
    assert details(tag, f"{said} [1]", reviews(tag, of_themselves, *others)) == [("reviewer", "unsupported")], "one of seven is not most"
    assert details(tag, said, reviews(tag, *[of_themselves] * 6, others[0])) == [("reviewer", "grounded")]


@pytest.mark.parametrize("tag", TAGS)
def test_a_false_claim_about_the_product_is_caught(tag):
    words = pack(tag)
    weight = Passage(1, "attribute", "p/weight", tag, f"{words.attributes['weight']}: 2 kg", 0, 9)
    free = words.examples["fact"] + " [1]"
    listed = words.answer["attribute"][0].format(attribute=words.attributes["weight"], value="1.5 kg") + " [1]"
    assert details(tag, listed, [weight], (), "assistant") == [("fact", "contradicted")]
    for feature in FEATURES:
        ((kind, verdict),) = details(tag, free, [weight], (), feature)
        assert kind == "fact" and verdict in ("contradicted", "unsupported")


def test_numbers_and_shares_of_reviewers_are_held_against_the_reviews_shown():
    shown = reviews("en", "I am a nurse.", "Nurse here, great sound.", "Good bass.", "It is loud.")
    assert details("en", "50 % of the buyers are nurses.", shown) == [("reviewer", "grounded")]
    assert details("en", "90 % of the buyers are nurses.", shown) == [("reviewer", "unsupported")]
    assert details("en", "2 of 4 buyers are nurses.", shown) == [("reviewer", "grounded")]
    assert details("en", "3 of 4 buyers are nurses.", shown) == [("reviewer", "unsupported")]
    assert details("en", "Some buyers are nurses. [1]", shown) == [("reviewer", "grounded")]
    assert details("en", "Some buyers are teachers. [1]", shown) == [("reviewer", "unsupported")]


def test_a_reviewer_claim_is_not_checked_against_another_language():
    assert details("en", "Most buyers are nurses.", reviews("de", "Ich bin Krankenschwester.")) == [("reviewer", "not_checkable")]
