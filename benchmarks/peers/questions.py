"""Twelve questions about our own sample products in four languages, and what three arms answer. No model is asked anything.

`champion` and `candidate` state the right value in other words; `degraded` states a wrong one for eight of twelve and fails on one.
"""

from __future__ import annotations

from typing import Any

from evals.catalog_files import read_products
from evals.packs import pack
from evals.paths import DATA

LANGUAGES = ("en", "ja", "ar", "de")
ARMS = ("champion", "candidate", "degraded")
FAILS = "the model did not answer"


def questions() -> list[dict[str, Any]]:
    """``{case, product, language, question, value, champion, candidate, degraded}``; `degraded` is None where the arm fails."""
    found = []
    for number, product in enumerate(read_products(DATA / "sample" / "products.yaml")):
        tag = LANGUAGES[number % len(LANGUAGES)]
        words, attribute = pack(tag), sorted(product.attributes)[number % len(product.attributes)]
        name, value = words.attributes[attribute], product.attributes[attribute]
        plain, formal = (text.format(attribute=name, value=value) for text in words.answer["attribute"][:2])
        wrong = None if number == 5 else plain if number % 4 == 0 else plain.replace(value, f"{number}.5 X")
        row = {"case": f"{product.product_id}-{tag}", "product": product.product_id, "language": tag, "value": value}
        asked = {"question": f"{product.title}: {words.ask['attribute'][0].format(attribute=name)}"}
        found.append(row | asked | {"champion": plain, "candidate": formal, "degraded": wrong})
    return found
