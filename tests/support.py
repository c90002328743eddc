"""Records made by hand for tests: small, whole and deterministic, named by content as the real ones are.

`two_runs` fills a store with what the loop needs before people come in: products, reviews, cases, a champion that tells the truth about its
evidence, a candidate that gets every `wrong_every`-th claim wrong, and their claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evals.bands import band
from evals.claims import claims_of
from evals.identity import content_id, sha256
from evals.packs import LanguagePack, pack
from evals.records import AspectRow, Case, Dataset, Feature, Finding, Output, Passage, Polarity, Product, Question, Review, Run, Variant
from evals.store import Store

NOW = "2026-11-22T12:00:00Z"
CATEGORY = "audio"
ATTRIBUTES = {"color": "blue", "weight": "1.2 kg"}
_OPPOSITE = {
    "most_positive": "most_negative", "some_positive": "some_negative", "mixed": "most_positive",
    "some_negative": "some_positive", "most_negative": "most_positive",
}  # fmt: skip


@dataclass(frozen=True)
class TwoRuns:
    """A champion and a candidate over one dataset."""

    dataset: Dataset
    champion: Run
    candidate: Run


def a_store(url: str = "sqlite://") -> Store:
    """An empty store, in memory unless a URL is given."""
    return Store.open(url)


def a_product(number: int) -> Product:
    return Product(f"product-{number}", f"Product {number}", CATEGORY, ATTRIBUTES)


def a_review(product: Product, language: str, text: str) -> Review:
    return Review(content_id("review", product.product_id, None, None, text, None, None), product.product_id, language, text)


def a_case(feature: Feature, product: Product, language: str, **inputs: object) -> Case:
    name = content_id("case", feature, product.product_id, language, product.category, inputs)
    return Case(name, feature, product.product_id, language, product.category, inputs)


def a_variant(feature: Feature, name: str) -> Variant:
    settings = {"kind": "template", "name": name}
    return Variant(content_id("variant", feature, settings), name, feature, settings)


def a_run(variant: Variant, dataset: Dataset, now: str = NOW) -> Run:
    return Run(content_id("run", variant.variant_id, dataset.dataset_id), variant.feature, variant.variant_id, dataset.dataset_id, now, now)


def an_output(run: Run, case: Case, text: str, passages: Sequence[Passage] = (), aspects: Sequence[AspectRow] = ()) -> Output:
    output_id = content_id("output", run.run_id, case.case_id)
    return Output(output_id, run.run_id, case.case_id, text, "ok", NOW, tuple(passages), tuple(aspects))


def a_finding(output: Output, action: str = "block") -> Finding:
    name = content_id("finding", output.output_id, "test", "output", None, 0, 1, "planted")
    return Finding(name, output.output_id, "test", action, "output", 0, 1, "planted")  # type: ignore[arg-type]  # any action, for tests


def two_runs(
    store: Store,
    languages: Sequence[str] = ("en", "ja", "ar"),
    *,
    feature: Feature = "highlights",
    products: int = 3,
    claims: int = 3,
    wrong_every: int = 3,
    now: str = NOW,
) -> TwoRuns:
    """Both runs of `feature`, finished, with claims: one case per product and language (highlights) or question (assistant),
    `claims` claims an output. Of the candidate every `wrong_every`-th claim says the opposite of its evidence (0: none)."""
    catalogue = [a_product(number) for number in range(1, products + 1)]
    store.catalog.add_products(catalogue)
    cases = [_case(store, feature, product, tag) for product in catalogue for tag in languages]
    dataset = Dataset(content_id("dataset", feature, [case.case_id for case in cases]), "test", feature, len(cases), now)
    store.runs.add_dataset(dataset, cases)
    champion = _run(store, feature, "champion", dataset, cases, claims, 0, now)
    candidate = _run(store, feature, "candidate", dataset, cases, claims, wrong_every, now)
    return TwoRuns(dataset, champion, candidate)


def _case(store: Store, feature: Feature, product: Product, tag: str) -> Case:
    texts = [text for aspect in _aspects(pack(tag), 4) for text in pack(tag).aspects[aspect].positive]
    reviews = [a_review(product, tag, text) for text in texts]
    store.catalog.add_reviews(reviews)
    if feature == "highlights":
        ids = sorted(review.review_id for review in reviews)
        return a_case(feature, product, tag, reviews=len(ids), reviews_sha256=sha256("\n".join(ids)))
    asked = pack(tag).ask["attribute"][0].format(attribute=pack(tag).attributes["weight"])
    store.catalog.add_questions([Question(content_id("question", product.product_id, tag, asked, None), product.product_id, tag, asked)])
    return a_case(feature, product, tag, question=asked)


def _run(
    store: Store, feature: Feature, name: str, dataset: Dataset, cases: Sequence[Case], claims: int, wrong_every: int, now: str
) -> Run:
    variant = a_variant(feature, name)
    store.runs.add_variant(variant)
    run = store.runs.add_run(a_run(variant, dataset, now))
    say = _highlights if feature == "highlights" else _answer
    said = 0
    for case in cases:
        wrong = [bool(wrong_every) and (said + i + 1) % wrong_every == 0 for i in range(claims)]
        output = say(run, case, wrong)
        store.runs.add_outputs([output])
        store.runs.add_claims(claims_of(output, case.language))
        said += claims
    return run


def _aspects(words: LanguagePack, count: int) -> list[str]:
    return sorted(words.aspects)[:count]


def _highlights(run: Run, case: Case, wrong: Sequence[bool]) -> Output:
    """One sentence per aspect row, with the [n] of a snippet, as the template variant says it."""
    words = pack(case.language)
    rows = [_row(aspect, i) for i, aspect in enumerate(_aspects(words, len(wrong)))]
    passages = [_snippet(words, row.aspect, _polarity(row), i) for i, row in enumerate(rows, 1)]
    keys = [_OPPOSITE[band(row)] if lie else band(row) for row, lie in zip(rows, wrong, strict=True)]
    sentences = [words.summary[key][0].format(aspect=words.aspects[row.aspect].name) for key, row in zip(keys, rows, strict=True)]
    text = " ".join(f"{sentence} [{i}]" for i, sentence in enumerate(sentences, 1))
    return an_output(run, case, text, passages, rows)


def _row(aspect: str, index: int) -> AspectRow:
    positive, negative = ((12, 2), (3, 15), (6, 6), (2, 1), (1, 2))[index % 5]
    return AspectRow(aspect, positive, 1, negative, positive + negative + 1)


def _polarity(row: AspectRow) -> Polarity:
    return "positive" if row.positive >= row.negative else "negative"


def _snippet(words: LanguagePack, aspect: str, polarity: Polarity, number: int) -> Passage:
    text = getattr(words.aspects[aspect], polarity)[0]
    return Passage(number, "review", f"review-{aspect}", words.tag, text, 0, len(text), aspect, polarity)


def _answer(run: Run, case: Case, wrong: Sequence[bool]) -> Output:
    """Attribute, aspect, attribute …: each sentence cites the passages that carry it."""
    words = pack(case.language)
    sentences, passages = [], []
    for i, lie in enumerate(wrong, 1):
        if i % 2:
            attribute, value = list(ATTRIBUTES.items())[i // 2 % len(ATTRIBUTES)]
            passages.append(Passage(i, "attribute", f"{case.product_id}/{attribute}", "und", value, 0, len(value)))
            said = f"{value}9" if lie else value
            sentences.append(words.answer["attribute"][0].format(attribute=words.attributes[attribute], value=said))
        else:
            aspect = _aspects(words, i)[-1]
            passages.append(_snippet(words, aspect, "positive", i))
            key = "aspect_negative" if lie else "aspect_positive"
            sentences.append(words.answer[key][0].format(aspect=words.aspects[aspect].name))
    text = " ".join(f"{sentence} [{i}]" for i, sentence in enumerate(sentences, 1))
    return an_output(run, case, text, passages)
