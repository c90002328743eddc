"""Training of the verifier on labelled outputs, cross-fitted by group: what comes out judges every group by a model that never saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.grounding.boosting import Ints, Rows, Settings, boost
from evals.grounding.features import FEATURES, Look
from evals.grounding.learned import (
    ANY,
    BACKGROUND,
    BUCKETS,
    NAMES,
    TEXT,
    Curve,
    Fold,
    Learned,
    Level,
    bucket,
    buckets_of,
    group_hash,
    scale,
    text_rows,
    weigh,
)
from evals.grounding.trees import Floats
from evals.identity import sha256

FOLDS = 5
CLAIMS = Settings(trees=120, depth=3, leaf=100)
TEXTS = Settings(trees=120, depth=2, leaf=30, shrink=0.08, share=0.6)
MOST_ROWS = 6000  # claims of one source that a forest learns from; words learn from all
LEAST_ROWS = 400  # labelled claims of a language from which its words get weights
LEAST_CURVE = 100  # labels of a language from which it is calibrated
_INNER = 4
_DENSE = 0.3  # how freely features may explain what words else would
_SHRINK = {"characters": 5e-5, "spaces": 1e-3}  # of the weights of words, by grouped cross-validation


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


def fold_of(group: str, folds: int = FOLDS, salt: str = "fold") -> int:
    return int(sha256(f"{salt} {group}")[:8], 16) % folds


def fit(examples: Sequence[Example], background: NDArray[np.uint8], seed: int = 0) -> Fitted:
    """Five models, each on four fifths of the groups. scikit-learn is loaded here."""
    data = _Data(examples)
    folds = np.array([fold_of(example.group) for example in examples])
    models = []
    claims, outputs = np.zeros(len(data.rows)), np.zeros(len(examples))
    for at in range(FOLDS):
        model = _fold(data, folds != at, seed + at)
        claims_here, outputs_here = data.said_by(model)
        claims[(folds == at)[data.output]] = claims_here[(folds == at)[data.output]]
        outputs[folds == at] = outputs_here[folds == at]
        models.append(model)
    groups = {group_hash(example.group): fold_of(example.group) for example in examples}
    curves = _curves(data, claims, outputs)
    return Fitted(Learned(tuple(models), data.mean, data.deviation, background, curves, groups), claims, outputs)


class _Data:
    """Examples as arrays; one line a claim, `output` says whose."""

    def __init__(self, examples: Sequence[Example]) -> None:
        looks = [look for example in examples for look in example.looks]
        self.sizes = np.array([len(example.looks) for example in examples])
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        self.output = np.repeat(np.arange(len(examples)), self.sizes)
        self.rows = np.array([look.row for look in looks])
        self.words = np.array([look.words for look in looks], dtype=float)
        self.mean, self.deviation = self.rows.mean(axis=0), self.rows.std(axis=0) + 1e-6
        self.standard = np.clip((self.rows - self.mean) / self.deviation, -4, 4)
        self.languages = np.array([example.language for example in examples])
        self.language = self.languages[self.output]
        self.apart = [buckets_of(look.apart, tag) for look, tag in zip(looks, self.language, strict=True)]
        self.label = np.array([_number(label) for example in examples for label in example.labels])
        self.whole = np.array([_number(example.label) for example in examples])
        self.sources = np.array([example.source for example in examples])
        self.source = self.sources[self.output]
        self.groups = np.unique([example.group for example in examples], return_inverse=True)[1]
        self.inner = np.array([fold_of(example.group, _INNER, "inner") for example in examples])[self.output]
        # an output with an error that nobody placed is a bag of claims
        bag = (self.whole == 0) & (np.maximum.reduceat(np.where(self.label == 0, 1, 0), self.starts) == 0)
        self.label[bag[self.output] & (self.label != 1)] = _BAG

    def said_by(self, fold: Fold) -> tuple[Floats, Floats]:
        """The fold's logit of each claim alone, of each output."""
        tree, linear = np.zeros(len(self.rows)), np.zeros(len(self.rows))
        for tag in np.unique(self.language):
            mine = np.flatnonzero(self.language == tag)
            apart = weigh(fold.words, [self.apart[i] for i in mine], self.words[mine]) if tag in fold.lines else np.zeros(len(mine))
            linear[mine] = self.standard[mine] @ fold.lines[tag if tag in fold.lines else ANY] + apart
            tree[mine] = fold.claims(self.rows[mine]) + apart
        alone = text_rows(self.rows, self.words, tree, linear, np.ones(len(self.rows), dtype=np.int64))
        return fold.texts(alone), fold.texts(text_rows(self.rows, self.words, tree, linear, self.sizes))


