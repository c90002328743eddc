"""The sample catalogue is what its datasheet says."""

import json
import runpy
from collections import Counter
from pathlib import Path

import yaml

from evals.catalog_files import read_products, read_questions
from evals.importing import import_reviews
from evals.paths import DATA
from evals.store import Store

SAMPLE = DATA / "sample"


def test_the_sample_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    made = runpy.run_path(str(SAMPLE / "make.py"))
    products = yaml.safe_load((SAMPLE / "products.yaml").read_text("utf-8"))
    defects = yaml.safe_load((SAMPLE / "defects.yaml").read_text("utf-8"))
    rows = [*made["_reviews"](products), *defects]
    assert [json.loads(line) for line in (SAMPLE / "reviews.jsonl").read_text("utf-8").splitlines()] == rows
    questions = [json.loads(line) for line in (SAMPLE / "questions.jsonl").read_text("utf-8").splitlines()]
    assert questions == list(made["_questions"](products))


def test_every_product_has_forty_reviews_in_eight_languages_and_four_categories(tmp_path: Path) -> None:
    store = Store.open("sqlite://")
    store.catalog.add_products(read_products(SAMPLE / "products.yaml"))
    summary = import_reviews(store, [SAMPLE / "reviews.jsonl"], quarantine=tmp_path)
    assert (summary.rows, summary.quarantined, summary.duplicates) == (1932, 0, 0)
    per_product = Counter[str]()
    for row in store.catalog.review_counts():
        per_product[row.product_id] += row.reviews
    assert len(per_product) == 12
    assert min(per_product.values()) >= 40
    assert {row.language for row in store.catalog.review_counts()} == {"en", "es", "fr", "de", "pt", "ja", "ar", "hi"}
    assert len({product.category for product in store.catalog.products()}) == 4


def test_every_question_is_about_a_product_that_is_there() -> None:
    products = {product.product_id for product in read_products(SAMPLE / "products.yaml")}
    questions = read_questions(SAMPLE / "questions.jsonl")
    assert {question.product_id for question in questions} == products
    assert len({question.question_id for question in questions}) == len(questions)
