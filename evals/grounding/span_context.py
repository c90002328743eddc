"""What surrounds each unit of a text: the answer as a whole, the nearest number and name, its sentence, its neighbours."""

from __future__ import annotations

import math
from collections.abc import Collection
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Columns = dict[str, Floats]

FAR = 30.0  # units; distances are cut there
MARK, NUMBER, WORD, CHARACTER = range(4)  # kinds of units
_AROUND = ("asked", "novel", "rate", "evident")
_NEIGHBOURS = ("kind", "rate", "frequency", "asked", "asked_letters", "capital", "mark", "evident", "length", "year")


def context(found: Columns, question: Collection[str], answer: Collection[str], base: float) -> Columns:
    """`found`: the features of each unit by itself. `base`: share of characters that people mark in the language."""
    found = found | _whole(found, set(question), set(answer))
    n = len(found["kind"])
    found |= {"base": np.full(n, base), "question_length": np.full(n, float(len(question)))}
    return found | _distances(found) | _surroundings(found) | _neighbours(found)


def _whole(found: Columns, question: set[str], answer: set[str]) -> Columns:
    """The same for all units: the answer as a whole; and how much came before and is still to come."""
    n, asked, novel = len(found["kind"]), found["asked"], found["novel"]
    word = found["kind"] != MARK
    figures = {
        "units": math.log1p(n),
        "sentences": found["sentence"][-1] + 1 if n else 0,
        "question_number": any(category(text[0]).startswith("N") for text in question),
        "asked_share": asked @ word / max(1, word.sum()),
        "answered_share": len(question & answer) / max(1, len(question)),
        "numbers": math.log1p((found["kind"] == NUMBER).sum()),
        "names": found["name"].mean() if n else 0,
        "repetition": found["pair_again"].mean() if n else 0,
        "rate_of_all": found["rate"].mean() if n else 0,
        "has_evidence": n > 0 and not np.isnan(found["evident"][0]),
    }
    return {name: np.full(n, float(value)) for name, value in figures.items()} | {
        "novel_before": np.log1p(np.cumsum(novel) - novel),
        "novel_after": np.log1p(novel.sum() - np.cumsum(novel)),
        "asked_after": np.log1p(np.maximum(0, asked.sum() - np.cumsum(asked))),
    }


def _distances(found: Columns) -> Columns:
    """Units since the last and until the next number, word of the question, novel word, name and mark."""
    masks = {
        "number": found["kind"] == NUMBER,
        "asked": found["asked"] > 0,
        "novel": found["novel"] > 0,
        "name": found["name"] > 0,
        "mark": found["kind"] == MARK,
    }
    since = {f"since_{name}": _since(mask) for name, mask in masks.items()}
    return since | {f"until_{name}": _since(mask[::-1])[::-1] for name, mask in masks.items()}


def _since(mask: NDArray[np.bool_]) -> Floats:
    index = np.arange(len(mask), dtype=float)
    last = np.concatenate([[-np.inf], np.maximum.accumulate(np.where(mask, index, -np.inf))])[: len(mask)]
    return np.asarray(np.minimum(FAR, index - last))


def _surroundings(found: Columns) -> Columns:
    """Means over the sentence, and over a few units either side."""
    sentence = found["sentence"].astype(int)
    sizes = np.bincount(sentence)
    numbers = (found["kind"] == NUMBER).astype(float)
    means = {f"sentence_{name}": found[name] for name in _AROUND} | {"sentence_number": numbers}
    by_sentence = {name: np.asarray(np.bincount(sentence, values) / sizes)[sentence] for name, values in means.items()}
    windows = {f"around{size}_{name}": _window(found[name], size) for name in _AROUND for size in (2, 6)}
    return by_sentence | windows | {"sentence_length": np.log1p(sizes[sentence])}


def _window(values: Floats, size: int) -> Floats:
    n, index = len(values), np.arange(len(values))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    low, high = np.maximum(0, index - size), np.minimum(n, index + size + 1)
    return np.asarray((sums[high] - sums[low]) / (high - low))


def _neighbours(found: Columns) -> Columns:
    """Features of the two units before and the two behind; −1 where there is none."""
    shifted: Columns = {}
    for name in _NEIGHBOURS:
        padded = np.concatenate([[-1.0, -1.0], found[name], [-1.0, -1.0]])
        for step in (-2, -1, 1, 2):
            shifted[f"{name}{step:+d}"] = padded[2 + step : len(padded) - 2 + step]
    return shifted
