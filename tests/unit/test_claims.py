"""Claims: every statement once, with true offsets and its own citations."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.claims import citations_in, claims_of, statements
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import Claim, Output


def output(text: str, status: str = "ok") -> Output:
    return Output("output-1", "run", "case", text, status, "now")


def claims(text: str, language: str = "en") -> list[Claim]:
    return claims_of(output(text), language)


@given(st.text(), st.sampled_from([*LANGUAGES, "und"]))
def test_claims_are_slices_in_order_that_do_not_overlap(text, language):
    found = claims(text, language)
    assert [text[c.start : c.end] for c in found] == [c.text for c in found]
    assert [c.ordinal for c in found] == list(range(len(found)))
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert len({c.claim_id for c in found}) == len(found)


@given(st.lists(st.sampled_from(["Fine", ".", " ", "[1]", "[2, 3]", "“", "”", "\n", "『", "』", "1.", "？"]), max_size=30).map("".join))
def test_no_statement_is_lost(text):
    assert "".join(c.text for c in claims(text)).count("Fine") == text.count("Fine")


def test_a_mark_behind_the_full_stop_belongs_to_the_sentence_before():
    assert [(c.text, c.citations) for c in claims("Light. [2] Loud [1][3]. Fine")] == [
        ("Light. [2]", (2,)),
        ("Loud [1][3].", (1, 3)),
        ("Fine", ()),
    ]


def test_a_mark_on_its_own_line_belongs_to_the_sentence_before():
    assert [(c.text, c.citations) for c in claims("Light\n[2]\n\nLoud")] == [("Light\n[2]", (2,)), ("Loud", ())]


def test_the_same_mark_twice_is_one_citation():
    assert citations_in("a [1] b [1, 2]") == (1, 2)


@pytest.mark.parametrize("text", ["", " \n ", "…", "[1]", "1. \n2.", "—"])
def test_what_states_nothing_is_no_claim(text):
    assert claims(text) == []


def test_a_bare_number_is_a_claim():
    assert [c.text for c in claims("50%.")] == ["50%."]


@pytest.mark.parametrize("status", ["blocked", "error"])
def test_a_fallback_and_a_failure_state_nothing(status):
    assert claims_of(output("This cannot be shown.", status), "en") == []


@pytest.mark.parametrize("tag", LANGUAGES)
def test_each_pattern_of_a_pack_is_one_claim(tag):
    words = pack(tag)
    values = {"aspect": words.aspects["sound"].name, "attribute": words.attributes["weight"], "positive": 3, "total": 7, "value": "1.5 kg"}
    snippet = " ".join(words.aspects["sound"].positive[:2])
    for variants in (*words.summary.values(), *words.answer.values()):
        for variant in variants:
            text = variant.format(**values, snippet=snippet) + " [1]"
            assert [(c.text, c.citations) for c in claims(text, tag)] == [(text, (1,))]


def test_an_opening_quote_without_its_partner_swallows_nothing():
    assert len(claims("“Light. Loud. Fine.")) == 3


@pytest.mark.slow
def test_hostile_text_of_a_megabyte_takes_linear_time():
    for text in ("“" * 1_000_000, "Fine\n" + "[2]\n" * 100_000, "«" + "a. " * 50_000):
        claims_of(output(text), "en")


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_compound_sentence_is_two_claims_in_every_language(tag):
    for written in pack(tag).examples["compound"]:
        left, right = written.split("|")
        text = left + right.lstrip() + " [1]"
        found = claims(text, tag)
        assert len(found) == 2, [claim.text for claim in found]
        assert left.strip(" ,،、，").startswith(found[0].text[:-3]) and text.endswith(found[1].text)
        assert [claim.citations for claim in found] == [(1,), (1,)]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_claim_cut_again_is_itself(tag):
    words = pack(tag)
    texts = [text.replace("|", "") for text in words.examples["compound"]]
    texts += [f"{one.positive[0]} {other.negative[0]}" for one, other in pairwise(words.aspects.values())]
    for claim in (claim for text in texts for claim in claims(text, tag)):
        assert [again.text for again in claims(claim.text, tag)] == [claim.text]


def test_aspects_in_a_list_are_claims_of_their_own():
    assert [c.text for c in claims("Sound: praised; Battery life: problems.")] == ["Sound: praised", "Battery life: problems."]
    assert [c.text for c in claims("Sound: praised, Battery life: problems.")] == ["Sound: praised", "Battery life: problems."]


def test_a_greek_question_mark_is_no_semicolon():
    text = "Πόσο κρατάει η μπαταρία; Η μπαταρία κρατάει πολύ."
    assert [c.text for c in claims(text, "el")] == ["Πόσο κρατάει η μπαταρία;", "Η μπαταρία κρατάει πολύ."]


@pytest.mark.parametrize(
    "text",
    [
        "One wrote: “The sound is good, but the battery is bad.”",
        'One wrote: "The sound is good; the battery is bad."',
        "The sound is good (the battery lasts long, but the screen is dim).",
        "Not only is the sound good, but the battery lasts long too.",
        "Reviewers praise the sound, the battery and the delivery.",
        "Most reviewers praise the sound, but dislike the battery.",
        "Small, but good.",
        "It weighs 1,250 g and 2,5 kg.",
        "Everything but the kitchen sink.",
        "Sound: , but the battery is weak.",
    ],
)
def test_what_cannot_stand_alone_stays_whole(text):
    assert [claim.text for claim in claims(text)] == [text]


def test_marks_inside_a_sentence_belong_to_the_clause_before_them():
    text = "The sound is good [1], but the battery is bad [2][3]; the delivery took weeks, [4] but the price is fair."
    assert [(c.text, c.citations) for c in claims(text)] == [
        ("The sound is good [1]", (1,)),
        ("the battery is bad [2][3]", (2, 3)),
        ("the delivery took weeks, [4]", (4,)),
        ("the price is fair.", ()),
    ]


def test_statements_are_sentences_and_claims_their_clauses():
    text = "The sound is good, but the battery is bad. Fine"
    assert [span.text for span in statements(text, "en")] == ["The sound is good, but the battery is bad.", "Fine"]
    assert len(claims(text)) == 3


def test_a_language_that_is_not_ours_is_cut_at_sentences_only():
    assert len(claims("The sound is good, but the battery is bad.", "und")) == 1


JOINTS = [
    "the sound is good",
    "battery: bad",
    ", ",
    " but ",
    "; ",
    " and ",
    "(",
    ")",
    "“",
    "”",
    "[1]",
    "، و",
    "が、",
    "지만 ",
    "不但",
    "\ud800",
    "\u202e",
]


@given(st.lists(st.sampled_from(JOINTS), max_size=12).map("".join), st.sampled_from([*LANGUAGES]))
def test_clauses_of_anything_are_slices_in_order(text, language):
    found = claims(text, language)
    assert [text[c.start : c.end] for c in found] == [c.text for c in found]
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_hostile_compounds_take_linear_time():
    for unit in ("but, ", ";", "good, bad; ", "[1], ", "(", "the sound is good, but " * 80 + ". "):
        claims_of(output(unit * (60_000 // len(unit))), "en")
