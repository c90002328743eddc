"""The forests of the verifier's training: over claims, then over texts by what is said of their claims."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evals.grounding.boosting import Rows, Settings, boost
from evals.grounding.features import FEATURES
from evals.grounding.learned import ANY, TEXT, standard, text_rows
from evals.grounding.training_data import NONE, Data, sample
from evals.grounding.training_lines import LEAST_ROWS, signed
from evals.grounding.trees import Floats, Forest

CLAIMS = Settings(trees=120, depth=3, leaf=100)
TEXTS = Settings(trees=120, depth=2, leaf=30, shrink=0.08, share=0.6)
# What each of these columns weighs in a text beside what is learned, but where all labels of a language are from one source: what some
# sources teach does not always hold on the next, copying does. Chosen out of fold (docs/LOG.md).
_COPIES = ("mean_triples", "mean_stretches", "mean_stems")
_COPYING = 1.2


def claim_forest(data: Data, mine: NDArray[np.bool_], apart: Floats, seed: int) -> Forest:
    at = np.flatnonzero(mine & (data.label != NONE))
    at = sample(at, data.source[at], seed)
    rows = Rows(
        data.rows[at],
        data.label[at],
        apart[at],
        np.unique(data.source[at], return_inverse=True)[1],
        data.groups[data.output[at]],
        data.output[at],
    )
    return boost(rows, np.array(list(FEATURES.values())), CLAIMS, seed)


def texts_of(data: Data, train: NDArray[np.bool_], tree: Floats, linear: Floats, seed: int) -> tuple[Forest, dict[str, Floats], Floats]:
    """On outputs, and on labelled claims of outputs with several; both are texts. Forest, line and what copying counts are added, each
    learned apart: a forest that starts from what the others say learns to take it back."""
    outputs = np.flatnonzero(train & (data.whole >= 0))
    outputs = sample(outputs, data.sources[outputs], seed)
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


def _pulls(data: Data) -> dict[str, Floats]:
    """By language (with `LEAST_ROWS` labels), what copying counts in a text (`_COPYING`)."""
    copying = np.array([_COPYING * (name in _COPIES) for name in TEXT])
    known = data.language[data.label >= 0]
    learned = [str(tag) for tag, count in zip(*np.unique(known, return_counts=True), strict=True) if count >= LEAST_ROWS]
    sources = {tag: len(set(data.sources[data.languages == tag])) for tag in learned}
    return {ANY: copying} | {tag: copying * (count > 1) for tag, count in sources.items()}
