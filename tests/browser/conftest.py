"""A real Chromium before a real workbench over a real store: two products of the sample in three languages, one server a session.

``pytest tests/browser --screenshots DIR`` draws the pages into DIR: of the installation in ``--home DIR``, else of the tests' own store.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from filled_store import fill_from_sample
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from served_workbench import FLAGS, Log, Opened, Workbench, listen, served, settled

from evals.store import Store

expect.set_options(timeout=20_000)  # a busy machine draws late; what never comes is told apart by any limit


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", type=Path, help="draw every page into this folder")
    parser.addoption("--home", type=Path, help="an installation (PLUMBLINE_HOME) whose pages are drawn, instead of the tests' own")


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """Served until the session ends, over a store of its own."""
    home = tmp_path_factory.mktemp("workbench")
    url = f"sqlite:///{home / 'store.sqlite3'}"
    store = Store.open(url)
    with served(url, store, home, log=home / "server.log") as running:
        fill_from_sample(store)
        yield running
    store.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium with a fresh profile. Of a module, for two Playwrights in one process do not get along."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.fail("no Chromium on PATH: make system")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def profiles(chromium: Browser) -> Callable[..., BrowserContext]:
    """One profile per theme and size: pages of it share what they have downloaded, and nothing else."""

    @cache
    def profile(theme: str, width: int, height: int) -> BrowserContext:
        return chromium.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]  # light, dark

    return profile


@pytest.fixture
def opened(workbench: Workbench, profiles: Callable[..., BrowserContext]) -> Iterator[Opened]:
    """``opened("gate?feature=highlights", theme="dark", width=390)``: that page, drawn to the end.

    When the test is over, every page must have asked loopback only and complained about nothing.
    """
    pages: list[tuple[Page, Log]] = []

    def go(path: str = "", *, theme: str = "light", width: int = 1440, height: int = 900) -> Page:
        page, log = profiles(theme, width, height).new_page(), Log()
        pages.append((page, log))
        listen(page, log)
        page.goto(f"{workbench.url}/{path}")
        settled(page)
        return page

    yield go
    for page, log in pages:
        page.close()
        assert log.foreign == []
        assert log.errors == []
