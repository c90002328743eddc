"""Metrics as a whole, and the small ones: every score has a signature, and what is missing has a reason."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.claims import claims_of
from evals.identification import is_in
from evals.languages import LANGUAGES
from evals.metric import Measured, Metric
from evals.metrics import METRICS
from evals.metrics.length import length
from evals.packs import pack
from evals.records import AspectRow, Case, Output, Passage, Score


def case(language: str = "en", feature: str = "assistant") -> Case:
    return Case("case", feature, "product", language, "category", {"question": "?"})


def output(text: str, status: str = "ok", passages=(), aspects=(), error=None) -> Output:
    return Output("output", "run", "case", text, status, "now", tuple(passages), tuple(aspects), error)


def measure(name: str, text: str, language: str = "en", **options) -> list[Score]:
    said = output(text, **options)
    return METRICS[name].measure(case(language), said, claims_of(said, language))


def value(name: str, text: str, language: str = "en", **options) -> float | None:
    (score,) = measure(name, text, language, **options)
    return score.value


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_what_it_means_and_what_can_move_it(name):
    metric = METRICS[name]
    assert metric.name == name
    assert metric.meaning
    assert metric.signature.startswith("v:")


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(("status", "error"), [("blocked", None), ("error", "the model ran out of memory")])
def test_what_was_not_said_has_no_value_but_a_reason(name, status, error):
    (score,) = measure(name, "This cannot be shown.", status=status, error=error)
    assert (score.value, score.subject, score.subject_id) == (None, "output", "output")
    assert (error or status) in score.reason


@pytest.mark.parametrize("name", [name for name in METRICS if not name.startswith("ragas")])  # loads slowly: tests/integration
@settings(max_examples=40, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=120), st.lists(st.sampled_from(["Sound: ", "most ", "9 of 10", "[1]", ". ", "“", "”", "不满意"])).map("".join)
    ),
    language=st.sampled_from([*LANGUAGES, "und", "xx"]),
    feature=st.sampled_from(["highlights", "assistant"]),
)
def test_any_text_gives_a_value_in_range_or_a_reason_and_the_same_again(name, text, language, feature):
    said = output(text, passages=[Passage(1, "review", "r", "en", "Sound is fine.", 0, 14)], aspects=[AspectRow("sound", 9, 0, 1, 10)])
    claims = claims_of(said, language)
    scores = METRICS[name].measure(case(language, feature), said, claims)
    assert scores == METRICS[name].measure(case(language, feature), said, claims)
    for score in scores:
        assert (score.value is None) == (score.reason is not None)
        assert score.value is None or math.isfinite(score.value)
        assert name in ("length_words", "readability") or score.value is None or 0 <= score.value <= 1
    if METRICS[name].subject == "claim" and claims:
        assert [score.subject_id for score in scores] == [claim.claim_id for claim in claims]


def test_a_value_that_is_no_number_becomes_missing():
    metric = Metric("broken", "code", "output", "v:1", lambda *_: [Measured(math.nan)], "nothing")
    (score,) = metric.measure(case(), output("x"), [])
    assert (score.value, score.reason) == (None, "not measurable: the value was nan")


def test_a_metric_must_answer_for_each_claim():
    metric = Metric("short", "code", "claim", "v:1", lambda *_: [Measured(1.0)], "nothing")
    said = output("One. Two.")
    with pytest.raises(ValueError, match="shorter"):
        metric.measure(case(), said, claims_of(said, "en"))


# ---------------------------------------------------------------------------------------------- language, length, citations


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_sentences_of_a_pack_are_in_its_language(tag):
    sentences = [s for row in pack(tag).aspects.values() for s in (*row.positive, *row.negative, *row.neutral)]
    assert [s for s in sentences if is_in(s, tag) is False] == []
    assert sum(is_in(s, tag) is True for s in sentences) >= 0.2 * len(sentences)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_text_in_another_language_does_not_adhere(tag):
    other = {"en": "de", "hi": "mr", "mr": "hi", "no": "sv", "da": "sv", "ja": "zh", "zh": "ja"}.get(tag, "en")
    text = " ".join(s for row in pack(other).aspects.values() for s in row.positive)
    assert value("language_adherence", text, tag) <= 0.25


def test_adherence_is_the_share_of_sentences_that_can_be_told():
    text = "Die Lautstärke ist hervorragend und der Klang auch. The battery lasts for days and days. OK!"
    assert value("language_adherence", text, "de") == 0.5


@pytest.mark.parametrize(
    ("text", "language", "inside"),
    [
        ("素材：Polyester Ripstop", "ja", None),
        ("सामग्री: Cordura Nylon", "hi", None),
        ("Bluetooth", "ja", None),
        ("The battery lasts all day long.", "ja", False),
        ("音質: most reviewers say that they are very satisfied with it.", "ja", False),
        ("バッテリーは一日持ちます。", "en", None),
        ("バッテリーはとても長く持ちます、すごいです。", "en", False),
    ],
)
def test_names_and_values_in_another_script_are_no_other_language(text, language, inside):
    assert is_in(text, language) is inside


@pytest.mark.parametrize("text", ["OK!", "5/5", "", "👍 10/10"])
def test_what_is_too_short_has_no_language(text):
    assert value("language_adherence", text) is None


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [("It weighs 1.5 kg [1].", "en", 4), ("", "en", 0), ("音質が良い。", "ja", 5), ("बैटरी अच्छी है।", "hi", 3), ("l’écran", "fr", 1)],
)
def test_length_counts_words_and_no_marks(text, language, words):
    assert length(text, language) == words


def test_only_citations_of_passages_that_exist_count():
    (score,) = measure("citation_share", "One [1]. Two [9]. Three. Four [1][9].", passages=[Passage(1, "review", "r", "en", "x", 0, 1)])
    assert score.value == 0.5
    assert score.detail == {"claims": 4, "cited": 2, "dangling": 2}


# ---------------------------------------------------------------------------------------------- grounding, case by case

LOUD = Passage(1, "review", "r", "en", "The sound lasts for 40 hours.", 0, 29, "sound", "positive")
SOUND = AspectRow("sound", positive=9, neutral=2, negative=1, reviews=12)


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("Sound: most reviewers are satisfied.", "grounded"),
        ("Most reviewers love the sound!", "grounded"),
        ("Sound: 9 of 10 reviews are positive.", "grounded"),
        ("Sound: 1 of 10 reviews are negative.", "grounded"),
        ("Sound: 10 of 9 reviews are positive.", "contradicted"),
        ("Sound: most reviewers are not satisfied.", "contradicted"),
        ("Sound: reviewers are disappointed.", "contradicted"),
        ("Sound: all reviewers are satisfied.", "contradicted"),
        ("Sound: nobody is satisfied.", "contradicted"),
        ("Sound: opinions are mixed.", "contradicted"),
        ("Comfort: most reviewers are satisfied.", "unsupported"),
        ("Sound: reviewers.", "not_checkable"),
        ("Great sound for 40 hours [1].", "grounded"),
        ("Great sound for 50 hours [1].", "contradicted"),
        ("The sound lasts for 40 hours [1].", "grounded"),
        ("It comes with a free case and a charger.", "unsupported"),
        ("The reviews and product details do not answer this question.", "not_checkable"),
    ],
)
def test_claims_about_what_was_counted(claim, verdict):
    said = output(claim, aspects=[SOUND], passages=[LOUD])
    (score,) = METRICS["grounded"].measure(case(feature="highlights"), said, claims_of(said, "en"))
    assert score.detail["verdict"] == verdict, score.detail
    assert score.value == {"grounded": 1.0, "contradicted": 0.0, "unsupported": 0.0, "not_checkable": None}[verdict]


BATTERY = Passage(1, "review", "r1", "en", "The battery lasts two days with 5 hours of music.", 7, 56)
WEIGHT = Passage(2, "attribute", "p/weight", "en", "Weight: 1.2 kg", 0, 14)


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("The battery lasts two days [1].", "grounded"),
        ("The battery lasts two days with 7 hours of music [1].", "contradicted"),
        ("The colour is a shiny purple [1].", "unsupported"),
        ("Weight: 1.2 kg. [2]", "grounded"),
        ("Weight: 1.3 kg. [2]", "contradicted"),
        ("Capacity: 1.2 kg. [2]", "unsupported"),
        ("The battery lasts two days [8].", "unsupported"),
        ("One reviewer writes: “The battery lasts two days” [1]", "grounded"),
        ("One reviewer writes: “The battery lasts three days” [1]", "unsupported"),
    ],
)
def test_claims_about_passages(claim, verdict):
    said = output(claim, passages=[BATTERY, WEIGHT])
    (score,) = METRICS["grounded"].measure(case(), said, claims_of(said, "en"))
    assert score.detail["verdict"] == verdict, score.detail


def test_a_verdict_points_at_its_evidence():
    (score,) = measure("grounded", "The battery lasts two days.", passages=[WEIGHT, BATTERY])
    assert (score.detail["passage"], score.detail["start"], score.detail["end"]) == (1, 7, 56)


def test_evidence_in_another_language_measures_nothing():
    german = Passage(1, "review", "r1", "de", "Der Akku hält zwei Tage.", 0, 24)
    (score,) = measure("grounded", "The battery lasts two days [1].", passages=[german])
    assert (score.value, score.reason) == (None, "not measurable: the evidence is in de, the claim in en")


def test_a_language_that_is_not_ours_measures_nothing():
    (score,) = measure("grounded", "Bat'ri la fin.", "ht", passages=[BATTERY])
    assert score.reason == "not measurable: language 'ht' is not one of ours"
