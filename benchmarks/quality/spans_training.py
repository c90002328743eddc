"""``python -m benchmarks.quality.spans_training``: the trees of data/models/spans from the development parts; a few minutes.

Boosted trees on words, weighted so that each answer counts the same; what they learn is half the majority's marks, half the share of
people who marked. Folds by `group`; a word's rates never count the answer they are looked up for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from benchmarks.quality.data import Row, Sets
from benchmarks.quality.span_rows import marks_of, reading_of, texts_of
from evals.grounding.span_context import Floats
from evals.grounding.span_features import Reading, columns
from evals.grounding.spans import MODEL, Setting, group_hash, suspicion, word_hash
from evals.identity import file_sha256, sha256

FOLDS = 5
PRIOR = 4.0  # marks' worth of the language's average in each word's rate
LEAST = 2  # answers a word must stand in to be remembered
SETTINGS: dict[str, Any] = {
    "max_iter": 120,
    "learning_rate": 0.08,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 60,
    "l2_regularization": 5,
    "max_bins": 64,
    "max_features": 0.3,
    "random_state": 0,
    "early_stopping": False,
}
THRESHOLDS = tuple(round(0.02 * step, 2) for step in range(1, 26))
HEADS: dict[Setting, tuple[str, ...]] = {"memory": ("grounding_mushroom",), "evidence": ("grounding_ragtruth", "grounding_faithbench")}


@dataclass(frozen=True)
class Example:
    """`target`: per unit, in [0, 1]; `size`: its characters."""

    row: Row
    reading: Reading
    target: Floats
    size: Floats

    @property
    def fold(self) -> int:
        return int(sha256(f"fold {self.row['group']}")[:8], 16) % FOLDS


def example(row: Row) -> Example:
    reading, marks = reading_of(row), marks_of(row)
    wanted = 0.5 * marks.hard + 0.5 * marks.soft
    target = [float(wanted[unit.start : unit.end].mean()) for unit in reading.units]
    return Example(row, reading, np.array(target), np.array([len(unit.text) for unit in reading.units], dtype=float))


@dataclass
class Counts:
    """How often each word stands in answers and is marked, per language; `without` leaves one answer out while it is read."""

    examples: Sequence[Example]
    answers: Counter[str] = field(default_factory=Counter)
    documents: Counter[tuple[str, str]] = field(default_factory=Counter)
    uses: Counter[tuple[str, str]] = field(default_factory=Counter)
    marked: dict[tuple[str, str], float] = field(default_factory=dict)
    bases: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.examples:
            self._count(one, 1)
        for language in sorted(self.answers):
            targets = np.concatenate([one.target for one in self.examples if one.reading.language == language])
            self.bases[language] = round(float(targets.mean()), 4)

    def _count(self, one: Example, sign: int) -> None:
        language = one.reading.language
        self.answers[language] += sign
        for word in {*one.reading.words, *one.reading.question}:
            self.documents[language, word] += sign
        for word, target in zip(one.reading.words, one.target, strict=True):
            self.uses[language, word] += sign
            self.marked[language, word] = self.marked.get((language, word), 0.0) + sign * target

    @contextmanager
    def without(self, one: Example) -> Iterator[Counts]:
        self._count(one, -1)
        yield self
        self._count(one, 1)

    def base(self, language: str) -> float:
        return self.bases[language]

    def look(self, language: str, word: str) -> tuple[float, float]:
        documents = self.documents[language, word]
        if documents < LEAST:
            return 0.0, self.base(language)
        rate = (self.marked.get((language, word), 0.0) + PRIOR * self.base(language)) / (self.uses[language, word] + PRIOR)
        return _short(np.log1p(100 * documents / self.answers[language])), _short(rate)

    def arrays(self) -> dict[str, np.ndarray]:
        """Remembered words in the order of their hashes."""
        found = {word_hash(*key): self.look(*key) for key, n in self.documents.items() if n >= LEAST}
        hashes = sorted(found)
        values = np.array([found[number] for number in hashes], dtype=np.float16).reshape(-1, 2)
        return {"words": np.array(hashes, dtype=np.uint32), "frequency": values[:, 0], "rate": values[:, 1]}


def _short(value: float) -> float:
    """As it will be stored."""
    return float(np.float16(value))


def fitted(examples: Sequence[Example], counts: Counts) -> tuple[HistGradientBoostingClassifier, list[str]]:
    found = []
    for one in examples:
        with counts.without(one) as others:
            found.append(columns(one.reading, others))
    names = list(found[0])
    rows = np.vstack([np.column_stack([part[name] for name in names]) for part in found]).astype(np.float32)
    target = np.concatenate([one.target for one in examples])
    weight = np.concatenate([one.size / max(30.0, one.size.sum()) for one in examples])
    both, right = np.vstack([rows, rows]), np.repeat([1, 0], len(rows))
    weights = np.concatenate([target * weight, (1 - target) * weight]) / weight.mean()
    used = weights > 0
    with threadpool_limits(1):  # the same sums on every machine
        return HistGradientBoostingClassifier(**SETTINGS).fit(both[used], right[used], sample_weight=weights[used]), names


def exported(model: HistGradientBoostingClassifier) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The trees as `evals.grounding.spans.Trees` reads them (scikit-learn 1.9.1 keeps the nodes in a private attribute)."""
    nodes = [trees[0].nodes for trees in model._predictors]
    sizes = np.array([len(tree) for tree in nodes])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    every, offset = np.concatenate(nodes), np.repeat(roots, sizes)
    leaf, own = every["is_leaf"].astype(bool), np.arange(sizes.sum())
    arrays = {
        "roots": roots.astype(np.uint16),
        "feature": np.where(leaf, 0, every["feature_idx"]).astype(np.uint8),
        "threshold": np.where(leaf, 0, every["num_threshold"]).astype(np.float32),
        "missing_left": every["missing_go_to_left"].astype(bool),
        "left": np.where(leaf, own, every["left"] + offset).astype(np.uint16),
        "right": np.where(leaf, own, every["right"] + offset).astype(np.uint16),
        "value": np.where(leaf, every["value"], 0).astype(np.float32),
    }
    return arrays, {"depth": int(every["depth"].max()), "baseline": float(model._baseline_prediction.ravel()[0])}


