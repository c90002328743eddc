"""Product tags in a stream: the same cards however the text is cut, and nothing unsafe out of hostile markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.records import Product
from runner.assistant.hydrate import Hydrator, Piece, card, plain

CATALOGUE = {"p1": Product("p1", "Trail shoe", "shoes"), "ص1": Product("ص1", "حذاء", "shoes")}
PARTS = [
    '<product id="p1">',
    "<product id='ص1' />",
    '<product id="nope">',
    "<product",
    ' id="p1"',
    ">",
    "<",
    "<<product ",
    "text ",
    "<b>",
    '"',
    "👟",
]


def hydrated(chunks: list[str]) -> tuple[list[Piece], list[str]]:
    hydrator = Hydrator(CATALOGUE.get)
    pieces = [piece for chunk in chunks for piece in hydrator.feed(chunk)] + hydrator.close()
    return joined(pieces), hydrator.refused


def joined(pieces: list[Piece]) -> list[Piece]:
    """Neighbouring texts as one."""
    result: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and result and isinstance(result[-1], str):
            result[-1] += piece
        else:
            result.append(piece)
    return result


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join), st.data())
def test_however_the_text_is_cut_the_pieces_are_the_same(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert hydrated(chunks) == hydrated([text])


@given(st.text(max_size=200))
def test_text_without_tags_passes_as_it_is(text: str) -> None:
    assert plain(hydrated(list(text))[0]) == text


def test_a_tag_is_held_back_until_it_is_whole() -> None:
    hydrator = Hydrator(CATALOGUE.get)
    assert hydrator.feed('See <product id="p') == ["See "]
    assert hydrator.feed('1"> now') == [CATALOGUE["p1"], " now"]


@pytest.mark.parametrize(
    "text", ["<product>", "<product id=p1>", '<product id="p1" onclick="x">', '<product id="p1', '<product id="a\'b<">']
)
def test_a_malformed_tag_is_text(text: str) -> None:
    assert hydrated([text]) == ([text], [])


def test_an_invented_id_leaves_nothing_but_a_note() -> None:
    assert hydrated(['a <product id="../../etc"> b']) == (["a  b"], ["../../etc"])


def test_a_card_escapes_everything() -> None:
    evil = Product('"><img src=x onerror=alert(1)>', "<script>\u202e", "x")
    assert "<script" not in card(evil) and "<img" not in card(evil) and "\u202e" not in card(evil)


def test_a_long_unfinished_tag_does_not_hold_the_stream_for_ever() -> None:
    hydrator = Hydrator(CATALOGUE.get)
    assert plain(hydrator.feed('<product id="' + "x" * 200)) != ""
