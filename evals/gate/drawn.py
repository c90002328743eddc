"""Which cases two runs were drawn for *together*, with the probability of that.

An item stores the probability of its case in the newest sample it belongs to. A run that was compared before (a champion meets many
candidates) brings the items of those samples along; a new sample starts from them and keeps them (`annotators.asking.sampling`), so the
samples of a run are nested, the older with the smaller probabilities. A case can be compared when every arm that says something in it was
drawn, and so was it in the smaller of the two samples, with the smaller probability.

>>> champion, candidate = {"a": 0.5, "b": 0.5, "c": 0.5}, {"a": 0.3}
>>> together([champion, candidate], [{"a", "b", "c"}, {"a", "b"}])  # b: drawn with another candidate; c: this one says nothing there
{'a': 0.3, 'c': 0.5}
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from evals.records import DRAWN, QueueItem

Chances = Mapping[str, float]


def chances(items: Iterable[QueueItem]) -> dict[str, float]:
    """Case → probability, of the cases that these items, all of one run, put before people because they were drawn."""
    found: dict[str, float] = {}
    for item in items:
        if item.why in DRAWN and item.case_id:
            found[item.case_id] = max(item.probability, found.get(item.case_id, 0.0))
    return found


def together(samples: Sequence[Chances], speaking: Sequence[Collection[str]]) -> dict[str, float]:
    """Case → probability over the arms' samples, each with the cases in which it says something.

    Before the arms were ever drawn together only one of them has a sample, or each another one: the larger is all there is.
    """
    known = [sample for sample in samples if sample]
    if len(known) < 2 or not _nested(samples, speaking):
        return max((dict(sample) for sample in samples), key=len)
    found: dict[str, float] = {}
    for case in sorted(set().union(*samples)):
        drawn = [sample.get(case) for sample, said in zip(samples, speaking, strict=True) if case in said]
        if drawn and None not in drawn:
            found[case] = min(p for p in drawn if p is not None)
    return found


def _nested(samples: Sequence[Chances], speaking: Sequence[Collection[str]]) -> bool:
    """Whether, where both arms say something, one sample holds the other."""
    both = set(speaking[0]).intersection(*speaking[1:])
    small, large = sorted((sample.keys() & both for sample in samples), key=len)
    return not both or (bool(small) and small <= large)
