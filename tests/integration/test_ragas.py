"""Ragas through its one door: with our own judge server, and with judges that misbehave in each way Ragas itself would swallow."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from scripted_judge import Answer, Script, completion, serving

from evals.errors import RetryError
from evals.judges.endpoint import Judge
from evals.judges.ragas import make, make_faithfulness
from evals.metrics import METRICS
from evals.records import AspectRow, Case, Output, Passage, Score
from runner.serving import ModelServer

CASE = Case("case", "assistant", "product", "en", "audio", {"question": "How long does the battery last?"})
PASSAGES = (
    Passage(1, "review", "r1", "en", "The battery lasts two days.", 0, 27),
    Passage(2, "review", "r2", "en", "Sound is clear and loud.", 0, 24),
)


def output(text: str, passages=PASSAGES, aspects=(), status="ok") -> Output:
    return Output("output", "run", "case", text, status, "now", passages, aspects)


def asks_for_verdicts(request: dict) -> bool:
    return '"verdict"' in request["messages"][0]["content"]


def judging(verdicts: list, statements: int = 2) -> Callable[[dict], tuple[int, bytes]]:
    """A judge that finds `statements` statements and gives `verdicts`."""

    def answer(request: dict) -> tuple[int, bytes]:
        if asks_for_verdicts(request):
            return completion({"statements": [{"statement": "s", "reason": "r", "verdict": verdict} for verdict in verdicts]})
        return completion({"statements": [f"statement {n}" for n in range(statements)]})

    return answer


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[dict], Answer]], tuple[str, Script]]]:
    with ExitStack() as servers:
        yield lambda answer: servers.enter_context(serving(answer))


def judge(base_url: str, cache: Path | None = None, model: str = "judge", **options) -> Judge:
    return Judge(base_url, model, cache=cache, **{"wait_s": 0.001, **options})


def faithfulness(base_url: str, cache: Path, text: str = "It lasts two days. It is red.", **options) -> Score:
    (score,) = make("faithfulness", judge(base_url, cache, **options)).measure(CASE, output(text), ())
    return score


# ---------------------------------------------------------------------------------------------- our own server


@pytest.fixture(scope="module")
def lexical_judge() -> Iterator[str]:
    with ModelServer("--model", "plumb-lexical-judge") as server:
        yield server.base_url


def test_our_own_judge_tells_supported_statements_from_others(lexical_judge, tmp_path):
    score = faithfulness(
        lexical_judge, tmp_path, "The battery lasts two days [1]. The colour is a shiny purple.", model="plumb-lexical-judge"
    )
    assert (score.value, score.reason, score.source) == (0.5, None, "model")
    assert score.detail["statements"] == 2
    assert score.detail["calls"] == 2
    assert score.detail["prompt_tokens"] > 0


def test_a_summary_is_judged_by_its_counts_too(lexical_judge, tmp_path):
    metric = make_faithfulness(lexical_judge, "plumb-lexical-judge", cache_at=tmp_path)
    case = Case("case", "highlights", "product", "en", "audio", {})
    said = output("Sound quality: 9 of 10 opinions are positive.", (), (AspectRow("sound", 9, 2, 1, 12),))
    (score,) = metric.measure(case, said, ())
    assert score.value == 1.0


# ---------------------------------------------------------------------------------------------- judges that misbehave


def test_a_judge_that_works_gives_the_share_of_supported_statements(serve, tmp_path):
    url, script = serve(judging([1, 0]))
    score = faithfulness(url, tmp_path)
    assert score.value == 0.5
    assert score.detail == {"statements": 2, "supported": 1, "calls": 2, "cached": 0, "prompt_tokens": 200, "completion_tokens": 20}
    assert all(request["response_format"]["type"] == "json_schema" for request in script.requests)
    assert all(request["temperature"] == 0 for request in script.requests)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (judging([1], statements=5), "1 verdicts for 5 statements"),
        (judging([1, 1, 1]), "3 verdicts for 2 statements"),
        (judging([]), "0 verdicts for 2 statements"),
        (judging([1, -1]), "other than 0 and 1: -1"),
        (judging([1, 2]), "other than 0 and 1: 2"),
        (judging(["1", "1"]), "does not match the schema"),
        (judging([1, None]), "does not match the schema"),
        (judging([], statements=0), "no statement"),
        (lambda _: completion("I think it is fine."), "not JSON"),
        (lambda _: completion("[1, 1]"), "not a JSON object"),
        (lambda _: completion("NaN"), "not JSON"),
        (lambda _: completion(""), "said nothing"),
        (lambda _: (200, b'{"choices": []}'), "no choices"),
        (lambda _: (200, b"<html>"), "judge"),
        (lambda _: (500, b"{}"), "500"),
        (lambda _: (400, b'{"error": {"message": "key sk-secret is wrong"}}'), "400"),
    ],
)
def test_a_judge_that_misbehaves_gives_no_value_but_the_reason(serve, tmp_path, answer, why):
    url, script = serve(answer)
    score = faithfulness(url, tmp_path, api_key="sk-secret", wait_s=0.001, attempts=2)
    assert score.value is None
    assert why in (score.reason or "")
    assert "secret" not in repr(score)
    assert len(script.requests) <= 3  # no explosion: two attempts, or three forms of asking for JSON
    assert not list(tmp_path.rglob("*.json"))  # a wrong answer is not remembered


def test_a_judge_that_never_answers_is_given_up_on_after_the_timeout(serve, tmp_path):
    release = threading.Event()
    url, script = serve(lambda _: (release.wait(20), (500, b"{}"))[1])
    try:
        score = faithfulness(url, tmp_path, timeout_s=0.3, attempts=1)
    finally:
        release.set()
    assert score.reason == "not measurable: no answer within 0.3 s"
    assert len(script.requests) == 1


def test_a_server_that_is_not_there_is_an_error_to_try_again_not_a_score(tmp_path):
    with pytest.raises(RetryError, match="cannot be reached"):
        faithfulness("http://127.0.0.1:9/v1", tmp_path, attempts=2)


def test_an_answer_is_asked_for_once_and_never_taken_from_another_judge(serve, tmp_path):
    lenient, lenient_script = serve(judging([1, 1]))
    strict, _ = serve(judging([0, 0]))
    assert faithfulness(lenient, tmp_path).value == 1.0
    again = faithfulness(lenient, tmp_path)
    assert (again.value, again.detail["cached"], len(lenient_script.requests)) == (1.0, 2, 2)
    assert faithfulness(strict, tmp_path).value == 0.0
    assert faithfulness(lenient, tmp_path, model="another").detail["cached"] == 0


def test_a_broken_cache_file_is_asked_again(serve, tmp_path):
    url, script = serve(judging([1, 1]))
    faithfulness(url, tmp_path)
    for path in tmp_path.rglob("*.json"):
        path.write_text("{", encoding="utf-8")
    assert faithfulness(url, tmp_path).value == 1.0
    assert len(script.requests) == 4


def test_the_secret_goes_to_the_judge_and_nowhere_else(serve, tmp_path):
    url, script = serve(judging([1, 1]))
    metric = make_faithfulness(url, "judge", "sk-secret", cache_at=tmp_path)
    metric.measure(CASE, output("It lasts two days. It is red."), ())
    assert script.headers[0]["authorization"] == "Bearer sk-secret"
    assert "secret" not in metric.signature
    assert "secret" not in "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (output("It is fine.", ()), "has no evidence"),
        (output("[1]"), "says nothing"),
        (output("-", status="blocked"), "blocked"),
        (output("", status="error"), "error"),
    ],
)
def test_what_cannot_be_judged_is_not_sent(serve, tmp_path, said, why):
    url, script = serve(judging([1, 1]))
    (score,) = make_faithfulness(url, "judge", cache_at=tmp_path).measure(CASE, said, ())
    assert score.value is None
    assert why in (score.reason or "")
    assert script.requests == []


# ---------------------------------------------------------------------------------------------- without a judge


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("One reviewer writes: “The battery lasts two days.” [1]", 1.0),
        ("One reviewer writes: “The battery lasts three days.” [1]", 0.0),
        ("“Sound is clear and loud.” [2] and «never broke once» [1]", 0.5),
        ("It lasts.", None),
        ("The “best”.", None),
    ],
)
def test_quotations_are_looked_for_letter_by_letter_and_none_is_no_pass(text, value):
    (score,) = METRICS["ragas_string_presence"].measure(CASE, output(text), ())
    assert score.value == value
    assert (score.reason is None) == (value is not None)


def test_ragas_is_not_allowed_to_phone_home():
    import os

    METRICS["ragas_string_presence"].measure(CASE, output("“The battery lasts two days.”"), ())
    from ragas._analytics import do_not_track

    assert os.environ["RAGAS_DO_NOT_TRACK"] == "true"
    assert do_not_track() is True
