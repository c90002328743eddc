"""Annotators at work, before a real Label Studio and a real workbench: each signs in, asks for the next task in their own language, follows
the link, judges a claim by its localised words and submits; the lead sees the label within ten seconds.

``--screenshots DIR`` keeps what they saw.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from served_workbench import Workbench, served, settled
from support import two_runs

from annotators.asking.queues import enqueue
from annotators.label_studio import accounts, server
from annotators.label_studio.push import push
from annotators.label_studio.studio import Studio
from annotators.labeling.claims import result_of
from evals.packs import pack
from evals.records import Annotator
from evals.store import Store
from workbench import listening, work
from workbench.context import now

pytestmark = [pytest.mark.labelstudio, pytest.mark.browser]

# What each annotator says, by clicking the words of their language.
SAYS = {"ar": "contradicted", "hi": "grounded", "ja": "unsupported", "de": "not_checkable"}
NAMES = {"ar": "ليلى حداد", "hi": "आशा वर्मा", "ja": "佐藤 愛子", "de": "Jürgen Groß"}
PASSWORD = "only-for-this-test"
SEEN_WITHIN_S = 10.0  # from submitting to the lead's page: the line this project has drawn
WIDTH, HEIGHT = 1200, 900


@dataclass
class Floor:
    """Where annotation happens: the workbench, the labelling server, and who works there."""

    workbench: Workbench
    studio: Studio
    annotators: dict[str, Annotator]

    @property
    def store(self) -> Store:
        return self.workbench.store

    def address(self, tag: str) -> str:
        slug = next(slug for slug, one in work.workers(self.store).items() if one == self.annotators[tag])
        return f"{self.workbench.url}/my_work?annotator={slug}"


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """Claims in four languages, pushed; one annotator a language, with an account of their own."""
    home = tmp_path_factory.mktemp("floor")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("PLUMBLINE_HOME", str(home))  # the listener runs in this process
    url = f"sqlite:///{home / 'plumbline.sqlite3'}"
    store = Store.open(url)
    runs = two_runs(store, tuple(SAYS), products=1)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=1, now=now())
    try:
        running = server.start(home)
        with Studio(running.url, running.token) as studio, served(url, store, home, log=home / "workbench.log") as workbench:
            push(store, studio)
            annotators = {tag: _account(studio, tag) for tag in SAYS}
            store.labels.put_annotators(annotators.values())
            yield Floor(workbench, studio, annotators)
    finally:
        server.stop(home)
        store.close()
        monkeypatch.undo()


def _account(studio: Studio, tag: str) -> Annotator:
    email = f"annotator-{tag}@example.org"
    accounts.ensure_user(studio, email, PASSWORD, NAMES[tag])
    return Annotator(accounts.annotator_id(email), email, NAMES[tag], (tag,))


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keeps what a page looks like, when asked to."""
    folder: Path | None = request.config.getoption("--screenshots", default=None)

    def keep(page: Page, name: str) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            page.wait_for_timeout(400)  # fonts and charts finish drawing
            full = Image.open(BytesIO(page.screenshot())).convert("RGB")
            few = full.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            few.save(folder / f"{name}.png", optimize=True)

    return keep


def profile(chromium: Browser, tag: str) -> BrowserContext:
    return chromium.new_context(viewport={"width": WIDTH, "height": HEIGHT}, locale=tag, timezone_id="Asia/Kolkata")


def sign_in(context: BrowserContext, floor: Floor, tag: str) -> None:
    page = context.new_page()
    page.goto(f"{floor.studio.url}/user/login/", wait_until="domcontentloaded")
    page.fill("input[name=email]", floor.annotators[tag].email)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    # Left open: its context closes it. Closing a page that is still loading can wait for ever.
    page.wait_for_url(lambda url: "login" not in url, wait_until="domcontentloaded")


def reserve(page: Page, tag: str) -> Locator:
    """Ask for the next task; the link to it."""
    words = work.words(tag)
    page.get_by_role("button", name=words["open_next"]).click()
    link = page.get_by_role("link", name=words["open_in_label_studio"])
    expect(link).to_be_visible()
    settled(page)
    return link


def followed(context: BrowserContext, link: Locator) -> Page:
    """The labelling page behind the link, drawn."""
    with context.expect_page() as opened:
        link.click()
    opened.value.wait_for_selector(".lsf-richtext__line", timeout=60_000)
    return opened.value


def judge(page: Page, tag: str, verdict: str) -> float:
    """Choose the words for `verdict` and submit; the moment of submitting."""
    page.locator("label", has_text=pack(tag).annotator[verdict]).first.click()
    with page.expect_response(lambda answer: "/annotations" in answer.url and answer.request.method == "POST") as posted:
        page.click("button[name=submit]")
        submitted = time.monotonic()
    assert posted.value.status == 201
    return submitted


def labels_shown(page: Page, number: int) -> None:
    """Until the lead's page counts so many labels, but no longer than promised."""
    counted = page.locator('[data-testid="stMetric"]').filter(has=page.get_by_text("Labels", exact=True))
    expect(counted.locator('[data-testid="stMetricValue"]')).to_have_text(str(number), timeout=SEEN_WITHIN_S * 1000)


def test_annotators_judge_in_their_language_and_the_lead_sees_it_within_ten_seconds(
    floor: Floor, chromium: Browser, shot: Callable[[Page, str], None]
) -> None:
    lead = chromium.new_context(viewport={"width": 1400, "height": 1500}).new_page()
    with listening.listening(floor.store, floor.studio, port=server.free_port()):
        lead.goto(f"{floor.workbench.url}/queues")
        settled(lead)
        for number, tag in enumerate(SAYS, 1):
            context = profile(chromium, tag)
            sign_in(context, floor, tag)
            page = context.new_page()
            page.goto(floor.address(tag))
            settled(page)
            link = reserve(page, tag)
            address = link.get_attribute("href")
            studio = followed(context, link)
            shot(studio, f"label-studio-{tag}")
            submitted = judge(studio, tag, SAYS[tag])
            labels_shown(lead, number)
            expect(lead.get_by_text("labels come in by themselves")).to_be_visible()
            print(f"{tag}: on the lead's page {time.monotonic() - submitted:.1f} s after submitting")
            (label,) = [row for row in floor.store.labels.labels() if row.language == tag]
            assert (label.verdict, label.annotator_id) == (SAYS[tag], floor.annotators[tag].annotator_id)
            expect(page.get_by_text(work.words(tag)["thanks"])).to_be_visible(timeout=10_000)
            assert link.get_attribute("href") != address  # the next task came by itself
            shot(page, f"my-work-{tag}")
    shot(lead, "queues-live")


def test_where_nobody_listens_the_annotator_s_page_brings_the_label_in(floor: Floor, chromium: Browser) -> None:
    person, page = floor.annotators["de"], profile(chromium, "de").new_page()
    page.goto(floor.address("de"))
    settled(page)
    if page.get_by_role("button", name=work.words("de")["open_next"]).count():
        reserve(page, "de")
    (mine,) = [one for one in floor.store.desk.reservations(now()) if one.annotator_id == person.annotator_id]
    task = floor.store.desk.task(mine.item_id, floor.studio.url)
    with Studio(floor.studio.url, accounts.ensure_user(floor.studio, person.email, PASSWORD, person.name)) as theirs:
        assert theirs.annotate(task.task_id, result_of("grounded"), unique_id=str(uuid.uuid4()))
    expect(page.get_by_text(work.words("de")["thanks"])).to_be_visible(timeout=10_000)
    assert work.has_arrived(floor.store, mine.item_id, person.annotator_id)
