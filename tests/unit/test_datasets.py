"""Cases and datasets: who gets one, and that names are made from content."""

from __future__ import annotations

import pytest
from support import NOW, a_product, a_review, a_store

from evals.datasets import assistant_cases, for_marketplace, highlights_cases, make_dataset, reviews_sha256
from evals.errors import InputError
from evals.identity import content_id
from evals.records import Question
from evals.store import Store


def stocked(**reviews: int) -> Store:
    """A store with one product and so many reviews in each language."""
    store = a_store()
    store.catalog.add_products([a_product(1)])
    store.catalog.add_reviews(a_review(a_product(1), tag, f"{tag} {i}") for tag, count in reviews.items() for i in range(count))
    return store


def languages(store: Store) -> list[str]:
    return [case.language for case in highlights_cases(store)]


def test_a_product_with_few_reviews_makes_no_case() -> None:
    assert languages(stocked(en=20, fr=9)) == []


def test_each_language_with_enough_reviews_makes_a_case() -> None:
    assert languages(stocked(en=20, fr=8, de=7)) == ["en", "fr"]


def test_the_most_frequent_language_makes_a_case_even_if_scattered() -> None:
    assert languages(stocked(ar=5, bn=5, cs=5, da=5, de=6, el=4)) == ["de"]


def test_undetermined_reviews_count_for_the_product_but_make_no_case() -> None:
    assert languages(stocked(und=29, ja=1)) == ["ja"]
    assert languages(stocked(und=40)) == []


def test_a_new_review_makes_a_new_case() -> None:
    store = stocked(en=30)
    [before] = highlights_cases(store)
    store.catalog.add_reviews([a_review(a_product(1), "en", "one more")])
    [after] = highlights_cases(store)
    assert before.case_id != after.case_id
    assert after.inputs == {"reviews": 31, "reviews_sha256": reviews_sha256(store.catalog.review_ids("product-1", "en"))}


def test_each_question_in_one_of_our_languages_makes_a_case() -> None:
    store = stocked(en=1)
    for tag, text in (("en", "How heavy?"), ("und", "??"), ("ar", "كم الوزن؟")):
        store.catalog.add_questions([Question(content_id("question", tag, text), "product-1", tag, text)])
    assert [(case.language, case.inputs["question"]) for case in assistant_cases(store)] == [("ar", "كم الوزن؟"), ("en", "How heavy?")]


def test_the_same_cases_are_the_same_dataset_and_named_twice_count_once() -> None:
    store = stocked(en=30, fr=30)
    cases = highlights_cases(store)
    first, second = make_dataset(store, "a", cases, NOW), make_dataset(store, "b", [*cases, cases[0]], NOW)
    assert first == second and store.runs.cases(first.dataset_id) == cases
    assert make_dataset(store, "c", cases[::-1], NOW).dataset_id != first.dataset_id


def test_a_dataset_of_nothing_or_of_both_features_is_refused() -> None:
    store = stocked(en=30)
    store.catalog.add_questions([Question("question-1", "product-1", "en", "How heavy?")])
    with pytest.raises(InputError, match="no case at all"):
        make_dataset(store, "empty", [], NOW)
    with pytest.raises(InputError, match="assistant"):
        make_dataset(store, "mixed", [*highlights_cases(store), *assistant_cases(store)], NOW)


def test_a_storefront_asks_in_its_languages_only_and_under_a_name_of_its_own() -> None:
    cases = highlights_cases(stocked(de=20, ja=20))
    [german] = for_marketplace(cases, "DE")
    assert (german.language, german.inputs["marketplace"]) == ("de", "DE")
    assert german.case_id not in {case.case_id for case in cases}
    assert for_marketplace(cases, "DE") == [german]


def test_a_storefront_that_is_none_of_ours_is_named() -> None:
    with pytest.raises(InputError, match="marketplace 'XX' is none of the 22"):
        for_marketplace([], "XX")
