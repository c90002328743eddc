"""Makes the sample catalogue from products.yaml, defects.yaml and the language packs: ``python data/sample/make.py``.

Every sentence was written for this project; this script only chooses and joins them, from a seed, so that the files beside it can be
made again byte for byte. A test does.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from evals.packs import LanguagePack, pack

HERE = Path(__file__).parent
LANGUAGES = ("en", "es", "fr", "de", "pt", "ja", "ar", "hi")
REVIEWS_PER_LANGUAGE = 20
SEED = 20261122


def main() -> None:
    """Write reviews.jsonl and questions.jsonl beside this file."""
    products = yaml.safe_load((HERE / "products.yaml").read_text("utf-8"))
    defects = yaml.safe_load((HERE / "defects.yaml").read_text("utf-8"))
    _write("reviews.jsonl", [*_reviews(products), *defects])
    _write("questions.jsonl", list(_questions(products)))


def _write(name: str, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (HERE / name).write_text(text, encoding="utf-8")


def _reviews(products: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for product in products:
        for tag in LANGUAGES:
            for number in range(REVIEWS_PER_LANGUAGE):
                rng = random.Random(f"{SEED}/{product['id']}/{tag}/{number}")  # noqa: S311
                text, rating = _review(rng, pack(tag), product["opinion"])
                day = f"{2024 + rng.randrange(2)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
                identity = {"id": f"{product['id']}-{tag}-{number:02}", "product_id": product["id"], "product": product["title"]}
                yield identity | {"category": product["category"], "lang": tag, "rating": rating, "text": text, "date": day}


def _review(rng: random.Random, texts: LanguagePack, opinion: dict[str, float]) -> tuple[str, int]:
    """One to three aspects, each praised or not as the product's profile says; the rating follows."""
    chosen = rng.sample(sorted(opinion), rng.choice([1, 2, 2, 3]))
    praised = {aspect: rng.random() < opinion[aspect] for aspect in chosen}
    happy = sum(praised.values()) * 2 >= len(praised)
    mood = "positive" if happy else "negative"
    parts = [rng.choice(texts.openers[mood])] if rng.random() < 0.4 else []
    for aspect in chosen:
        row = texts.aspects[aspect]
        kind = row.neutral if rng.random() < 0.08 else row.positive if praised[aspect] else row.negative
        parts.append(rng.choice(kind))
    parts += [rng.choice(texts.closers[mood])] if rng.random() < 0.35 else []
    share = sum(praised.values()) / len(praised)
    rating = max(1, min(5, round(1 + 4 * share + rng.choice([-1, 0, 0, 0]))))
    return _joined(rng, texts.tag, parts), rating


def _joined(rng: random.Random, tag: str, parts: list[str]) -> str:
    """As people type: mostly one paragraph, sometimes lines, sometimes an emoji."""
    glue = "" if tag == "ja" else " "
    text = ("\n" if rng.random() < 0.1 else glue).join(parts)
    return text + rng.choice([" 👍", " 🙂", "!!", " ⭐⭐⭐⭐⭐"]) if rng.random() < 0.06 else text


def _questions(products: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Per product and language: an aspect reviews speak of, an attribute it has, and sometimes one it has not."""
    for product in products:
        for tag in LANGUAGES:
            rng = random.Random(f"{SEED}/questions/{product['id']}/{tag}")  # noqa: S311
            texts = pack(tag)
            aspect = rng.choice(sorted(product["opinion"]))
            attribute = rng.choice(sorted(product["attributes"]))
            absent = rng.choice(sorted(set(texts.attributes) - set(product["attributes"])))
            base = {"product_id": product["id"], "lang": tag}
            yield base | {"text": rng.choice(texts.ask["aspect"]).format(aspect=texts.aspects[aspect].name), "answer": None}
            yield base | {"text": rng.choice(texts.ask["attribute"]).format(attribute=texts.attributes[attribute]), "answer": None}
            if rng.random() < 0.4:
                yield base | {"text": rng.choice(texts.ask["attribute"]).format(attribute=texts.attributes[absent]), "answer": None}


if __name__ == "__main__":
    main()
