"""Aspects and sentiment against people's labels: ``python benchmarks/aspects.py [--languages en fr …] [--data FILE]``.

Data: M-ABSA (absa_mabsa of the public data named by PLUMBLINE_SHARED), phone, laptop and hotel sentences, labelled by people in
English and carried over into the other languages. Nothing here is trained on it: the models know the language packs only.

What is counted. `OURS` maps its categories to our aspects; labels that map to nothing (camera, keyboard, "overall") and our
aspects that a domain never labels are left out on both sides. Micro-F1 over (sentence, aspect). Polarity accuracy over sentences whose
labels, mapped or not, all have one polarity, without the help of a rating; beside it, what always saying the commonest would get.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evals.paths import shared_data
from runner.highlights.aspects import finder
from runner.highlights.sentiment import model, polarity

# domain → (beginning or end of a category in lower case → our aspect); the first that fits counts
OURS: dict[str, dict[str, str]] = {
    "phone": {
        "logistics": "delivery",
        "product packaging": "delivery",
        "seller service#shipping": "delivery",
        "seller service": "service",
        "after-sales service": "service",
        "price": "value",
        "battery": "battery",
        "product accessories#charger": "battery",
        "audio/sound": "sound",
        "ease of use#easy": "ease_of_use",
        "product quality#fall": "durability",
        "product quality": "quality",
        "appearance design": "design",
        "performance": "performance",
        "system#operation": "performance",
        "system#system upgrade": "updates",
        "smart connect": "connectivity",
        "signal": "connectivity",
    },
    "laptop": {
        "#price": "value",
        "battery": "battery",
        "power_supply": "battery",
        "support": "service",
        "warranty": "service",
        "shipping": "delivery",
        "multimedia_devices": "sound",
        "#usability": "ease_of_use",
        "laptop#operation_performance": "performance",
        "cpu": "performance",
        "graphics": "performance",
        "memory": "performance",
        "laptop#quality": "quality",
        "laptop#design_features": "design",
        "#connectivity": "connectivity",
        "fans&cooling": "noise",
    },
    "hotel": {
        "prices": "value",
        "cleanliness": "cleanliness",
        "location": "location",
        "service": "service",
        "rooms": "room",
        "room_amenities": "room",
    },
}


class Row(NamedTuple):
    """A sentence with our aspects in it and the polarities people gave."""

    text: str
    aspects: frozenset[str]
    polarities: frozenset[str]


class Figures(NamedTuple):
    """`commonest`: accuracy of always saying the commonest polarity."""

    sentences: int
    precision: float
    recall: float
    f1: float
    polarity: float
    commonest: float


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The labelled sentences of the file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def ours(domain: str, category: str) -> str | None:
    """Our aspect for a category, or None where we have none."""
    name = category.lower()
    return next((aspect for key, aspect in OURS[domain].items() if name.startswith(key) or name.endswith(key)), None)


def row(raw: dict[str, Any]) -> Row:
    """One sentence of the file in our words."""
    aspects = {ours(raw["domain"], label["category"]) for label in raw["labels"]}
    return Row(raw["text"], frozenset(a for a in aspects if a), frozenset(label["polarity"] for label in raw["labels"]))


def measure(tag: str, domain: str, rows: Sequence[Row]) -> Figures:
    """Our figures on the sentences of one language and domain."""
    labelled = set(OURS[domain].values())
    hits = wrong = missed = 0
    for item, found in zip(rows, finder(tag).find([item.text for item in rows]), strict=True):
        said = {hit.aspect for hit in found} & labelled
        hits, wrong, missed = hits + len(said & item.aspects), wrong + len(said - item.aspects), missed + len(item.aspects - said)
    precision, recall = hits / max(1, hits + wrong), hits / max(1, hits + missed)
    f1 = 2 * hits / max(1, 2 * hits + wrong + missed)
    return Figures(len(rows), precision, recall, f1, *_polarity(tag, [item for item in rows if len(item.polarities) == 1]))


def _polarity(tag: str, rows: Sequence[Row]) -> tuple[float, float]:
    gold = [next(iter(item.polarities)) for item in rows]
    said = [polarity(value) for value in model(tag).values([item.text for item in rows], [None] * len(rows))]
    right = sum(a == b for a, b in zip(gold, said, strict=True))
    return right / max(1, len(rows)), max(Counter(gold).values(), default=0) / max(1, len(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--languages", nargs="*", default=["en", "es", "fr", "pt", "ar", "hi", "zh"])
    parser.add_argument("--data", type=Path, default=shared_data() / "absa_mabsa" / "dev" / "data.jsonl.gz")
    chosen = parser.parse_args()
    groups: dict[tuple[str, str], list[Row]] = {}
    for raw in read(chosen.data):
        if raw["domain"] in OURS and raw["lang"] in chosen.languages:
            groups.setdefault((raw["domain"], raw["lang"]), []).append(row(raw))
    print("| domain | language | sentences | precision | recall | micro-F1 | polarity accuracy | commonest polarity |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for (domain, tag), rows in sorted(groups.items()):
        figures = measure(tag, domain, rows)
        print(f"| {domain} | {tag} | {figures.sentences} | " + " | ".join(f"{value:.3f}" for value in figures[1:]) + " |")


if __name__ == "__main__":
    main()
