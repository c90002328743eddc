"""A claim about who the reviewers are: "most buyers are nurses" needs that the reviews say so, and often enough.

Counts by aspect cannot tell it and praise cannot either, so it rests on passages alone: on the share of the reviews shown that say it, or,
where no quantity is named, on one. What they do not say is *unsupported*, never contradicted: a reviewer need not say what they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from evals.bands import is_true
from evals.claims.kinds import traits_in
from evals.grounding.base import Judgement
from evals.grounding.lexicon import Reading, Said, numbers_in
from evals.records import AspectRow, Passage


def against_reviewers(claim: str, reading: Reading, passages: Sequence[Passage], tag: str) -> Judgement:
    """Grounded if as many of the reviews as the claim says name one of its traits."""
    traits = traits_in(claim, tag)
    backing = [passage for passage in passages if passage.source == "review" and traits & traits_in(passage.text, tag)]
    if not backing:
        return Judgement("unsupported", "no review says this of its author")
    count, total = (len({p.source_id for p in some if p.source == "review"}) for some in (backing, passages))
    told = {number for passage in backing for number in numbers_in(passage.text, tag)} | {str(count), str(total)}
    row = AspectRow("", count, 0, total - count, total)
    true = set(reading.numbers) <= told and all(_holds(said, row) for said in reading.said)
    return Judgement("grounded" if true else "unsupported", f"{count} of {total} reviews say this of their author", backing[0])


def _holds(said: Said, row: AspectRow) -> bool:
    if said.share:
        return said.share.holds(row.positive / row.reviews)
    return said.quantity in (None, "mixed") or is_true(said.quantity, row, "positive")
