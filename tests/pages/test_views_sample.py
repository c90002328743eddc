"""The page Sample: claims against evidence both ways, every scorer and person beside the claim, hostile text that stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from support import NOW, a_case, a_product, a_review, a_run, a_variant, an_output

from evals.claims import claims_of
from evals.paths import ROOT
from evals.records import Annotation, Annotator, Case, Certificate, Claim, Dataset, Finding, Passage, QueueItem, Run, Score
from evals.store import Store
from workbench import queries

EVIL = "<script>alert(1)</script> **bold** [x](http://evil.example) \u202egnp"
REVIEW = f"Bought in May. The sound is superb. {EVIL} Delivery took weeks."
TEXT = f"The sound is superb. [1] Delivery is quick {EVIL}. [2]"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    monkeypatch.setenv("PLUMBLINE_DATABASE_URL", url)
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path))
    store = Store.open(url)
    yield store
    store.close()


@pytest.fixture
def made(store: Store) -> tuple[Run, Case, list[Claim]]:
    """One output of two claims on two passages of a review, under one run."""
    product = a_product(1)
    store.catalog.add_products([product])
    review = a_review(product, "ar", REVIEW)
    store.catalog.add_reviews([review])
    case = a_case("highlights", product, "ar")
    dataset = Dataset("dataset-1", "test", "highlights", 1, NOW)
    store.runs.add_dataset(dataset, [case])
    variant = a_variant("highlights", "only")
    store.runs.add_variant(variant)
    run = store.runs.add_run(a_run(variant, dataset))
    passages = [a_passage(1, review.review_id, "The sound is superb."), a_passage(2, review.review_id, "Delivery took weeks.")]
    output = an_output(run, case, TEXT, passages)
    start = REVIEW.index("superb")
    finding = Finding("finding-1", output.output_id, "contact", "allow", "output", 0, 9, f"planted {EVIL}")
    inside = Finding("finding-2", output.output_id, "injection", "block", "evidence", start, start + 6, "planted", review.review_id)
    store.runs.add_outputs([output], [finding, inside])
    claims = claims_of(output, "ar")
    store.runs.add_claims(claims)
    return run, case, claims


def a_passage(number: int, source: str, text: str) -> Passage:
    start = REVIEW.index(text)
    return Passage(number, "review", source, "ar", text, start, start + len(text), "sound", "positive")


def a_score(made: tuple[Run, Case, list[Claim]], metric: str, value: float | None, *, claim: int = 0, **detail: object) -> Score:
    run, case, claims = made
    reason = None if value is not None else "not measurable: no answer"
    return Score(run.run_id, case.case_id, "claim", claims[claim].claim_id, metric, "v:1", "model", value, reason, detail)


def decided(text: str) -> dict[str, int]:
    start = REVIEW.index(text)
    return {"start": start, "end": start + len(text)}


@pytest.fixture
def at() -> AppTest:
    return AppTest.from_file(str(ROOT / "workbench" / "app.py"), default_timeout=60)


def opened(at: AppTest, store: Store, case: Case, **more: str) -> AppTest:
    slug = next(iter(queries.run_slugs(store, "highlights")))
    at.switch_page("views/sample.py")
    for name, value in ({"a": slug, "b": slug, "case": case.case_id} | more).items():
        at.query_params[name] = value
    return ran(at)


def ran(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def drawn(at: AppTest) -> str:
    return "\n".join(element.proto.body for element in at.get("html") if "<style>" not in element.proto.body)


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click()
    return ran(at)


def test_a_claim_marks_the_words_that_decided_in_their_source(store: Store, made: tuple[Run, Case, list[Claim]], at: AppTest) -> None:
    store.runs.add_scores([a_score(made, "judge_claims", 0.9, verdict="grounded", passage=1, why="quoted", **decided("superb"))])
    text = drawn(opened(at, store, made[1], look="claim-1"))
    assert re.search(r'class="pl-decides[^"]*"[^>]*>superb</span>', text)
    assert '<mark class="pl-good pl-chosen" title="claim 1, fact: grounded">' in text
    assert "<b>decided claim 1</b> for <bdi>judge claims</bdi>" in text
    assert 'role="status" aria-live="polite"' in text and "Claim 1 of 2: grounded. Decided by [1]." in text


def test_a_passage_marks_the_claims_that_rest_on_it(store: Store, made: tuple[Run, Case, list[Claim]], at: AppTest) -> None:
    text = drawn(opened(at, store, made[1], look="passage-2"))
    assert "Passage [2]: claim 2 rests on it." in text
    marked = re.findall(r"<mark[^>]*>(.*?)</mark>", text)
    assert any("Delivery is quick" in one for one in marked) and not any("The sound" in one for one in marked)


def test_claims_and_passages_are_walked_by_their_buttons_around_the_end(
    store: Store, made: tuple[Run, Case, list[Claim]], at: AppTest
) -> None:
    opened(at, store, made[1])
    assert [at.button(key=key).proto.shortcut for key in ("claim_Previous", "claim_Next", "passage_Next")] == ["p", "n", "e"]
    assert "Claim 1 of 2" in drawn(at)
    assert "Claim 2 of 2" in drawn(press(at, "claim_Next"))
    assert "Claim 1 of 2" in drawn(press(at, "claim_Next"))
    assert "Claim 2 of 2" in drawn(press(at, "claim_Previous"))
    press(at, "passage_Next")
    assert "Passage [1]" in drawn(at)
    at.pills(key="pick_claim").set_value(2)
    assert "Claim 2 of 2" in drawn(ran(at))


def test_scorers_and_people_who_disagree_are_named_and_that_claim_comes_first(
    store: Store, made: tuple[Run, Case, list[Claim]], at: AppTest
) -> None:
    run, case, claims = made
    store.runs.add_scores(
        [
            a_score(made, "judge_claims", 0.83, claim=1, verdict="grounded", passage=2, why=f"because {EVIL}"),
            a_score(made, "nli", None, claim=1, verdict="not_checkable", failed=True, why="no server"),
        ]
    )
    item = QueueItem(
        "item-1", "highlights/ar/claim-v2", "highlights", "ar", "claim-v2", claims[1].claim_id, "random audit", 1.0, 1, NOW, {},
        run.run_id, case.case_id, claims[1].output_id, claims[1].claim_id,
    )  # fmt: skip
    store.queue.add_items([item])
    store.labels.put_annotators([Annotator("annotator-1", "x@example.org", EVIL, ("ar",), simulated=True)])
    store.labels.put_annotations([Annotation("note-1", "item-1", "annotator-1", "contradicted", EVIL, NOW, NOW)])
    text = drawn(opened(at, store, case))
    assert "Claim 2 of 2: disputed" in text and "they disagree whether the evidence says so" in text
    assert "0.83" in text and "✗ contradicted" in text and "simulated" in text and "– no answer" in text
    assert "never certified in this language" in text
    assert "<script>" not in text and "&lt;script&gt;" in text and "\u202e" not in text and "\ufffd" in text


def test_a_certificate_that_holds_is_shown_with_its_end(store: Store, made: tuple[Run, Case, list[Claim]], at: AppTest) -> None:
    held = Certificate("certificate-1", "nli", "v:1", "claim-v2", "ar", "labels-1", 200, 90, 50, 0, NOW, "2999-01-01T00:00:00Z")
    store.judging.add_certificates([held])
    store.runs.add_scores([a_score(made, "nli", 0.7, verdict="grounded")])
    assert "certified until 2999-01-01" in drawn(opened(at, store, made[1]))


def test_suspect_stretches_have_their_probability_and_findings_their_rail(
    store: Store, made: tuple[Run, Case, list[Claim]], at: AppTest
) -> None:
    run, case, claims = made
    detail = {"spans": [[4, 9, 0.78], [5, 99999, 0.9]], "verified": False}
    store.runs.add_scores(
        [Score(run.run_id, case.case_id, "output", claims[0].output_id, "hallucinated_share", "v:1", "code", 0.1, None, detail)]
    )
    text = drawn(opened(at, store, case))
    assert re.search(r'class="[^"]*pl-suspect[^"]*"[^>]*>sound<', text) and ">78%</bdi>" in text and "90%" not in text
    assert "unverified in this language" in text
    assert "▲contact</bdi>" in text and "▲injection</bdi>" in text
    assert at.dataframe[0].value.columns.tolist() == ["rail", "action", "target", "start", "end", "detail", "source_id"]


def test_arabic_and_its_evidence_run_from_right_to_left_and_a_line_of_ours_does_not(
    store: Store, made: tuple[Run, Case, list[Claim]], at: AppTest
) -> None:
    text = drawn(opened(at, store, made[1]))
    assert '<div class="pl-text" lang="ar" dir="rtl">' in text and re.search(r'class="pl-quote[^>]*lang="ar" dir="rtl"', text)
    assert '<div class="pl-status" role="status" aria-live="polite" dir="ltr">' in text


@pytest.mark.parametrize("number", ["claim-0", "claim-99", "passage-9", "claim--1", "claim-٣", "<b>"])
def test_a_number_that_names_no_claim_shows_the_first(store: Store, made: tuple[Run, Case, list[Claim]], at: AppTest, number: str) -> None:
    assert "Claim 1 of 2" in drawn(opened(at, store, made[1], look=number))
