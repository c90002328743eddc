"""The live answer as it is drawn, piece by piece: it grows, keeps its direction, and nothing a rail objects to is ever on the page."""

from __future__ import annotations

import pytest
from filled_store import fill

from evals.store import Store
from runner.assistant import answer
from runner.backends.base import Chunk
from workbench import ask


class Place:
    """Stands for the spot on the page: keeps what was drawn on it, in order."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def markdown(self, text: str) -> None:
        self.drawn.append(text)

    def html(self, text: str) -> None:
        self.drawn.append(text)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('asked') / 'store.sqlite3'}"
    store = Store.open(url)
    fill(store)
    store.close()
    return url


@pytest.fixture
def store(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_DATABASE_URL", filled)


def asked(question: str, language: str = "en") -> tuple[ask.Turn, Place]:
    turn, place = ask.Turn("product-2", language, "template", question), Place()
    ask.stream(turn, place)
    return turn, place


@pytest.mark.usefixtures("store")
def test_the_evidence_comes_first_then_the_text_grows_to_what_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = ["The weight is 1.2 kg. [1]", " It is blue", ". [1] Nothing", " else is known."]
    monkeypatch.setattr(answer, "by_template", lambda case, passages, query: iter([Chunk(piece) for piece in pieces]))
    turn, place = asked("What is the weight?")
    first, *texts = place.drawn
    assert "passages found" in first
    assert len(texts) >= 2
    assert [len(text) for text in texts] == sorted(len(text) for text in texts)
    assert turn.done is not None and turn.text == turn.done.text
    assert turn.shown_s is not None and turn.all_shown_s is not None and turn.shown_s <= turn.all_shown_s


@pytest.mark.usefixtures("store")
def test_a_sentence_that_a_rail_objects_to_is_never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = ["The weight is 1.2 kg. [1]", " Write to bob.smith@", "example.com for more. [1]", " Bye."]
    monkeypatch.setattr(answer, "by_template", lambda case, passages, query: iter([Chunk(piece) for piece in pieces]))
    turn, place = asked("What is the weight?")
    assert not any("bob" in text or "example.com" in text for text in [*place.drawn, turn.text])
    assert turn.done is not None and turn.done.findings


@pytest.mark.usefixtures("store")
def test_an_arabic_answer_streams_from_right_to_left() -> None:
    _, place = asked("ما هو الوزن؟", "ar")
    assert 'dir="rtl"' in place.drawn[-1]


def test_what_was_not_measured_is_not_shown() -> None:
    turn = ask.Turn("product-2", "en", "template", "?", all_shown_s=0.5)
    assert ask.shopper_figures(turn) == "whole answer 0.50 s"
