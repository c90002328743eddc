"""Every page of the workbench, run without a browser: on an empty store, on a filled one, with addresses that name nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from filled_store import HOSTILE_TITLE, fill
from streamlit.testing.v1 import AppTest
from support import NOW, a_case, a_review, a_run, a_variant, an_output

from evals.claims import claims_of
from evals.experiment import score
from evals.metrics import METRICS
from evals.paths import ROOT
from evals.records import Annotator, AspectRow, Dataset, Passage, Product, Question
from evals.store import Store
from workbench import queries, verdicts

# Each page, and what it says while there is nothing to show.
PAGES = {
    "overview": "make run",
    "compare": "plumb run",
    "sample": "Compare page",
    "queues": "plumb queue",
    "gate": "plumb gate",
    "playground": "plumb run",
}
APP = str(ROOT / "workbench" / "app.py")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    url = f"sqlite:///{tmp_path_factory.mktemp('filled') / 'store.sqlite3'}"
    store = Store.open(url)
    fill(store)
    yield url, store
    store.close()


@pytest.fixture
def empty_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    return app(f"sqlite:///{tmp_path / 'empty.sqlite3'}", tmp_path, monkeypatch)


@pytest.fixture
def filled_app(filled: tuple[str, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    return app(filled[0], tmp_path, monkeypatch)


def app(url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("PLUMBLINE_DATABASE_URL", url)
    monkeypatch.setenv("PLUMBLINE_HOME", str(home))
    monkeypatch.delenv("PLUMBLINE_LABEL_STUDIO_URL", raising=False)
    assert os.getcwd()  # the app is run where the tests run
    return AppTest.from_file(APP, default_timeout=60)


def opened(at: AppTest, page: str, **address: str) -> AppTest:
    """The page at an address, which ran without an exception."""
    at.switch_page(f"views/{page}.py")
    for name, value in address.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def said(at: AppTest) -> str:
    """Everything a page says in text, HTML included."""
    return "\n".join([*prose(at), *(element.proto.body for element in at.get("html"))])


def prose(at: AppTest) -> list[str]:
    """What is drawn as Markdown."""
    kinds = (at.markdown, at.caption, at.title, at.subheader, at.warning, at.info, at.error, at.success, at.code)
    return [str(element.value) for kind in kinds for element in kind] + [button.label for button in at.button]


def slugs(store: Store, feature: str = "highlights") -> list[str]:
    return list(queries.run_slugs(store, feature))  # type: ignore[arg-type]


def test_each_page_of_an_empty_store_says_what_to_do_next(empty_app: AppTest) -> None:
    for page, hint in PAGES.items():
        at = opened(empty_app, page)
        assert at.title[0].value.lower() == page
        assert hint in said(at)
        assert not at.dataframe


def test_each_page_draws_the_assistant_too(filled_app: AppTest) -> None:
    for page in PAGES:
        at = opened(filled_app, page, feature="assistant", play="Assistant")
        assert at.title[0].value.lower() == page


def test_the_overview_counts_and_judges(filled_app: AppTest) -> None:
    at = opened(filled_app, "overview")
    assert {metric.label: metric.value for metric in at.metric}["Runs"] == "4"
    assert "hold" in said(at)
    assert "Arabic has open items and nobody who labels them" in [link.proto.label for link in at.get("page_link")]


# ---------------------------------------------------------------------------------------------- compare and sample


def test_compare_shows_a_card_per_metric_and_a_heat_map(filled_app: AppTest) -> None:
    at = opened(filled_app, "compare", feature="highlights")
    cards = {metric.label: metric for metric in at.metric}
    assert {"grounded", "language adherence", "citation share", "length words"} <= cards.keys()
    assert float(cards["grounded"].value) < 1
    chart = at.get("plotly_chart")[0]
    assert "heatmap" in chart.proto.spec
    assert chart.proto.alt


def test_a_cell_of_the_heat_map_opens_its_cases(filled_app: AppTest) -> None:
    at = opened(filled_app, "compare", tab="Samples", metric="grounded", lang="ja")
    assert at.selectbox(key="choose_lang").value == "ja"
    assert set(at.dataframe[0].value["language"]) == {"Japanese"}


def test_the_cases_that_lost_most_come_first(filled_app: AppTest) -> None:
    at = opened(filled_app, "compare", tab="Samples")
    lost = at.dataframe[0].value["difference"].tolist()
    assert lost == sorted(lost)
    assert lost[0] < 0


def test_a_run_that_is_not_stored_is_named_and_replaced(filled_app: AppTest) -> None:
    at = opened(filled_app, "compare", a="<b>nobody</b>")
    assert any("nobody" in warning.value and "<b>" not in warning.value for warning in at.warning)
    assert at.metric


def test_the_same_run_on_both_sides_is_not_compared(filled_app: AppTest, filled: tuple[str, Store]) -> None:
    name = slugs(filled[1])[0]
    at = opened(filled_app, "compare", a=name, b=name)
    assert "are the same run" in said(at)


def sample_address(store: Store, place: int = 0) -> dict[str, str]:
    a, b = slugs(store)
    runs = queries.run_slugs(store, "highlights")
    case = queries.worst_frame(store, runs[a], runs[b], "grounded", "ja")["case_id"].iloc[place]
    return {"feature": "highlights", "a": a, "b": b, "metric": "grounded", "lang": "ja", "case": str(case)}


def test_a_sample_marks_claims_by_verdict_and_shows_what_people_said(filled_app: AppTest, filled: tuple[str, Store]) -> None:
    at = opened(filled_app, "sample", **sample_address(filled[1]), side="both")
    text = said(at)
    assert 'class="pl-bad"' in text and 'class="pl-good"' in text
    assert "people: contradicted" in text
    assert 'dir="ltr"' in text and 'lang="ja"' in text


def test_next_goes_to_the_next_case_of_the_list(filled_app: AppTest, filled: tuple[str, Store]) -> None:
    at = opened(filled_app, "sample", **sample_address(filled[1]))
    next(button for button in at.button if button.label == "Next").click()
    at.run()
    assert at.query_params["case"] == sample_address(filled[1], 1)["case"]
    assert "2 of 3" in said(at)


@pytest.mark.parametrize("wrong", [{"case": "case-<script>"}, {"a": "nobody.000000"}])
def test_an_unknown_name_in_the_address_of_a_sample_leads_back(
    filled_app: AppTest, filled: tuple[str, Store], wrong: dict[str, str]
) -> None:
    at = opened(filled_app, "sample", **(sample_address(filled[1]) | wrong))
    assert len(at.warning) == 1 and "is stored" in at.warning[0].value
    assert "<script>" not in at.warning[0].value
    assert [link.proto.label for link in at.get("page_link")] == ["Back to Compare"]


# ---------------------------------------------------------------------------------------------- queues


def test_queues_show_the_longest_backlog_first_and_who_is_missing(filled_app: AppTest) -> None:
    at = opened(filled_app, "queues")
    table = at.dataframe[0].value
    assert table["language"].iloc[0] == "Arabic" and table["open"].iloc[0] > 0
    assert re.search(r"urgent.*ar\W+ \d+ items wait, and no active annotator covers the language", said(at))
    assert any("not running" in warning.value for warning in at.warning)
    assert "Simulated annotators are scripts" in said(at)


# ---------------------------------------------------------------------------------------------- gate


def test_the_gate_says_its_verdict_in_one_sentence_and_lists_failing_requirements_first(filled_app: AppTest) -> None:
    at = opened(filled_app, "gate", feature="highlights")
    assert any(warning.proto.title == "Hold" for warning in at.warning)
    assert "annotators are simulated" in said(at)
    table = at.table[0].value
    said_verdicts = [next(name for name in verdicts.VERDICTS if f" {name}]" in text) for text in table["verdict"]]
    assert said_verdicts == sorted(said_verdicts, key=list(verdicts.VERDICTS).index)
    assert len(said_verdicts) == 6


def test_the_gate_offers_the_bytes_that_ci_writes(filled_app: AppTest) -> None:
    at = opened(filled_app, "gate", feature="highlights")
    assert [button.proto.label for button in at.get("download_button")] == ["Markdown", "HTML", "JSON", "JUnit"]


def test_the_gate_plans_the_missing_labels(filled_app: AppTest) -> None:
    at = opened(filled_app, "gate", feature="highlights")
    assert any("labelled cases missing" in frame.value.columns for frame in at.dataframe)


def test_a_decision_that_is_not_stored_is_named(filled_app: AppTest) -> None:
    at = opened(filled_app, "gate", decision="0000")
    assert any("0000" in warning.value for warning in at.warning)


# ---------------------------------------------------------------------------------------------- playground


def test_chips_are_coloured_by_sentiment(filled_app: AppTest) -> None:
    at = opened(filled_app, "playground", product="product-2", lang="en")
    chips = at.get("button_group")
    labels = [option.content for option in chips[0].proto.options]
    assert [label.split("-badge")[0] for label in labels] == [":green", ":orange", ":gray"]


def test_a_chosen_chip_shows_its_evidence(filled_app: AppTest) -> None:
    at = opened(filled_app, "playground", product="product-2", lang="ja")
    group = next(element for element in at.pills if "chips_ltr" in (element.key or ""))
    group.set_value("accuracy").run()
    assert not at.exception
    assert "pl-quote" in said(at)


def test_arabic_highlights_run_from_right_to_left(filled_app: AppTest) -> None:
    at = opened(filled_app, "playground", product="product-2", lang="ar")
    assert 'lang="ar" dir="rtl"' in said(at)


def test_a_hostile_title_stays_text(filled_app: AppTest) -> None:
    at = opened(filled_app, "playground", product="product-1", lang="en")
    text = said(at)
    assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "\u202e" not in text
    assert HOSTILE_TITLE not in text


def test_the_assistant_answers_and_says_what_it_cost(filled_app: AppTest) -> None:
    at = opened(filled_app, "playground", play="Assistant", product="product-2", lang="en", variant="template")
    at.chat_input[0].set_value("What is the weight? <script>alert(1)</script>").run()
    assert not at.exception
    text = said(at)
    assert "no model was asked" in text and "whole answer" in text
    assert "<script>" not in text
    assert len(at.chat_message) == 2
    at.run()
    assert len(at.chat_message) == 2


def test_a_variant_that_cannot_load_says_why_and_replays_a_recorded_answer(
    filled_app: AppTest, filled: tuple[str, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = {"kind": "lm", "backend": "neuron", "model": "nowhere"}
    monkeypatch.setattr("workbench.variants.settings_of", lambda feature, name: nowhere)
    monkeypatch.setattr("workbench.variants.names", lambda feature: ["champion", "candidate"])
    at = opened(filled_app, "playground", play="Assistant", product="product-2", lang="en", variant="champion")
    next(button for button in at.button if (button.key or "").startswith("example_")).click().run()
    assert not at.exception
    assert any("cannot answer here" in warning.value for warning in at.warning)
    assert "replay of a recorded answer" in said(at)
    at.chat_input[0].set_value("Nobody asked this before").run()
    assert "No finished run has an answer" in said(at)


# ---------------------------------------------------------------------------------------------- hostile text

HOSTILE = "<script>alert(1)</script> **bold** [click](http://evil.example) $x$ :red[now] \u202ereversed \x00 end."


@pytest.fixture
def hostile_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """A store in which review, summary, question and annotator are all hostile."""
    url = f"sqlite:///{tmp_path / 'hostile.sqlite3'}"
    store = Store.open(url)
    product = Product("product-1", HOSTILE_TITLE, "audio")
    review = a_review(product, "en", f"Before. {HOSTILE} After.")
    case = a_case("highlights", product, "en", reviews=1)
    store.catalog.add_products([product])
    store.catalog.add_reviews([review])
    store.catalog.add_questions([Question("question-1", "product-1", "en", HOSTILE)])
    dataset = Dataset("dataset-1", "hostile", "highlights", 1, NOW)
    store.runs.add_dataset(dataset, [case])
    passage = Passage(1, "review", review.review_id, "en", HOSTILE, 8, 8 + len(HOSTILE), "sound", "positive")
    for name in ("first", "second"):
        variant = a_variant("highlights", name)
        store.runs.add_variant(variant)
        run = store.runs.add_run(a_run(variant, dataset))
        output = an_output(run, case, HOSTILE, [passage], [AspectRow("sound", 9, 0, 1, 9)])
        store.runs.add_outputs([output])
        store.runs.add_claims(claims_of(output, "en"))
        score(store, run.run_id, METRICS)
    store.labels.put_annotators([Annotator("annotator-1", "x@example.org", HOSTILE, ("en",))])
    return app(url, tmp_path, monkeypatch)


def assert_inert(at: AppTest) -> None:
    """No element, no link, no formula, no hidden direction came out of the text, wherever it is drawn as markup."""
    text, markdown = said(at), "\n".join(prose(at))
    assert not re.search(r"(?<!\\)<(script|img)", text)
    assert not re.search(r"(?<!\\)\]\(http|:red(?<!\\)\[|(?<!\\)\*\*bold", markdown)
    assert "\u202e" not in text and "\x00" not in text


def test_hostile_reviews_and_summaries_stay_text(hostile_app: AppTest) -> None:
    at = opened(hostile_app, "playground", product="product-1", lang="en")
    at.pills[0].set_value("sound").run()
    assert not at.exception
    assert_inert(at)
    assert "<mark>&lt;script&gt;alert(1)&lt;/script&gt;" in said(at)


def test_hostile_claims_stay_text(hostile_app: AppTest) -> None:
    opened(hostile_app, "compare", tab="Samples", metric="length_words")
    case = str(hostile_app.dataframe[0].value["case_id"].iloc[0])
    a, b = slugs(Store.open(os.environ["PLUMBLINE_DATABASE_URL"]))
    at = opened(hostile_app, "sample", a=a, b=b, case=case)
    assert_inert(at)
    assert "&lt;script&gt;" in said(at)


def test_hostile_questions_and_people_stay_text(hostile_app: AppTest) -> None:
    at = opened(hostile_app, "playground", play="Assistant", product="product-1", lang="en", variant="template")
    assert_inert(at)
    next(button for button in at.button if (button.key or "").startswith("example_")).click().run()
    assert not at.exception
    assert_inert(at)


def test_a_big_store_is_searched_and_its_address_still_leads_to_every_product(filled_app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.showcase.MANY", 1)
    at = opened(filled_app, "playground", product="product-3", lang="en")
    assert at.selectbox(key="choose_product").value == "product-3"
    at.text_input[0].set_value("PRODUCT 2").run()
    assert len(at.selectbox(key="choose_product").options) == 2
    at.text_input[0].set_value("nothing like it").run()
    assert not at.exception
    assert "No product matches" in said(at)
