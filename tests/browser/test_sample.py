"""The pages Sample and Judges in a real browser: an Arabic and a Japanese case walked by key alone, the evidence marked beside it.

With ``--screenshots DIR`` both are drawn into DIR too.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page, expect
from served_workbench import Opened, Workbench, settled

from evals.records import Finding, Score
from evals.store import Store
from workbench import queries

pytestmark = pytest.mark.browser


def address(store: Store, tag: str) -> str:
    """The case of that language that lost most."""
    runs = queries.run_slugs(store, "highlights")
    a, b = runs
    case = queries.worst_frame(store, runs[a], runs[b], "grounded", tag)["case_id"].iloc[0]
    return "sample?" + urlencode({"feature": "highlights", "a": a, "b": b, "metric": "grounded", "lang": tag, "case": case})


def press(page: Page, key: str) -> None:
    page.keyboard.press(key)
    page.wait_for_timeout(300)
    settled(page)


def marked(page: Page) -> list[str]:
    """The marked words of the output, a line a piece."""
    return page.locator(".pl-text mark.pl-chosen").all_inner_texts()


def kept(page: Page, request: pytest.FixtureRequest, name: str) -> None:
    folder: Path | None = request.config.getoption("--screenshots", default=None)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")


@pytest.mark.parametrize(("tag", "direction"), [("ar", "rtl"), ("ja", "ltr")])
def test_claims_are_chosen_by_key_and_what_decided_is_marked_in_its_review(
    opened: Opened, workbench: Workbench, request: pytest.FixtureRequest, tag: str, direction: str
) -> None:
    page = opened(address(workbench.store, tag))
    seen = set()
    for _ in range(2):
        press(page, "n")
        seen.add("".join(marked(page)))
    assert len(seen) == 2 and "look=claim-" in page.url
    near: Locator = page.locator(".pl-quote.pl-near").first
    for block in (near, page.locator(".pl-text").first):
        expect(block).to_have_css("direction", direction)
        expect(block).to_have_attribute("lang", tag)
    words = page.locator(".pl-quote.pl-near .pl-decides").first.inner_text()
    catalog = workbench.store.catalog
    assert any(words in review.text for product in ("hp-lumen", "hp-aurora") for review in catalog.reviews(product, tag))
    expect(page.get_by_role("status").filter(has_text=re.compile("^Claim"))).to_contain_text("Decided by")
    kept(page, request, f"claim-{tag}")


def test_a_passage_is_chosen_by_key_and_marks_the_claims_that_rest_on_it(opened: Opened, workbench: Workbench) -> None:
    page = opened(address(workbench.store, "ar"))
    press(page, "e")
    expect(page.get_by_role("status").filter(has_text="Passage [1]")).to_be_visible()
    first = marked(page)
    press(page, "e")
    assert first and "look=passage-2" in page.url and marked(page) != first
    page.go_back()
    expect(page.get_by_role("status").filter(has_text="Passage [1]")).to_be_visible()


def test_claims_can_be_reached_by_tab_and_chosen_with_the_space_bar(opened: Opened, workbench: Workbench) -> None:
    page = opened(address(workbench.store, "ja"))
    group = page.get_by_role("radiogroup", name="Claims")
    group.get_by_role("radio").nth(0).focus()
    page.keyboard.press("Space")
    settled(page)
    expect(page.get_by_role("status").filter(has_text="Claim 1 of")).to_be_visible()


def test_suspect_words_findings_and_a_champion_are_shown_too(opened: Opened, workbench: Workbench, request: pytest.FixtureRequest) -> None:
    store = workbench.store
    runs = queries.run_slugs(store, "highlights")
    case = address(store, "ar").rpartition("case=")[2]
    output = store.runs.output_of(list(runs.values())[1].run_id, case)
    detail = {"spans": [[2, 12, 0.81]], "verified": True}
    store.runs.add_scores([Score(output.run_id, case, "output", output.output_id, "hallucinated_share", "v:0", "model", 0.2, None, detail)])
    store.runs.add_outputs([], [Finding("finding-x", output.output_id, "commerce", "allow", "output", 14, 20, "planted")])
    page = opened(address(store, "ar"), theme="dark")
    expect(page.locator(".pl-suspect").first).to_be_visible()
    expect(page.get_by_text("▲commerce").first).to_be_visible()
    kept(page, request, "claim-suspect-dark")
    page.get_by_role("radio", name="champion").click()
    settled(page)
    assert "side=champion" in page.url
    page.get_by_role("radio", name="both").click()
    expect(page.locator("details.pl-claim").first).to_be_visible()


def test_from_a_disagreement_to_the_claim(opened: Opened, request: pytest.FixtureRequest) -> None:
    page = opened("judges?judges_tab=Disagreements&judge=grounded")
    press(page, "j")
    expect(page.get_by_text(re.compile("^2 of"))).to_be_visible()
    kept(page, request, "judges-disagreements")
    page.get_by_role("link", name="Open the sample").click()
    expect(page.get_by_role("heading", name="Sample", exact=True)).to_be_visible()
    settled(page)
    expect(page.get_by_role("status").filter(has_text="disputed")).to_be_visible()


@pytest.mark.parametrize("path", ["judges", "judges?judges_tab=Disagreements"])
def test_judges_fit_a_phone(opened: Opened, path: str) -> None:
    page = opened(path, theme="dark", width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_sample_fits_a_phone(opened: Opened, workbench: Workbench) -> None:
    page = opened(address(workbench.store, "ar"), width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
