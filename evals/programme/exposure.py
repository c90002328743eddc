"""How often the labels of a dataset version have been read to choose by, against how often they may be.

Everything is read from decisions and registrations, so that nobody has to remember to write it down. What is not seen: a page or a notebook
on which somebody looked at the labels.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from evals.programme.rules import Rules
from evals.store import Reads, Store

Standing = Literal["fresh", "worn", "spent"]


class Exposed(NamedTuple):
    """A dataset version, how many comparisons its labels may still serve, and what that is called."""

    reads: Reads
    left: int
    standing: Standing


def exposures(store: Store, rules: Rules) -> list[Exposed]:
    """Most used first; a dataset whose labels nobody has read or means to read is not among them."""
    return [_exposed(one, rules) for one in store.programme.reads()]


def comparisons(store: Store, dataset_id: str) -> int:
    """Pairs of runs over this dataset version that were read or are registered to be."""
    return next((one.comparisons for one in store.programme.reads() if one.dataset_id == dataset_id), 0)


def warning(store: Store, rules: Rules, dataset_id: str) -> str | None:
    """What to say to who reads the labels of this dataset version again; None while it is fresh."""
    for one in exposures(store, rules):
        if one.reads.dataset_id == dataset_id and one.standing != "fresh":
            more = f"{one.left} more and it is spent" if one.left else "what is chosen by them now flatters: make a new version"
            return f"the labels of dataset {dataset_id} serve {one.reads.comparisons} of {rules.comparisons} comparisons; {more}"
    return None


def _exposed(reads: Reads, rules: Rules) -> Exposed:
    left = max(0, rules.comparisons - reads.comparisons)
    return Exposed(reads, left, "spent" if not left else "worn" if reads.comparisons >= rules.warn else "fresh")
