"""The page Judges: the matrix and the curve, disagreements that lead to their sample, the bill; an empty store says what fills it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from filled_store import fill
from streamlit.testing.v1 import AppTest
from support import NOW

from evals.grounding.rules import GROUNDED
from evals.paths import ROOT
from evals.records import Annotation, Certificate, JudgeCall, Preference
from evals.store import Store

EVIL = "<script>alert(1)</script> **b** \u202egnp"
MEASURES = {"auroc": [0.9, 0.85, 0.95], "calibration_error": [0.05, 0.01, 0.1], "curve": [[0.2, 0.1, 40], [0.8, 0.9, 12]], "why": {}}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    monkeypatch.setenv("PLUMBLINE_DATABASE_URL", url)
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path))
    store = Store.open(url)
    yield store
    store.close()


@pytest.fixture
def filled(store: Store) -> Store:
    """Both runs scored and labelled; the rules are certified in English; one Japanese label says otherwise."""
    fill(store)
    held = Certificate("c1", "grounded", GROUNDED.signature, EVIL, "en", "l1", 200, 90, 50, 0, NOW, "2999-01-01T00:00:00Z", None, MEASURES)
    store.judging.add_certificates([held])
    item = next(one for one in store.queue.items() if one.language == "ja" and one.feature == "highlights" and one.claim_id)
    value = store.runs.scores_about([str(item.claim_id)], "grounded")[0].value
    note = store.labels.annotations([item.item_id])[0]
    other = "contradicted" if value == 1 else "grounded"
    store.labels.put_annotations([Annotation(note.annotation_id, item.item_id, note.annotator_id, other, None, NOW, NOW)])
    return store


@pytest.fixture
def at() -> AppTest:
    return AppTest.from_file(str(ROOT / "workbench" / "app.py"), default_timeout=60)


def opened(at: AppTest, **address: str) -> AppTest:
    at.switch_page("views/judges.py")
    for name, value in address.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.title, at.subheader, at.warning, at.code)
    return "\n".join([str(one.value) for kind in kinds for one in kind] + [element.proto.body for element in at.get("html")])


@pytest.mark.parametrize(
    ("tab", "command"),
    [
        ("Certificates", "plumb judge certify grounded"),
        ("Disagreements", "plumb judge certify grounded"),
        ("Pairs", "plumb judge pairs"),
        ("Bill", "plumb judge run"),
    ],
)
def test_an_empty_store_says_which_command_fills_it(store: Store, at: AppTest, tab: str, command: str) -> None:
    assert command in said(opened(at, judges_tab=tab)) and not at.dataframe


def test_the_matrix_and_the_curve_of_a_certified_judge(filled: Store, at: AppTest) -> None:
    opened(at, judge="grounded", lang="en")
    text = said(at)
    assert "✓ certified" in text and "until 2999-01-01" in text and "? unverified" in text and "of 100 labels" in text
    assert {metric.label: metric.value for metric in at.metric}["Certified"] == "1"
    chart = at.get("plotly_chart")[0]
    assert "n 40" in chart.proto.spec and chart.proto.alt
    assert at.dataframe[0].value.set_index("figure").loc["AUROC", "value"] == "0.90 [0.85–0.95]"
    assert "<script>" not in text.replace("\\<script\\>", "") and "\u202e" not in text


def test_a_language_without_certificate_says_how_to_get_one(filled: Store, at: AppTest) -> None:
    assert "plumb judge certify grounded" in said(opened(at, judge="grounded", lang="ar")) and not at.get("plotly_chart")


def test_a_disagreement_leads_to_its_sample_with_the_claim_chosen(filled: Store, at: AppTest) -> None:
    opened(at, judges_tab="Disagreements", judge="grounded", lang="ja")
    assert len(at.dataframe[0].value) == 1
    link = next(one for one in at.get("page_link") if one.proto.label == "Open the sample")
    assert "look=claim-" in link.proto.query_string
    at.switch_page("views/sample.py")
    for pair in link.proto.query_string.split("&"):
        at.query_params[pair.split("=")[0]] = pair.split("=")[1]
    at.run()
    assert not at.exception and "disputed" in said(at)


def test_a_claim_that_is_not_there_is_named(filled: Store, at: AppTest) -> None:
    text = said(opened(at, judges_tab="Disagreements", judge="grounded", claim="<b>nope</b>"))
    assert "nope" in text and "<b>nope" not in text


def test_the_bill_and_the_bias_card(filled: Store, at: AppTest) -> None:
    filled.judging.add_calls([JudgeCall("call-1", "request-1", EVIL, "judge_claims", NOW, 1.5, 900, 120)])
    frame = opened(at, judges_tab="Bill").dataframe[0].value
    assert (frame.loc[0, "calls"], frame.loc[0, "prompt_tokens"]) == (1, 900) and "\u202e" not in frame.loc[0, "judge"]
    first, second = filled.runs.runs("highlights")
    a, b = next(filled.runs.outputs(first.run_id)), next(filled.runs.outputs(second.run_id))
    told = {"said": ["a", "a"], "words": [3, 4], "wrote": [None, None]}
    filled.judging.add_preferences([Preference("p1", "local", "v:1", a.case_id, a.output_id, b.output_id, "a", NOW, None, told)])
    frame = opened(at, judges_tab="Pairs").dataframe[0].value
    assert frame.loc[0, "pairs"] == 1 and "not measurable" in frame.loc[0, "first shown"]
