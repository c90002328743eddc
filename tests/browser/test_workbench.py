"""The main journeys through the workbench in a real browser. Every one of them also checks that nobody outside loopback was asked and
that the console is quiet (see `opened`)."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Page, expect
from served_workbench import Opened, Workbench, settled

from workbench import queries

pytestmark = pytest.mark.browser


def ground(page: Page) -> tuple[int, ...]:
    """The colour behind the page."""
    colour = page.locator('[data-testid="stApp"]').evaluate("element => getComputedStyle(element).backgroundColor")
    return tuple(map(int, re.findall(r"\d+", colour)[:3]))


def choose(page: Page, label: str, option: str) -> None:
    """Pick an option of a select box by its words."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def test_from_the_overview_to_the_gate(opened: Opened) -> None:
    page = opened()
    expect(page.get_by_text("hold").first).to_be_visible()
    page.get_by_role("link", name="Open the gate").last.click()
    expect(page.get_by_role("heading", name="Gate", exact=True)).to_be_visible()
    settled(page)
    assert "feature=assistant" in page.url
    expect(page).to_have_title("Gate · Plumbline")
    expect(page.get_by_role("alert").filter(has_text="Hold")).to_be_visible()
    expect(page.get_by_role("heading", name="Requirements")).to_be_visible()
    expect(page.locator('[data-testid="stPlotlyChart"] .main-svg').first).to_be_visible()


def test_the_gate_hands_out_what_ci_writes(opened: Opened, workbench: Workbench) -> None:
    from evals import report

    page = opened("gate?feature=highlights")
    with page.expect_download() as download:
        page.get_by_role("button", name="JUnit").click()
    decision = workbench.store.ledger.decisions("highlights")[0]
    assert download.value.suggested_filename.endswith(".junit.xml")
    assert download.value.path().read_text(encoding="utf-8") == report.render(decision, "junit")


def test_a_cell_of_the_heat_map_leads_to_its_cases_and_a_case_to_both_outputs(opened: Opened) -> None:
    page = opened("compare")
    chart = page.locator('[data-testid="stPlotlyChart"]').first
    chart.locator(".textpoint, text.nums").first.wait_for(state="attached")
    cell = chart.locator("g.textpoint text, g.text text").filter(has_text="n 2").first
    cell.click(force=True)
    expect(page.get_by_role("tab", name="Samples", selected=True)).to_be_visible()
    settled(page)
    assert re.search(r"lang=(ar|en|ja)", page.url)
    assert "metric=" in page.url


def test_the_sample_page_walks_through_the_list_by_key_and_back_by_the_browser(opened: Opened, workbench: Workbench) -> None:
    runs = queries.run_slugs(workbench.store, "highlights")
    a, b = runs
    cases = queries.worst_frame(workbench.store, runs[a], runs[b], "grounded", None)["case_id"].tolist()
    page = opened(f"sample?feature=highlights&a={a}&b={b}&metric=grounded&lang=all&side=both&case={cases[0]}")
    expect(page.get_by_text(f"1 of {len(cases)}, largest loss first")).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_text(f"2 of {len(cases)}, largest loss first")).to_be_visible()
    assert cases[1] in page.url
    page.go_back()
    expect(page.get_by_text(f"1 of {len(cases)}, largest loss first")).to_be_visible()
    claim = page.locator("details.pl-claim").first
    claim.locator("summary").click()
    expect(claim.locator(".pl-quote mark").first).to_be_visible()


def test_a_quotation_opened_from_a_chip_is_marked_inside_its_review_from_right_to_left(opened: Opened, workbench: Workbench) -> None:
    page = opened("playground?product=hp-aurora&lang=ar")
    expect(page.locator(".pl-text").first).to_have_css("direction", "rtl")
    page.locator('[class*="st-key-chips_rtl"] [role="radio"]').first.click()
    quote = page.locator(".pl-quote").first
    expect(quote).to_be_visible()
    expect(quote).to_have_css("direction", "rtl")
    text = quote.locator("mark").inner_text()
    reviews = [review.text for review in workbench.store.catalog.reviews("hp-aurora", "ar")]
    assert any(text in review for review in reviews)


def test_japanese_chips_show_japanese_reviews(opened: Opened) -> None:
    page = opened("playground?product=hp-aurora&lang=ja")
    expect(page.locator('.pl-text[lang="ja"][dir="ltr"]').first).to_be_visible()
    page.locator('[class*="st-key-chips_ltr"] [role="radio"]').first.click()
    quote = page.locator('.pl-quote[lang="ja"] mark').first
    expect(quote).to_be_visible()
    assert re.search(r"[぀-ヿ一-鿿]", quote.inner_text())


