"""The judge without a model: what it can tell, and that it admits how little that is."""

import json

import pytest

from evals.errors import InputError
from evals.judges.prompts import Piece, fenced
from runner.backends.base import GenerationSettings
from runner.lexical_judge import LexicalJudge, judge, read_input, verdict
from runner.prompts import Prompt


def asked(data) -> str:
    example = '--------EXAMPLES-----------\nInput: {"answer": "an example"}\nOutput: {"statements": []}\n'
    return f"{example}\nNow perform the same with the following input\ninput: {json.dumps(data, indent=4)}\nOutput: "


@pytest.mark.parametrize(
    ("answer", "statements"),
    [
        ("Light. [1] It lasts 40 h! [2]", ["Light.", "It lasts 40 h!"]),
        ("音が良い。 [1] 電池は長持ちします。 [2]", ["音が良い。", "電池は長持ちします。"]),
        ("الصوت ممتاز. [1] هل يدوم؟", ["الصوت ممتاز.", "هل يدوم؟"]),
        ("", []),
    ],
)
def test_an_answer_is_split_into_its_sentences(answer, statements):
    assert judge({"question": "?", "answer": answer}) == {"statements": statements}


@pytest.mark.parametrize(
    ("statement", "context", "expected"),
    [
        ("The battery lasts for days.", "Review: the battery lasts for days, brilliant", 1),
        ("The battery lasts for days.", "Delivery was slow", 0),
        ("It weighs 40 g.", "It weighs 41 g.", 0),
        ("音質が良い。", "このスピーカーは音質が良いです。", 1),
        ("音質が良い。", "配送が遅い。", 0),
        ("", "anything", 0),
    ],
)
def test_a_statement_is_supported_when_its_words_and_numbers_are_there(statement, context, expected):
    assert verdict(statement, context)["verdict"] == expected


def test_it_does_not_understand_negation_and_the_reason_does_not_pretend_to():
    found = verdict("The battery is not bad.", "The battery is bad, it is not what I wanted.")
    assert found["verdict"] == 1 and "no understanding" in found["reason"]


def test_every_statement_gets_a_verdict_in_order():
    statements = [f"Statement {n}." for n in range(5)]
    rows = judge({"context": "Statement 3.", "statements": statements})["statements"]
    assert [row["statement"] for row in rows] == statements and [row["verdict"] for row in rows] == [0, 0, 0, 1, 0]


def test_the_input_is_read_behind_the_examples():
    assert read_input(asked({"answer": "real {not json}"})) == {"answer": "real {not json}"}


@pytest.mark.parametrize("request_text", ["hello", "Now perform the same with the following input\ninput: {broken", asked({"other": 1})])
def test_other_requests_are_refused(request_text):
    with pytest.raises(InputError, match="plumb-lexical-judge"):
        LexicalJudge().generate([Prompt((("user", request_text),))], GenerationSettings())


def test_a_stream_is_the_same_judgement():
    prompt = Prompt((("user", asked({"answer": "Light. Small."})),))
    *pieces, last = LexicalJudge().stream(prompt, GenerationSettings())
    assert last.generation is not None and "".join(piece.text for piece in pieces) == last.generation.text
    assert json.loads(last.generation.text) == {"statements": ["Light.", "Small."]}


@pytest.mark.parametrize(
    ("data", "classify", "expected"),
    [
        ({"response": "It is light. It is red.", "context": "It is light."}, False, {"rating": 1}),
        ({"response": "It is light.", "context": "It is light."}, False, {"rating": 2}),
        ({"response": "It is red.", "context": "Delivery was slow."}, False, {"rating": 0}),
        ({"question": "?", "text": "It is light. It is red."}, False, {"statements": ["It is light.", "It is red."]}),
    ],
)
def test_the_other_requests_of_ragas_are_answered_by_the_same_rule(data, classify, expected):
    assert judge(data, classify) == expected


def test_recall_and_precision_are_told_apart_by_what_is_asked_for():
    data = {"question": "?", "context": "It is light.", "answer": "It is light. It is red."}
    assert [row["attributed"] for row in judge(data, classify=True)["classifications"]] == [1, 0]
    assert judge(data)["verdict"] == 1


@pytest.mark.parametrize(
    ("claim", "verdict_", "passage"),
    [
        ("The battery lasts two days.", "supported", 1),
        ("It weighs 40 g.", "contradicted", 2),
        ("The colour is a shiny purple.", "not_found", 0),
        ("Does it last?", "not_checkable", 0),
        ("🙂", "not_checkable", 0),
    ],
)
def test_a_claim_of_ours_gets_verdict_passage_and_a_quote_from_it(claim, verdict_, passage):
    texts = {1: "Nice. The battery lasts two days.", 2: "It weighs 41 g."}
    pieces = [*(Piece("passage", number, text) for number, text in texts.items()), Piece("claim", 1, claim)]
    [row] = json.loads(LexicalJudge().generate([Prompt((("user", fenced(pieces, "Now judge.")),))], GenerationSettings())[0].text)["claims"]
    assert (row["verdict"], row["passage"]) == (verdict_, passage)
    assert row["quote"] in texts.get(passage, "") and 0 <= row["confidence"] <= 100


def test_marks_without_claims_are_refused():
    with pytest.raises(InputError, match="passages and claims"):
        LexicalJudge().generate([Prompt((("user", fenced([Piece("passage", 1, "x")], "")),))], GenerationSettings())
