"""A claim about an aspect, against what was counted: the aspect table of a summary, or the opinions in the passages of an answer.

The words are those of `evals.bands`: what makes "most reviewers" true is defined there and nowhere else. `TableCheck` judges such claims
and no others, so that a jury may hold it beside judges that read the text.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import regex

from evals.bands import FEW, MIN_OPINIONS, MOST, NEARLY, SEVERAL, band, is_true, opinionated
from evals.claims import without_citations
from evals.claims.clauses import MAX_SENTENCE
from evals.grounding import lexicon
from evals.grounding.base import Item, Judgement
from evals.grounding.lexicon import Reading, Said, normal, numbers_in, reader
from evals.grounding.shares import ungrouped
from evals.identity import sha256
from evals.languages import LANGUAGES
from evals.metric import signature
from evals.packs import pack
from evals.paths import DATA
from evals.records import AspectRow, Passage, ScoreSource
from evals.text import sentences

MAX_CLAIM = 10_000  # code points; a longer one is not read
_RATES = (10, 100)  # "9 in 10" of more than ten reviewers is a rate
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
    if (reading.bounds or not set(reading.numbers) <= set(quotable)) and (problem := _wrong_numbers(claim, reading, row, tag)):
        return Judgement("contradicted", problem)
    if len(reading.aspects) > 1 and any(len(one.sides) == 2 for one in reading.said):
        return Judgement("not_checkable", f"takes both sides and speaks of {', '.join(reading.aspects[:3])}")
    numbers = bool(reading.numbers or reading.bounds)
    said = [one for one in reading.said if one.quantity or one.share or not numbers]
    found = [judgement for one in said if (judgement := _against(one, row)) is not None]
    wrong = next((judgement for judgement in found if judgement.verdict == "contradicted"), None)
    if wrong or found:
        return wrong or found[0]
    if not numbers:
        return Judgement("not_checkable", "names an aspect and says nothing about it")
    return Judgement("grounded", "the numbers are those counted")


def _against(said: Said, row: AspectRow) -> Judgement | None:
    """One statement of how many took which side; None where it does not say which."""
    counted = f"counted +{row.positive} -{row.negative} ={row.neutral}"
    stated = "mixed" if said.quantity == "mixed" or len(said.sides) == 2 else said.side
    if stated is None:
        return None
    if said.share:
        return _share(said, row) if said.side else None
    if said.quantity is None or said.quantity == "mixed" or said.side is None:
        return Judgement("grounded" if _SIDE_OF_BAND[band(row)] == stated else "contradicted", f"says {stated}, {counted}")
    true = is_true(said.quantity, row, said.side)
    return Judgement("grounded" if true else "contradicted", f"says {said.quantity} {stated}, {counted}")


def _share(said: Said, row: AspectRow) -> Judgement:
    count, total = row.negative if said.side == "negative" else row.positive, opinionated(row)
    if said.share is None or not total:
        return Judgement("unsupported", "no opinion was counted")
    true = said.share.holds(count / total)
    why = f"says {said.share.text[:40]} {said.side}, counted {count} of {total}"
    return Judgement("grounded" if true else "contradicted", why)


def _stated(reading: Reading) -> str | None:
    """``positive``, ``negative`` or ``mixed``; None where no side is taken."""
    if reading.quantity == "mixed" or len(reading.sides) == 2:
        return "mixed"
    return reading.side


def _wrong_numbers(claim: str, reading: Reading, row: AspectRow, tag: str) -> str | None:
    """Why the numbers of a claim are not the row's; None if they are."""
    stated = row.negative if reading.side == "negative" else row.positive
    total = opinionated(row)
    known = {stated, total, row.reviews, row.positive + row.neutral + row.negative}
    alone = reading.side and not any(said.quantity or said.share for said in reading.said)
    for bound in reading.bounds:
        if not any(bound.holds(count) for count in ({stated} if alone else known)):
            return f"says {bound.text[:40]} or more or less, counted {stated} of {total}"
    in_order = _by_pattern(claim, tag)
    if in_order is not None:
        true = in_order == (str(row.positive), str(total))
    elif len(reading.numbers) == 2:
        true = sorted(reading.numbers) == sorted((str(stated), str(total))) or _is_rate(reading.numbers, stated, total)
    else:
        true = set(reading.numbers) <= {str(n) for n in known}
    return None if true else f"numbers {', '.join(reading.numbers)[:40]}, counted {stated} of {total}"


