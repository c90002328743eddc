"""Judges without a server: names, prices, waits, what an answer is read as, and the texts of their prompts."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import InputError, SetupError, UnknownIdError
from evals.judges import named
from evals.judges.answers import parsed
from evals.judges.endpoint import Judge, JudgeError, Question, checked
from evals.judges.ledger import Call, Ledger, Prices
from evals.judges.material import contexts, heading, mended, question, reference
from evals.judges.transport import LONGEST_WAIT_S, Form, Line, _asked_s
from evals.records import AspectRow, Case, JudgeCall, Output, Passage

SCHEMA = {"type": "object", "properties": {"verdict": {"enum": [0, 1]}}, "required": ["verdict"]}


# ---------------------------------------------------------------------------------------------- reading answers


@given(st.text(max_size=200))
def test_whatever_a_judge_says_is_an_object_that_fits_or_an_error(text):
    with suppress(JudgeError):
        assert checked(parsed(text), Question("?", SCHEMA))["verdict"] in (0, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
)


@given(JSON)
def test_a_json_answer_comes_out_as_it_was_said(value):
    assert parsed(json.dumps(value)) == value


def test_lone_surrogates_in_an_answer_become_the_sign_for_an_unknown_character():
    assert parsed('{"\\ud800": ["a\\udfff"]}') == {"\ufffd": ["a\ufffd"]}
    assert mended("a\udfffb") == "a\ufffdb"


def test_an_answer_in_a_fence_is_read_and_one_with_words_around_it_is_not():
    assert parsed('```json\n{"verdict": 1}\n```') == {"verdict": 1}
    with pytest.raises(JudgeError, match="not JSON"):
        parsed('Here you are: {"verdict": 1}')


def test_long_hostile_answers_are_refused_in_linear_time():
    for text in ("```" + "\n" * 1_000_000, "[" * 1_000_000, '{"a":' * 100_000, "9" * 100_000):
        with pytest.raises(JudgeError):
            checked(parsed(text), Question("?", SCHEMA))


# ---------------------------------------------------------------------------------------------- waits


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, 0.0),
        ({"retry-after": "soon"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "٣"}, 0.0),
        ({}, 0.0),
    ],
)
def test_when_to_come_again_is_read_as_seconds_or_as_a_date(headers, seconds):
    assert _asked_s(headers) == seconds


@given(st.text(max_size=20), st.integers(1, 40))
def test_waits_grow_are_bounded_spread_by_request_and_the_same_again(request, attempt):
    line = Line(None, "judge", 6, 0.5, 60.0, Form(), None, print)  # type: ignore[arg-type]  # nothing is sent
    pause = line._pause_s(request, attempt)
    most = min(LONGEST_WAIT_S, 0.5 * 2 ** (attempt - 1))
    assert most / 2 <= pause <= most
    assert pause == line._pause_s(request, attempt)


# ---------------------------------------------------------------------------------------------- the bill


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.floats(0, 100), st.floats(0, 100))
def test_a_price_is_linear_in_tokens_and_open_where_nobody_counted(asked, answered, dear, dearer):
    prices = Prices(dear, dearer)
    assert prices.usd(asked, answered) == pytest.approx(asked * dear / 1e6 + answered * dearer / 1e6)
    assert prices.usd(None, answered) is None and prices.usd(asked, None) is None


def test_two_attempts_at_one_request_are_two_calls_and_without_prices_there_are_no_dollars():
    calls: list[JudgeCall] = []
    ledger = Ledger(calls.extend, lambda: "2026-11-22T12:00:00Z")
    for attempt in (1, 2):
        ledger.enter(Call("key", "judge", "judge_claims", attempt, 0.5, (10, 2)))
    assert len({call.call_id for call in calls}) == 2
    assert [call.usd for call in calls] == [None, None]


# ---------------------------------------------------------------------------------------------- names


def test_the_judges_we_name_can_be_read_and_the_local_one_keeps_its_name_whatever_its_port():
    known = named.judges()
    assert known["lexical"].prices == Prices(0.0, 0.0)
    first, second = (known["lexical"].judge(f"http://127.0.0.1:{port}/v1") for port in (8001, 8002))
    assert first.identity == second.identity
    assert first.key(Question("?", SCHEMA)) == second.key(Question("?", SCHEMA))
    with pytest.raises(InputError, match="start plumb-lexical-judge"):
        known["lexical"].judge()
    with pytest.raises(UnknownIdError, match="lexical"):
        named.judge_named("nobody")


def a_file(folder: Path, row: str) -> Path:
    path = folder / "judges.yaml"
    path.write_text(f"judges:\n  ours: {row}\n", encoding="utf-8")
    return path


def test_a_key_comes_from_the_variable_that_is_named_and_is_never_shown(tmp_path, monkeypatch):
    path = a_file(tmp_path, "{base_url: 'https://judge.example/v1', model: m, key: PLUMBLINE_JUDGE_API_KEY_OURS}")
    about = named.judge_named("ours", path)
    monkeypatch.delenv("PLUMBLINE_JUDGE_API_KEY_OURS", raising=False)
    with pytest.raises(SetupError, match="set PLUMBLINE_JUDGE_API_KEY_OURS"):
        about.judge()
    monkeypatch.setenv("PLUMBLINE_JUDGE_API_KEY_OURS", "sk-secret")
    judge = about.judge()
    assert judge.api_key == "sk-secret"
    assert "secret" not in repr(judge) + repr(about) + repr(judge.identity) + judge.key(Question("?", SCHEMA))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("{model: m}", "ours"),
        ("{model: m, base_url: 'http://a/v1', serves: plumb-lexical-judge}", "ours"),
        ("{model: m, base_url: 'ftp://a'}", "base_url"),
        ("{model: m, base_url: 'http://a/v1', key: HOME}", "key"),
        ("{model: m, base_url: 'http://a/v1', api_key: sk}", "api_key"),
        ("{model: m, base_url: 'http://a/v1', concurrency: 0}", "concurrency"),
        ("{model: m, base_url: 'http://a/v1', usd_per_million_tokens: {prompt: 1, completion: 1}}", "source"),
        ("[", "cannot be read"),
    ],
)
def test_a_broken_file_of_judges_is_named_with_the_key(tmp_path, row, why):
    path = a_file(tmp_path, row)
    with pytest.raises(InputError, match=why) as raised:
        named.judges(path)
    assert str(path) in str(raised.value)


def test_other_settings_are_another_judge():
    judges = [
        Judge("http://a/v1", "m"),
        Judge("http://a/v1", "n"),
        Judge("http://b/v1", "m"),
        Judge("http://a/v1", "m", settings={"seed": 1}),
    ]
    assert len({repr(judge.identity) for judge in judges}) == 4


# ---------------------------------------------------------------------------------------------- material


def a_case(language: str = "en", **inputs: object) -> Case:
    return Case("case", "assistant", "product", language, "audio", inputs)


@pytest.mark.parametrize(
    ("given_", "first"),
    [("Two days.", "Two days."), (["", "Two days.", "Three."], "Two days."), ("  ", None), ([], None), (None, None), (3, None)],
)
def test_a_reference_is_a_text_or_the_first_of_several(given_, first):
    assert reference(a_case(reference=given_)) == first


def test_evidence_is_told_in_words_counts_first():
    passages = (
        Passage(1, "review", "r", "de", "Gut.", 0, 4),
        Passage(2, "attribute", "p/weight", "de", "1.2 kg", 0, 6),
        Passage(3, "attribute", "p:usb_ports", "xx", "2", 0, 1),
    )
    output = Output("o", "r", "c", "Gut.", "ok", "now", passages, (AspectRow("sound", 9, 2, 1, 12),))
    told = contexts(a_case("de"), output)
    assert told == [
        "Klang: 9 of 10 opinions are positive, 1 negative; 2 more take no side.",
        "Gut.",
        "Gewicht: 1.2 kg",
        "usb ports: 2",
    ]
    assert heading(a_case("xx"), passages[2]) == "usb ports: "
    assert question(a_case("de")) == "What does the evidence say?"