def test_chips_are_green_orange_or_grey_and_reached_by_keyboard(opened: Opened) -> None:
    page = opened("playground?product=hp-aurora&lang=en")
    badges = page.locator('[class*="st-key-chips_"]').first.locator(".stMarkdownBadge")
    expect(badges.first).to_be_visible()
    colours = badges.evaluate_all("all => all.map(one => getComputedStyle(one).color)")
    assert len(set(colours)) >= 2
    page.locator('[class*="st-key-chips_"] [role="radio"]').first.focus()
    page.keyboard.press("Space")
    expect(page.locator(".pl-quote").first).to_be_visible()


def test_a_choice_is_in_the_address_and_the_address_is_the_choice(opened: Opened) -> None:
    page = opened("playground?product=hp-aurora&lang=en")
    choose(page, "Language", "Japanese")
    expect(page).to_have_url(re.compile("lang=ja"))
    expect(page.locator('.pl-text[lang="ja"]').first).to_be_visible()
    again = opened(page.url.split("/", 3)[3])
    expect(again.locator('.pl-text[lang="ja"]').first).to_be_visible()


def test_the_back_button_is_never_caught(opened: Opened) -> None:
    page = opened("gate")
    page.get_by_role("link", name="Compare").click()
    settled(page)
    page.get_by_role("tab", name="Samples").click()
    settled(page)
    page.locator('[data-testid="stDataFrame"] .dvn-scroller').click(position={"x": 18, "y": 55})
    expect(page.get_by_role("heading", name="Sample", exact=True)).to_be_visible()
    settled(page)
    back_to(page, "Compare")
    back_to(page, "Gate")


def back_to(page: Page, heading: str) -> None:
    """By the back button: at most three steps, for a choice on a page is a step too."""
    place = page.get_by_role("heading", name=heading, exact=True)
    for _ in range(3):
        page.go_back()
        with suppress(AssertionError):
            expect(place).to_be_visible(timeout=5000)
            return
    expect(place).to_be_visible()


def test_the_feature_stays_from_page_to_page(opened: Opened) -> None:
    page = opened("compare")
    page.get_by_role("radio", name="assistant").click()
    settled(page)
    page.get_by_role("link", name="Gate").click()
    expect(page).to_have_url(re.compile("gate.*feature=assistant"))


def test_the_assistant_answers_with_evidence_and_figures(opened: Opened) -> None:
    page = opened("playground?play=Assistant&product=hp-aurora&lang=en&variant=template")
    page.locator('[class*="st-key-example_"] button').first.click()
    expect(page.get_by_text("whole answer").first).to_be_visible(timeout=60_000)
    settled(page)
    answer = page.locator('[data-testid="stChatMessage"]').nth(1)
    expect(answer.locator(".pl-text").first).not_to_be_empty()
    answer.get_by_text("Evidence (").click()
    expect(answer.locator(".pl-quote").first).to_be_visible()


def test_what_is_typed_at_the_assistant_stays_text(opened: Opened) -> None:
    page = opened("playground?play=Assistant&product=hp-aurora&lang=en&variant=template")
    box = page.get_by_placeholder("Ask about this product")
    box.fill("<img src=x onerror=\"document.title='broken'\"> What is the weight?")
    box.press("Enter")
    expect(page.get_by_text("whole answer").first).to_be_visible(timeout=60_000)
    expect(page.locator('[data-testid="stChatMessage"] .pl-text').first).to_contain_text("<img src=x")
    assert page.title() != "broken"
    assert page.locator('[data-testid="stChatMessage"] .pl-text img').count() == 0


@pytest.mark.parametrize("name", ["", "compare", "queues", "gate", "playground"])
def test_dark_pages_are_dark_and_fit_a_phone(opened: Opened, name: str) -> None:
    page = opened(name, theme="dark", width=390, height=844)
    assert max(ground(page)) < 60
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


def test_a_light_page_is_light(opened: Opened) -> None:
    assert min(ground(opened("queues"))) > 240


def test_a_page_that_does_not_exist_leads_home(opened: Opened) -> None:
    page = opened("sample?case=case-nobody")
    page.get_by_role("link", name="Back to Compare").click()
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