_NONE, _BAG = -2, -1


def _number(label: bool | None) -> int:
    return _NONE if label is None else int(label)


def _fold(data: _Data, train: NDArray[np.bool_], seed: int) -> Fold:
    """One model on the outputs `train`. What a later stage learns from is said out of (inner) fold by the stage before."""
    mine = train[data.output]
    inner = [mine & (data.inner != at) for at in range(_INNER)]
    words, lines = _linear(data, mine, seed)
    apart, linear = np.zeros(len(data.rows)), np.zeros(len(data.rows))
    for at, part in enumerate(inner):
        rest = mine & (data.inner == at)
        apart[rest], linear[rest] = (found[rest] for found in _said(data, *_linear(data, part, seed)))
    forest = _claim_forest(data, mine, apart, seed)
    tree = np.zeros(len(data.rows))
    for at, part in enumerate(inner):
        rest = mine & (data.inner == at)
        tree[rest] = _claim_forest(data, part, apart, seed)(data.rows[rest]) + apart[rest]
    return Fold(words, lines, forest, _text_forest(data, train, tree, linear, seed))


def _said(data: _Data, words: NDArray[np.float32], lines: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    apart = np.where(np.isin(data.language, list(lines)), weigh(words, data.apart, data.words), 0.0)
    linear = data.standard @ lines[ANY]
    for tag, weights in lines.items():
        own = data.language == tag
        linear[own] = data.standard[own] @ weights
    return apart, linear + apart


def _linear(data: _Data, mine: NDArray[np.bool_], seed: int) -> tuple[NDArray[np.float32], dict[str, Floats]]:
    """Weights of words apart and of features, by language where it has labels enough; of features alone for all others."""
    known = mine & (data.label >= 0)
    words, lines = np.zeros(BUCKETS, dtype=np.float32), {ANY: _signed(data, known)}
    for tag in np.unique(data.language[known]):
        own = np.flatnonzero(known & (data.language == tag))
        if len(own) >= LEAST_ROWS and 0 < data.label[own].sum() < len(own):
            weights, lines[str(tag)] = _of_words(data, own, str(tag), seed)
            words += weights
    return words, lines


def _of_words(data: _Data, own: Ints, tag: str, seed: int) -> tuple[NDArray[np.float32], Floats]:
    from scipy import sparse
    from sklearn.linear_model import SGDClassifier

    from evals.grounding.evidence import spaced

    apart = [data.apart[i] for i in own]
    ends = np.concatenate([[0], np.cumsum([len(at) for at in apart])])
    values = np.repeat(scale(data.words[own]), [len(at) for at in apart])
    counted = sparse.csr_matrix((values, np.concatenate(apart), ends), shape=(len(own), BUCKETS))
    source, weight = _sources(data.source[own], 0.5)
    columns = sparse.hstack([counted, sparse.csr_matrix(data.standard[own] * _DENSE), sparse.csr_matrix(np.eye(source.max() + 1)[source])])
    model: Any = SGDClassifier(
        loss="log_loss",
        alpha=_SHRINK["spaces" if spaced(tag) else "characters"],
        max_iter=12,
        tol=None,
        average=True,
        learning_rate="adaptive",
        eta0=0.3,
        n_iter_no_change=2,
        random_state=seed,
    )
    found = model.fit(columns.tocsr(), data.label[own], sample_weight=weight).coef_[0]
    return found[:BUCKETS].astype(np.float32), np.asarray(found[BUCKETS : BUCKETS + len(NAMES)] * _DENSE)


def _sources(names: NDArray[Any], power: float) -> tuple[Ints, Floats]:
    """Numbers of sources, and weights that make up for their sizes."""
    source = np.unique(names, return_inverse=True)[1]
    weight = 1.0 / np.bincount(source)[source] ** power
    return source, weight * len(weight) / weight.sum()


def _signed(data: _Data, known: NDArray[np.bool_]) -> Floats:
    """Logistic weights of the features, each of the sign that `FEATURES` allows, an offset for each source."""
    from scipy.optimize import minimize

    at = np.flatnonzero(known)
    source, weight = _sources(data.source[at], 1.0)
    columns, label, count = data.standard[at], data.label[at], len(NAMES)

    def loss(given: Floats) -> tuple[float, Floats]:
        logit = np.clip(columns @ given[:count] + given[count:][source], -30, 30)
        p = 1 / (1 + np.exp(-logit))
        wrong = weight * (p - label) / len(at)
        value = float(weight @ (np.logaddexp(0, logit) - label * logit)) / len(at) + 0.005 * float(given[:count] @ given[:count])
        return value, np.concatenate([columns.T @ wrong + 0.01 * given[:count], np.bincount(source, weights=wrong)])

    bounds = [(0 if way > 0 else None, 0 if way < 0 else None) for way in FEATURES.values()] + [(None, None)] * (source.max() + 1)
    found = minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60})
    return np.asarray(found.x[:count])


