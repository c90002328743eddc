"""A linear model on character 2- to 4-grams: small, exact, and the same for every language.

TF-IDF rows of unit length, ridge regression in its dual form: with a few hundred training sentences the solution is one small
symmetric system, so training takes milliseconds and has no random start. Any number of targets at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.languages import LANGUAGES
from runner.highlights.segment import folded

Matrix = NDArray[np.float64]


class NgramModel:
    """``predict(texts)`` gives one row of target values a text; what was never seen scores the targets' means."""

    def __init__(self, tag: str, texts: Sequence[str], targets: Matrix, ridge: float = 0.5) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer  # half a second: only for those who train

        spaced = LANGUAGES[tag].words == "spaces"
        self._vectorizer: Any = TfidfVectorizer(
            analyzer="char_wb" if spaced else "char", ngram_range=(2, 4), sublinear_tf=True, lowercase=False, preprocessor=_fold
        )
        rows = self._vectorizer.fit_transform(texts)
        self._means: Matrix = targets.mean(axis=0)
        kernel = (rows @ rows.T).toarray()
        dual = np.linalg.solve(kernel + ridge * np.eye(len(texts)), targets - self._means)
        self._weights: Matrix = np.asarray(rows.T @ dual)

    def predict(self, texts: Sequence[str]) -> Matrix:
        """len(texts) × targets."""
        if not texts:
            return np.zeros((0, len(self._means)))
        return np.asarray(self._vectorizer.transform(texts) @ self._weights) + self._means


def _fold(text: str) -> str:
    return folded(text).text
