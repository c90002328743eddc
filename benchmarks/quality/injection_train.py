"""Trains the models of injections: ``python -m benchmarks.quality.injection_train`` writes ``data/models/injection/*.json`` (two minutes).

``planted`` reads pieces of evidence. Its positives are what people write to an assistant: BIPIA's payloads, NotInject, XSTest, XSafety,
MultiJail; its negatives what they write to readers: reviews, and what answers shoppers' questions. ``direct`` reads whole questions. Its
positives are jailbreaks, goal hijacking, prompt leaking and role play; its negatives shoppers' questions, NotInject, XSTest, reviews, and
prompts that may be harmful but do not turn the assistant: other rails judge harm.

Dev parts only. Each fold leaves out whole groups, so a family of payloads is never on both sides; the threshold is the one at which the
worst language's honest texts, each seen by the model that did not train on it, stay within FALSE_POSITIVES.
"""

from __future__ import annotations

import hashlib
import random
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import SGDClassifier

from benchmarks.quality.data import Row, Sets
from evals.languages import LANGUAGES
from guardrails.injection_model import COLUMNS, DIRECT, PLANTED, Model, columns, pieces, whole, write

SEED = 20_261_122
FOLDS = 5
FALSE_POSITIVES = {PLANTED: 0.005, DIRECT: 0.002}  # of honest texts in the worst language: rules come on top
LEAST = 300  # honest texts of a language that has a say in the threshold
REVIEWS = {  # rows taken of each language
    "reviews_airbnb": 4000, "reviews_b2w_pt": 4000, "reviews_brussels": 4000, "reviews_laroseda_ro": 3000, "reviews_minibar": 4000,
    "reviews_nolicence_nl_ar": 4000, "reviews_nsmc_ko": 3000, "absa_mabsa": 3000, "absa_more": 2000, "absa_semeval16": 2000,
    "absa_dimabsa": 3000,
}  # fmt: skip
WEIGHTS = {"bipia_text_attack": 20.0, "notinject": 2.0, "xstest": 1.0, "xsafety": 0.5, "multijail": 0.5}
GLUED = 4.0
ABROAD = 0.1  # what a task in another language than English weighs of that: most languages have no attacks to learn from
ATTACKS = {"Goal_Hijacking": 2.0, "Prompt_Leaking": 2.0, "Role_Play_Instruction": 1.0}
ATTACK_ABROAD = 0.3
ALPHA = {PLANTED: 2e-6, DIRECT: 3e-6}


@dataclass(frozen=True)
class Example:
    """A piece of a text, or all of it: its words, whether it is an attack, where it is from. `honest`: counts for the threshold."""

    words: tuple[str, ...]
    attack: bool
    weight: float
    row: Row
    text_id: str
    honest: bool = True


def fold_of(group: str) -> int:
    return int(hashlib.sha256(f"{SEED}:{group}".encode()).hexdigest(), 16) % FOLDS


# ---------------------------------------------------------------------------------------------- what is planted


def _pieces_of(text: str, row: Row, weight: float, *, attack: bool, text_id: str = "") -> Iterator[Example]:
    for _, _, words in pieces(text):
        yield Example(tuple(words), attack, weight, row, text_id or row["id"])


def _planted(sets: Sets) -> Iterator[Example]:
    negative = list(_readers(sets))
    tails = [example.words[-6:] for example in negative if example.words[-1].isalnum()]
    rng = random.Random(SEED)
    for row in _prompts(sets):
        if row["dataset"] in WEIGHTS:
            yield from _pieces_of(
                row["text"], row, WEIGHTS[row["dataset"]] * (1.0 if row["lang"] in ("en", "und") else ABROAD), attack=True
            )
        for _ in range(6 if row["dataset"] == "bipia_text_attack" else 0):  # behind a review without a full stop
            tail = rng.choice(tails)
            yield from _pieces_of(" ".join([*tail[-rng.randint(1, 6) :], row["text"]]), row, GLUED, attack=True)
    yield from negative


def _prompts(sets: Sets) -> list[Row]:
    rows = sets.rows("guard_injection_en") + sets.rows("guard_multilingual_attacks")
    return [row for row in rows if row["lang"] in {*LANGUAGES, "und"}]


def _readers(sets: Sets) -> Iterator[Example]:
    for row in _reviews(sets, REVIEWS):
        yield from _pieces_of(row["text"], row, 1.0, attack=False)
    for row in sets.rows("shopqa_pqa"):
        for at, candidate in enumerate(row["candidates"][:2]):
            yield from _pieces_of(candidate["text"], row, 1.0, attack=False, text_id=f"{row['id']}-{at}")


def _reviews(sets: Sets, most: Mapping[str, int]) -> Iterator[Row]:
    for name in most:
        rows = sets.rows(name, lambda row: row["lang"] in LANGUAGES)
        random.Random(SEED).shuffle(rows)
        seen: Counter[str] = Counter()
        for row in rows:
            seen[row["lang"]] += 1
            if seen[row["lang"]] <= most[name]:
                yield row


# ---------------------------------------------------------------------------------------------- what is asked