def _claim_forest(data: _Data, mine: NDArray[np.bool_], apart: Floats, seed: int) -> Any:
    at = _sample(data, np.flatnonzero(mine & (data.label != _NONE)), seed)
    rows = Rows(
        data.rows[at],
        data.label[at],
        apart[at],
        np.unique(data.source[at], return_inverse=True)[1],
        data.groups[data.output[at]],
        data.output[at],
    )
    return boost(rows, np.array(list(FEATURES.values())), CLAIMS, seed)


def _sample(data: _Data, at: Ints, seed: int) -> Ints:
    """At most `MOST_ROWS` of each source."""
    rng = np.random.default_rng(seed)
    parts = [at[data.source[at] == source] for source in np.unique(data.source[at])]
    return np.sort(np.concatenate([part if len(part) <= MOST_ROWS else rng.choice(part, MOST_ROWS, replace=False) for part in parts]))


def _text_forest(data: _Data, train: NDArray[np.bool_], tree: Floats, linear: Floats, seed: int) -> Any:
    """On outputs, and on labelled claims of outputs with several; both are texts."""
    outputs = np.flatnonzero(train & (data.whole >= 0))
    several = data.sizes[data.output] > 1
    claims = np.flatnonzero(train[data.output] & several & (data.label >= 0))
    whole = text_rows(data.rows, data.words, tree, linear, data.sizes)[outputs]
    alone = text_rows(data.rows[claims], data.words[claims], tree[claims], linear[claims], np.ones(len(claims), dtype=np.int64))
    names = np.concatenate([data.sources[outputs], np.char.add(data.source[claims], "/claims")])
    group = np.concatenate([data.groups[outputs], data.groups[data.output[claims]]])
    label = np.concatenate([data.whole[outputs], data.label[claims]])
    source = np.unique(names, return_inverse=True)[1]
    rows = Rows(np.concatenate([whole, alone]), label, np.zeros(len(label)), source, group, np.arange(len(label)))
    return boost(rows, np.array(list(TEXT.values())), TEXTS, seed)


def _curves(data: _Data, claims: Floats, outputs: Floats) -> dict[tuple[str, Level], Curve]:
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
