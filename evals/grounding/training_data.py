"""Labelled outputs as arrays for the verifier's training, and who learns from which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.grounding.boosting import Ints
from evals.grounding.features import Look
from evals.grounding.learned import buckets_of, standard
from evals.grounding.trees import Floats
from evals.identity import sha256

FOLDS = 5
INNER = 4  # folds within four fifths, so that a later stage learns from what an earlier one says of rows it never saw
MOST_ROWS = 6000  # claims of one source that a forest learns from; words learn from all
NONE, BAG = -2, -1  # labels of a claim: nobody said; one of its output's is not supported


@dataclass(frozen=True)
class Example:
    """One labelled output. `looks` and `labels`: of its claims, None where nobody labelled one; `label`: whether all of it is supported.

    `source`: the data set, whose habits are not learned; `group`: outputs on the same evidence."""

    source: str
    group: str
    language: str
    looks: tuple[Look, ...]
    labels: tuple[bool | None, ...]
    label: bool | None


def fold_of(group: str, folds: int = FOLDS, salt: str = "fold") -> int:
    return int(sha256(f"{salt} {group}")[:8], 16) % folds


class Data:
    """Examples as arrays; one line a claim, `output` says whose."""

    def __init__(self, examples: Sequence[Example]) -> None:
        looks = [look for example in examples for look in example.looks]
        self.sizes = np.array([len(example.looks) for example in examples])
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        self.output = np.repeat(np.arange(len(examples)), self.sizes)
        self.rows = np.array([look.row for look in looks])
        self.words = np.array([look.words for look in looks], dtype=float)
        self.mean, self.deviation = self.rows.mean(axis=0), self.rows.std(axis=0) + 1e-6
        self.standard = standard(self.rows, self.mean, self.deviation)
        self.languages = np.array([example.language for example in examples])
        self.language = self.languages[self.output]
        self.apart = [buckets_of(look.apart, tag) for look, tag in zip(looks, self.language, strict=True)]
        self.label = np.array([_number(label) for example in examples for label in example.labels])
        self.whole = np.array([_number(example.label) for example in examples])
        self.sources = np.array([example.source for example in examples])
        self.source = self.sources[self.output]
        self.groups = np.unique([example.group for example in examples], return_inverse=True)[1]
        self.inner = np.array([fold_of(example.group, INNER, "inner") for example in examples])[self.output]
        # an output with an error that nobody placed is a bag of claims
        bag = (self.whole == 0) & (np.maximum.reduceat(np.where(self.label == 0, 1, 0), self.starts) == 0)
        self.label[bag[self.output] & (self.label != 1)] = BAG


def _number(label: bool | None) -> int:
    return NONE if label is None else int(label)


def sources_of(names: NDArray[Any], power: float) -> tuple[Ints, Floats]:
    """Numbers of sources, and weights that make up for their sizes."""
    source = np.unique(names, return_inverse=True)[1]
    weight = 1.0 / np.bincount(source)[source] ** power
    return source, weight * len(weight) / weight.sum()


def sample(at: Ints, sources: NDArray[Any], seed: int) -> Ints:
    """At most `MOST_ROWS` of each source."""
    rng = np.random.default_rng(seed)
    parts = [at[sources == source] for source in np.unique(sources)]
    return np.sort(np.concatenate([part if len(part) <= MOST_ROWS else rng.choice(part, MOST_ROWS, replace=False) for part in parts]))
