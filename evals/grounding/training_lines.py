"""The linear part of the verifier's training: weights of words that the best sentence lacks, and of features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.grounding.boosting import Ints
from evals.grounding.evidence import spaced
from evals.grounding.features import FEATURES
from evals.grounding.learned import ANY, BUCKETS, scale, weigh
from evals.grounding.training_data import Data, sources_of
from evals.grounding.trees import Floats

LEAST_ROWS = 400  # labelled claims of a language from which its words get weights
_RIDGE = 0.01
_DENSE = 0.3  # how freely features may explain what words else would
_SHRINK = {"characters": 5e-5, "spaces": 1e-3}  # of the weights of words, by grouped cross-validation


def words_apart(data: Data, mine: NDArray[np.bool_], seed: int) -> tuple[NDArray[np.float32], dict[str, Floats]]:
    """Weights of words apart, by language where it has labels enough, and what features weigh beside them."""
    words, lines = np.zeros(BUCKETS, dtype=np.float32), {}
    for tag in np.unique(data.language[mine]):
        own = np.flatnonzero(mine & (data.label >= 0) & (data.language == tag))
        if len(own) >= LEAST_ROWS and 0 < data.label[own].sum() < len(own):
            weights, lines[str(tag)] = _of_words(data, own, str(tag), seed)
            words += weights
    return words, lines


def apart_of(data: Data, words: NDArray[np.float32], known: Mapping[str, Floats]) -> Floats:
    return np.where(np.isin(data.language, list(known)), weigh(words, data.apart, data.words), 0.0)


def lines_of(data: Data, mine: NDArray[np.bool_], apart: Floats, free: Mapping[str, Floats]) -> dict[str, Floats]:
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


def on_lines(data: Data, lines: Mapping[str, Floats]) -> Floats:
    found = data.standard @ lines[ANY]
    for tag, weights in lines.items():
        own = data.language == tag
        found[own] = data.standard[own] @ weights
    return np.asarray(found)


def _of_words(data: Data, own: Ints, tag: str, seed: int) -> tuple[NDArray[np.float32], Floats]:
    from scipy import sparse
    from sklearn.linear_model import SGDClassifier

    apart = [data.apart[i] for i in own]
    ends = np.concatenate([[0], np.cumsum([len(at) for at in apart])])
    values = np.repeat(scale(data.words[own]), [len(at) for at in apart])
    counted = sparse.csr_matrix((values, np.concatenate(apart), ends), shape=(len(own), BUCKETS))
    source, weight = sources_of(data.source[own], 0.5)
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
    return found[:BUCKETS].astype(np.float32), np.asarray(found[BUCKETS : BUCKETS + len(FEATURES)] * _DENSE)


def signed(columns: Floats, label: Ints, sources: NDArray[Any], directions: Ints, start: Floats) -> Floats:
    """Logistic weights of standardised columns beside the logit `start`, each of the sign that `directions` allows, an offset for each
    source, every source counted the same."""
    from scipy.optimize import minimize

    source, weight = sources_of(sources, 1.0)
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
