"""A server that answers as GitHub and GitLab do about the comments of request 7 of team/shop, for tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "the-secret-token"
HUB = r"/repos/team/shop/issues/(?P<number>\d+)/comments|/repos/team/shop/issues/comments/(?P<id>\d+)"
LAB = r"/projects/team%2Fshop/merge_requests/(?P<number>\d+)/notes(?:/(?P<id>\d+))?"


@dataclass
class Forge:
    """Comments by id, as either forge keeps them; those of others may not be changed. `broken`: what it answers instead, once each."""

    url: str = ""
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    foreign: set[int] = field(default_factory=set)
    broken: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def add(self, body: str, *, foreign: bool = False, **more: Any) -> int:
        number = len(self.comments) + 1
        self.comments[number] = {"id": number, "body": body, "html_url": f"{self.url}/comment/{number}"} | more
        if foreign:
            self.foreign.add(number)
        return number

    def answer(self, method: str, path: str, headers: Any, body: Any) -> tuple[int, Any]:
        self.asked.append(method)
        if self.broken:
            return self.broken.pop(0), {"message": "no"}
        if f"Bearer {TOKEN}" != headers.get("Authorization") and headers.get("PRIVATE-TOKEN") != TOKEN:
            return 401, {}
        parts = urlsplit(path)
        found = re.fullmatch(HUB, parts.path) or re.fullmatch(LAB, parts.path)
        if found is None or (found["number"] and found["number"] != "7"):
            return 404, {}
        if method == "GET":
            asked = {name: int(value[0]) for name, value in parse_qs(parts.query).items()}
            start = (asked["page"] - 1) * asked["per_page"]
            return 200, list(self.comments.values())[start : start + asked["per_page"]]
        if method == "POST":
            return 201, self.comments[self.add(body["body"])]
        if int(found["id"]) in self.foreign:
            return 403, {}
        self.comments[int(found["id"])]["body"] = body["body"]
        return 200, self.comments[int(found["id"])]


@contextmanager
def serving() -> Iterator[Forge]:
    """A forge on a free port."""
    state = Forge()

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, said = state.answer(self.command, self.path, self.headers, body)
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = reply

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()
