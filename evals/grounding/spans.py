"""Which characters of a text are probably hallucinated, by small trees over `span_features`; a triage signal, never a verdict.

Two settings, each with its own trees: ``memory``, an answer a model gave from what it knows (evidence, where there is some, is only
looked up), and ``evidence``, a text written from passages. The file holds one model a fold: for a `group` of its training data only the
model that never saw it speaks, for everything else the mean of all. Card: docs/models/spans.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evals.errors import SetupError
from evals.grounding.span_context import Floats
from evals.grounding.span_features import Reading, columns, read
from evals.identity import sha256
from evals.paths import DATA

MODEL = DATA / "models" / "spans"
MOST_CHARACTERS = 10_000  # of a text; the longest it was trained on has 2,207
_ROWS = 1024  # units at a time
Setting = Literal["memory", "evidence"]


@dataclass(frozen=True)
class Suspect:
    """``text[start:end]`` (code points) is flagged; `probability`: the mean over its characters that people would mark them."""

    start: int
    end: int
    probability: float


@dataclass(frozen=True)
class Suspicion:
    """`characters`: the probability of each; `spans`: what is flagged, in order, apart from each other.

    `verified`: the language was measured in this setting (docs/benchmarks.md).
    """

    characters: Floats
    spans: tuple[Suspect, ...]
    verified: bool

    @property
    def flagged(self) -> NDArray[np.bool_]:
        found = np.zeros(len(self.characters), dtype=bool)
        for span in self.spans:
            found[span.start : span.end] = True
        return found


def suspicion(text: str, language: str, *, setting: Setting, question: str = "", evidence: str = "", group: str | None = None) -> Suspicion:
    """What of `text` is suspect; a `group` that the training data has is judged as if it had not."""
    head = _heads()[setting]
    reading = read(text[:MOST_CHARACTERS], language, question, evidence)
    characters = np.concatenate([_spread(reading, head.probabilities(reading, group)), np.zeros(max(0, len(text) - MOST_CHARACTERS))])
    flagged = most_overlap(characters) if head.threshold is None else characters >= head.threshold
    return Suspicion(characters, _spans(characters, flagged), language in head.verified)


def model_name() -> str:
    """Hash of the trained file: other trees are another measure."""
    return sha256(json.dumps(_recipe(), sort_keys=True))[:12]


def _spread(reading: Reading, units: Floats) -> Floats:
    """Units' probabilities on their characters; what lies between two gets the smaller of theirs."""
    characters = np.zeros(len(reading.text))
    for place, (unit, probability) in enumerate(zip(reading.units, units, strict=True)):
        if place:
            characters[reading.units[place - 1].end : unit.start] = min(probability, units[place - 1])
        characters[unit.start : unit.end] = probability
    return characters


def most_overlap(probabilities: Floats) -> NDArray[np.bool_]:
    """The set of characters with the largest expected intersection over union with what people would mark, both sums in expectation.

    Of all sets of k characters the k most probable are best; k maximises Σ p inside ÷ (k + Σ p outside).

    >>> most_overlap(np.array([0.9, 0.2, 0.1])).tolist(), most_overlap(np.array([0.5, 0.45, 0.4])).tolist()
    ([True, False, False], [True, True, True])
    """
    order = np.argsort(-probabilities, kind="stable")
    inside = np.cumsum(probabilities[order])
    flagged = np.zeros(len(probabilities), dtype=bool)
    if len(order) and inside[-1] > 0:
        overlap = inside / (np.arange(1, len(order) + 1) + inside[-1] - inside)
        flagged[order[: int(np.argmax(overlap)) + 1]] = True
    return flagged & (probabilities > 0)


def _spans(characters: Floats, flagged: NDArray[np.bool_]) -> tuple[Suspect, ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flagged, [False]]).astype(int)))
    return tuple(
        Suspect(int(start), int(end), round(float(characters[start:end].mean()), 4))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    )


@dataclass(frozen=True)
class Vocabulary:
    """Words of the training answers by hash; one that is not there is rare, and as often wrong as its language's average."""

    bases: Mapping[str, float]
    base_of_all: float
    words: Mapping[int, tuple[float, float]]

    def base(self, language: str) -> float:
        return self.bases.get(language, self.base_of_all)

    def look(self, language: str, word: str) -> tuple[float, float]:
        return self.words.get(word_hash(language, word), (0.0, self.base(language)))


