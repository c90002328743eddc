"""Training of the verifier on labelled outputs, cross-fitted by group: what comes out judges every group by a model that never saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.grounding.boosting import Ints
from evals.grounding.learned import ANY, BACKGROUND, Curve, Fold, Learned, Level, bucket, group_hash, text_rows
from evals.grounding.training_data import FOLDS, INNER, Data, Example, fold_of
from evals.grounding.training_forests import claim_forest, texts_of
from evals.grounding.training_lines import apart_of, lines_of, on_lines, words_apart
from evals.grounding.trees import Floats

LEAST_CURVE = 100  # labels of a language from which it is calibrated


@dataclass(frozen=True)
class Fitted:
    """The model, and what it says of its own training data out of fold: logit of every claim (examples' claims in order), of every
    output."""

    learned: Learned
    claims: Floats
    outputs: Floats


def rarities(texts: Mapping[str, Sequence[Sequence[str]]]) -> NDArray[np.uint8]:
    """`Learned.background` from the words of sentences by language: log of one over the share of sentences that hold a word, relative
    to the largest there could be. A word seen once stays unknown."""
    table = np.full(BACKGROUND, 255, dtype=np.uint8)
    for tag, sentences in sorted(texts.items()):
        count = Counter(word for words in sentences for word in set(words))
        most = np.log((len(sentences) + 1) / 0.5)
        for word, times in sorted(count.items()):
            if times > 1:
                at = bucket(tag, word, BACKGROUND)
                table[at] = min(table[at], round(255 * float(np.log((len(sentences) + 1) / (times + 0.5)) / most)))
    return table


def fit(examples: Sequence[Example], background: NDArray[np.uint8], seed: int = 0) -> Fitted:
    """Five models, each on four fifths of the groups. scikit-learn is loaded here.

    On one thread, so that sums are taken in one order: the same examples give the same bytes, however many cores there are."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):
        return _fit(Data(examples), examples, background, seed)


def _fit(data: Data, examples: Sequence[Example], background: NDArray[np.uint8], seed: int) -> Fitted:
    folds = np.array([fold_of(example.group) for example in examples])
    models = []
    claims, outputs = np.zeros(len(data.rows)), np.zeros(len(examples))
    for at in range(FOLDS):
        model = _fold(data, folds != at, seed + at)
        claims_here, outputs_here = _said_by(model, data)
        claims[(folds == at)[data.output]] = claims_here[(folds == at)[data.output]]
        outputs[folds == at] = outputs_here[folds == at]
        models.append(model)
    groups = {group_hash(example.group): fold_of(example.group) for example in examples}
    curves = _curves(data, claims, outputs)
    return Fitted(Learned(tuple(models), data.mean, data.deviation, background, curves, groups), claims, outputs)


def _fold(data: Data, train: NDArray[np.bool_], seed: int) -> Fold:
    """One model on the outputs `train`. What a later stage learns from is said out of (inner) fold by the stage before."""
    mine = train[data.output]
    inner = [(mine & (data.inner == at), mine & (data.inner != at)) for at in range(INNER)]
    words, free = words_apart(data, mine, seed)
    apart = np.zeros(len(data.rows))
    for rest, part in inner:
        apart[rest] = apart_of(data, *words_apart(data, part, seed))[rest]
    lines = lines_of(data, mine, apart, free)
    forest = claim_forest(data, mine, apart, seed)
    tree = np.zeros(len(data.rows))
    for rest, part in inner:
        tree[rest] = claim_forest(data, part, apart, seed)(data.rows[rest]) + apart[rest]
    linear = apart + on_lines(data, lines)
    return Fold(words, lines, forest, *texts_of(data, train, tree, linear, seed))


def _said_by(fold: Fold, data: Data) -> tuple[Floats, Floats]:
    """Its logit of each claim alone, of each output."""
    apart = apart_of(data, fold.words, {tag: line for tag, line in fold.lines.items() if tag != ANY})
    tree, linear = fold.claims(data.rows) + apart, on_lines(data, fold.lines) + apart
    alone = text_rows(data.rows, data.words, tree, linear, np.ones(len(data.rows), dtype=np.int64))
    whole = text_rows(data.rows, data.words, tree, linear, data.sizes)
    return _by_language(fold, alone, data.language), _by_language(fold, whole, data.languages)


def _by_language(fold: Fold, rows: Floats, languages: NDArray[Any]) -> Floats:
    found = np.zeros(len(rows))
    for tag in np.unique(languages):
        found[languages == tag] = fold.judge(rows[languages == tag], str(tag))
    return found


def _curves(data: Data, claims: Floats, outputs: Floats) -> dict[tuple[str, Level], Curve]:
    found: dict[tuple[str, Level], Curve] = {}
    levels: tuple[tuple[Level, Floats, Ints, NDArray[Any]], ...] = (
        ("claims", claims, data.label, data.language),
        ("outputs", outputs, data.whole, data.languages),
    )
    for level, logits, labels, languages in levels:
        known = labels >= 0
        found[ANY, level] = curve(logits[known], labels[known])
        for tag in np.unique(languages[known]):
            own = known & (languages == tag)
            if own.sum() >= LEAST_CURVE and 0 < labels[own].sum() < own.sum():
                found[str(tag), level] = curve(logits[own], labels[own])
    return found


def curve(logits: Floats, labels: Ints) -> Curve:
    """Platt 1999, with his smoothed targets."""
    from scipy.optimize import minimize

    positive = int((labels == 1).sum())
    target = np.where(labels == 1, (positive + 1) / (positive + 2), 1 / (len(labels) - positive + 2))

    def loss(given: Floats) -> float:
        z = given[0] * logits + given[1]
        return float(np.mean(np.logaddexp(0, z) - target * z))

    slope, offset = minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
    return Curve(float(max(slope, 0.0)), float(offset), len(labels))
