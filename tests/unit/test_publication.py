"""What a shopper sees: the champion's newest whole text, or nothing and why; never an older or another claim instead."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reported import LATER, serving
from reported import report as reported
from support import NOW, TwoRuns, a_case, a_product, a_run, a_store, a_variant, an_output, two_runs

from annotators.customers.escalations import resolve
from evals import registry
from evals.errors import InputError, UnknownIdError
from evals.identity import content_id
from evals.publication import EMPTY, FAILED, REPORTED, STOPPED, WITHDRAWN, published
from evals.records import AuditEvent, Case, Dataset, Output, Promotion, Run
from evals.store import Store

LAST = "2026-11-24T12:00:00Z"


@pytest.fixture
def store() -> Store:
    return a_store()


@pytest.fixture
def runs(store: Store) -> TwoRuns:
    return serving(store, two_runs(store, ("en", "ja"), products=2))


def case_of(store: Store, runs: TwoRuns, language: str = "ja") -> Case:
    cases = store.runs.cases(runs.dataset.dataset_id)
    return next(case for case in cases if (case.product_id, case.language) == ("product-1", language))


def newer(
    store: Store, runs: TwoRuns, text: str, case: Case | None = None, now: str = LATER, finished: bool = True, **fields: str
) -> Output:
    """What a newer run of the champion says of a case."""
    case = case or case_of(store, runs)
    dataset = Dataset(content_id("dataset", case.case_id, now), "newer", "highlights", 1, now)
    store.runs.add_dataset(dataset, [case])
    run: Run = a_run(store.runs.variant(runs.champion.variant_id), dataset, now)
    store.runs.add_run(run if finished else replace(run, finished_at=None))
    output = replace(an_output(run, case, text), **fields)  # type: ignore[arg-type]  # status and error
    store.runs.add_outputs([output])
    return output


def seen(store: Store, language: str = "ja") -> str | None:
    return published(store, "highlights", "product-1", language).text


def report(store: Store) -> str:
    return reported(store).escalation.escalation_id


def test_the_champions_text_is_shown_with_its_evidence(store: Store, runs: TwoRuns) -> None:
    said = store.runs.output_of(runs.champion.run_id, case_of(store, runs).case_id)
    found = published(store, "highlights", "product-1", "ja")
    assert (found.text, found.passages, found.aspects) == (said.text, said.passages, said.aspects)
    assert (found.run_id, found.output_id, found.hidden_because) == (runs.champion.run_id, said.output_id, None)


def test_a_newer_run_takes_its_place_only_when_finished_and_only_where_it_speaks(store: Store, runs: TwoRuns) -> None:
    before = seen(store, "en")
    newer(store, runs, "Newer.")
    assert (seen(store), seen(store, "en")) == ("Newer.", before)
    newer(store, runs, "Unfinished.", now=LAST, finished=False)
    assert seen(store) == "Newer."


def test_a_run_of_another_variant_is_not_published_until_it_serves(store: Store, runs: TwoRuns) -> None:
    other = store.runs.output_of(runs.candidate.run_id, case_of(store, runs).case_id)
    assert seen(store) != other.text


@pytest.mark.parametrize(
    ("text", "status", "why"),
    [("Not available.", "blocked", STOPPED), ("", "error", FAILED), (" \n", "ok", EMPTY)],
)
def test_what_is_not_whole_is_not_shown_and_nothing_older_instead(store: Store, runs: TwoRuns, text: str, status: str, why: str) -> None:
    newer(store, runs, text, status=status)
    found = published(store, "highlights", "product-1", "ja")
    assert (found.text, found.passages, found.aspects, found.hidden_because) == (None, (), (), why)


def test_a_reported_text_stays_hidden_when_a_newer_run_says_it_again(store: Store, runs: TwoRuns) -> None:
    said = seen(store)
    assert said is not None
    escalation = report(store)
    newer(store, runs, said)
    assert published(store, "highlights", "product-1", "ja").hidden_because == REPORTED
    resolve(store, escalation, "it is wrong", "owner", LATER, show=False)
    assert published(store, "highlights", "product-1", "ja").hidden_because == WITHDRAWN


def test_it_stays_hidden_when_reviews_that_came_since_made_another_case_of_it(store: Store, runs: TwoRuns) -> None:
    said = seen(store)
    assert said is not None
    report(store)
    newer(store, runs, said, a_case("highlights", a_product(1), "ja", reviews=99, reviews_sha256="0"))
    assert published(store, "highlights", "product-1", "ja").hidden_because == REPORTED


def test_another_text_takes_the_place_of_a_reported_one_and_the_reported_one_never_comes_back(store: Store, runs: TwoRuns) -> None:
    said = seen(store)
    assert said is not None
    resolve(store, report(store), "it is wrong", "owner", LATER, show=False)
    newer(store, runs, "Something else.")
    assert seen(store) == "Something else."
    newer(store, runs, said, now=LAST)
    assert published(store, "highlights", "product-1", "ja").hidden_because == WITHDRAWN


def test_the_same_words_about_another_product_or_in_another_language_are_not_hidden(store: Store, runs: TwoRuns) -> None:
    said = seen(store)
    assert said is not None
    report(store)
    newer(store, runs, said, case_of(store, runs, "en"))
    other = next(case for case in store.runs.cases(runs.dataset.dataset_id) if (case.product_id, case.language) == ("product-2", "ja"))
    newer(store, runs, said, other, now=LAST)
    assert seen(store, "en") == said and published(store, "highlights", "product-2", "ja").text == said


def test_an_answer_to_another_question_is_not_hidden_with_a_reported_one(store: Store) -> None:
    made = serving(store, two_runs(store, ("en",), products=1, feature="assistant"))
    [case] = store.runs.cases(made.dataset.dataset_id)
    said = store.runs.output_of(made.champion.run_id, case.case_id).text
    other = a_case("assistant", a_product(1), "en", question="And how heavy is it?")
    dataset = Dataset("dataset-other", "other", "assistant", 1, LATER)
    store.runs.add_dataset(dataset, [other])
    run = store.runs.add_run(a_run(store.runs.variant(made.champion.variant_id), dataset, LATER))
    store.runs.add_outputs([an_output(run, other, said)])
    asked = str(case.inputs["question"])
    reported(store, language="en", feature="assistant", question=asked)
    assert published(store, "assistant", "product-1", "en", asked).hidden_because == REPORTED
    assert published(store, "assistant", "product-1", "en", "And how heavy is it?").text == said


def test_without_a_champion_nothing_is_published(store: Store) -> None:
    two_runs(store, ("en",), products=1)
    with pytest.raises(UnknownIdError, match="have no champion yet"):
        published(store, "highlights", "product-1", "en")
    store.runs.add_variant(a_variant("highlights", "new"))
    registry.install(store, "highlights", a_variant("highlights", "new").variant_id, actor="o", reason="r", now=NOW)
    with pytest.raises(UnknownIdError, match="only about nothing at all"):
        published(store, "highlights", "product-1", "en")


def test_a_marketplace_with_a_champion_of_its_own_shows_what_that_says(store: Store, runs: TwoRuns) -> None:
    own = Promotion("highlights", runs.candidate.variant_id, None, "o", "r", NOW, "DE", number=2)
    assert store.ledger.add_promotion(own, AuditEvent(NOW, "o", "promote", own.variant_id))
    everywhere, there = (published(store, "highlights", "product-1", "ja", None, place) for place in ("FR", "DE"))
    assert (everywhere.run_id, there.run_id) == (runs.champion.run_id, runs.candidate.run_id)


def test_an_unknown_product_language_or_question_is_refused_with_what_there_is(store: Store, runs: TwoRuns) -> None:
    with pytest.raises(UnknownIdError, match="'product-7', only about product-1, product-2"):
        published(store, "highlights", "product-7", "ja")
    with pytest.raises(UnknownIdError, match="only in en, ja"):
        published(store, "highlights", "product-1", "ar")
    with pytest.raises(UnknownIdError):
        published(store, "highlights", "\0\ud800", "ja")
    with pytest.raises(InputError, match="answer no question"):
        published(store, "highlights", "product-1", "ja", "How heavy?")
