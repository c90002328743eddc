"""Ragas through its one door: with our own judge server, and with judges that misbehave in each way Ragas itself would swallow."""

import asyncio
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from scripted_judge import Answer, Script, completion, serving

from evals.errors import RetryError, UnknownIdError
from evals.judges.endpoint import Judge
from evals.judges.ragas import KINDS, make
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
    metric = make("faithfulness", Judge(lexical_judge, "plumb-lexical-judge", cache=tmp_path))
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
    metric = make("faithfulness", Judge(url, "judge", "sk-secret", cache=tmp_path))
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
    (score,) = make("faithfulness", Judge(url, "judge", cache=tmp_path)).measure(CASE, said, ())
    assert score.value is None
    assert why in (score.reason or "")
    assert script.requests == []


# ---------------------------------------------------------------------------------------------- the other metrics

REFERENCE = "It lasts two days. It is blue."
ANSWER = "It lasts two days. It is red."


def schema_asked(request: dict) -> str:
    return request["messages"][0]["content"]


def by_schema(statements: list, verdicts: Callable[[int], list] | list, rating=(2, 2), useful=(1, 0), classified=(1, 0)) -> Callable:
    """A judge that answers each request of Ragas by the schema it asks for; lists are used up in order."""
    ratings, uses, counted = iter(rating), iter(useful), iter(range(1000))

    def answer(request: dict):
        schema = schema_asked(request)
        if '"rating"' in schema:
            return completion({"rating": next(ratings)})
        if '"classifications"' in schema:
            return completion({"classifications": [{"statement": "s", "reason": "r", "attributed": one} for one in classified]})
        if '"statement"' in schema:
            row = verdicts(next(counted)) if callable(verdicts) else verdicts
            return completion({"statements": [{"statement": "s", "reason": "r", "verdict": verdict} for verdict in row]})
        if '"statements"' in schema:
            return completion({"statements": statements})
        return completion({"reason": "r", "verdict": next(uses)})

    return answer


def scored(
    kind: str, url: str, *, reference: object = REFERENCE, passages=PASSAGES, text: str = ANSWER, cache: Path | None = None
) -> Score:
    inputs = {"question": "How long does the battery last?"} | ({"reference": reference} if reference else {})
    case = Case("case", "assistant", "product", "en", "audio", inputs)
    (score,) = make(kind, judge(url, cache, attempts=2, concurrency=1)).measure(case, output(text, passages), ())
    return score


@pytest.mark.parametrize(
    ("kind", "value", "detail", "calls"),
    [
        ("faithfulness", 0.5, {"statements": 2, "supported": 1}, 2),
        ("response_groundedness", 0.75, {"ratings": [2, 1]}, 2),
        ("context_precision", 0.5, {"contexts": 2, "useful": 1}, 2),
        ("context_recall", 0.5, {"statements": 2, "attributed": 1}, 1),
        ("noise_sensitivity", 0.5, {"statements": 2, "misled": 1, "wrong": 1}, 7),
    ],
)
def test_each_metric_says_what_its_value_rests_on(serve, kind, value, detail, calls):
    url, script = serve(by_schema(["a", "b"], [1, 0] if kind == "faithfulness" else noisy, rating=(2, 1), useful=(0, 1)))
    score = scored(kind, url)
    assert score.value == pytest.approx(value, abs=1e-9), score.reason
    assert {key: score.detail[key] for key in detail} == detail
    assert len(script.requests) == score.detail["calls"] == calls


def noisy(request: int) -> list[int]:
    """In Ragas' order: reference and answer against each context in turn, then the answer against the reference: its second is wrong."""
    return [[1, 0], [1, 1], [0, 0], [0, 0], [1, 0]][request]


@pytest.mark.parametrize(
    ("kind", "answer", "why"),
    [
        ("response_groundedness", by_schema([], [], rating=(2, 3)), "rating other than 0, 1 and 2"),
        ("response_groundedness", by_schema([], [], rating=(2, None)), "does not match the schema"),
        ("response_groundedness", by_schema([], [], rating=(2, True)), "does not match the schema"),
        ("context_precision", by_schema([], [], useful=(1, 2)), "verdict other than 0 and 1: 2"),
        ("context_precision", by_schema([], [], useful=(1, -1)), "verdict other than 0 and 1: -1"),
        ("context_precision", by_schema([], [], useful=(1, "1")), "does not match the schema"),
        ("context_recall", by_schema([], [], classified=()), "0 statements of a reference of 2 sentences"),
        ("context_recall", by_schema([], [], classified=(1,)), "1 statements of a reference of 2 sentences"),
        ("context_recall", by_schema([], [], classified=(1, 7)), "other than 0 and 1: 7"),
        ("noise_sensitivity", by_schema([], [1]), "found no statement"),
        ("noise_sensitivity", by_schema(["a", "b"], lambda n: [1] if n == 1 else [1, 0]), "Ragas failed: ValueError"),
        ("noise_sensitivity", by_schema(["a", "b"], [1]), "1 verdicts for 2 statements"),
        ("noise_sensitivity", by_schema(["a", "b"], [1, 2]), "other than 0 and 1: 2"),
    ],
)
def test_verdicts_that_are_missing_too_many_or_none_give_no_value(serve, tmp_path, kind, answer, why):
    url, _ = serve(answer)
    score = scored(kind, url, cache=tmp_path)
    assert score.value is None
    assert why in (score.reason or "")
    assert not list(tmp_path.rglob("*.json"))


