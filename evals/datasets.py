"""Cases made from what is stored: a dataset is named by its cases, and a case by its inputs.

What a customer once reported is in every dataset of its feature from then on, eligible or not: it is a regression case for ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evals.errors import InputError
from evals.identity import content_id, sha256
from evals.languages import LANGUAGES
from evals.partitions import Purpose, Roles, check
from evals.records import Case, Dataset, Feature, Product
from evals.store import Store


def highlights_cases(store: Store, *, min_reviews: int = 30, min_per_language: int = 8) -> list[Case]:
    """One case per product and language, by product and language.

    A product counts with at least `min_reviews` reviews in whatever language; of it, each of the 28 languages with at least
    `min_per_language`, and in any case its most frequent one. Reviews of undetermined language make no case.
    """
    per_product: dict[str, dict[str, int]] = defaultdict(dict)
    for row in store.catalog.review_counts():
        per_product[row.product_id][row.language] = row.reviews
    enough = {product: counts for product, counts in per_product.items() if sum(counts.values()) >= min_reviews}
    products = {product.product_id: product for product in store.catalog.products()}
    return [
        _highlights_case(store, products[product_id], tag)
        for product_id, counts in sorted(enough.items())
        for tag in _languages(counts, min_per_language)
    ]


def _languages(counts: Mapping[str, int], least: int) -> list[str]:
    determined = {tag: n for tag, n in counts.items() if tag in LANGUAGES}
    often = {tag for tag, n in determined.items() if n >= least}
    first = set(sorted(determined, key=lambda tag: (-determined[tag], tag))[:1])
    return sorted(often | first)


def _highlights_case(store: Store, product: Product, tag: str) -> Case:
    ids = store.catalog.review_ids(product.product_id, tag)
    return _case("highlights", product, tag, {"reviews": len(ids), "reviews_sha256": reviews_sha256(ids)})


def reviews_sha256(review_ids: Sequence[str]) -> str:
    """The hash by which a case names the reviews it is about."""
    return sha256("\n".join(sorted(review_ids)))


def assistant_cases(store: Store) -> list[Case]:
    """One case per stored question in one of the 28 languages, by product, language and question."""
    products = {product.product_id: product for product in store.catalog.products()}
    asked = sorted(store.catalog.questions(), key=lambda question: (question.product_id, question.language, question.question_id))
    return [assistant_case(products[some.product_id], some.language, some.text) for some in asked if some.language in LANGUAGES]


def assistant_case(product: Product, language: str, question: str) -> Case:
    """The case of a question about a product, stored or just typed."""
    return _case("assistant", product, language, {"question": question})


def for_marketplace(cases: Sequence[Case], marketplace: str) -> list[Case]:
    """The cases as one storefront asks them: those in its languages, under its policy for rails (``inputs["marketplace"]``).

    Raises InputError for a marketplace (ISO 3166 code) that is none of ours.
    """
    known = sorted({code for row in LANGUAGES.values() for code in row.marketplaces})
    if marketplace not in known:
        raise InputError(f"marketplace {marketplace!r} is none of the {len(known)}: {' '.join(known)}")
    mine = [case for case in cases if case.language in LANGUAGES and marketplace in LANGUAGES[case.language].marketplaces]
    return [_named(replace(case, inputs={**case.inputs, "marketplace": marketplace})) for case in mine]


def about(case: Case) -> tuple[str, str, str]:
    """What a case is about, whatever reviews came since: product, language and, for the assistant, the question."""
    return case.product_id, case.language, str(case.inputs.get("question", ""))


def reported_cases(store: Store, feature: Feature) -> list[Case]:
    """Every case ever escalated, as it would be asked today: highlights of the reviews stored now, a question as it was. By what they are
    about, one each. Not those of a product given to training before it was reported: a model that has seen it passes for a wrong reason."""
    roles = Roles.read(store)
    asked = [case for case in store.escalations.regression_cases(feature) if roles.role(case.product_id) == "gate"]
    before = {about(case): case for case in asked}
    if feature == "assistant":
        return list(before.values())
    return [_highlights_case(store, store.catalog.product(case.product_id), case.language) for case in before.values()]


def _case(feature: Feature, product: Product, tag: str, inputs: Mapping[str, Any]) -> Case:
    return _named(Case("", feature, product.product_id, tag, product.category, dict(inputs)))


def _named(case: Case) -> Case:
    what = (case.feature, case.product_id, case.language, case.category, dict(case.inputs))
    return replace(case, case_id=content_id("case", *what))


def make_dataset(store: Store, name: str, cases: Sequence[Case], now: str, purpose: Purpose = "gate") -> Dataset:
    """Store the cases as a dataset (the same cases in the same order are the same dataset); cases named twice count once. Cases that were
    ever reported and are not among them come last. A dataset for training (`purpose`) is set aside for ever, without reported cases.

    Raises InputError for no cases, for cases of both features, and for a product that is on the other side (`evals.partitions`).
    """
    unique = list({case.case_id: case for case in cases}.values())
    features = {case.feature for case in unique}
    if len(features) != 1:
        raise InputError(f"dataset {name!r}: needs cases of one feature, got {sorted(features) or 'no case at all'}")
    feature = features.pop()
    there = {about(case) for case in unique}
    unique += [case for case in (reported_cases(store, feature) if purpose == "gate" else ()) if about(case) not in there]
    check(store, (case.product_id for case in unique), purpose, f"dataset {name!r}")
    dataset = Dataset(content_id("dataset", feature, [case.case_id for case in unique]), name, feature, len(unique), now)
    if purpose == "training":
        store.exposure.set_dataset_aside(dataset.dataset_id, "plumb", now)
    store.runs.add_dataset(dataset, unique)
    return store.runs.dataset(dataset.dataset_id)
