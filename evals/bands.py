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


Quantity = Literal["most", "some", "few", "mixed", "all", "almost_all", "not_all", "none"]
QUANTITIES: tuple[Quantity, ...] = ("most", "some", "few", "mixed", "almost_all", "all", "not_all", "none")
SEVERAL = 2  # a plural speaks of two
ALMOST = 0.9  # "almost all": what is more than any smaller fraction that people use
NEARLY = 0.05  # "about 40 %", "eight in ten": five points to either side, half of what "in ten" can tell apart


def is_true(quantity: Quantity, row: AspectRow, side: Literal["positive", "negative"]) -> bool:
    """Whether so many took `side`: exact, in every language the same.

    Shares are of the opinions (`opinionated`), as in ``counts_positive``: who took no side neither praised nor complained.

    most   its band: >= MOST of at least MIN_OPINIONS. "The majority" is the same word in half of our languages (la mayoría, většina), so
           it cannot mean 51 % in some and 75 % in others; and a shopper who reads "most" at 51 % has been misled.
    some   its band, or SEVERAL and not most: 6 of 10 are some; of 9 of 10 "some" would be true for a logician and false for a shopper.
    few    somebody, and <= FEW of at least MIN_OPINIONS: the mirror of most.
    mixed  its band; it has no side.
    all    somebody, and nobody who took the other side or none.
    almost_all  >= ALMOST of at least MIN_OPINIONS; not_all: somebody, but not all.
    none   nobody.
    """
    count = row.positive if side == "positive" else row.negative
    share = count / opinionated(row) if opinionated(row) else 0.0
    enough = opinionated(row) >= MIN_OPINIONS
    return {
        "most": enough and share >= MOST,
        "some": band(row) == f"some_{side}" or (count >= SEVERAL and not (enough and share >= MOST)),
        "few": enough and count > 0 and share <= FEW,
        "mixed": band(row) == "mixed",
        "all": count > 0 and count == row.positive + row.neutral + row.negative,
        "almost_all": enough and share >= ALMOST,
        "not_all": 0 < count < row.positive + row.neutral + row.negative,
        "none": count == 0,
    }[quantity]


# A spoken fraction holds where no other that people use is nearer: so "half" begins at 5/12, in the middle between 1/3 and 1/2, and nobody
# had to choose a tolerance.
_LADDER = (0, 1 / 10, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 9 / 10, 1)
SPOKEN: dict[str, tuple[float, float]] = {
    name: ((_LADDER[n - 1] + _LADDER[n]) / 2, (_LADDER[n] + _LADDER[n + 1]) / 2)
    for n, name in ((2, "quarter"), (3, "third"), (4, "half"), (5, "two_thirds"), (6, "three_quarters"))
}