def test_one_of_two_judges_failing_is_not_the_value_of_the_other(serve):
    """Ragas returns the judge that answered, and asks a failing one 40 times."""
    answers = iter([completion({"rating": 2}), completion("broken")])
    url, script = serve(lambda _: next(answers))
    score = scored("response_groundedness", url)
    assert score.reason == "not measurable: the judge's answer is not JSON"
    assert score.detail["calls"] == 1 and len(script.requests) == 2


def test_an_outage_that_ragas_would_swallow_is_raised(serve):
    url, script = serve(lambda _: (503, b"{}"))
    with pytest.raises(RetryError, match="503"):
        scored("response_groundedness", url)
    assert len(script.requests) == 2  # as many as attempts are allowed, not 10 or 40


def test_no_context_of_use_is_a_zero_that_was_measured(serve):
    url, _ = serve(by_schema([], [], useful=(0, 0)))
    assert scored("context_precision", url).value == 0.0


@pytest.mark.parametrize("kind", ["context_precision", "context_recall", "noise_sensitivity"])
@pytest.mark.parametrize("reference", [None, " ", [], 3])
def test_without_a_reference_answer_there_is_no_value_and_no_request(serve, kind, reference):
    url, script = serve(by_schema(["a"], [1]))
    score = scored(kind, url, reference=reference)
    assert score.reason == "not measurable: the case has no reference answer"
    assert script.requests == []


def test_the_first_of_several_references_is_taken(serve):
    url, script = serve(by_schema([], [], classified=(1, 1)))
    assert scored("context_recall", url, reference=["", REFERENCE, "Other."]).value == 1.0
    assert "It is blue." in script.requests[0]["messages"][1]["content"]


def test_a_megabyte_is_not_sent_and_surrogates_do_not_stop_anything(serve):
    url, script = serve(by_schema(["a", "b"], [1, 1]))
    long = (Passage(1, "review", "r1", "en", "word " * 200_000, 0, 1_000_000),)
    assert "are more than 60,000" in (scored("faithfulness", url, passages=long).reason or "")
    assert script.requests == []
    broken = (Passage(1, "review", "r1", "en", "Good \ud800 sound", 0, 12),)
    assert scored("faithfulness", url, passages=broken, text="Good \udfff sound.").value == 1.0


def test_outputs_are_judged_side_by_side_in_one_batch(serve):
    url, script = serve(lambda request: (time.sleep(0.02), judging([1, 1])(request))[1])
    metric = make("faithfulness", judge(url, concurrency=4))
    outputs = [Output(f"output-{n}", "run", "case", f"Text {n}. More.", "ok", "now", PASSAGES) for n in range(12)]
    scores = metric.measure_many([(CASE, one, ()) for one in outputs])
    assert [score.value for (score,) in scores] == [1.0] * 12
    assert [score.subject_id for (score,) in scores] == [one.output_id for one in outputs]
    assert 1 < script.most <= 4


def test_a_metric_that_is_not_known_is_refused():
    with pytest.raises(UnknownIdError, match="faithfulness, response_groundedness"):
        make("answer_relevancy", judge("http://127.0.0.1:9/v1"))


# ---------------------------------------------------------------------------------------------- the same as Ragas

# Sentences of Ragas' own examples and docstrings (Apache-2.0).
EXAMPLES = [
    (
        "Where was Einstein born?",
        "Einstein was born in Germany on 14th March 1879. He was a chemist.",
        ["Albert Einstein (born 14 March 1879) was a physicist, born in Germany.", "Einstein received the Nobel Prize in Physics in 1921."],
        "Einstein was born in Germany. He received the Nobel Prize in Physics in 1921. He moved to Switzerland in 1895.",
    ),
    (
        "What is the capital of France?",
        "Paris is the capital of France.",
        ["Berlin is the capital of Germany.", "Paris is the capital and largest city of France."],
        "Paris is the capital of France.",
    ),
    (
        "What is the tallest mountain in the world?",
        "Mount Everest.",
        ["The Andes is the longest continental mountain range in the world, located in South America."],
        "Mount Everest.",
    ),
]


@pytest.fixture(scope="module")
def ragas_itself(lexical_judge) -> dict[tuple[str, int], float]:
    """Ragas called as its documentation says, with its own client, prompts and parsing."""
    import openai
    from ragas.llms import llm_factory
    from ragas.metrics import collections

    async def values() -> dict[tuple[str, int], float]:
        found = {}
        async with openai.AsyncOpenAI(base_url=lexical_judge, api_key="none", max_retries=0) as client:
            llm = llm_factory("plumb-lexical-judge", client=client)
            for kind, about in KINDS.items():
                for number, example in enumerate(EXAMPLES):
                    given = dict(zip(("user_input", "response", "retrieved_contexts", "reference"), example, strict=True))
                    result = await getattr(collections, about.of)(llm=llm).ascore(**{name: given[name] for name in about.takes})
                    found[kind, number] = float(result.value)
        return found

    METRICS["ragas_string_presence"].measure(CASE, output("“The battery lasts two days.”"), ())  # loads Ragas with its telemetry off
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.run(values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_our_values_are_those_of_ragas_called_directly_on_its_own_examples(lexical_judge, ragas_itself, kind, number):
    asked, answer, evidence, reference = EXAMPLES[number]
    case = Case("case", "assistant", "product", "en", "audio", {"question": asked, "reference": reference})
    passages = [Passage(n, "review", f"r{n}", "en", text, 0, len(text)) for n, text in enumerate(evidence, 1)]
    (score,) = make(kind, judge(lexical_judge, model="plumb-lexical-judge")).measure(case, output(answer, tuple(passages)), ())
    assert score.value == ragas_itself[kind, number], score.reason


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
