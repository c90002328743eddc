"""A claim about an aspect, against what was counted: the aspect table of a summary, or the opinions in the passages of an answer.

The words are those of `evals.bands`: what makes "most reviewers" true is defined there and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache

import regex

from evals.bands import band, opinionated
from evals.claims import without_citations
from evals.grounding.base import Judgement
from evals.grounding.lexicon import Reading, normal, numbers_in, reader
from evals.packs import pack
from evals.records import AspectRow, Passage

_SIDE_OF_BAND = {
    "most_positive": "positive",
    "some_positive": "positive",
    "mixed": "mixed",
    "some_negative": "negative",
    "most_negative": "negative",
}


def against_row(claim: str, reading: Reading, row: AspectRow, tag: str, quotable: Collection[str] = ()) -> Judgement:
    """Numbers first, then how many people and on which side; a claim about the aspect that says neither is not checkable.

    `quotable`: numbers that stand in the aspect's snippets and so need not be counts.
    """
    if not set(reading.numbers) <= set(quotable) and (problem := _wrong_numbers(claim, reading, row, tag)):
        return Judgement("contradicted", problem)
    stated = _stated(reading)
    if stated is None:
        if not reading.numbers:
            return Judgement("not_checkable", "names an aspect and says nothing about it")
        return Judgement("grounded", "the numbers are those counted")
    if reading.numbers and reading.quantity is None:
        return Judgement("grounded", "the numbers are those counted")
    return _against_band(stated, reading, row)


def _stated(reading: Reading) -> str | None:
    """``positive``, ``negative`` or ``mixed``; None where no side is taken."""
    if reading.quantity == "mixed" or len(reading.sides) == 2:
        return "mixed"
    return reading.side


def _against_band(stated: str, reading: Reading, row: AspectRow) -> Judgement:
    true = band(row)
    if reading.quantity in ("all", "none"):
        return _all_or_none(stated, reading.quantity, row)
    said = f"{reading.quantity}_{stated}" if reading.quantity in ("most", "some") and stated != "mixed" else stated
    if said in (true, _SIDE_OF_BAND[true]):
        return Judgement("grounded", f"says {said}, counted {true}")
    return Judgement("contradicted", f"says {said}, counted {true}")


def _all_or_none(stated: str, quantity: str, row: AspectRow) -> Judgement:
    """That all are pleased needs that nobody said otherwise; that nobody complains, that nobody did."""
    said = {"positive": row.positive, "negative": row.negative, "mixed": 1}[stated]
    otherwise = row.positive + row.neutral + row.negative - said
    true = said == 0 if quantity == "none" else said > 0 and otherwise == 0
    why = f"says {quantity} {stated}, counted +{row.positive} -{row.negative} ={row.neutral}"
    return Judgement("grounded" if true else "contradicted", why)


def _wrong_numbers(claim: str, reading: Reading, row: AspectRow, tag: str) -> str | None:
    """Why the numbers of a claim are not the row's; None if they are."""
    stated = row.negative if reading.side == "negative" else row.positive
    total = opinionated(row)
    in_order = _by_pattern(claim, tag)
    if in_order is not None:
        true = in_order == (str(row.positive), str(total))
    elif len(reading.numbers) == 2:
        true = sorted(reading.numbers) == sorted((str(stated), str(total)))
    else:
        known = {stated, total, row.reviews, row.positive + row.neutral + row.negative}
        true = set(reading.numbers) <= {str(n) for n in known}
    return None if true else f"numbers {', '.join(reading.numbers)[:40]}, counted {stated} of {total}"


def _by_pattern(claim: str, tag: str) -> tuple[str, str] | None:
    """(positive, total) as the language orders them, where the claim is worded like one of its patterns."""
    plain = normal(without_citations(claim))
    for pattern in _counts(tag):
        if match := pattern.fullmatch(plain):
            return numbers_in(match["positive"])[0], numbers_in(match["total"])[0]
    return None


@cache
def _counts(tag: str) -> tuple[regex.Pattern[str], ...]:
    def compiled(variant: str) -> regex.Pattern[str]:
        text = regex.escape(normal(variant), special_only=True, literal_spaces=True)
        for name, hole in (("aspect", ".{1,80}"), ("positive", r"(?P<positive>\p{Nd}{1,9})"), ("total", r"(?P<total>\p{Nd}{1,9})")):
            text = text.replace(rf"\{{{name}\}}", hole, 1)
        return regex.compile(text)

    return tuple(compiled(variant) for variant in pack(tag).summary["counts_positive"])


def row_of(aspect: str, passages: Sequence[Passage], tag: str) -> AspectRow | None:
    """The counts of the passages that are about `aspect`, by their own mark or else by their words; None if none is.

    A passage whose side nobody marked and no word tells counts as neutral.
    """
    about = [p for p in passages if p.aspect == aspect or (p.aspect is None and reader(tag).mentions(p.text, aspect))]
    sides = [p.polarity or reader(tag).read(p.text).side or "neutral" for p in about]
    positive, neutral, negative = (sides.count(side) for side in ("positive", "neutral", "negative"))
    return AspectRow(aspect, positive, neutral, negative, len({p.source_id for p in about})) if about else None


def against_passages(reading: Reading, row: AspectRow) -> Judgement:
    """An answer's "reviewers are pleased": true if more passages say so than say the opposite; mixed if both are there."""
    stated = _stated(reading)
    counted = f"counted +{row.positive} -{row.negative} ={row.neutral} in the passages"
    if stated is None or not opinionated(row):
        return Judgement("not_checkable", f"no passage takes a side, {counted}" if stated else "takes no side")
    true = {
        "positive": row.positive > row.negative,
        "negative": row.negative > row.positive,
        "mixed": row.positive > 0 and row.negative > 0,
    }[stated]
    return Judgement("grounded" if true else "contradicted", f"says {stated}, {counted}")
