"""What an output covers, repeats and how it reads; likeness to a reference."""

import pytest
import sacrebleu

from evals.bands import band
from evals.claims import claims_of
from evals.languages import LANGUAGES
from evals.metrics import METRICS, REFERENCE_METRICS
from evals.metrics.readability import FORMULAS, Counts, counts
from evals.packs import pack
from evals.records import AspectRow, Case, Output

ROWS = (AspectRow("sound", 9, 0, 1, 10), AspectRow("battery", 1, 0, 9, 30), AspectRow("design", 1, 0, 1, 2))


def measured(name: str, text: str, language: str = "en", rows=ROWS, **inputs):
    case = Case("c", "highlights", "p", language, "x", inputs)
    output = Output("o", "r", "c", text, "ok", "now", (), tuple(rows))
    (score,) = (METRICS | REFERENCE_METRICS)[name].measure(case, output, claims_of(output, language))
    return score


def said(tag: str, *rows: AspectRow) -> str:
    """What the template would say, in the language's own words."""
    return " ".join(pack(tag).summary[band(row)][0].format(aspect=pack(tag).aspects[row.aspect].name) for row in rows)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_an_aspect_left_out_costs_its_share_of_the_reviews_in_every_language(tag):
    assert measured("aspect_coverage", said(tag, ROWS[0], ROWS[1]), tag).value == 1
    part = measured("aspect_coverage", said(tag, ROWS[1]), tag)
    assert part.value == 30 / 40
    assert part.detail["missed"] == ["sound"]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_wrong_side_of_an_aspect_is_inconsistent_in_every_language(tag):
    turned = AspectRow("battery", 9, 0, 1, 30)
    assert measured("sentiment_consistency", said(tag, ROWS[0], ROWS[1]), tag).value == 1
    half = measured("sentiment_consistency", said(tag, ROWS[0], turned), tag)
    assert (half.value, half.detail["against"]) == (0.5, ["battery"])


def test_without_a_table_nothing_is_covered_or_consistent():
    for name in ("aspect_coverage", "sentiment_consistency"):
        assert measured(name, "Sound: most reviewers are pleased.", rows=()).value is None


@pytest.mark.parametrize("tag", LANGUAGES)
def test_saying_everything_twice_is_half_redundant_in_every_language(tag):
    once = said(tag, *ROWS)
    twice = measured("redundancy", f"{once} {once}", tag)
    assert measured("redundancy", once, tag).value < 0.3
    assert twice.value > 0.4
    assert twice.detail["repeated_claims"]


def test_flesch_of_a_counted_text_is_the_published_formula():
    """13 words in one sentence with 24 syllables: 206.835 − 1.015·13 − 84.6·24/13 (Flesch 1948)."""
    assert FORMULAS["en"].of(Counts(13, 24 / 13, 0)) == pytest.approx(37.455, abs=1e-3)
    found = counts("The cat sat on the mat. The dog ran to the big red barn and back.", "en")
    assert found == Counts(8, 1, 0)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_language_has_a_reading_formula_with_a_source_or_says_that_it_has_none(tag):
    score = measured("readability", said(tag, *ROWS) * 3, tag)
    if tag in FORMULAS:
        assert score.value is not None
        assert score.detail["source"]
    else:
        assert "no published formula" in score.reason
    assert score.detail["words_per_sentence"] > 0


HYPOTHESES = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
REFERENCES = [
    ["The dog bit the man.", "The dog had bit the man."],
    ["It was not unexpected.", "No one was surprised."],
    ["The man bit him first.", "The man had bitten the dog."],
]


@pytest.mark.parametrize("number", range(3))
def test_the_values_are_sacrebleus_own_on_its_own_examples(number):
    text, texts = HYPOTHESES[number], REFERENCES[number]
    expected = {
        "bleu": sacrebleu.sentence_bleu(text, texts).score,
        "chrf": sacrebleu.sentence_chrf(text, texts, word_order=2).score,
        "ter": sacrebleu.sentence_ter(text, texts).score,
    }
    for name, value in expected.items():
        score = measured(name, text, reference=texts)
        assert score.value == pytest.approx(value / 100, abs=1e-12)
        assert f"version:{sacrebleu.__version__}" in score.detail["signature"]


def test_without_a_reference_there_is_no_likeness():
    assert measured("chrf", "x").reason == "not measurable: the case has no reference text"
    assert measured("bleu", "x", reference=["", 3]).value is None
