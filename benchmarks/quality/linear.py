"""How the linear models of rails are made: ``python -m benchmarks.quality.linear hate|unsafe`` writes ``data/models/<name>/model.npz``.

Trained on the dev parts of sets whose licences allow it, and on our own texts; sets of unclear licence only help to place the cuts.
Out-of-fold scores, folds by group, place a cut per language: the lowest that keeps to every limit on benign texts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.svm import LinearSVC

from benchmarks.quality.data import Row, Sets
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.paths import DATA
from guardrails.linear import BUCKETS, Linear, buckets, group_hash, load, pieces

FOLDS = 5
DEV = Sets("dev")
PER_REVIEW = 3  # pieces of one review that are trained on


@dataclass(frozen=True)
class Example:
    """`source`: the set, or the kind of text that a limit is kept on."""

    text: str
    language: str
    group: str
    bad: bool
    source: str


@dataclass(frozen=True)
class Recipe:
    """`limits`: source of benign texts to the share of them that a cut may touch, in each language."""

    examples: Callable[[], list[Example]]
    extra: Callable[[], list[Example]]  # benign texts that are scored to place the cuts and never trained on
    c: float
    limits: Mapping[str, float]


# ---------------------------------------------------------------------------------------------- texts


def reviews(name: str, every: int = 1) -> list[Example]:
    """The first pieces of each review of a permissively licensed set, in our languages."""
    rows = DEV.rows(name, lambda row: row["lang"] in LANGUAGES)[::every]
    return [
        Example(row["text"][start:end], row["lang"], row["group"], False, "reviews")
        for row in rows
        for start, end in list(pieces(row["text"], row["lang"]))[:PER_REVIEW]
    ]


def own() -> list[Example]:
    """Sentences and questions of the language packs and of the sample, all ours."""
    found = []
    for tag in LANGUAGES:
        words = pack(tag)
        for name, aspect in words.aspects.items():
            lines = *aspect.positive, *aspect.negative, *aspect.neutral, *(ask.format(aspect=aspect.name) for ask in words.ask["aspect"])
            found += [Example(line, tag, f"pack {tag} {name}", False, "own") for line in lines]
    for name in ("reviews", "questions"):
        for line in (DATA / "sample" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found.append(Example(row["text"], row["lang"], f"sample {row['product_id']}", False, "own"))
    return found


def shop_questions() -> list[Example]:
    return list(
        {row["question"]: Example(row["question"], "en", row["group"], False, "questions") for row in DEV.rows("shopqa_pqa")}.values()
    )


def parallel_reviews() -> list[Example]:
    """Sentences of reviews in 14 of our languages; unclear licence."""
    rows = DEV.rows("absa_mabsa", lambda row: row["lang"] in LANGUAGES)
    return [Example(row["text"], row["lang"], row["group"], False, "reviews") for row in rows[::3]]


def questions_about_reviews() -> list[Example]:
    """Questions to reviews of products, hotels and restaurants, in English; unclear licence."""
    rows = DEV.rows("shopqa_subjqa")
    return [Example(one["question"], "en", row["group"], False, "questions about reviews") for row in rows for one in row["questions"]]


def world_questions() -> list[Example]:
    """Questions about the world in 11 of our languages; unclear licence."""
    rows = DEV.rows("grounding_mushroom", lambda row: row["lang"] in LANGUAGES)
    return [Example(row["question"], row["lang"], row["group"], False, "world questions") for row in rows]


def _benign() -> list[Example]:
    return [
        *reviews("reviews_airbnb"),
        *reviews("reviews_minibar", 2),
        *reviews("reviews_brussels"),
        *reviews("reviews_nsmc_ko"),
        *shop_questions(),
        *own(),
    ]


def hate_examples() -> list[Example]:
    cases = DEV.rows("guard_hate")
    return [Example(row["text"], row["lang"], row["group"], row["label"] == "hateful", "traps") for row in cases] + _benign()


UNLIKE_HARM = ("Prompt_Leaking", "Goal_Hijacking")  # attacks on the assistant: the injection rail's


def is_harm(row: Row) -> bool:
    """A row of guard_multilingual_attacks that asks for harm."""
    return row["label"] == "attack" and row["category"] not in UNLIKE_HARM


def unsafe_examples() -> list[Example]:
    asked = DEV.rows("guard_multilingual_attacks", lambda row: row["lang"] in LANGUAGES and row["category"] not in UNLIKE_HARM)
    trigger = DEV.rows("guard_injection_en", lambda row: row["dataset"] in ("xstest", "notinject"))
    peaceful = DEV.rows("guard_hate", lambda row: row["label"] != "hateful")
    return [
        *(Example(row["text"], row["lang"], row["group"], is_harm(row), "probes") for row in asked),
        *(Example(row["text"], row["lang"], row["group"], row["label"] == "attack", "probes") for row in trigger),
        *(Example(row["text"], row["lang"], row["group"], False, "probes") for row in peaceful),
        *_benign(),
    ]


RECIPES = {
    "hate": Recipe(hate_examples, parallel_reviews, 1.0, {"reviews": 0.004, "questions": 0.004, "own": 0.01, "traps": 0.15}),
    "unsafe": Recipe(
        unsafe_examples,
        lambda: [*parallel_reviews(), *questions_about_reviews(), *world_questions()],
        1.0,
        {"reviews": 0.004, "questions": 0.004, "questions about reviews": 0.004, "own": 0.01, "world questions": 0.02},
    ),
}


# ---------------------------------------------------------------------------------------------- training


def matrix(texts: Sequence[str]) -> sparse.csr_matrix:
    """One row a text, distinct buckets, of length 1."""
    found = [buckets(text) for text in texts]
    values = np.concatenate([np.full(len(row), len(row) ** -0.5, dtype=np.float32) for row in found])
    return sparse.csr_matrix((values, np.concatenate(found), np.cumsum([0, *map(len, found)])), shape=(len(texts), BUCKETS))


def balance(examples: Sequence[Example]) -> npt.NDArray[np.float64]:
    """Weights with which benign and bad texts of a language count alike, so that a language is no sign of either."""
    count: dict[tuple[str, bool], int] = {}
    for example in examples:
        key = example.language, example.bad
        count[key] = count.get(key, 0) + 1
    return np.array([1.0 if e.bad else max(0.3, count.get((e.language, True), 0) / count[e.language, False]) for e in examples])


def fold_of(group: str) -> int:
    return group_hash(group) % FOLDS


@dataclass(frozen=True)
class Trained:
    """`folds`: models that never saw the groups of that fold; `whole` saw everything. None has cuts yet."""

    whole: Linear
    folds: tuple[Linear, ...]


@cache
def trained(name: str) -> Trained:
    """The models of a recipe, with the cuts of the shipped file where there is one. About half a minute."""
    recipe = RECIPES[name]
    examples = recipe.examples()
    features, bad = matrix([example.text for example in examples]), np.array([example.bad for example in examples])
    weights = balance(examples)
    places = np.array([fold_of(example.group) for example in examples])
    groups = frozenset(group_hash(example.group) for example in examples)

    def fitted(rows: npt.NDArray[np.bool_]) -> Linear:
        model = LinearSVC(C=recipe.c, random_state=28).fit(features[rows], bad[rows], sample_weight=weights[rows])
        return Linear(model.coef_[0].astype(np.float16).astype(np.float32), float(model.intercept_[0]), {}, groups)

    return Trained(fitted(places >= 0), tuple(fitted(places != fold) for fold in range(FOLDS)))


def cuts(name: str, models: Trained) -> dict[str, float]:
    """Language to the lowest cut from 0 that keeps to the limits, where there are bad texts and benign reviews to measure on."""
    recipe = RECIPES[name]
    examples = recipe.examples()
    spoilt = {example.language for example in examples if example.bad}
    benign = [(e, models.folds[fold_of(e.group)]) for e in examples if not e.bad] + [(e, models.whole) for e in recipe.extra()]
    scores: dict[str, dict[str, list[float]]] = {}
    for example, model in benign:
        if example.source in recipe.limits:
            scores.setdefault(example.language, {}).setdefault(example.source, []).append(model.score(example.text))
    return {
        tag: max(0.0, *(float(np.quantile(found, 1 - recipe.limits[source])) for source, found in scores[tag].items()))
        for tag in sorted(spoilt)
        if "reviews" in scores[tag]
    }


def model_for(name: str, group: str) -> Linear:
    """The shipped model, or for a group that it was trained on one that has not seen it, with the shipped cuts."""
    shipped = load(name)
    if not shipped.knows(group):
        return shipped
    return _fold(name, fold_of(group))


@cache
def _fold(name: str, fold: int) -> Linear:
    return Linear(trained(name).folds[fold].weights, trained(name).folds[fold].bias, load(name).cuts)


def main() -> None:
    """Trains, places the cuts, writes the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.linear", description=__doc__)
    parser.add_argument("names", nargs="+", choices=sorted(RECIPES))
    for name in parser.parse_args().names:
        models = trained(name)
        placed = cuts(name, models)
        path = DATA / "models" / name / "model.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        Linear(models.whole.weights, models.whole.bias, placed, models.whole.groups).save(path)
        print(name, path.stat().st_size, {tag: round(cut, 2) for tag, cut in placed.items()})


if __name__ == "__main__":
    main()