def _is_rate(numbers: Sequence[str], stated: int, total: int) -> bool:
    """Whether "9 in 10" is said of more than ten and true within half a tenth (or of a hundred, within half a hundredth)."""
    if not all(number.isdigit() and len(number) <= 3 for number in numbers):
        return False
    part, whole = sorted(map(int, numbers))
    return whole in _RATES and total > whole and abs(part / whole - stated / total) <= NEARLY * 10 / whole + 1e-9


def _by_pattern(claim: str, tag: str) -> tuple[str, str] | None:
    """(positive, total) as the language orders them, where the claim is worded like one of its patterns."""
    plain = ungrouped(normal(without_citations(claim)), tag)
    for pattern in _counts(tag):
        if match := pattern.fullmatch(plain):
            return numbers_in(match["positive"], tag)[0], numbers_in(match["total"], tag)[0]
    return None


@cache
def _counts(tag: str) -> tuple[regex.Pattern[str], ...]:
    count = r"\p{Nd}{1,9}(?:[.,٬']\p{Nd}{2,3}){0,3}"

    def compiled(variant: str) -> regex.Pattern[str]:
        text = regex.escape(normal(variant), special_only=True, literal_spaces=True)
        for name, hole in (("aspect", ".{1,80}"), ("positive", f"(?P<positive>{count})"), ("total", f"(?P<total>{count})")):
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


def about(item: Item, reading: Reading) -> str | None:
    """The aspect a claim is about.

    Of those it names ("sound quality") one that was counted; if it names none, that of the words before it in its sentence, as in "Sound:
    most are pleased, but some complain".
    """
    if reading.aspects:
        counted = {row.aspect for row in item.output.aspects}
        return next((aspect for aspect in reading.aspects if aspect in counted), reading.aspect)
    return _carried(item)


def _carried(item: Item) -> str | None:
    tag, text = item.case.language, item.output.text
    before = text[max(0, item.claim.start - MAX_SENTENCE) : item.claim.start]
    if not before or before.rstrip()[-1:] in LANGUAGES[tag].ends or before.endswith("\n"):
        return None  # it opens its sentence: most claims, told without a look at what came before
    spans = sentences(before + text[item.claim.start : item.claim.start + 1], tag)
    began = spans[-1].start if spans else len(before)
    return reader(tag).read(before[began:]).aspect if began < len(before) else None


@dataclass(frozen=True)
class TableCheck:
    """Claims about how many reviewers took which side on an aspect, against the counts. Exact, by code, in 28 languages."""

    name: str = "table"
    source: ScoreSource = "code"
    meaning: str = "1 if what a claim says about an aspect's counts is true of them, 0 if not; None for any other claim"

    @cached_property
    def signature(self) -> str:
        return signature(1, lexicon=lexicon.VERSION, packs=packs_hash(), bands=bands_signature())

    def judge(self, items: Sequence[Item]) -> list[Judgement]:
        return [_checked(item) for item in items]


def _checked(item: Item) -> Judgement:
    tag, claim = item.case.language, item.claim.text
    if tag not in LANGUAGES:
        return Judgement("not_checkable", f"language {tag!r} is not one of ours")
    if not item.output.aspects or len(claim) > MAX_CLAIM:
        return Judgement("not_checkable", "too long for a claim" if item.output.aspects else "no aspects were counted")
    reading = reader(tag).read(claim)
    aspect = about(item, reading) if reading.said or reading.numbers else None
    if aspect is None or not (reading.said or reading.at_start):
        return Judgement("not_checkable", "says nothing about the counts of an aspect")
    row = next((row for row in item.output.aspects if row.aspect == aspect), None)
    if row is None:
        return Judgement("unsupported", f"nothing was counted on {aspect}")
    return against_row(claim, reading, row, tag)


def bands_signature() -> str:
    return f"{MIN_OPINIONS}/{FEW}/{MOST}/{SEVERAL}/{NEARLY}"


@cache
def packs_hash() -> str:
    """Hash of all language packs: another word is another measure."""
    files = sorted((DATA / "languages").glob("*.yaml"))
    return sha256("".join(file.name + sha256(file.read_bytes()) for file in files))[:12]
