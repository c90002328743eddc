"""The cases that a peer's answers are about, and the dataset they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evals.errors import InputError
from evals.identity import content_id
from evals.languages import identify
from evals.partitions import check
from evals.peers.answers import Answer, Results, name_of
from evals.records import Case, Dataset, Feature, Product, Run
from evals.store import Store
from evals.text import shortened

IDENTIFIED_BY = 2000  # characters of a text that its language is identified by

Answers = Mapping[str, tuple[Case, Answer]]


def by_case(feature: Feature, results: Results, language: str | None) -> Answers:
    """The answers by case. Raises InputError for a case named twice. `language`: of cases that state none, else identified."""
    found: dict[str, tuple[Case, Answer]] = {}
    for answer in results.answers:
        case = _case(feature, answer, language)
        if case.case_id in found:
            first = found[case.case_id][1].where
            raise InputError(f"{results.variant}, {answer.where}: the case of {first} again ({answer.case or answer.question!r:.80})")
        found[case.case_id] = (case, answer)
    return found


def _case(feature: Feature, answer: Answer, language: str | None) -> Case:
    """The same case whatever the arm, the order of the file and what else is stored. Its cluster is its product; a case that states none
    is one of its own, with its repeats."""
    asked: dict[str, str | int] = {"question": answer.question, "imported": 1}
    asked |= {"reference": answer.reference} if answer.reference else {}
    asked |= {"case": answer.case} if answer.case else {}
    alone = content_id("imported", asked, dict(answer.labels))
    asked |= {"repeat": answer.repeat} if answer.repeat > 1 else {}
    tag = answer.labels.get("language") or language or identify(answer.question[:IDENTIFIED_BY])[0]
    product = name_of(answer.labels["product"]) if "product" in answer.labels else alone
    case = Case("", feature, product, tag, name_of(answer.labels.get("category", "unknown")), asked)
    return replace(case, case_id=content_id("case", feature, product, tag, case.category, asked))


def dataset_of(
    store: Store, feature: Feature, results: Results, answers: Answers, over: Run | None, now: str
) -> tuple[Dataset, Sequence[Case]]:
    """The dataset of these cases in the order of their ids, so that a file in another order is about the same; or that of `over`."""
    if over is not None:
        return _given(store, results, answers, over)
    cases = [case for _, (case, _) in sorted(answers.items())]
    check(store, (case.product_id for case in cases), "gate", f"{results.variant} of {results.peer}")
    titles = {case.product_id: answer.labels.get("product") or shortened(answer.question, 80) for case, answer in answers.values()}
    categories = {case.product_id: case.category for case in cases}
    store.catalog.add_products(Product(name, titles[name], categories[name]) for name in sorted(titles))
    dataset = Dataset(
        content_id("dataset", feature, [case.case_id for case in cases]), f"{results.peer}, {len(cases)} cases", feature, len(cases), now
    )
    store.runs.add_dataset(dataset, cases)
    return store.runs.dataset(dataset.dataset_id), cases


def _given(store: Store, results: Results, answers: Answers, over: Run) -> tuple[Dataset, Sequence[Case]]:
    cases = store.runs.cases(over.dataset_id)
    known = {case.case_id for case in cases}
    foreign = [answer for name, (_, answer) in answers.items() if name not in known]
    if foreign:
        first = foreign[0]
        raise InputError(
            f"{results.variant}, {first.where}: no case of {over.run_id} ({first.case or first.question!r:.80}); "
            f"{len(foreign)} of {len(answers)} are not among its {len(cases)}"
        )
    return store.runs.dataset(over.dataset_id), cases
