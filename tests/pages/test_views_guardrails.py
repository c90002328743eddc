"""The page Guardrails: hits, the text around one, what people say of it, what was measured; hostile text stays text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest
from support import a_product, a_review, two_runs

from evals.identity import content_id
from evals.languages import LANGUAGES
from evals.paths import ROOT
from evals.records import Action, Finding, Output
from evals.store import Store
from guardrails import RAILS
from workbench import guardrail_rows

HOSTILE = "<script>alert(1)</script> Call \u202e0171 555 01 99 now, says **Ann**. The rest is fine."


def a_hit(output: Output, rail: str, action: Action, target: str, start: int, end: int, source: str | None = None) -> Finding:
    name = content_id("finding", output.output_id, rail, target, start)
    return Finding(name, output.output_id, rail, action, target, start, end, f"planted by {rail}", source)  # type: ignore[arg-type]  # a target


@pytest.fixture
def hits(store: Store) -> list[Finding]:
    """A phone number in a hostile Arabic review, an uncited claim in an output, something withheld from another."""
    runs = two_runs(store, ("ar", "en"), products=1)
    review = a_review(a_product(1), "ar", HOSTILE)
    store.catalog.add_reviews([review])
    outputs = {store.runs.case(one.case_id).language: one for one in store.runs.outputs(runs.champion.run_id)}
    start = HOSTILE.index("0171")
    found = [
        a_hit(outputs["ar"], "contact", "redact", "evidence", start, start + 14, review.review_id),
        a_hit(outputs["en"], "citation", "allow", "output", 0, 5),
    ]
    store.runs.add_outputs([], found)
    return found


@pytest.fixture
def at() -> AppTest:
    return AppTest.from_file(str(ROOT / "workbench" / "app.py"), default_timeout=60)


def opened(at: AppTest, **address: str) -> AppTest:
    at.switch_page("views/guardrails.py")
    for name, value in address.items():
        at.query_params[name] = value
    return ran(at)


def ran(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.title, at.warning, at.success, at.error)
    return "\n".join([str(one.value) for kind in kinds for one in kind] + [element.proto.body for element in at.get("html")])


def press(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return ran(at)


def test_without_findings_the_page_says_how_to_get_some(store: Store, at: AppTest) -> None:
    assert "found nothing" in said(opened(at)) and at.code[0].value == "plumb run highlights --variant template"


def test_hits_are_counted_and_mapped_by_rail_and_language(store: Store, hits: list[Finding], at: AppTest) -> None:
    opened(at)
    assert {metric.label: metric.value for metric in at.metric} == {"Withheld": "0", "Masked": "1", "Only recorded": "1"}
    assert len(at.dataframe[0].value) == 2
    figure = guardrail_rows.heat_map(store.findings.counts())
    assert figure.data[0].x == ("contact", "citation") and figure.data[0].y == ("ar", "en")
    assert sorted(map(list, figure.data[1].customdata)) == [["citation", "en"], ["contact", "ar"]]


def test_a_hit_is_shown_in_its_words_with_nothing_hidden_or_acting(store: Store, hits: list[Finding], at: AppTest) -> None:
    opened(at, rail="contact")
    body = said(at)
    assert '<span class="pl-decides">0171 555 01 99</span>' in body and 'dir="rtl"' in body
    assert "<script>" not in body and "&lt;script&gt;" in body and "\u202e" not in body and "\ufffd" in body
    assert [one.label for one in at.expander] == ["Personal, hateful or unsafe text: open to read"] and not at.expander[0].proto.expanded


def test_a_person_says_whether_the_rail_was_right_and_may_think_again(store: Store, hits: list[Finding], at: AppTest) -> None:
    press(opened(at, rail="citation"), "Wrong")
    assert store.judging.finding_reviews() == [] and "Say who you are" in said(at)
    at.text_input(key="rails_reviewer").input("Ann")
    at.text_input(key=f"comment_{hits[1].finding_id.removeprefix('finding-')[:12]}").input("it needs none")
    press(at, "Wrong")
    (review,) = store.judging.finding_reviews()
    assert (review.finding_id, review.reviewer, review.right, review.comment) == (hits[1].finding_id, "Ann", False, "it needs none")
    assert "citation was wrong, says Ann" in said(at) and "1 wrong" in said(at)
    assert at.dataframe[1].value.loc[0, "judged wrong"] == "100 % [3–100]"
    press(at, "Right")
    assert [one.right for one in store.judging.finding_reviews()] == [True]
    assert at.dataframe[1].value.loc[0, "judged wrong"] == "0 % [0–98]"


def test_what_was_masked_or_withheld_in_an_output_is_not_there_to_be_shown(store: Store, hits: list[Finding]) -> None:
    output = store.runs.output_of(store.findings.one(hits[1].finding_id).run_id, store.findings.one(hits[1].finding_id).case_id)
    store.runs.add_outputs([], [a_hit(output, "contact", "redact", "output", 1, 3)])
    row = store.findings.rows(rail="contact", language="en")[0]
    assert guardrail_rows.shown(store, row).note == guardrail_rows.NOT_KEPT.format("masked")
    gone = row._replace(finding=replace(row.finding, target="evidence", source_id="review-gone"))
    assert "review-gone" in guardrail_rows.around_block(guardrail_rows.shown(store, gone))
    moved = row._replace(finding=replace(hits[0], start=5000, end=5001))
    assert "no longer the one" in guardrail_rows.around_block(guardrail_rows.shown(store, moved))


def test_a_finding_or_rail_that_is_not_there_is_named(store: Store, hits: list[Finding], at: AppTest) -> None:
    assert "no finding “nope”" in said(opened(at, finding="nope", rail="<b>x</b>"))
    assert "There is no rail" in said(at)


def test_the_matrix_has_every_language_and_rail_and_says_what_is_unverified(store: Store, at: AppTest) -> None:
    frame = guardrail_rows.matrix({})
    assert list(frame.columns) == ["measured in", *RAILS] and len(frame) == len(LANGUAGES)
    assert set(frame["contact"]) == {"unverified"}
    opened(at, rails_tab="Measured")
    assert list(at.dataframe[0].value.columns) == ["measured in", *RAILS] and "unverified" in said(at)


def test_the_policy_is_shown_with_each_rails_action(store: Store, at: AppTest) -> None:
    opened(at, rails_tab="Policy")
    frame = at.dataframe[0].value.set_index("rail")
    assert set(frame.index) == set(RAILS) and frame.loc["injection", "assistant evidence"] == "block"
