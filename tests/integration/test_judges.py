"""Judges over real HTTP: many questions at once, servers that are busy, broken, late or wrong, and what is kept and billed."""

import asyncio
import json
import logging
import threading
import time

import pytest
import typer
from click.testing import Result
from scripted_judge import completion, serving
from support import two_runs
from typer.testing import CliRunner

from evals.errors import InputError, RetryError, SetupError
from evals.judges.endpoint import Judge, JudgeError, Question, Reply
from evals.judges.ledger import Ledger, Prices
from evals.records import JudgeCall
from evals.store import Store
from workbench.commands import judging

SCHEMA = {"type": "object", "properties": {"verdict": {"enum": [0, 1]}}, "required": ["verdict"]}
NOW = "2026-11-22T12:00:00.000000Z"


def a_judge(url: str, **options) -> Judge:
    return Judge(url, "judge", **{"wait_s": 0.001, "timeout_s": 5.0, **options})


def questions(n: int, schema=SCHEMA, **options) -> list[Question]:
    return [Question(f"question {number}", schema, **options) for number in range(n)]


def said(request: dict) -> str:
    return request["messages"][1]["content"]


def yes(_: dict) -> tuple[int, bytes]:
    return completion({"verdict": 1})


# ---------------------------------------------------------------------------------------------- many at once


def test_every_question_gets_its_own_answer_in_order():
    with serving(lambda request: completion({"verdict": int(said(request).split()[1]) % 2})) as (url, _):
        replies = a_judge(url, concurrency=8).ask_many(questions(40))
    assert [reply.value["verdict"] for reply in replies] == [n % 2 for n in range(40)]


