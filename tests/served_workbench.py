"""A workbench served in a process of its own, and what a browser before it must not do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Page, Request, expect

from evals.paths import ROOT
from evals.store import Store

# Chromium runs here as whoever runs the tests, in containers too, and calls nobody.
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
START_S = 90
# Streamlit asks for these below the page's own path first; the answer is 404 and the right path follows.
KNOWN_404 = ("/_stcore/health", "/_stcore/host-config")


@dataclass
class Workbench:
    """A running workbench and the store below it."""

    url: str
    store: Store


class Opened(Protocol):
    """Opens a page of the workbench in a browser of its own."""

    def __call__(self, path: str = "", *, theme: str = "light", width: int = 1440, height: int = 900) -> Page: ...


@dataclass
class Log:
    """What a page asked for and complained about."""

    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def served(url: str, store: Store, home: Path, log: Path) -> Iterator[Workbench]:
    """The workbench over the store at `url`, on a free port of loopback, until the block ends."""
    port = _free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(_command(port), cwd=ROOT, env=_environment(url, home), stdout=output, stderr=output)
        try:
            _wait(f"http://localhost:{port}/_stcore/health", process, log)
            yield Workbench(f"http://localhost:{port}", store)
        finally:
            process.terminate()
            process.wait(10)


def _command(port: int) -> list[str]:
    return [sys.executable, "-m", "streamlit", "run", str(ROOT / "workbench" / "app.py"), "--server.port", str(port)]


def _environment(url: str, home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLUMBLINE_", "STREAMLIT_"))}
    return kept | {"PLUMBLINE_DATABASE_URL": url, "PLUMBLINE_HOME": str(home), "PYTHONUNBUFFERED": "1"}


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the workbench did not start: {log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def listen(page: Page, log: Log) -> None:
    """Write down requests to anywhere but loopback and errors of the console, without the ones that are known."""

    def asked(request: Request) -> None:
        if not request.url.startswith(("http://localhost:", "ws://localhost:", "data:", "blob:")):
            log.foreign.append(request.url)

    page.on("request", asked)
    page.on("websocket", lambda socket: None if socket.url.startswith("ws://localhost:") else log.foreign.append(socket.url))
    page.on("pageerror", lambda error: log.errors.append(str(error)))
    page.on("response", lambda r: None if r.status < 400 or r.url.endswith(KNOWN_404) else log.errors.append(f"{r.status} {r.url}"))
    page.on("console", lambda m: log.errors.append(m.text) if m.type == "error" and "404" not in m.text else None)


def settled(page: Page) -> None:
    """Until the page has a heading, no script runs and nothing on it is stale."""
    expect(page.locator('[data-testid="stMain"] h1')).to_be_visible(timeout=60_000)
    page.wait_for_function(
        """() => !document.querySelector('[data-testid="stStatusWidget"]') && !document.querySelector('[data-stale="true"]')
              && !document.querySelector('[data-testid="stSkeleton"], [data-testid="stSpinner"]')""",
        timeout=60_000,
    )
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)
