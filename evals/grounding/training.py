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
    standard,
    text_rows,
    weigh,
)
from evals.grounding.trees import Floats, Forest
from evals.identity import sha256

FOLDS = 5
CLAIMS = Settings(trees=120, depth=3, leaf=100)
TEXTS = Settings(trees=120, depth=2, leaf=30, shrink=0.08, share=0.6)
MOST_ROWS = 6000  # claims of one source that a forest learns from; words learn from all
LEAST_ROWS = 400  # labelled claims of a language from which its words get weights
LEAST_CURVE = 100  # labels of a language from which it is calibrated
_INNER = 4
_RIDGE = 0.01
# What each of these columns weighs in a text beside what is learned, but where all labels of a language are from one source: what some
# sources teach does not always hold on the next, copying does. Chosen out of fold (docs/LOG.md).
_COPIES = ("mean_triples", "mean_stretches", "mean_stems")
_COPYING = 1.2
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
    """Five models, each on four fifths of the groups. scikit-learn is loaded here.

    On one thread, so that sums are taken in one order: the same examples give the same bytes, however many cores there are."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):
        return _fit(_Data(examples), examples, background, seed)


def _fit(data: _Data, examples: Sequence[Example], background: NDArray[np.uint8], seed: int) -> Fitted:
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
        self.standard = standard(self.rows, self.mean, self.deviation)
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
        apart = _apart(self, fold.words, {tag: line for tag, line in fold.lines.items() if tag != ANY})
        tree, linear = fold.claims(self.rows) + apart, _on_lines(self, fold.lines) + apart
        alone = text_rows(self.rows, self.words, tree, linear, np.ones(len(self.rows), dtype=np.int64))
        whole = text_rows(self.rows, self.words, tree, linear, self.sizes)
        return _by_language(fold, alone, self.language), _by_language(fold, whole, self.languages)


def _by_language(fold: Fold, rows: Floats, languages: NDArray[Any]) -> Floats:
    found = np.zeros(len(rows))
    for tag in np.unique(languages):
        found[languages == tag] = fold.judge(rows[languages == tag], str(tag))
    return found


_NONE, _BAG = -2, -1


def _number(label: bool | None) -> int:
    return _NONE if label is None else int(label)


def _fold(data: _Data, train: NDArray[np.bool_], seed: int) -> Fold:
    """One model on the outputs `train`. What a later stage learns from is said out of (inner) fold by the stage before."""
    mine = train[data.output]
    inner = [(mine & (data.inner == at), mine & (data.inner != at)) for at in range(_INNER)]
    words, free = _words(data, mine, seed)
    apart = np.zeros(len(data.rows))
    for rest, part in inner:
        apart[rest] = _apart(data, *_words(data, part, seed))[rest]
    lines = _lines(data, mine, apart, free)
    forest = _claim_forest(data, mine, apart, seed)
    tree = np.zeros(len(data.rows))
    for rest, part in inner:
        tree[rest] = _claim_forest(data, part, apart, seed)(data.rows[rest]) + apart[rest]
    linear = apart + _on_lines(data, lines)
    return Fold(words, lines, forest, *_texts(data, train, tree, linear, seed))


def _words(data: _Data, mine: NDArray[np.bool_], seed: int) -> tuple[NDArray[np.float32], dict[str, Floats]]:
    """Weights of words apart, by language where it has labels enough, and what features weigh beside them."""
    words, lines = np.zeros(BUCKETS, dtype=np.float32), {}
    for tag in np.unique(data.language[mine]):
        own = np.flatnonzero(mine & (data.label >= 0) & (data.language == tag))
        if len(own) >= LEAST_ROWS and 0 < data.label[own].sum() < len(own):
            weights, lines[str(tag)] = _of_words(data, own, str(tag), seed)
            words += weights
    return words, lines


def _apart(data: _Data, words: NDArray[np.float32], known: Mapping[str, Floats]) -> Floats:
    return np.where(np.isin(data.language, list(known)), weigh(words, data.apart, data.words), 0.0)


def _lines(data: _Data, mine: NDArray[np.bool_], apart: Floats, free: Mapping[str, Floats]) -> dict[str, Floats]:
    """Where a language's labels are from several sources each feature may only weigh what `FEATURES` allows, as for all languages
    together; a single source, whose habits are all there is to learn, may have it any way."""
    known = mine & (data.label >= 0)
    directions = np.array(list(FEATURES.values()))
    at = np.flatnonzero(known)
    lines = {ANY: signed(data.standard[at], data.label[at], data.source[at], directions, np.zeros(len(at)))}
    for tag, weights in free.items():
        own = np.flatnonzero(known & (data.language == tag))
        one = len(set(data.source[own])) == 1
        lines[tag] = weights if one else signed(data.standard[own], data.label[own], data.source[own], directions, apart[own])
    return lines


def _on_lines(data: _Data, lines: Mapping[str, Floats]) -> Floats:
    found = data.standard @ lines[ANY]
    for tag, weights in lines.items():
        own = data.language == tag
        found[own] = data.standard[own] @ weights
    return np.asarray(found)


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


def signed(columns: Floats, label: Ints, sources: NDArray[Any], directions: Ints, start: Floats) -> Floats:
    """Logistic weights of standardised columns beside the logit `start`, each of the sign that `directions` allows, an offset for each
    source, every source counted the same."""
    from scipy.optimize import minimize

    source, weight = _sources(sources, 1.0)
    weight = weight / len(weight)
    count = columns.shape[1]

    def loss(given: Floats) -> tuple[float, Floats]:
        ours = given[:count]
        logit = start + columns @ ours + given[count:][source]
        wrong = weight * (1 / (1 + np.exp(-np.clip(logit, -30, 30))) - label)
        value = float(weight @ (np.logaddexp(0, logit) - label * logit)) + _RIDGE / 2 * float(ours @ ours)
        return value, np.concatenate([columns.T @ wrong + _RIDGE * ours, np.bincount(source, weights=wrong)])

    bounds = [(0 if way > 0 else None, 0 if way < 0 else None) for way in directions] + [(None, None)] * (source.max() + 1)
    found = minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 100})
    return np.asarray(found.x[:count])


def _claim_forest(data: _Data, mine: NDArray[np.bool_], apart: Floats, seed: int) -> Any:
    at = np.flatnonzero(mine & (data.label != _NONE))
    at = _sample(at, data.source[at], seed)
    rows = Rows(
        data.rows[at],
        data.label[at],
        apart[at],
        np.unique(data.source[at], return_inverse=True)[1],
        data.groups[data.output[at]],
        data.output[at],
    )
    return boost(rows, np.array(list(FEATURES.values())), CLAIMS, seed)


def _sample(at: Ints, sources: NDArray[Any], seed: int) -> Ints:
    """At most `MOST_ROWS` of each source."""
    rng = np.random.default_rng(seed)
    parts = [at[sources == source] for source in np.unique(sources)]
    return np.sort(np.concatenate([part if len(part) <= MOST_ROWS else rng.choice(part, MOST_ROWS, replace=False) for part in parts]))


def _texts(data: _Data, train: NDArray[np.bool_], tree: Floats, linear: Floats, seed: int) -> tuple[Forest, dict[str, Floats], Floats]:
    """On outputs, and on labelled claims of outputs with several; both are texts. Forest, line and what copying counts are added, each
    learned apart: a forest that starts from what the others say learns to take it back."""
    outputs = np.flatnonzero(train & (data.whole >= 0))
    outputs = _sample(outputs, data.sources[outputs], seed)
    several = data.sizes[data.output] > 1
    claims = np.flatnonzero(train[data.output] & several & (data.label >= 0))
    whole = text_rows(data.rows, data.words, tree, linear, data.sizes)[outputs]
    alone = text_rows(data.rows[claims], data.words[claims], tree[claims], linear[claims], np.ones(len(claims), dtype=np.int64))
    values = np.concatenate([whole, alone])
    sources = np.concatenate([data.sources[outputs], np.char.add(data.source[claims], "/claims")])
    group = np.concatenate([data.groups[outputs], data.groups[data.output[claims]]])
    label = np.concatenate([data.whole[outputs], data.label[claims]])
    centre = np.stack([values.mean(axis=0), values.std(axis=0) + 1e-6])
    directions, none = np.array(list(TEXT.values())), np.zeros(len(label))
    line = signed(standard(values, centre[0], centre[1]), label, sources, directions, none)
    rows = Rows(values, label, none, np.unique(sources, return_inverse=True)[1], group, np.arange(len(label)))
    return boost(rows, directions, TEXTS, seed), {tag: line + pull for tag, pull in _pulls(data).items()}, centre


def _pulls(data: _Data) -> dict[str, Floats]:
    """By language (with `LEAST_ROWS` labels), what copying counts in a text (`_COPYING`)."""
    copying = np.array([_COPYING * (name in _COPIES) for name in TEXT])
    known = data.language[data.label >= 0]
    learned = [str(tag) for tag, count in zip(*np.unique(known, return_counts=True), strict=True) if count >= LEAST_ROWS]
    sources = {tag: len(set(data.sources[data.languages == tag])) for tag in learned}
    return {ANY: copying} | {tag: copying * (count > 1) for tag, count in sources.items()}


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
