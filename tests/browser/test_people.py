"""Annotators, Agreement and Conflicts in a real browser: what a click opens. `opened` also checks for quiet and for foreign requests."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from served_workbench import Opened, Workbench, settled

from annotators.asking import conflicts
from workbench import conflict_rows

pytestmark = pytest.mark.browser


def test_a_row_of_the_table_opens_the_person(opened: Opened) -> None:
    page = opened("annotators")
    page.locator('[data-testid="stDataFrame"] .dvn-scroller').first.click(position={"x": 18, "y": 52})
    expect(page.get_by_role("heading", name="Bo Carter")).to_be_visible()
    settled(page)
    assert "annotator=" in page.url
    expect(page.get_by_text("Gold over time")).to_be_visible()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    assert page.locator(".pl-vote script").count() == 0


def test_a_cell_of_the_heat_map_opens_its_people(opened: Opened) -> None:
    page = opened("agreement")
    chart = page.locator('[data-testid="stPlotlyChart"]').first
    cells = chart.locator("g.textpoint text, g.text text").filter(has_text="n ")
    cells.nth(2).click(force=True)
    expect(page).to_have_url(re.compile("asked=ja%2Fclaim-v2"))
    settled(page)
    expect(page.get_by_text("森 愛子").first).to_be_visible()


def test_a_conflict_in_arabic_runs_from_right_to_left_and_leads_to_its_sample(opened: Opened, workbench: Workbench) -> None:
    found = next(one for one in conflicts.conflicts(workbench.store) if one.item.language == "ar" and one.item.feature == "highlights")
    page = opened(f"conflicts?feature=highlights&conflict={conflict_rows.short(found)}")
    for block in (".pl-text", ".pl-quote"):
        expect(page.locator(block).first).to_have_css("direction", "rtl")
    expect(page.locator(".pl-vote").first).to_contain_text(re.compile("grounded|contradicted|unsupported"))
    page.get_by_role("link", name="Open the sample").click()
    expect(page.get_by_role("heading", name="Sample", exact=True)).to_be_visible()
    settled(page)
    expect(page.locator(".pl-scorers").first).to_be_visible()


@pytest.mark.parametrize("name", ["annotators", "agreement", "conflicts"])
def test_dark_pages_are_dark_and_fit_a_phone(opened: Opened, name: str) -> None:
    page = opened(name, theme="dark", width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
