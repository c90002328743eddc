"""Draws every page into docs/screenshots: ``pytest tests/browser --screenshots docs/screenshots [--home .plumbline]``; skipped without."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from served_workbench import Workbench, served, settled

from annotators.asking import conflicts
from annotators.raters import standing
from evals.store import Store
from workbench import annotator_rows, conflict_rows, queries

pytestmark = pytest.mark.browser

MOST_BYTES = 150_000
WIDTH, LEAST_HEIGHT, MOST_HEIGHT = 1360, 850, 1900


class Shot(NamedTuple):
    """A page at an address. `act`: what is done on it before it is drawn."""

    name: str
    path: str
    act: str = ""


@pytest.fixture(scope="module")
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """The workbench to draw: of the installation named, else the tests' own."""
    if request.config.getoption("--screenshots", default=None) is None:
        pytest.skip("pages are drawn with --screenshots DIR")
    home: Path | None = request.config.getoption("--home")
    if home is None:
        yield request.getfixturevalue("workbench")
        return
    url = f"sqlite:///{home.resolve() / 'plumbline.sqlite3'}"
    store = Store.open(url)
    with served(url, store, home.resolve(), log=tmp_path_factory.mktemp("drawn") / "server.log") as running:
        yield running


def shots(store: Store) -> list[Shot]:
    """Each page; those that show other people's language also in Arabic and Japanese."""
    product = store.coverage.products("highlights", limit=1)[0].product_id
    plain = [
        Shot("overview", ""),
        Shot("compare", "compare?feature=highlights"),
        Shot("queues", "queues"),
        *people_shots(store),
        Shot("guardrails", "guardrails"),
        Shot("judges", "judges"),
        Shot("gate", "gate?feature=highlights"),
        Shot("programme", "programme"),
        Shot("history", "history"),
        Shot("gate-assistant", "gate?feature=assistant"),
    ]
    told: list[Shot] = []
    for tag in ("en", "ar", "ja"):
        told += [
            Shot(f"playground-highlights-{tag}", f"playground?product={product}&lang={tag}", "chip"),
            Shot(f"playground-assistant-{tag}", f"playground?play=Assistant&product={product}&lang={tag}", "ask"),
            Shot(f"sample-{tag}", sample(store, tag), "claim"),
            Shot(f"compare-samples-{tag}", f"compare?feature=highlights&tab=Samples&lang={tag}"),
        ]
    return [*plain, *told]


def people_shots(store: Store) -> list[Shot]:
    """The pages about people: with somebody chosen, and a conflict in Arabic where there is one."""
    rates = standing.error_rates(store)
    most = max(rates, key=lambda row: (row.gold.n, row.verdict == "pause", row.labels), default=None)
    found = sorted(conflicts.conflicts(store), key=lambda one: (one.item.language != "ar", one.item.feature != "highlights"))
    conflict = f"&conflict={conflict_rows.short(found[0])}&feature={found[0].item.feature}" if found else ""
    return [
        Shot("annotators", "annotators" + (f"?annotator={annotator_rows.short(most.annotator_id)}" if most else "")),
        Shot("agreement", "agreement?feature=highlights"),
        Shot("agreement-judge", "agreement?feature=highlights&agreement_view=Judge+against+people"),
        Shot("agreement-languages", "agreement?feature=highlights&agreement_view=Across+languages"),
        Shot("conflicts", f"conflicts?lang=all{conflict}"),
    ]


def sample(store: Store, tag: str) -> str:
    """The address of the case of that language that lost most: newest run against the oldest."""
    runs = queries.run_slugs(store, "highlights")
    a, b = next(iter(runs)), list(runs)[-1]
    case = queries.worst_frame(store, runs[a], runs[b], "grounded", tag)["case_id"].iloc[0]
    return "sample?" + urlencode({"feature": "highlights", "a": a, "b": b, "metric": "grounded", "lang": tag, "case": case})


@pytest.mark.timeout(1800)
def test_every_page_is_drawn(drawn: Workbench, chromium: Browser, request: pytest.FixtureRequest) -> None:
    folder: Path = request.config.getoption("--screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        context = chromium.new_context(viewport={"width": WIDTH, "height": LEAST_HEIGHT}, color_scheme=theme)  # type: ignore[arg-type]  # light, dark
        for shot in shots(drawn.store):
            if theme == "dark" and shot.name.startswith("compare-samples"):
                continue  # the same table; light is enough
            page = context.new_page()
            page.goto(f"{drawn.url}/{shot.path}")
            settled(page)
            act(page, shot.act)
            (folder / f"{shot.name}-{theme}.png").write_bytes(picture(page))
            page.close()
        context.close()


def act(page: Page, what: str) -> None:
    """What makes a page worth a picture: an open chip, an asked question, an open claim."""
    if what == "chip":
        open_chips(page)
    elif what == "ask":
        expect(page.get_by_placeholder("Ask about this product")).to_be_visible()
        examples = page.locator('[class*="st-key-example_"] button')
        examples.nth(min(1, examples.count() - 1)).click()
        expect(page.get_by_text("whole answer").first).to_be_visible(timeout=300_000)
        settled(page)
        if page.get_by_text("Evidence (").count():
            page.get_by_text("Evidence (").first.click()
    elif what == "claim":
        for claim in page.locator("details.pl-claim").all()[:: max(1, page.locator("details.pl-claim").count() - 1)]:
            claim.locator("summary").click()
    settled(page)
    page.wait_for_timeout(900)  # charts and fonts finish drawing


def open_chips(page: Page) -> None:
    """In each card the first aspect that has a quotation."""
    for card in page.locator('[data-testid="stColumn"]').filter(has=page.locator('[class*="st-key-chips_"]')).all():
        for chip in card.locator('[role="radio"]').all():
            chip.click()
            expect(card.get_by_text("quoted below")).to_be_visible(timeout=30_000)
            settled(page)
            if card.locator(".pl-quote").count():
                break


def picture(page: Page) -> bytes:
    """The whole page as PNG of few colours: a third of the bytes, and no difference to be seen."""
    height = int(page.evaluate("document.querySelector('[data-testid=\"stMainBlockContainer\"]').scrollHeight")) + 60
    page.set_viewport_size({"width": WIDTH, "height": min(MOST_HEIGHT, max(LEAST_HEIGHT, height))})
    page.wait_for_timeout(700)
    full, smaller = Image.open(BytesIO(page.screenshot())), BytesIO()
    few = full.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)  # keeps rare colours
    few.save(smaller, "PNG", optimize=True)
    assert len(smaller.getvalue()) <= MOST_BYTES
    return smaller.getvalue()