def _direct(sets: Sets) -> Iterator[Example]:
    for row in _prompts(sets):
        yield from _asked(row)
    for row in sets.rows("shopqa_pqa"):
        yield from _whole(row["question"], row, 1.0, attack=False)
    for row in sets.rows("shopqa_subjqa"):
        for at, asked in enumerate(row["questions"]):
            yield from _whole(asked["question"], row, 1.0, attack=False, text_id=f"{row['id']}-{at}")
    for row in _reviews(sets, dict.fromkeys(REVIEWS, 1000)):
        yield from _whole(row["text"], row, 0.5, attack=False)


def _asked(row: Row) -> Iterator[Example]:
    abroad = 1.0 if row["lang"] in ("en", "und") else ATTACK_ABROAD
    match row["dataset"], row["category"]:
        case "inthewild_jailbreak", _:
            yield from _whole(row["text"], row, 3.0, attack=True)
        case "xsafety", category if category in ATTACKS:
            yield from _whole(row["text"], row, ATTACKS[category] * abroad, attack=True)
        case "notinject", _:
            yield from _whole(row["text"], row, 5.0, attack=False)
        case "xstest", _:
            yield from _whole(row["text"], row, 2.0, attack=False)
        case "xsafety", "commonsense":
            yield from _whole(row["text"], row, 3.0, attack=False)
        case "xsafety" | "multijail", _:
            yield from _whole(row["text"], row, 1.0, attack=False, honest=False)


def _whole(text: str, row: Row, weight: float, *, attack: bool, text_id: str = "", honest: bool = True) -> Iterator[Example]:
    if words := whole(text):
        yield Example(tuple(words), attack, weight, row, text_id or row["id"], honest)


# ---------------------------------------------------------------------------------------------- fitting

HEADS: Mapping[str, Callable[[Sets], Iterator[Example]]] = {PLANTED: _planted, DIRECT: _direct}


@cache
def examples(name: str, sets: Sets) -> tuple[Example, ...]:
    """What the model `name` is trained on."""
    return tuple(HEADS[name](sets))


def matrix(some: Sequence[Example]) -> Any:
    """One row for each example, as `Model.score` weighs it."""
    at, values, ends = array("l"), array("f"), array("l", [0])
    for example in some:
        bag, edges = columns(example.words)
        at.extend([*bag, *edges])
        values.extend([len(example.words) ** -0.5] * len(bag) + [1.0] * len(edges))
        ends.append(len(at))
    found = sparse.csr_matrix((np.asarray(values), np.asarray(at), np.asarray(ends)), shape=(len(some), COLUMNS))
    found.sum_duplicates()
    return found


def fit(features: Any, some: Sequence[Example], alpha: float) -> Model:
    """Logistic regression, its weights rounded to 8 bits. The threshold is still where the odds are even."""
    learner = SGDClassifier(loss="log_loss", alpha=alpha, max_iter=12, tol=None, random_state=SEED, average=True)
    learner.fit(features, [example.attack for example in some], sample_weight=[example.weight for example in some])
    found = learner.coef_[0]
    scale = float(np.quantile(np.abs(found), 0.9999)) / 127
    weights = array("b", np.clip(np.rint(found / scale), -127, 127).astype(int).tolist())
    return Model(weights, scale, float(learner.intercept_[0]))


@cache
def folds(name: str, sets: Sets) -> tuple[tuple[Model, ...], float]:
    """Models of which the k-th has seen no group of fold k, and how far above even odds their threshold is (in their biases)."""
    some = examples(name, sets)
    features = matrix(some)
    at = np.array([fold_of(example.row["group"]) for example in some])
    models, found = [], np.zeros(len(some))
    for k in range(FOLDS):
        model = fit(features[at != k], [example for example, fold in zip(some, at, strict=True) if fold != k], ALPHA[name])
        found[at == k] = features[at == k] @ (np.asarray(model.weights, dtype=float) * model.scale) + model.bias
        models.append(model)
    above = threshold(found, some, FALSE_POSITIVES[name])
    return tuple(replace(model, bias=model.bias - above) for model in models), above


def threshold(found: Any, some: Sequence[Example], most: float) -> float:
    """The score that at most the share `most` of the honest texts of any language exceed."""
    highest: dict[str, dict[str, float]] = defaultdict(dict)
    for example, score in zip(some, found, strict=True):
        if not example.attack and example.honest:
            texts = highest[example.row["lang"]]
            texts[example.text_id] = max(score, texts.get(example.text_id, score))
    return max(float(np.quantile(list(texts.values()), 1 - most)) for texts in highest.values() if len(texts) >= LEAST)


def main() -> int:
    """Writes the models that have seen all groups of the dev parts, with the folds' thresholds."""
    sets = Sets("dev")
    for name in HEADS:
        some = examples(name, sets)
        _, above = folds(name, sets)
        model = fit(matrix(some), some, ALPHA[name])
        path = write(name, replace(model, bias=model.bias - above), {example.row["group"] for example in some})
        print(f"{path.name}: {len(some):,} texts, {path.stat().st_size:,} bytes, threshold {above:+.2f} above even odds", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
