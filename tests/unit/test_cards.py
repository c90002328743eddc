"""Text of others stays text: escaped, isolated, in its own direction; quotations are cut out by their offsets."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.languages import LANGUAGES
from evals.records import AspectRow, Claim, Passage, Review, Score
from workbench import cards

OURS = {"div", "span", "bdi", "mark", "b", "p", "details", "summary"}
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)"> </div> [1] \u202e\u2066\x00 "quoted" \'single\''


class Tags(HTMLParser):
    """Which elements and which text a browser would see."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def a_passage(text: str, start: int = 0, language: str = "en") -> Passage:
    return Passage(1, "review", "review-1", language, text, start, start + len(text), "sound", "positive")


def a_review(text: str, language: str = "en") -> Review:
    return Review("review-1", "product-1", language, text, rating=4.0, date="2026-05-06")


def a_claim(text: str) -> Claim:
    return Claim("claim-1", "output-1", 0, text, 0, len(text), (1,))


def every_block(text: str) -> list[str]:
    passage, review = a_passage(text), a_review(f"before {text} after")
    check = cards.checked(a_claim(text), [], ["grounded"])
    return [
        cards.text_block("en", text, [cards.Mark(0, 5, "pl-bad")]),
        cards.title_block(text, text),
        cards.quote_block(passage),
        cards.quote_block(a_passage(text, 7), review),
        cards.claim_block("en", check, [passage], {}),
    ]


@pytest.mark.parametrize("markup", every_block(HOSTILE))
def test_hostile_text_makes_no_element_of_its_own(markup: str) -> None:
    found = Tags(markup)
    assert found.seen <= OURS
    assert found.attributes <= {"class", "dir", "lang", "style"}
    assert "<script>alert(1)</script>" in found.text
    assert not re.search("[\u202e\u2066\x00]", markup)


@given(st.text(max_size=60))
def test_whatever_the_text_only_our_elements_appear(text: str) -> None:
    for markup in every_block(text):
        assert Tags(markup).seen <= OURS


@given(st.text(alphabet="[]()*_`<>&$:#\\!|~ab1 \n\u202e", max_size=40))
def test_plain_leaves_no_markdown(text: str) -> None:
    escaped = cards.plain(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[\[\]()*_`<>$#!|~]", escaped)
    assert not re.search(r":(?!\u2060)", escaped)
    assert "\n" not in escaped and "\u202e" not in escaped


def test_an_output_is_drawn_in_the_direction_of_its_language() -> None:
    assert all(f'lang="{tag}" dir="{row.direction}"' in cards.text_block(tag, "x") for tag, row in LANGUAGES.items())
    assert 'dir="auto"' in cards.text_block("xx", "x")


def test_marks_underline_exactly_their_text_and_overlapping_ones_are_left_out() -> None:
    markup = cards.text_block(
        "en", "Good sound. Bad fit.", [cards.Mark(12, 20, "pl-bad"), cards.Mark(0, 11, "pl-good"), cards.Mark(5, 15, "pl-bad")]
    )
    assert '<span class="pl-good">Good sound.</span> <span class="pl-bad">Bad fit.</span>' in markup


def test_a_quotation_is_marked_inside_its_review() -> None:
    review = a_review("I bought two. The sound is superb. Would buy again.")
    start = review.text.index("The sound")
    markup = cards.quote_block(a_passage("The sound is superb.", start), review)
    assert "<mark>The sound is superb.</mark>" in markup
    assert "I bought two." in markup and "Would buy again." in markup
    assert "4 of 5 stars" in markup and "2026-05-06" in markup


def test_a_long_review_is_cut_around_its_quotation() -> None:
    review = a_review("a" * 400 + "QUOTE" + "b" * 400)
    text = Tags(cards.quote_block(a_passage("QUOTE", 400), review)).text
    assert "…" + "a" * 160 + "QUOTE" + "b" * 160 + "…" in text


def test_a_quotation_that_the_review_no_longer_contains_stands_alone() -> None:
    markup = cards.quote_block(a_passage("The sound is superb.", 3), a_review("Something else entirely."))
    assert "<mark>" not in markup and "Something else" not in markup
    assert "The sound is superb." in markup


@pytest.mark.parametrize(
    ("row", "colour"),
    [
        (AspectRow("sound", 15, 2, 1, 18), "green"),
        (AspectRow("sound", 1, 2, 15, 18), "orange"),
        (AspectRow("sound", 8, 2, 8, 18), "gray"),
        (AspectRow("sound", 0, 9, 0, 9), "gray"),
    ],
)
def test_a_chip_has_the_colour_of_the_sentiment_and_says_it_in_numbers(row: AspectRow, colour: str) -> None:
    text = cards.chip("en", row)
    assert text.startswith(f":{colour}-badge[")
    assert f"{row.positive}/{row.positive + row.negative}]" in text


def test_an_aspect_is_named_in_the_language_of_the_output() -> None:
    assert cards.aspect_name("ja", "sound") != cards.aspect_name("en", "sound")
    assert cards.aspect_name("en", "unheard_of") == cards.aspect_name("xx", "unheard_of") == "unheard_of"


def test_a_claim_opens_on_the_evidence_that_decided_and_says_why() -> None:
    claim = a_claim("The sound is poor. [2]")
    score = Score(
        "run",
        "case",
        "claim",
        "claim-1",
        "grounded",
        "v:1",
        "code",
        0.0,
        None,
        {"verdict": "contradicted", "passage": 1, "why": "counted <b>"},
    )
    check = cards.checked(claim, [score], ["contradicted", "not_checkable"])
    markup = cards.claim_block("en", check, [a_passage("The sound is superb.")], {})
    text = Tags(markup).text
    assert check.mark().style == "pl-bad"
    assert "contradicted" in text and "people: not checkable" in text and "counted <b>" in text
    assert "The sound is superb." in text


def test_a_claim_without_a_score_is_neither_good_nor_bad() -> None:
    check = cards.checked(a_claim("It may fit."), [], [])
    assert (check.verdict, check.mark().style) == ("not scored", "pl-unknown")


def test_styles_name_no_colour_scheme() -> None:
    assert "prefers-color-scheme" not in cards.BASE_CSS  # the theme is Streamlit's choice, not the system's
    assert html.escape(cards.BASE_CSS.replace('"', ""), quote=False).count("&lt;") == 0


def test_an_address_in_foreign_text_becomes_no_link() -> None:
    """Streamlit links bare addresses and e-mails after escapes are undone; a word joiner keeps them apart."""
    shown = cards.plain("www.evil.example a@evil.example http://evil.example")
    assert "www\u2060" in shown and "@\u2060evil" in shown and "http:\u2060" in shown
