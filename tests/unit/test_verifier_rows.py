"""Rows of public sets as the verifier meets them: passages a question's answer names in words are passages it cites."""

import pytest

from benchmarks.quality.named_passages import claims_citing, texts_of
from benchmarks.quality.verifier_rows import passages_of
from evals.records import Output, Passage

SOURCE = "passage 1:Boil the rice. Passage one ends.\n\npassage 2:Fry the onion.\n\npassage 3:Serve it hot."
PASSAGES = tuple(Passage(n, "qa", f"qa-{n}", "en", text, 0, len(text)) for n, text in enumerate(texts_of(SOURCE), 1))


def cited(text: str) -> list[tuple[str, tuple[int, ...]]]:
    output = Output("o", "r", "c", text, "ok", "now", PASSAGES)
    return [(" ".join(claim.text.split()), claim.citations) for claim in claims_citing(output, "en")]


def test_a_source_is_cut_where_its_passages_begin():
    assert texts_of(SOURCE) == ["Boil the rice. Passage one ends.", "Fry the onion.", "Serve it hot."]
    row = {"dataset": "ragtruth", "task": "QA", "source": SOURCE, "lang": "en"}
    assert [(one.number, one.text) for one in passages_of(row)] == list(enumerate(texts_of(SOURCE), 1))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Boil the rice (Passage 1).", ("Boil the rice .", (1,))),
        ("Fry the onion (passage 2 & 3)", ("Fry the onion", (2, 3))),
        ("Fry the onion (Passages 1, 2, and 3)", ("Fry the onion", (1, 2, 3))),
        ("Fry it (Passage 2:1).", ("Fry it .", (2,))),
        ("According to passage 3, it is served hot.", ("According to , it is served hot.", (3,))),
        ("The passages do not say how.", ("The passages do not say how.", ())),
        ("Serve it (Passage 7).", ("Serve it .", ())),
    ],
)
def test_a_passage_named_in_words_is_cited_and_its_name_is_no_part_of_the_claim(text, found):
    assert cited(text) == [found]


def test_entries_of_a_list_cite_what_its_heading_names_until_the_list_ends():
    text = "Passage 2:\n\n* Fry the onion.\n* Boil the rice (Passage 1).\n\nServe it hot."
    assert cited(text) == [("* Fry the onion.", (2,)), ("* Boil the rice .", (1,)), ("Serve it hot.", ())]


def test_claims_keep_their_place_in_the_answer():
    text = "Boil the rice (Passage 1). Fry the onion (Passage 2)."
    places = [(claim.start, claim.end) for claim in claims_citing(Output("o", "r", "c", text, "ok", "now", PASSAGES), "en")]
    assert [text[start:end] for start, end in places] == ["Boil the rice (Passage 1).", "Fry the onion (Passage 2)."]