def head(name: str, examples: Sequence[Example]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    arrays: dict[str, np.ndarray] = {}
    folds, names = [], []
    for fold in range(FOLDS):
        others = [one for one in examples if one.fold != fold]
        counts = Counts(others)
        model, names = fitted(others, counts)
        trees, about = exported(model)
        arrays |= {f"{name}/{fold}/{key}": value for key, value in (trees | counts.arrays()).items()}
        bases = np.mean(list(counts.bases.values()))
        folds.append(about | {"bases": counts.bases, "base": round(float(bases), 4)})
        print(f"{name}: fold {fold} of {FOLDS} from {len(others)} answers", flush=True)
    groups = {group_hash(one.row["group"]): one.fold for one in examples}
    arrays[f"{name}/groups"] = np.array(sorted(groups), dtype=np.uint64)
    arrays[f"{name}/group_folds"] = np.array([groups[number] for number in sorted(groups)], dtype=np.uint8)
    languages = sorted({one.reading.language for one in examples})
    return arrays, {"features": names, "folds": folds, "threshold": None, "languages": languages}


def main() -> None:
    arrays: dict[str, np.ndarray] = {}
    heads: dict[str, dict[str, Any]] = {}
    for name, sets in HEADS.items():
        found, heads[name] = head(name, [example(row) for each in sets for row in Sets("dev").rows(each)])
        arrays |= found
    MODEL.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(MODEL / "spans.npz", **arrays)
    recipe = {
        "sets": {name: list(sets) for name, sets in HEADS.items()},
        "settings": SETTINGS | {"folds": FOLDS, "prior": PRIOR, "least": LEAST},
        "sha256": file_sha256(MODEL / "spans.npz"),
        "heads": heads,
    }
    write(recipe)
    heads["evidence"]["threshold"] = threshold("evidence")
    write(recipe)


def write(recipe: Mapping[str, Any]) -> None:
    (MODEL / "recipe.json").write_text(json.dumps(recipe, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def threshold(name: Setting) -> float:
    """Where the F1 of characters, out of fold, is largest in the mean over the sets: most of these texts have nothing to flag."""
    return max(THRESHOLDS, key=lambda least: float(np.mean([_f1(*out_of_fold(each, name), least) for each in HEADS[name]])))


@cache
def out_of_fold(name: str, setting: Setting) -> tuple[Floats, Floats]:
    """The probability of each character of a set, and whether it is marked."""
    found = [
        (suspicion(row["output"], row["lang"], setting=setting, group=row["group"], **texts_of(row)).characters, marks_of(row).hard)
        for row in Sets("dev").rows(name)
    ]
    return np.concatenate([said for said, _ in found]), np.concatenate([hard for _, hard in found])


def _f1(said: Floats, hard: Floats, least: float) -> float:
    flagged = said >= least
    return float(2 * (flagged * hard).sum() / (flagged.sum() + hard.sum()))


if __name__ == "__main__":
    main()
