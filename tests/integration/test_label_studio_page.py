"""The labelling page as people see it, in a browser: the right side, hostile text inert, a localised choice stored as its alias."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from support import NOW, a_store, two_runs

from annotators.asking.queues import enqueue
from annotators.label_studio import server
from annotators.label_studio.collect import collect
from annotators.label_studio.push import push
from annotators.label_studio.studio import Studio
from evals.packs import pack

pytestmark = [pytest.mark.labelstudio, pytest.mark.browser]


@pytest.fixture(scope="module")
def page(label_studio: server.RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Chromium, signed in as the owner."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox"],
            viewport={"width": 1300, "height": 900},
        )
        page = context.pages[0]
        page.goto(f"{label_studio.url}/user/login/", wait_until="domcontentloaded")
        page.fill("input[name=email]", str(label_studio.owner_email))
        page.fill("input[name=password]", str(label_studio.owner_password))
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "login" not in url)
        yield page
        context.close()


def open_stream(page: Page, url: str) -> None:
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_selector("button[name=submit]", timeout=90_000)
    page.wait_for_selector(".lsf-richtext__line", timeout=90_000)
    close = page.locator("[class*=modal] button").first  # the instructions come first
    close.wait_for(timeout=90_000)
    close.click()
    close.wait_for(state="hidden")


def test_an_arabic_page_reads_from_the_right_and_its_choice_comes_back_as_an_alias(studio: Studio, page: Page) -> None:
    store = a_store()
    runs = two_runs(store, ("ar",), products=1)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=1, now=NOW)
    project_id = push(store, studio).projects["highlights/ar/claim-v2"]
    open_stream(page, studio.project_url(project_id))
    container, line = page.locator(".lsf-richtext__container").first, page.locator(".lsf-richtext__line").first
    outer, inner = container.bounding_box(), line.bounding_box()
    assert outer and inner and outer["x"] + outer["width"] - inner["x"] - inner["width"] < 30 < inner["x"] - outer["x"]
    page.get_by_text(pack("ar").annotator["contradicted"]).first.click()
    page.fill("textarea", "تعليق")
    with page.expect_response(lambda r: "/annotations" in r.url and r.request.method == "POST") as posted:
        page.click("button[name=submit]")
    assert posted.value.status == 201
    assert collect(store, studio, now=datetime.now(UTC).isoformat()).new == 1
    (note,) = store.labels.annotations()
    assert (note.verdict, note.comment) == ("contradicted", "تعليق") and note.lead_time_s and note.lead_time_s > 0


def test_hostile_claims_and_evidence_stay_text(studio: Studio, page: Page, tmp_path: Path) -> None:
    project_id = studio.ensure_project("highlights/en/claim-v2", overlap=1)
    claim = "<img src=x onerror=\"document.title='owned'\"><b>bold</b> {{7*7}} $evidence"
    studio.import_tasks(
        project_id, [{"item_id": "x", "language": "en", "claim": claim, "evidence": "<script>document.title='owned'</script>"}]
    )
    open_stream(page, studio.project_url(project_id))
    assert page.locator(".lsf-richtext__line").first.inner_text() == claim
    assert page.locator(".lsf-richtext__line img, .lsf-richtext__line b, .lsf-richtext__line script").count() == 0
    assert "owned" not in page.title()
