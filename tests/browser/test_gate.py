"""The page Gate in a real browser: verdicts read without colour, a cell of the heat map chosen, the missing labels queued once.

With ``--screenshots DIR`` it is drawn into DIR too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import gated
import pytest
from playwright.sync_api import Page, expect
from served_workbench import Opened, Workbench, served, settled

from evals.store import Store
from workbench import label_plan

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """Over a store of its own, because labels are queued in it."""
    home = tmp_path_factory.mktemp("gate")
    url = f"sqlite:///{home / 'store.sqlite3'}"
    store = Store.open(url)
    gated.fill(store, home)
    with served(url, store, home, log=home / "server.log") as running:
        yield running
    store.close()


def kept(page: Page, request: pytest.FixtureRequest, name: str) -> None:
    """The whole page, as high as it is."""
    folder: Path | None = request.config.getoption("--screenshots", default=None)
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    height = int(page.evaluate("document.querySelector('[data-testid=\"stMainBlockContainer\"]').scrollHeight")) + 60
    page.set_viewport_size({"width": width(page), "height": min(6000, max(900, height))})
    page.wait_for_timeout(900)
    page.screenshot(path=folder / f"{name}.png")


def width(page: Page) -> int:
    return int(page.evaluate("window.innerWidth"))


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_verdicts_are_read_without_colour_and_fit(opened: Opened, request: pytest.FixtureRequest, size: dict[str, int]) -> None:
    page = opened("gate?feature=highlights", theme="dark", **size)
    cells = page.locator(".st-key-gate_map g.textpoint text, .st-key-gate_map g.text text")
    expect(cells.first).to_be_attached()
    found = cells.all_text_contents()
    assert sum(bool(re.match(r"\?\s*n 0", text)) for text in found) > 40
    assert any(re.match(r"✓\s*n 36", text) for text in found) and any(text.startswith("w") for text in found)
    assert fits(page)
    page.get_by_text("Self-test:").click()
    kept(page, request, f"gate-dark-{'phone' if size else 'desktop'}")
    page.get_by_role("tab", name="grounded").click()
    kept(page, request, f"gate-forest-dark-{'phone' if size else 'desktop'}")


def test_a_heat_map_too_wide_for_a_phone_scrolls_by_itself(opened: Opened) -> None:
    page = opened("gate?feature=highlights", **PHONE)
    page.add_style_tag(content=".st-key-gate_map>*{min-width:700px!important}")
    expect(page.locator(".st-key-gate_map .js-plotly-plot")).to_have_css("width", re.compile(r"^(69\d|700)"))
    assert fits(page) and page.locator(".st-key-gate_map").evaluate("one => one.scrollWidth > one.clientWidth")


def test_from_a_cell_to_its_verdict_to_its_worst_case(opened: Opened) -> None:
    page = opened("gate?feature=highlights")
    cells = page.locator(".st-key-gate_map g.textpoint text, .st-key-gate_map g.text text").filter(has_text="n 6")
    cells.last.click(force=True)
    expect(page).to_have_url(re.compile("requirement=grounded.*slice=language%3Dja"))
    settled(page)
    expect(page.get_by_text("· Japanese")).to_be_visible()
    page.get_by_role("link", name="Open the worst case").click()
    expect(page.get_by_role("heading", name="Sample", exact=True)).to_be_visible()
    settled(page)
    assert "lang=ja" in page.url and "metric=grounded" in page.url


def test_the_missing_labels_are_queued_once(opened: Opened, workbench: Workbench, request: pytest.FixtureRequest) -> None:
    page, before = opened("gate?feature=highlights", theme="dark", **PHONE), len(workbench.store.queue.items())
    page.get_by_role("button", name="Queue these labels").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("new tasks")).to_be_visible()
    dialog.get_by_role("textbox", name="Your name").fill("Bo")
    dialog.get_by_role("button", name="Queue them").dblclick()
    expect(dialog.get_by_text("new items queued")).to_be_visible()
    settled(page)
    events = [event for event in workbench.store.ledger.events() if event.action == label_plan.ACTION]
    assert [event.actor for event in events] == ["Bo"]
    assert len(workbench.store.queue.items()) == before + events[0].detail["tasks"]
    kept(page, request, "gate-queued-dark-phone")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
