"""Claims: every sentence once, with true offsets and its own citations."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.claims import citations_in, claims_of
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


def test_hostile_text_of_a_megabyte_takes_linear_time():
    for text in ("“" * 1_000_000, "Fine\n" + "[2]\n" * 100_000, "«" + "a. " * 50_000):
        claims_of(output(text), "en")