def word_hash(language: str, word: str) -> int:
    return int(sha256(f"{language} {word}")[:8], 16)


def group_hash(group: str) -> int:
    return int(sha256(f"group {group}")[:16], 16)


@dataclass(frozen=True)
class Trees:
    """The sum of the leaves a unit falls into is its log odds. `left` and `right` of a leaf are the leaf itself."""

    roots: NDArray[np.int32]
    feature: NDArray[np.uint8]
    threshold: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]
    depth: int
    baseline: float

    def log_odds(self, rows: NDArray[np.float32]) -> Floats:
        return np.concatenate([self._some(rows[i : i + _ROWS]) for i in range(0, len(rows), _ROWS)]) if len(rows) else np.zeros(0)

    def _some(self, rows: NDArray[np.float32]) -> Floats:
        """Every unit walks down every tree at once; those that have arrived stay out of the next step."""
        node = np.tile(self.roots, len(rows))
        first = np.repeat(np.arange(len(rows)) * rows.shape[1], len(self.roots))
        flat, walking = rows.ravel(), np.arange(len(node))
        for _ in range(self.depth):
            at = node[walking]
            seen = flat[first[walking] + self.feature[at]]
            to_left = (seen <= self.threshold[at]) | (np.isnan(seen) & self.missing_left[at])
            node[walking] = step = np.where(to_left, self.left[at], self.right[at])
            walking = walking[self.left[step] != step]
        values = self.value[node].reshape(len(rows), len(self.roots))
        return np.asarray(values.sum(axis=1, dtype=np.float64) + self.baseline)


@dataclass(frozen=True)
class Head:
    """One setting. `threshold` None: what is flagged is chosen text by text, by `most_overlap`."""

    features: tuple[str, ...]
    folds: tuple[tuple[Vocabulary, Trees], ...]
    groups: Mapping[int, int]
    threshold: float | None
    verified: frozenset[str]

    def probabilities(self, reading: Reading, group: str | None) -> Floats:
        fold = None if group is None else self.groups.get(group_hash(group))
        chosen = self.folds if fold is None else (self.folds[fold],)
        return np.asarray(np.mean([_probabilities(self.features, reading, *part) for part in chosen], axis=0))


def _probabilities(features: tuple[str, ...], reading: Reading, vocabulary: Vocabulary, trees: Trees) -> Floats:
    found = columns(reading, vocabulary)
    rows = np.column_stack([found[name] for name in features]).astype(np.float32)
    return np.asarray(1 / (1 + np.exp(-trees.log_odds(rows))))


@cache
def _recipe() -> dict[str, Any]:
    path = MODEL / "recipe.json"
    if not path.exists():
        raise SetupError(f"{path} is missing: the trained file for spans belongs to the project")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def _heads() -> dict[str, Head]:
    with np.load(MODEL / "spans.npz", allow_pickle=False) as arrays:
        return {name: _head(name, row, arrays) for name, row in _recipe()["heads"].items()}


def _head(name: str, row: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Head:
    folds = tuple(_fold(f"{name}/{place}", part, arrays) for place, part in enumerate(row["folds"]))
    groups = dict(zip(arrays[f"{name}/groups"].tolist(), arrays[f"{name}/group_folds"].tolist(), strict=True))
    return Head(tuple(row["features"]), folds, groups, row["threshold"], frozenset(row["languages"]))


def _fold(name: str, part: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> tuple[Vocabulary, Trees]:
    known = zip(arrays[f"{name}/frequency"].tolist(), arrays[f"{name}/rate"].tolist(), strict=True)
    words = dict(zip(arrays[f"{name}/words"].tolist(), known, strict=True))
    trees = {key: arrays[f"{name}/{key}"] for key in ("roots", "feature", "threshold", "missing_left", "left", "right", "value")}
    trees |= {key: trees[key].astype(np.int32) for key in ("roots", "left", "right")}
    return Vocabulary(part["bases"], part["base"], words), Trees(**trees, depth=part["depth"], baseline=part["baseline"])
