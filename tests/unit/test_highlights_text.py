"""Sentences, clauses and folding: offsets are exact whatever people write."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.languages import LANGUAGES
from evals.packs import pack
from evals.text import Span
from runner.highlights.segment import MAX_SENTENCE, clauses, folded, segment

HOSTILE = [
    "Great 👍🏽👨‍👩‍👧‍👦! Second one… 😀😀. End",
    "Cafe\u0301 tre\u0300s bon\r\nSecond line\r\n\r\nThird\tpart.",
    "ﬁne ﬀ Ⅷ ①. ß STRASSE İstanbul ŉ. ﷺ",
    "\u202eevil\u202c. a\u200bb\u200dc. \ufeffx",
    "a" * 3 * MAX_SENTENCE + ". end",
    "word " * MAX_SENTENCE,
    "क्षि" * MAX_SENTENCE,
    "… ... !!! ???",
    "<b>bold</b> & \x00 nul; =cmd|' /C calc'!A0",
    "\ud800 lone surrogate. Next",
    "",
    " \n\r\n\t ",
]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_sentences_of_every_language_are_slices_of_the_text(tag: str) -> None:
    words = pack(tag)
    reviews = [" ".join((*row.positive, *row.negative, *row.neutral)) for row in words.aspects.values()]
    for text in [*reviews, *HOSTILE]:
        assert_exact(text, tag)


@given(
    st.text(alphabet=st.characters() | st.sampled_from(".!?。！？।؟;,\n\r \u0301\u200d👍"), max_size=1200),
    st.sampled_from(sorted(LANGUAGES)),
)
def test_sentences_of_any_text_are_slices_of_it(text: str, tag: str) -> None:
    assert_exact(text, tag)


def assert_exact(text: str, tag: str) -> None:
    spans = segment(text, tag)
    for span in spans:
        assert span.text == text[span.start : span.end] and 0 < len(span.text) <= MAX_SENTENCE
        for clause in clauses(span):
            assert clause.text == text[clause.start : clause.end] and span.start <= clause.start < clause.end <= span.end
    assert all(before.end <= after.start for before, after in pairwise(spans))
    kept = "".join("".join(span.text.split()) for span in spans)
    assert kept == "".join(text.split())  # nothing but white space is left out


@given(st.text(max_size=300))
def test_folding_keeps_a_way_back_for_every_place(text: str) -> None:
    plain = folded(text)
    places = [plain.place(index) for index in range(len(plain.text) + 1)]
    assert places == sorted(places) and places[0] == 0 and places[-1] == len(text)


def test_a_decomposed_word_is_found_where_it_stands() -> None:
    text = "Un ge\u0301nie, l\u2019E\u0301CRAN"
    plain = folded(text)
    start = plain.text.index("l'écran")
    assert text[plain.place(start) : plain.place(start + len("l'écran"))] == "l\u2019E\u0301CRAN"


def test_a_clause_ends_at_commas_of_every_script() -> None:
    for text in ("a, b", "a、b", "a،b", "a；b", "a – b"):
        assert [clause.text[:1] for clause in clauses(Span(text, 0, len(text)))] == ["a", "b"]
