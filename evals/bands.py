"""Which sentence an aspect's counts deserve: the one place that turns counts into words.

The template variant, the training of the small model and the grounding metric all read it:
"most reviewers" means the same everywhere.

>>> from evals.records import AspectRow
>>> band(AspectRow("sound", positive=15, neutral=2, negative=5, reviews=20))
'most_positive'
>>> band(AspectRow("sound", positive=1, neutral=9, negative=2, reviews=12))
'some_negative'
"""

from __future__ import annotations

from typing import Literal

from evals.records import AspectRow

Band = Literal["most_positive", "some_positive", "mixed", "some_negative", "most_negative"]
BANDS: tuple[Band, ...] = ("most_positive", "some_positive", "mixed", "some_negative", "most_negative")

MIN_OPINIONS = 5  # below it "most" would speak of three people
MOST = 0.75  # share of positive among opinionated mentions from which "most" are pleased
FEW = 0.25  # ... and up to which "most" are disappointed


def opinionated(row: AspectRow) -> int:
    """Mentions that take a side; neutral ones say nothing about satisfaction."""
    return row.positive + row.negative


def band(row: AspectRow) -> Band:
    """The key of `LanguagePack.summary` that is true of `row`.

    Fewer than MIN_OPINIONS opinions: the majority's ``some_*``, ``mixed`` on a tie (no opinion at all included).
    Otherwise by the share of positive ones: >= MOST ``most_positive``, <= FEW ``most_negative``, else ``mixed``.
    """
    if opinionated(row) < MIN_OPINIONS:
        return "mixed" if row.positive == row.negative else "some_positive" if row.positive > row.negative else "some_negative"
    share = row.positive / opinionated(row)
    return "most_positive" if share >= MOST else "most_negative" if share <= FEW else "mixed"


def true_patterns(row: AspectRow) -> frozenset[str]:
    """Every key of `LanguagePack.summary` that is true of `row`: its band, and ``counts_positive``, which only states the numbers.

    In ``counts_positive``, ``{positive}`` is `row.positive` and ``{total}`` is `opinionated(row)`.
    """
    return frozenset({band(row), "counts_positive"})
