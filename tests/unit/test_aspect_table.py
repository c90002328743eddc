"""What a claim says of an aspect's counts, exactly: words of quantity, shares in digits and words, numbers, in 28 languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.quality.table import judged, statements
from evals.bands import BANDS, QUANTITIES, SPOKEN, band, is_true
from evals.claims import claims_of
from evals.claims.matching import normal
from evals.grounding.base import Item, metric_of
from evals.grounding.lexicon import reader
from evals.grounding.rules import Rules
from evals.grounding.shares import numbers_in, shares
from evals.grounding.table import TableCheck
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import AspectRow, Case, Output, Passage

TAGS = list(LANGUAGES)


def verdicts(text: str, row: tuple[int, int, int], tag: str = "en", scorer=None) -> list[str]:
    positive, negative, neutral = row
    rows = (AspectRow("sound", positive, neutral, negative, sum(row)), AspectRow("battery", 4, 0, 12, 16))
    said = Output("output", "run", "case", text, "ok", "now", (), rows)
    items = [Item(Case("case", "highlights", "product", tag, "category", {}), said, claim) for claim in claims_of(said, tag)]
    return [judgement.verdict for judgement in (scorer or TableCheck()).judge(items)]


@pytest.mark.slow
@pytest.mark.parametrize("tag", TAGS)
def test_true_statements_are_grounded_and_false_ones_contradicted(tag):
    found = [(statement, judged(statement, tag).verdict) for statement in statements(tag, rounds=1, seed=1)]
    wrong = [row for row in found if row[1] != ("grounded" if row[0].true else "contradicted")]
    assert len(wrong) <= 0.01 * len(found), wrong[:5]


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [("85 %", 84.5, 85.5), ("85.0 %", 84.95, 85.05), ("about 85%", 80, 90), ("more than 85%", 85, 100), ("at most 85 percent", 0, 85)],
)
def test_a_share_holds_for_what_was_rounded_to_it(share, low, high):
    (found,) = shares("en")(share)
    assert (found.low, found.high) == (pytest.approx(low / 100), pytest.approx(high / 100))
    assert found.holds(0.85) is (share != "more than 85%")
    assert not found.holds(low / 100 - 0.001) and not found.holds(high / 100 + 0.001)


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("ar", "٨٥٪"), ("ar", "85 بالمئة"), ("hi", "८५ प्रतिशत"), ("bn", "৮৫%"), ("ja", "８５％"), ("ja", "85パーセント"),
        ("zh", "百分之八十五"), ("zh", "百分之85"), ("tr", "%85'i"), ("tr", "yüzde 85"), ("fr", "85\u202f%"), ("de", "85 Prozent"),
        ("en", "85 per cent"),
    ],
)  # fmt: skip
def test_per_cent_is_read_in_each_languages_digits_and_signs(tag, text):
    assert [(found.low, found.high) for found in shares(tag)(normal(text))] == [(0.845, 0.855)]


@pytest.mark.parametrize(("tag", "text"), [("ja", "8割"), ("ja", "八割"), ("zh", "八成"), ("ja", "10人中8人"), ("en", "eight out of ten")])
def test_tenths_and_ratios_hold_within_half_a_tenth(tag, text):
    assert [(found.low, found.high) for found in shares(tag)(text)] == [(0.75, 0.85)]


def test_one_or_two_is_no_ratio():
    assert shares("en")("one or two reviewers, two three") == []


def test_spoken_fractions_meet_in_the_middle():
    bounds = sorted(SPOKEN.values())
    assert [one[1] for one in bounds[:-1]] == [other[0] for other in bounds[1:]]
    assert SPOKEN["half"] == (pytest.approx(5 / 12), pytest.approx(7 / 12))


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        ("en", "1,234 of 2,000", ("1234", "2000")), ("de", "1.234 von 2.000", ("1234", "2000")), ("hi", "1,00,000", ("100000",)),
        ("de", "4,5", ("4.5",)), ("en", "1.234", ("1.234",)), ("en", "1,234.5", ("1234.5",)), ("fr", "1.234,5", ("1234.5",)),
        ("ar", "١٬٢٣٤٫٥", ("1234.5",)), ("de", "0,125", ("0.125",)),
    ],
)  # fmt: skip
def test_thousands_are_told_from_decimals_as_the_language_writes_them(tag, text, expected):
    assert numbers_in(text, tag) == expected


def test_counts_may_be_grouped_by_spaces_where_that_is_usual():
    assert reader("fr").read("Son : 1 234 avis sur 2 000 sont positifs.").numbers == ("1234", "2000")


@given(*[st.integers(0, 60)] * 3)
def test_the_words_of_a_band_are_true_of_its_rows(positive, neutral, negative):
    row = AspectRow("sound", positive, neutral, negative, positive + neutral + negative)
    quantity, _, side = band(row).partition("_")
    assert is_true(quantity, row, side or "positive")


@given(*[st.integers(0, 60)] * 3)
def test_words_of_quantity_do_not_contradict_each_other(positive, neutral, negative):
    row = AspectRow("sound", positive, neutral, negative, positive + neutral + negative)
    for side in ("positive", "negative"):
        true = {quantity for quantity in QUANTITIES if is_true(quantity, row, side)}
        assert not true & {"none"} or not true & {"most", "few", "all"}
        assert not {"most", "few"} <= true and not {"most", "some"} <= true and not {"most", "mixed"} <= true
    assert len(BANDS) == 5


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        ("Sound: most reviewers are pleased, but some complain.", (18, 2, 0), ["grounded", "grounded"]),
        ("Sound: most reviewers are pleased, but some complain.", (18, 0, 0), ["grounded", "contradicted"]),
        ("Sound: 90 % praise it, 10 % complain.", (18, 2, 0), ["grounded"]),
        ("Sound: 90 % praise it, 20 % complain.", (18, 2, 0), ["contradicted"]),
        ("Most reviewers praise the sound; few reviewers praise the battery.", (18, 2, 0), ["grounded", "grounded"]),
        ("Sound: more than half of the reviewers are pleased.", (10, 10, 0), ["contradicted"]),
        ("Sound: more than half of the reviewers are pleased.", (11, 9, 0), ["grounded"]),
        ("Sound: 9 out of 10 buyers are happy.", (90, 10, 0), ["grounded"]),
        ("Sound: 9 out of 10 buyers are happy.", (70, 30, 0), ["contradicted"]),
        ("Almost all reviewers praise the sound.", (18, 2, 0), ["grounded"]),
        ("Almost all reviewers praise the sound.", (17, 3, 0), ["contradicted"]),
        ("Not all reviewers are satisfied with the sound.", (18, 2, 0), ["grounded"]),
        ("Not all reviewers are satisfied with the sound.", (20, 0, 0), ["contradicted"]),
        ("More than 15 reviewers praise the sound.", (18, 2, 0), ["grounded"]),
        ("More than 18 reviewers praise the sound.", (18, 2, 0), ["contradicted"]),
        ("Sound: less than half of the reviewers complain.", (18, 2, 0), ["grounded"]),
        ("Most customers love the sound quality.", (18, 2, 0), ["grounded"]),
        ("The sound is excellent yet the battery life is poor.", (18, 2, 0), ["grounded", "grounded"]),
        ("The excellent sound and the poor battery life.", (18, 2, 0), ["not_checkable"]),
        ("Sound: nobody complains.", (9, 0, 1), ["grounded"]),
        ("Sound: all of the reviewers are satisfied.", (9, 0, 1), ["contradicted"]),
    ],
)
def test_each_thing_a_sentence_says_of_the_counts_is_checked(text, row, expected):
    assert verdicts(text, row) == expected
    assert verdicts(text, row, scorer=Rules()) == expected


@pytest.mark.parametrize(
    "text", ["It weighs 1.5 kg.", "Shipped in a box.", "Hello!", "The sound exists.", "Sound: 5000 mAh. Host: friendly"]
)
def test_other_claims_are_not_its_business(text):
    assert set(verdicts(text, (9, 1, 0))) <= {"not_checkable", "contradicted", "unsupported"}
    assert verdicts("It weighs 1.5 kg.", (9, 1, 0)) == ["not_checkable"]


def test_an_aspect_that_was_not_counted_is_unsupported_and_no_table_is_not_checkable():
    assert verdicts("Delivery: most reviewers are pleased.", (9, 1, 0)) == ["unsupported"]
    said = Output("output", "run", "case", "Sound: most reviewers are pleased.", "ok", "now")
    items = [Item(Case("case", "assistant", "product", "en", "category", {}), said, claim) for claim in claims_of(said, "en")]
    assert [judgement.verdict for judgement in TableCheck().judge(items)] == ["not_checkable"]


def test_it_stands_alone_as_a_metric():
    metric = metric_of(TableCheck())
    assert (metric.name, metric.source, metric.subject) == ("table", "code", "claim") and "bands:" in metric.signature


@pytest.mark.parametrize("tag", ["und", "tlh"])
def test_a_language_that_is_not_ours_is_not_checkable(tag):
    assert verdicts("Sound: most reviewers are pleased.", (9, 1, 0), tag) == ["not_checkable"]


def test_nobody_is_said_once_where_negations_are_doubled():
    for tag in TAGS:
        text = pack(tag).examples["none_negative"].format(aspect=pack(tag).aspects["sound"].name)
        assert (verdicts(text, (9, 0, 0), tag), verdicts(text, (9, 2, 0), tag)) == (["grounded"], ["contradicted"]), tag


UNITS = [
    "85 %",
    "%",
    "٨٥٪",
    "half",
    "8 of 10",
    "，",
    "一",
    "百分之",
    "not",
    "good",
    "Sound: ",
    "9" * 400,
    "1,",
    "\ud800",
    "\u202e",
    "\x00",
    "成",
]


@given(st.lists(st.sampled_from(UNITS), max_size=12).map(" ".join), st.sampled_from(TAGS))
def test_hostile_claims_get_a_verdict(text, tag):
    for scorer in (TableCheck(), Rules()):
        assert len(verdicts(text, (9, 1, 0), tag, scorer)) == len(claims_of(Output("o", "r", "c", text, "ok", "now"), tag))


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["not good ", "85% ", "1,", "8 of ", "most good ", "。满意", "9"])
def test_long_claims_take_linear_time(unit):
    text = unit * (20_000 // len(unit))
    reader("zh" if "满" in unit else "en").read(text)
    shown = (Passage(1, "review", "r", "en", text, 0, len(text)),)
    said = Output("output", "run", "case", text, "ok", "now", shown, (AspectRow("sound", 9, 0, 1, 10),))
    case = Case("case", "highlights", "product", "en", "category", {})
    assert TableCheck().judge([Item(case, said, claim) for claim in claims_of(said, "en")])
