"""A judge's server that says what a test tells it to, over real HTTP."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, bytes] | tuple[int, bytes, dict[str, str]]


class Script:
    """`answer` gets a request's body and gives a status, a body and, if it wants to, headers; 0 breaks the connection."""

    def __init__(self, answer: Callable[[dict], Answer]) -> None:
        self.requests: list[dict] = []
        self.headers: list[dict[str, str]] = []
        self.running = self.most = 0
        self._answer, self._lock = answer, threading.Lock()

    def reply(self, request: dict, headers: dict[str, str]) -> Answer:
        with self._lock:
            self.requests.append(request)
            self.headers.append(headers)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            return self._answer(request)
        finally:
            with self._lock:
                self.running -= 1


def completion(value: object, *, finish: str = "stop", usage: object = None) -> tuple[int, bytes]:
    """What a server says around an answer: a text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    counted = usage if usage is not None else {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": counted}
    return 200, json.dumps(body).encode()


@contextmanager
def serving(answer: Callable[[dict], Answer]) -> Iterator[tuple[str, Script]]:
    """The address (with ``/v1``) of a server on a free port of loopback, and what it was asked."""
    script = Script(answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # a client that gave up is the test
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", script
    finally:
        server.shutdown()
        server.server_close()


def _handler(script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body, *more = script.reply(request, {key.lower(): value for key, value in self.headers.items()})
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(more[0] if more else {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
