"""Trains the model of planted tasks: ``python -m benchmarks.quality.injection_train`` writes ``data/models/injection/model.json``.

Positives are what people write to an assistant: BIPIA's payloads, NotInject, XSTest, XSafety, MultiJail (dev parts). Negatives are what
they write to readers: reviews and what answers shoppers' questions. Each fold leaves out whole groups, so a family of payloads is never
on both sides; the threshold is the one at which the worst language's honest reviews, each seen by the model that did not train on it,
stay within FALSE_POSITIVES.
"""

from __future__ import annotations

import hashlib
import random
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import SGDClassifier

from benchmarks.quality.data import Row, Sets
from evals.languages import LANGUAGES
from guardrails.injection_model import COLUMNS, FILE, Model, columns, mark, pieces, write

SEED = 20_261_122
FOLDS = 5
FALSE_POSITIVES = 0.004  # of honest texts in the worst language: rules come on top
LEAST = 300  # honest texts of a language that has a say in the threshold
REVIEWS = {  # rows taken of each language
    "reviews_airbnb": 4000, "reviews_b2w_pt": 4000, "reviews_brussels": 4000, "reviews_laroseda_ro": 3000, "reviews_minibar": 4000,
    "reviews_nolicence_nl_ar": 4000, "reviews_nsmc_ko": 3000, "absa_mabsa": 3000, "absa_more": 2000, "absa_semeval16": 2000,
    "absa_dimabsa": 3000,
}  # fmt: skip
WEIGHTS = {"bipia_text_attack": 20.0, "glued": 4.0, "notinject": 2.0, "xstest": 1.0, "xsafety": 0.5, "multijail": 0.5}
ABROAD = 0.15  # what a task in another language than English weighs of that: most languages have no attacks to learn from


@dataclass(frozen=True)
class Example:
    """One piece of a text: its words, whether it is a task, and where it is from."""

    words: tuple[str, ...]
    task: bool
    group: str
    lang: str
    kind: str
    text_id: str


def fold_of(group: str) -> int:
    return int(hashlib.sha256(f"{SEED}:{group}".encode()).hexdigest(), 16) % FOLDS


@cache
def examples(sets: Sets) -> tuple[Example, ...]:
    """All pieces, positives first."""
    negative = list(_reviews(sets))
    tails = [example.words[-6:] for example in negative if example.words[-1].isalnum()]
    return (*_prompts(sets), *_glued(sets, tails), *negative)


def _cut(text: str, row: Row, task: bool, kind: str, text_id: str) -> Iterator[Example]:
    for _, _, words in pieces(text):
        yield Example(tuple(words), task, row["group"], row["lang"], kind, text_id)


def _prompts(sets: Sets) -> Iterator[Example]:
    for row in sets.rows("guard_injection_en") + sets.rows("guard_multilingual_attacks"):
        if row["dataset"] in ("bipia_text_attack", "notinject", "xstest", "xsafety", "multijail") and row["lang"] in {*LANGUAGES, "und"}:
            yield from _cut(row["text"], row, True, row["dataset"], row["id"])


def _glued(sets: Sets, tails: Sequence[tuple[str, ...]]) -> Iterator[Example]:
    """Payloads that follow the end of a review without a full stop between them."""
    rng = random.Random(SEED)
    for row in sets.rows("guard_injection_en", lambda row: row["dataset"] == "bipia_text_attack"):
        for _ in range(6):
            tail = rng.choice(tails)
            yield from _cut(" ".join([*tail[-rng.randint(1, 6) :], row["text"]]), row, True, "glued", row["id"])


def _reviews(sets: Sets) -> Iterator[Example]:
    for name, most in REVIEWS.items():
        rows = sets.rows(name, lambda row: row["lang"] in LANGUAGES)
        random.Random(SEED).shuffle(rows)
        seen: Counter[str] = Counter()
        for row in rows:
            seen[row["lang"]] += 1
            if seen[row["lang"]] <= most:
                yield from _cut(row["text"], row, False, name, row["id"])
    for row in sets.rows("shopqa_pqa"):
        for at, candidate in enumerate(row["candidates"][:2]):
            yield from _cut(candidate["text"], row, False, "shopqa_pqa", f"{row['id']}-{at}")


def matrix(some: Sequence[Example]) -> Any:
    """One row for each piece, as `Model.score` weighs it."""
    at, values, ends = array("l"), array("f"), array("l", [0])
    for example in some:
        bag, edges = columns(example.words)
        at.extend([*bag, *edges])
        values.extend([len(example.words) ** -0.5] * len(bag) + [1.0] * len(edges))
        ends.append(len(at))
    found = sparse.csr_matrix((np.asarray(values), np.asarray(at), np.asarray(ends)), shape=(len(some), COLUMNS))
    found.sum_duplicates()
    return found


def fit(features: Any, some: Sequence[Example]) -> Model:
    """Logistic regression, its weights rounded to 8 bits. The threshold is still where the odds are even."""
    learner = SGDClassifier(loss="log_loss", alpha=2e-6, max_iter=12, tol=None, random_state=SEED, average=True)
    learner.fit(features, [example.task for example in some], sample_weight=[weight(example) for example in some])
    found = learner.coef_[0]
    scale = float(np.quantile(np.abs(found), 0.9999)) / 127
    weights = array("b", np.clip(np.rint(found / scale), -127, 127).astype(int).tolist())
    return Model(weights, scale, float(learner.intercept_[0]), frozenset(mark(example.group) for example in some))


def weight(example: Example) -> float:
    return WEIGHTS.get(example.kind, 1.0) * (ABROAD if example.task and example.lang not in ("en", "und") else 1.0)


@cache
def folds(sets: Sets) -> tuple[tuple[Model, ...], float]:
    """Models of which the k-th has seen no group of fold k, and how far above even odds their threshold is (in their biases)."""
    some = examples(sets)
    features = matrix(some)
    at = np.array([fold_of(example.group) for example in some])
    models = [fit(features[at != k], [example for example, fold in zip(some, at, strict=True) if fold != k]) for k in range(FOLDS)]
    above = threshold(scores(models, features, some), some)
    return tuple(replace(model, bias=model.bias - above) for model in models), above


def scores(models: Sequence[Model], features: Any, some: Sequence[Example]) -> Any:
    """Each piece by the model that did not see its group."""
    at = np.array([fold_of(example.group) for example in some])
    found = np.zeros(len(some))
    for k, model in enumerate(models):
        found[at == k] = features[at == k] @ (np.asarray(model.weights, dtype=float) * model.scale) + model.bias
    return found


def threshold(found: Any, some: Sequence[Example]) -> float:
    """The score that at most FALSE_POSITIVES of the honest texts of any language exceed."""
    highest: dict[str, dict[str, float]] = defaultdict(dict)
    for example, score in zip(some, found, strict=True):
        if not example.task:
            texts = highest[example.lang]
            texts[example.text_id] = max(score, texts.get(example.text_id, score))
    return max(float(np.quantile(list(texts.values()), 1 - FALSE_POSITIVES)) for texts in highest.values() if len(texts) >= LEAST)


def main() -> int:
    """Writes the model that has seen all groups of the dev parts, with the folds' threshold."""
    sets = Sets("dev")
    some = examples(sets)
    _, above = folds(sets)
    model = fit(matrix(some), some)
    write(replace(model, bias=model.bias - above), FILE)
    print(f"{FILE}: {len(some)} pieces, {FILE.stat().st_size:,} bytes, threshold {above:+.2f} above even odds", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
