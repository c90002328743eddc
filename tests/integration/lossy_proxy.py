"""A proxy before a real server that passes the first matching request on and then loses the reply: what a network does on a bad day."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit


@contextmanager
def lossy_proxy(url: str, path: str, mode: Literal["502", "drop"], losses: int = 1, method: str = "POST") -> Iterator[str]:
    """URL of the proxy; the replies to the first `losses` requests of `method` whose path contains `path` are lost."""
    target, matching = urlsplit(url), itertools.count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            connection = HTTPConnection(target.hostname or "", target.port, timeout=60)
            headers = {key: value for key, value in self.headers.items() if key.lower() not in ("host", "connection")}
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            content = response.read()
            connection.close()
            if self.command == method and path in self.path and next(matching) < losses:
                self.lose()
            else:
                self.reply(response, content)

        def lose(self) -> None:
            if mode == "502":
                self.send_response(502)
                self.send_header("content-length", "0")
                self.end_headers()
            else:
                self.close_connection = True
                self.connection.close()

        def reply(self, response: HTTPResponse, content: bytes) -> None:
            self.send_response_only(response.status)  # the server's own date, not ours
            for key, value in response.getheaders():
                if key.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(key, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return

        do_GET = do_POST = do_PATCH = do_DELETE = forward

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            return  # a dropped connection is what we asked for

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
