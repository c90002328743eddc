"""The model server as a program of its own: the protocol, its refusals, and the same backend contract through HTTP."""

import json
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from evals.errors import InputError, RetryError, SetupError
from evals.records import Passage
from runner import backends, lexical_judge
from runner.backends.base import GenerationSettings
from runner.prompts import Prompt, assistant_prompt
from runner.serving import ModelServer

MODEL = "tiny-multilingual"
EVIDENCE = [Passage(1, "attribute", "p/weight", "en", "Weight: 1.2 kg", 0, 14)]
PROMPTS = [assistant_prompt("compact-v1", tag, "Weight?", EVIDENCE * n) for tag in ("en", "ja", "ar") for n in (1, 3)]
SHORT = GenerationSettings(max_new_tokens=20)


@pytest.fixture(scope="module")
def server():
    with ModelServer("--precision", "int8", "--concurrency", "2", "--queue", "2") as running:
        yield running


@pytest.fixture(scope="module")
def http(server):
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def body(**more):
    return {"messages": PROMPTS[0].as_dicts(), "max_tokens": 20, **more}


def events(response: httpx.Response) -> list[str]:
    return [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]


def test_health_and_models_say_what_serves(http):
    health = http.get("/health").json()
    assert health["status"] == "ok" and health["precision"] == "int8" and len(health["revision"]) == 64
    assert [card["id"] for card in http.get("/v1/models").json()["data"]] == [MODEL, lexical_judge.NAME]
    assert http.get("/ping").status_code == 200


def test_a_chat_answer_has_text_reason_and_usage(http):
    answer = http.post("/v1/chat/completions", json=body(model=MODEL)).json()
    assert answer["choices"][0]["message"]["role"] == "assistant" and answer["choices"][0]["finish_reason"] in ("stop", "length")
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]


def test_a_stream_ends_with_usage_and_done_and_says_the_same(http):
    whole = http.post("/v1/chat/completions", json=body()).json()
    *pieces, done = events(http.post("/v1/chat/completions", json=body(stream=True)))
    parsed = [json.loads(piece) for piece in pieces]
    assert done == "[DONE]" and parsed[-1]["usage"] == whole["usage"]
    assert "".join(p["choices"][0]["delta"].get("content", "") for p in parsed) == whole["choices"][0]["message"]["content"]
    assert parsed[-1]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]


def test_max_tokens_ignore_eos_and_stop_are_honoured(http):
    long = http.post("/v1/completions", json={"prompt": "Weight", "max_tokens": 17, "ignore_eos": True}).json()
    assert (long["usage"]["completion_tokens"], long["choices"][0]["finish_reason"]) == (17, "length")
    mark = long["choices"][0]["text"][2:5]
    cut = http.post("/v1/completions", json={"prompt": "Weight", "max_tokens": 17, "ignore_eos": True, "stop": mark}).json()
    assert cut["choices"][0]["text"] == long["choices"][0]["text"].split(mark)[0]


@pytest.mark.parametrize(
    "request_body", [body(), {"prompt": "Weight", "max_tokens": 5}, {"inputs": "Weight", "parameters": {"max_new_tokens": 5}}]
)
def test_sagemaker_invocations_take_each_form(http, request_body):
    answer = http.post("/invocations", json=request_body).json()
    said = answer[0]["generated_text"] if "inputs" in request_body else answer["usage"] and answer["choices"][0]
    assert isinstance(said["message"]["content"] if "messages" in request_body else said, str | dict)


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"{", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        (b"[]", 400, "object"),
        (b"{}", 400, "messages"),
        (json.dumps(body(messages=[{"role": "king", "content": "x"}])).encode(), 400, "role"),
        (json.dumps(body(messages=[{"role": "user", "content": 3}])).encode(), 400, "content"),
        (json.dumps(body(max_tokens="many")).encode(), 400, "max_tokens"),
        (json.dumps(body(max_tokens=0)).encode(), 400, "max_new_tokens"),
        (json.dumps(body(max_tokens=10**9)).encode(), 400, "limit"),
        (json.dumps(body(temperature=-1)).encode(), 400, "temperature"),
        (json.dumps(body(stop=[""])).encode(), 400, "stop"),
        (json.dumps(body(n=2)).encode(), 400, "n must be 1"),
        (json.dumps(body(model="other")).encode(), 404, "other"),
        (json.dumps(body(response_format={"type": "json_object"})).encode(), 400, "JSON"),
        (json.dumps(body(messages=[{"role": "user", "content": "word " * 4000}])).encode(), 400, "no room"),
        (b" " * (2 << 20), 413, "larger"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(http, content, status, says):
    response = http.post("/v1/chat/completions", content=content)
    assert response.status_code == status and says in response.json()["error"]["message"]


def test_more_requests_than_room_are_told_when_to_come_again(server, http):
    wanted, found = body(max_tokens=450, ignore_eos=True), []

    def ask():
        response = httpx.post(f"{server.url}/v1/chat/completions", json=wanted, timeout=120)
        found.append((response.status_code, response.headers.get("Retry-After")))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert {status for status, _ in found} == {200, 503} and all(after == "1" for status, after in found if status == 503)
    assert http.post("/v1/chat/completions", json=body()).status_code == 200


def test_a_client_that_leaves_gives_its_place_back(server, http):
    for _ in range(6):  # more than there are places
        with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body(max_tokens=400, ignore_eos=True, stream=True)) as response:
            next(response.iter_lines())
    deadline = time.monotonic() + 30
    while http.post("/v1/chat/completions", json=body(max_tokens=2)).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