def test_no_more_requests_are_in_flight_than_allowed_in_one_batch_and_over_threads():
    with serving(lambda request: (time.sleep(0.01), yes(request))[1]) as (url, script):
        judge = a_judge(url, concurrency=3)
        threads = [threading.Thread(target=judge.ask_many, args=(questions(8),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(script.requests) == 24
    assert script.most == 3


def test_a_batch_can_be_asked_from_inside_a_running_event_loop():
    async def page(judge: Judge):
        return judge.ask_many(questions(2))

    with serving(yes) as (url, _):
        replies = asyncio.run(page(a_judge(url)))
    assert [reply.value for reply in replies] == [{"verdict": 1}] * 2


def test_nothing_asked_is_nothing_answered():
    assert a_judge("http://127.0.0.1:9/v1").ask_many([]) == []


# ---------------------------------------------------------------------------------------------- asked again


def failing_first(times: int, *failure):
    counts: dict[str, int] = {}

    def answer(request: dict):
        counts[said(request)] = counts.get(said(request), 0) + 1
        return failure if counts[said(request)] <= times else yes(request)

    return answer


@pytest.mark.parametrize("failure", [(429, b"{}"), (500, b"oh"), (502, b"<html>"), (503, b""), (529, b""), (0, b"")])
def test_what_passes_is_asked_again_until_it_has_passed(failure):
    with serving(failing_first(2, *failure)) as (url, script):
        replies = a_judge(url).ask_many(questions(5))
    assert all(isinstance(reply, Reply) for reply in replies)
    assert len(script.requests) == 15


def test_a_server_that_says_when_to_come_again_is_heeded():
    times: list[float] = []

    def answer(request: dict):
        times.append(time.monotonic())
        return yes(request) if len(times) > 1 else (429, b"{}", {"Retry-After": "1"})

    with serving(answer) as (url, _):
        a_judge(url).ask_many(questions(1))
    assert times[1] - times[0] >= 1.0


def test_a_server_that_wants_an_hour_of_patience_is_away_at_once():
    with serving(lambda _: (429, b"{}", {"Retry-After": "3600"})) as (url, script), pytest.raises(RetryError, match="429"):
        a_judge(url).ask_many(questions(1))
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_server_that_stays_busy_is_an_outage_even_for_one_question(status):
    with serving(lambda _: (status, b"{}")) as (url, script), pytest.raises(RetryError, match=f"{status}, asked 3 times"):
        a_judge(url, attempts=3).ask_many(questions(1))
    assert len(script.requests) == 3


def test_a_server_that_is_not_there_is_an_outage():
    with pytest.raises(RetryError, match="cannot be reached"):
        a_judge("http://127.0.0.1:9/v1", attempts=2).ask_many(questions(4))


def test_one_question_that_the_server_breaks_on_costs_only_itself():
    with serving(lambda request: (500, b"{}") if "3" in said(request) else yes(request)) as (url, _):
        replies = a_judge(url, attempts=2).ask_many(questions(6))
    assert [isinstance(reply, JudgeError) for reply in replies] == [False, False, False, True, False, False]
    assert str(replies[3]) == "the judge's server said 500, asked 2 times"


def test_questions_in_a_row_without_an_answer_are_an_outage_and_what_was_answered_is_kept(tmp_path):
    def breaking(request: dict):
        return yes(request) if int(said(request).split()[1]) < 4 else (500, b"{}")

    with serving(breaking) as (url, _), pytest.raises(RetryError, match="3 questions in a row"):
        a_judge(url, attempts=2, concurrency=1, cache=tmp_path).ask_many(questions(9))
    with serving(yes) as (again, script):
        replies = a_judge(again, address=url, cache=tmp_path).ask_many(questions(9))
    assert [reply.cached for reply in replies] == [True] * 4 + [False] * 5
    assert len(script.requests) == 5


def test_no_answer_in_time_is_said_and_the_batch_goes_on():
    release = threading.Event()
    with serving(lambda request: (release.wait(20), yes(request))[1] if "1" in said(request) else yes(request)) as (url, _):
        try:
            replies = a_judge(url, timeout_s=0.3, attempts=2).ask_many(questions(3))
        finally:
            release.set()
    assert str(replies[1]) == "no answer within 0.3 s, asked 2 times"
    assert isinstance(replies[0], Reply) and isinstance(replies[2], Reply)


def test_a_server_that_drips_is_given_up_on_too():
    with serving(lambda _: (200, b"{", {"Content-Length": "50"})) as (url, _):
        [reply] = a_judge(url, timeout_s=0.3, attempts=1).ask_many(questions(1))
    assert "no answer within" in str(reply)


# ---------------------------------------------------------------------------------------------- JSON


def test_the_strictest_way_of_asking_for_json_that_the_server_takes_is_found_once():
    def picky(request: dict):
        return (400, b"{}") if request.get("response_format", {}).get("type") == "json_schema" else yes(request)

    with serving(picky) as (url, script):
        judge = a_judge(url, concurrency=1)
        judge.ask_many(questions(3))
        judge.ask_many(questions(3))
    forms = [request.get("response_format", {}).get("type") for request in script.requests]
    assert forms == ["json_schema", *["json_object"] * 6]
    assert all(
        json.dumps(SCHEMA, sort_keys=True, separators=(",", ":")) in request["messages"][0]["content"] for request in script.requests
    )


def test_a_server_that_knows_no_forms_is_asked_in_words():
    with serving(lambda request: (422, b"{}") if "response_format" in request else completion('```json\n{"verdict": 0}\n```')) as (url, _):
        [reply] = a_judge(url).ask_many(questions(1))
    assert reply.value == {"verdict": 0}


def test_a_question_the_server_refuses_does_not_lower_the_form_that_works():
    long = b'{"error": {"code": "context_length_exceeded", "message": "key sk-secret"}}'
    with serving(lambda request: (400, long) if "2" in said(request) else yes(request)) as (url, script):
        replies = a_judge(url, concurrency=1).ask_many(questions(4))
    assert str(replies[2]) == "the question is too long for the judge"
    assert len(script.requests) == 4
    assert {request["response_format"]["type"] for request in script.requests} == {"json_schema"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (completion("I think it is fine."), "not JSON"),
        (completion("NaN"), "not JSON"),
        (completion('{"verdict": NaN}'), "not JSON"),
        (completion("[" * 100_000), "not JSON"),
        (completion("[1, 1]"), "not a JSON object"),
        (completion({"verdict": 2}), "does not match the schema: verdict (enum)"),
        (completion({"verdict": "1"}), "does not match the schema: verdict (enum)"),
        (completion({}), "does not match the schema: its top level (required)"),
        (completion(""), "said nothing"),
        (completion({"verdict": 1}, finish="length"), "cut off"),
        (completion({"verdict": 1}, finish="content_filter"), "filter stopped"),
        ((200, b'{"choices": []}'), "no choices"),
        ((200, b'{"choices": [{"message": {"content": [1]}}]}'), "said nothing"),
        ((200, b"<html>"), "cannot be read"),
        ((200, b"\xff\xfe"), "cannot be read"),
        ((200, b" " * (5 << 20)), "larger than"),
    ],
)
def test_an_answer_that_is_none_is_an_error_that_is_not_remembered(tmp_path, answer, why):
    with serving(lambda _: answer) as (url, script):
        [reply] = a_judge(url, cache=tmp_path).ask_many(questions(1))
    assert isinstance(reply, JudgeError)
    assert why in str(reply)
    assert len(script.requests) == 1
    assert not list(tmp_path.rglob("*.json"))


def test_an_answer_that_fits_the_schema_and_fails_the_check_is_not_remembered(tmp_path):
    def check(value):
        raise JudgeError(f"verdict {value['verdict']} is not what was asked")

    with serving(yes) as (url, _):
        [reply] = a_judge(url, cache=tmp_path).ask_many(questions(1, check=check))
    assert str(reply) == "verdict 1 is not what was asked"
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(("status", "why"), [(401, "refuses the key"), (403, "refuses"), (404, "does not know"), (302, "another address")])
def test_a_server_that_will_never_answer_stops_the_batch_at_once(status, why):
    with serving(lambda _: (status, b"sk-secret", {"Location": "http://127.0.0.1:9/"})) as (url, script):
        with pytest.raises(SetupError, match=why) as raised:
            a_judge(url, concurrency=1, api_key="sk-secret").ask_many(questions(5))
        assert len(script.requests) == 1
    assert "secret" not in str(raised.value)


# ---------------------------------------------------------------------------------------------- hostile text


def test_lone_surrogates_and_long_texts_reach_the_judge_or_are_refused_and_nothing_crashes(tmp_path):
    texts = ["\ud800 broken", "x" * 300_000, "y" * 1_000_000]
    with serving(lambda _: completion('{"verdict": 1, "why": "\\ud800"}')) as (url, script):
        replies = a_judge(url, cache=tmp_path, concurrency=1).ask_many([Question(text, SCHEMA) for text in texts])
        again = a_judge(url, cache=tmp_path).ask_many([Question(texts[0], SCHEMA)])
    assert replies[0].value == {"verdict": 1, "why": "\ufffd"} and again[0].cached
    assert said(script.requests[0]) == "\ufffd broken"
    assert isinstance(replies[1], Reply)
    assert str(replies[2]) == "the question is longer than 400,000 characters"
    assert len(script.requests) == 2


# ---------------------------------------------------------------------------------------------- the cache


def test_an_answer_is_asked_for_once_and_never_taken_from_another_judge_prompt_schema_or_setting(tmp_path):
    other = {**SCHEMA, "title": "other"}
    with serving(yes) as (url, script), serving(yes) as (elsewhere, elsewhere_script):
        a_judge(url, cache=tmp_path).ask_many(questions(1))
        assert a_judge(url, cache=tmp_path).ask_many(questions(1))[0].cached
        assert len(script.requests) == 1
        for judge, asked in (
            (a_judge(elsewhere, cache=tmp_path), questions(1)),
            (Judge(url, "another", cache=tmp_path), questions(1)),
            (a_judge(url, cache=tmp_path, settings={"temperature": 1.0}), questions(1)),
            (a_judge(url, cache=tmp_path), questions(1, other)),
            (a_judge(url, cache=tmp_path), questions(1, system="Be strict.")),
        ):
            assert not judge.ask_many(asked)[0].cached
    assert len(script.requests) + len(elsewhere_script.requests) == 6


@pytest.mark.parametrize("broken", ["{", "[]", '{"value": {"verdict": 7}, "prompt_tokens": 1, "completion_tokens": 1}', '{"value": 1}'])
def test_a_cache_file_that_is_broken_or_not_ours_is_asked_again(tmp_path, broken):
    with serving(yes) as (url, script):
        a_judge(url, cache=tmp_path).ask_many(questions(1))
        for path in tmp_path.rglob("*.json"):
            path.write_text(broken, encoding="utf-8")
        assert not a_judge(url, cache=tmp_path).ask_many(questions(1))[0].cached
    assert len(script.requests) == 2


# ---------------------------------------------------------------------------------------------- the bill


def test_every_request_is_on_the_bill_with_its_tokens_its_price_and_its_error():
    calls: list[JudgeCall] = []
    ledger = Ledger(calls.extend, lambda: NOW, Prices(prompt=1.0, completion=10.0))
    with serving(failing_first(1, 500, b"{}")) as (url, _):
        a_judge(url, ledger=ledger, name="ours").ask_many(questions(1, purpose="judge_claims"))
    failed, answered = calls
    assert (failed.error, failed.prompt_tokens, failed.usd) == ("the judge's server said 500", None, 0.0)
    assert (answered.error, answered.prompt_tokens, answered.completion_tokens) == (None, 100, 10)
    assert answered.usd == pytest.approx(100 / 1e6 + 10 * 10 / 1e6)
    assert {call.judge for call in calls} == {"ours"} and {call.purpose for call in calls} == {"judge_claims"}
    assert failed.call_id != answered.call_id and failed.request == answered.request


def test_an_answer_that_is_no_use_was_paid_for_all_the_same_and_one_that_never_came_has_no_price():
    calls: list[JudgeCall] = []
    ledger = Ledger(calls.extend, lambda: NOW, Prices(1.0, 1.0))
    release = threading.Event()
    with serving(lambda request: completion("no") if "0" in said(request) else (release.wait(20), yes(request))[1]) as (url, _):
        try:
            a_judge(url, ledger=ledger, timeout_s=0.3, attempts=1).ask_many(questions(2))
        finally:
            release.set()
    by_error = {call.error: call for call in calls}
    assert by_error["the judge's answer is not JSON"].usd == pytest.approx(110 / 1e6)
    assert by_error["no answer within 0.3 s"].usd is None


def test_a_server_that_does_not_count_leaves_the_price_open():
    calls: list[JudgeCall] = []
    with serving(lambda _: completion({"verdict": 1}, usage={"prompt_tokens": "many"})) as (url, _):
        [reply] = a_judge(url, ledger=Ledger(calls.extend, lambda: NOW, Prices(1.0, 1.0))).ask_many(questions(1))
    assert (reply.prompt_tokens, calls[0].prompt_tokens, calls[0].usd, calls[0].error) == (0, None, None, None)


def test_the_bill_goes_into_a_store_and_is_summed_there():
    store = Store.open("sqlite://")
    ledger = Ledger(store.judging.add_calls, lambda: NOW, Prices(1.0, 1.0))
    with serving(failing_first(1, 503, b"")) as (url, _):
        a_judge(url, ledger=ledger).ask_many(questions(4, purpose="judge_claims"))
    [spent] = store.judging.spent()
    assert (spent.judge, spent.purpose, spent.calls, spent.failed, spent.prompt_tokens) == ("judge", "judge_claims", 8, 4, 400)
    assert spent.usd == pytest.approx(4 * 110 / 1e6)


# ---------------------------------------------------------------------------------------------- the secret


def test_the_key_goes_to_the_judge_and_nowhere_else(tmp_path, caplog):
    calls: list[JudgeCall] = []
    with serving(lambda _: (500, b"sk-secret")) as (url, script), caplog.at_level(logging.DEBUG):
        judge = a_judge(url, api_key="sk-secret", cache=tmp_path, attempts=1, ledger=Ledger(calls.extend, lambda: NOW))
        [reply] = judge.ask_many(questions(1))
    assert script.headers[0]["authorization"] == "Bearer sk-secret"
    seen = [repr(judge), repr(judge.identity), str(reply), repr(calls), judge.key(questions(1)[0]), repr(reply.__cause__)]
    seen += [record.getMessage() for record in caplog.records if record.name.startswith(("evals", "httpx"))]
    assert not [text for text in seen if "secret" in text]


@pytest.mark.parametrize("url", ["ftp://host/v1", "host:8000", "http://user:sk-secret@host/v1", "https://host/v1?key=sk-secret", ""])
def test_an_address_that_is_none_or_holds_a_secret_is_refused_without_repeating_it(url):
    with pytest.raises(InputError) as raised:
        Judge(url, "judge")
    assert "secret" not in str(raised.value)


# ---------------------------------------------------------------------------------------------- plumb judge


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path))
    monkeypatch.setenv("PLUMBLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("PLUMBLINE_DATABASE_URL", raising=False)
    return tmp_path


def plumb(*arguments: str) -> Result:
    app = typer.Typer()
    judging.register(app)
    return CliRunner().invoke(app, ["judge", *arguments])


def test_a_run_is_judged_by_name_bit_by_bit_and_never_asked_twice(home):
    store = Store.open()
    run = two_runs(store, ("en", "ja", "ar"), feature="assistant", products=2).champion
    first = plumb("run", run.run_id, "--judge", "lexical", "--limit", "2", "-q")
    assert (first.exit_code, first.exception) == (0, None)
    some = [score for score in store.runs.scores(run.run_id) if score.metric == "judge_claims"]
    assert {score.case_id for score in some} and len({score.case_id for score in some}) == 2

    rest = plumb("run", run.run_id, "--judge", "lexical")
    assert "4 outputs asked about" in rest.output and "0.0000 USD" in rest.output
    scores = [score for score in store.runs.scores(run.run_id) if score.metric == "judge_claims"]
    assert len({score.case_id for score in scores}) == 6
    assert all((score.value is None) == (score.reason is not None) for score in scores)
    assert any(score.value == 1.0 for score in scores)

    again = plumb("run", run.run_id, "--judge", "lexical")
    assert "Nothing was asked" in again.output
    assert [row.purpose for row in store.judging.spent()] == ["judge_claims"]


def test_the_bill_and_the_judges_can_be_read(home):
    store = Store.open()
    run = two_runs(store, ("en",), feature="assistant", products=1).champion
    plumb("run", "champion", "--judge", "lexical", "--metric", "faithfulness", "--metric", "context_recall", "-q")
    [faithfulness] = [score for score in store.runs.scores(run.run_id) if score.metric == "ragas_faithfulness"]
    [recall] = [score for score in store.runs.scores(run.run_id) if score.metric == "ragas_context_recall"]
    assert faithfulness.value is not None
    assert recall.reason == "not measurable: the case has no reference answer"
    costs = plumb("costs").output
    assert "lexical" in costs and "ragas_faithfulness" in costs and "0.0000" in costs
    listed = plumb("list").output
    assert "plumb-lexical-judge" in listed and "served by plumb" in listed and "own-server" in listed


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("run", "champion", "--judge", "nobody"), "no judge 'nobody'"),
        (("run", "champion", "--judge", "lexical", "--metric", "beauty"), "'beauty' is no metric"),
        (("run", "nothing", "--judge", "lexical"), "no run of a variant named 'nothing'"),
        (("run", "run-0", "--judge", "lexical"), "run-0"),
        (("list", "--judges", "absent.yaml"), "absent.yaml"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(home, arguments, why):
    two_runs(Store.open(), ("en",), feature="assistant", products=1)
    result = plumb(*arguments)
    assert isinstance(result.exception, InputError)
    assert why in str(result.exception)


def test_an_outage_leaves_no_score_and_says_so(home):
    store = Store.open()
    run = two_runs(store, ("en",), feature="assistant", products=2).champion
    judges = home / "judges.yaml"
    with serving(lambda _: (429, b"{}", {"Retry-After": "900"})) as (url, _):
        judges.write_text(f"judges:\n  busy: {{base_url: '{url}', model: m}}\n", encoding="utf-8")
        result = plumb("run", run.run_id, "--judge", "busy", "--judges", str(judges))
    assert isinstance(result.exception, RetryError)
    assert not [score for score in store.runs.scores(run.run_id) if score.metric == "judge_claims"]
    assert store.judging.spent()[0].failed >= 1
    assert "no price is known" in result.output
