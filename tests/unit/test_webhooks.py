"""Telling others of a change: signed, once each under one name, whatever stops in between; and no secret in sight."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from champions import add_runs, decided, variant_id
from support import NOW, a_store

from evals import registry
from evals.errors import InputError, RetryError
from evals.registry import webhooks
from evals.registry.webhooks import Endpoint, endpoints, send
from evals.store import Store

SECRET = "a secret that nobody may see"
TOKEN = "T0KEN-in-the-path"
LATER, MUCH_LATER = "2026-11-22T12:00:31Z", "2026-11-23T12:00:00Z"


class Receiver:
    """A real HTTP server that notes what it gets and answers with `status`."""

    def __init__(self) -> None:
        self.status, self.got = 204, list[tuple[dict[str, str], bytes]]()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(outer.status)
                if outer.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/{TOKEN}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Receiver:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def store() -> Store:
    made = a_store()
    add_runs(made, ("one", "two"))
    return made


def change(store: Store, tell: list[Endpoint]) -> None:
    """Two changes of champion, each told to `tell`."""
    registry.install(store, "highlights", variant_id("one"), actor="ada", reason="first", now=NOW, tell=tell)
    registry.promote(store, decided(store, "one", "two").decision_id, actor="ada", reason="why", now=NOW, tell=tell)


def test_each_change_is_told_once_and_signed(store: Store, receiver: Receiver) -> None:
    tell = endpoints(receiver.url)
    change(store, tell)
    assert send(store, tell, SECRET, now=NOW) == (2, 0, 0)
    assert send(store, tell, SECRET, now=MUCH_LATER) == (0, 0, 0)
    bodies = [json.loads(body) for _, body in receiver.got]
    assert sorted(body["data"]["action"] for body in bodies) == ["install", "promote"]
    told = next(body["data"] for body in bodies if body["data"]["action"] == "promote")
    assert (told["variant_id"], told["before"], told["marketplace"]) == (variant_id("two"), variant_id("one"), "all")
    assert told["decision"]["reason"].startswith("Promote")
    for headers, body in receiver.got:
        said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(SECRET.encode(), said, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}" and headers["webhook-timestamp"] == "1795348800"


def test_a_refused_message_comes_again_later_with_the_same_id_and_bytes(store: Store, receiver: Receiver) -> None:
    tell = endpoints(receiver.url)
    receiver.status = 503
    registry.install(store, "highlights", variant_id("one"), actor="ada", reason="first", now=NOW, tell=tell)
    assert send(store, tell, SECRET, now=NOW) == (0, 1, 0)
    (waiting,) = store.deliveries.all()
    assert (waiting.attempts, waiting.error, waiting.due_at[:19]) == (1, "127.0.0.1: status 503", "2026-11-22T12:00:30")
    assert send(store, tell, SECRET, now=NOW) == (0, 0, 0)
    receiver.status = 200
    assert send(store, tell, SECRET, now=LATER) == (1, 0, 0)
    (first, again) = receiver.got
    assert first[0]["webhook-id"] == again[0]["webhook-id"] and first[1] == again[1]
    assert store.deliveries.all()[0].error is None


def test_waits_double_up_to_six_hours_and_end_after_three_days_unless_asked_for(store: Store, receiver: Receiver) -> None:
    tell = endpoints(receiver.url)
    receiver.status = 500
    registry.install(store, "highlights", variant_id("one"), actor="ada", reason="first", now=NOW, tell=tell)
    waits, now = [], NOW
    while send(store, tell, SECRET, now=now).waiting:
        due = store.deliveries.all()[0].due_at
        waits.append((webhooks.moment(due) - webhooks.moment(now)).total_seconds())
        now = due
    assert waits[:3] == [30, 60, 120] and max(waits) == waits[-1] == 6 * 3600 and len(waits) == 20
    receiver.status = 200
    assert send(store, tell, SECRET, now=now, every=True) == (1, 0, 0)


def test_a_sender_killed_after_sending_sends_the_same_id_again_and_no_other(
    store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = endpoints(receiver.url)
    registry.install(store, "highlights", variant_id("one"), actor="ada", reason="first", now=NOW, tell=tell)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(store.deliveries, "delivered", killed)
        with pytest.raises(KeyboardInterrupt):
            send(store, tell, SECRET, now=NOW)
    assert send(store, tell, SECRET, now=NOW) == (0, 0, 0)  # for a minute it may still be on its way
    assert send(store, tell, SECRET, now="2026-11-22T12:01:01Z") == (1, 0, 0)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1 and len(receiver.got) == 2


def test_of_two_senders_one_has_the_message(store: Store, receiver: Receiver) -> None:
    registry.install(store, "highlights", variant_id("one"), actor="a", reason="r", now=NOW, tell=endpoints(receiver.url))
    (message,) = store.deliveries.due(NOW)
    assert store.deliveries.claim(message, LATER) and not store.deliveries.claim(message, LATER)


def test_a_message_for_a_url_that_is_no_longer_configured_waits(store: Store, receiver: Receiver) -> None:
    change(store, endpoints(receiver.url))
    assert send(store, [], SECRET, now=NOW) == (0, 0, 2)
    assert send(store, endpoints(receiver.url), SECRET, now=NOW) == (2, 0, 0)


def test_a_change_that_was_not_made_tells_nobody(store: Store, receiver: Receiver) -> None:
    tell = endpoints(receiver.url)
    change(store, tell)
    with pytest.raises(InputError):
        registry.install(store, "highlights", variant_id("one"), actor="ada", reason="again", now=NOW, tell=tell)
    registry.install(store, "highlights", variant_id("two"), actor="ada", reason="again", now=NOW, tell=tell)
    assert len(store.deliveries.all()) == 2


def test_redirects_are_not_followed(store: Store, receiver: Receiver) -> None:
    receiver.status = 302
    change(store, endpoints(receiver.url))
    assert send(store, endpoints(receiver.url), SECRET, now=NOW) == (0, 2, 0)
    assert len(receiver.got) == 2


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("http://[::ffff:169.254.169.254]/", "link-local"),
        ("http://[fe80::1]/", "link-local"),
        ("http://0.0.0.0:9/", "unspecified"),
        ("http://8.8.8.8/hook", "plain http only within a private network"),
        ("http://name.invalid/hook", "does not resolve"),
    ],
)
def test_addresses_that_no_receiver_has_are_not_called(url: str, why: str) -> None:
    with pytest.raises(RetryError, match=why):
        webhooks.refuse_unsafe(endpoints(url)[0])


@pytest.mark.parametrize("url", ["https://8.8.8.8/hook", "http://10.0.0.7:8080/", "http://127.0.0.1/", "http://[::1]/"])
def test_private_networks_and_encrypted_public_ones_are(url: str) -> None:
    webhooks.refuse_unsafe(endpoints(url)[0])


@pytest.mark.parametrize(
    "url", ["ftp://host/x", "host/x", "https://", "http://[::1/x", "https://host:99999999/x", "https://me:pass@host/x"]
)
def test_what_is_no_url_is_named_by_its_place_only(url: str) -> None:
    with pytest.raises(InputError, match="webhook 2") as raised:
        endpoints(f"https://fine.example/x, {url}")
    assert "me:" not in str(raised.value) and "99999999" not in str(raised.value)


def test_neither_secret_nor_url_is_stored_shown_or_in_an_error(tmp_path: Path, receiver: Receiver) -> None:
    store = a_store(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    add_runs(store, ("one", "two"))
    tell = endpoints(receiver.url)
    change(store, tell)
    receiver.server.shutdown()
    receiver.server.server_close()
    assert send(store, tell, SECRET, now=NOW) == (0, 2, 0)
    assert store.deliveries.all()[0].error == "127.0.0.1: ConnectError"
    store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for word in (TOKEN, SECRET):
        assert word.encode() not in kept and word not in repr(tell)


def test_without_a_secret_nothing_is_sent(store: Store, receiver: Receiver) -> None:
    change(store, endpoints(receiver.url))
    with pytest.raises(InputError, match="PLUMBLINE_WEBHOOK_SECRET"):
        send(store, endpoints(receiver.url), "", now=NOW)
    with pytest.raises(InputError, match="not base64") as raised:
        send(store, endpoints(receiver.url), "whsec_!!", now=NOW)
    assert "!!" not in str(raised.value) and receiver.got == []