# ---------------------------------------------------------------------------------------------- the backend contract, through HTTP


@pytest.fixture(scope="module")
def remote(server):
    return backends.load({"backend": "remote", "base_url": server.base_url, "model": MODEL})


@pytest.fixture(scope="module")
def local():
    return backends.load({"backend": "cpu", "model": MODEL, "precision": "int8"})


def test_a_remote_model_answers_as_the_same_model_here(remote, local):
    there, here = remote.generate(PROMPTS[:2], SHORT), local.generate(PROMPTS[:2], SHORT)
    assert [(a.text, a.prompt_tokens, a.generated_tokens, a.finish_reason) for a in there] == [
        (a.text, a.prompt_tokens, a.generated_tokens, a.finish_reason) for a in here
    ]


def test_a_crowded_server_is_asked_again_until_all_is_answered(remote, local):
    there = remote.generate(PROMPTS, GenerationSettings(max_new_tokens=6))
    assert [a.text for a in there] == [a.text for a in local.generate(PROMPTS, GenerationSettings(max_new_tokens=6))]


def test_a_remote_stream_is_the_answer_in_pieces(remote):
    *pieces, last = remote.stream(PROMPTS[0], SHORT)
    assert "".join(piece.text for piece in pieces) == last.generation.text
    assert 0 < last.generation.first_token_s <= last.generation.total_s


def test_a_remote_identity_is_what_the_server_tells(remote, local):
    assert {**remote.identity(), "backend": "cpu"} == local.identity()


def test_a_prompt_too_long_for_the_server_says_context(remote):
    [answer] = remote.generate([Prompt((("user", "word " * 4000),))], SHORT)
    assert (answer.finish_reason, answer.text, answer.generated_tokens) == ("context", "", 0)


def test_a_model_that_is_not_served_is_named(server):
    with pytest.raises(InputError, match="nobody"):
        backends.load({"backend": "remote", "base_url": server.base_url, "model": "nobody"})


def test_nobody_at_the_address_is_worth_another_try(monkeypatch):
    monkeypatch.setattr("runner.backends.remote.WAIT_S", 0.0)
    with pytest.raises(RetryError, match="4 attempts"):
        backends.load({"backend": "remote", "base_url": "http://127.0.0.1:9/v1", "model": "m"})


# ---------------------------------------------------------------------------------------------- the judge


def test_the_judge_answers_ragas_faithfulness_requests(server):
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0)
    asked = "Now perform the same with the following input\ninput: "
    data = {"context": "The battery lasts for days.", "statements": ["The battery lasts for days.", "It costs 40 dollars."]}
    with client:
        reply = client.chat.completions.create(
            model=lexical_judge.NAME,
            messages=[{"role": "user", "content": f"{asked}{json.dumps(data)}\nOutput: "}],
            response_format={"type": "json_object"},
        )
    assert [row["verdict"] for row in json.loads(reply.choices[0].message.content or "")["statements"]] == [1, 0]


def test_the_judge_refuses_what_it_cannot_judge(http):
    response = http.post("/v1/chat/completions", json=body(model=lexical_judge.NAME))
    assert response.status_code == 400 and "faithfulness" in response.json()["error"]["message"]


# ---------------------------------------------------------------------------------------------- the process


def test_a_server_with_the_judge_alone_needs_no_model():
    with ModelServer("--model", lexical_judge.NAME) as running:
        assert [card["id"] for card in httpx.get(f"{running.base_url}/models").json()["data"]] == [lexical_judge.NAME]
    assert not running.running


def test_a_model_that_is_missing_is_said_by_name():
    with pytest.raises(SetupError, match="no-such-model"):
        ModelServer("--model", "no-such-model")


def test_the_server_ends_with_the_program_that_started_it():
    code = (
        "import time\nfrom runner.serving import ModelServer\n"
        f"server = ModelServer('--model', '{lexical_judge.NAME}')\nprint(server._process.pid, flush=True)\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while _alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
