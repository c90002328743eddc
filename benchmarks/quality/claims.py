"""How sentences are cut into claims: compounds made of the packs' own sentences, those sentences alone, and real review sentences.

Real ones (M-ABSA, labelled terms, parallel in its languages) are no gold for clauses; they show what must not happen, a cut inside a term,
and how often praise and complaint in one sentence end up in two claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.quality.data import Row, Sets
from evals.claims import claims_of, statements
from evals.claims.clauses import clauses
from evals.languages import LANGUAGES
from evals.packs import LanguagePack, pack
from evals.records import Output
from evals.text import Span

SENTENCES = 400  # of M-ABSA, a language
_ENDS = ".!?。！？।॥؟…;"
_COMMAS = {"ar": "،", "ja": "、", "zh": "，"}
_SEMICOLONS = {"ar": "؛", "ja": "；", "zh": "；", "el": "·"}


@dataclass(frozen=True)
class Compound:
    """A sentence of two statements; the cut belongs into ``text[start:end]``."""

    kind: str
    text: str
    start: int
    end: int


def compounds(tag: str) -> Iterator[Compound]:
    """Written ones, and each aspect's praise joined to the next one's complaint by a word of contrast and by a semicolon."""
    words = pack(tag)
    for written in words.examples["compound"]:
        left, right = written.split("|")
        gap = 20  # the word between the clauses stands at the beginning of the second, or ends the first
        yield Compound("written", left + right.lstrip(), len(left.rstrip()) - 3, len(left) + gap)
    space = "" if LANGUAGES[tag].words == "characters" else " "
    contrast = next(word for word in words.clauses["contrast"] if word[0] != "-")
    joints = {"contrast": f"{_COMMAS.get(tag, ',')}{space}{contrast}{space}", "semicolon": f"{_SEMICOLONS.get(tag, ';')}{space}"}
    aspects = list(words.aspects.values())
    for first, second in zip(aspects, [*aspects[1:], aspects[0]], strict=True):
        for kind, joint in joints.items():
            left, right = first.positive[0].rstrip(_ENDS + " "), second.negative[0]
            yield Compound(kind, left + joint + right[0].lower() + right[1:], len(left), len(left + joint))


def singles(words: LanguagePack) -> list[str]:
    """The patterns, filled; each is one claim."""
    filled = {"attribute": words.attributes["weight"], "value": "1,5 kg", "positive": 7, "total": 9}
    groups = (words.summary, words.answer, words.ask)
    patterns = [variant for group in groups for variants in group.values() for variant in variants]
    return [
        pattern.format(aspect=aspect.name, snippet=aspect.positive[0], **filled)
        for pattern in patterns
        for aspect in words.aspects.values()
    ]


def figures(sets: Sets) -> str:
    lines = ["| language | written | contrast | semicolon | patterns cut | example sentences cut |", "|---|--:|--:|--:|--:|--:|"]
    for tag in LANGUAGES:
        made, words = list(compounds(tag)), pack(tag)
        kinds = [_shown([_found(one, tag) for one in made if one.kind == kind]) for kind in ("written", "contrast", "semicolon")]
        examples = [text for aspect in words.aspects.values() for text in (*aspect.positive, *aspect.negative, *aspect.neutral)]
        cut = [_shown([len(clauses(text, tag)) > 1 for text in texts]) for texts in (singles(words), examples)]
        lines.append(f"| {tag} | {' | '.join(kinds)} | {' | '.join(cut)} |")
    return "\n".join(
        [
            "Found boundaries of constructed compounds; patterns and example sentences that were cut (some examples do say two things).",
            "",
            *lines,
            "",
            *_real(sets),
        ]
    )


def _found(compound: Compound, tag: str) -> bool:
    found = clauses(compound.text, tag)
    return any(compound.start <= clause.end and later.start <= compound.end for clause, later in pairwise(found))


def _shown(values: Sequence[bool]) -> str:
    return f"{sum(values)} of {len(values):,}"


def _real(sets: Sets) -> Iterator[str]:
    yield f"M-ABSA, up to {SENTENCES} texts with praise and complaint and about as many with one side, a language: texts in which no"
    yield "claim holds labelled terms of both sides, if sentences are claims and with clauses; texts of one side that clauses cut"
    yield "further; labelled terms that a cut between clauses went through."
    yield ""
    yield "| language | both sides | apart by sentences | apart by claims | one side | cut further | terms cut through |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for tag in LANGUAGES:
        rows = sets.rows("absa_mabsa", lambda row, tag=tag: row["lang"] == tag)
        both = [row for row in rows if {"positive", "negative"} <= {label["polarity"] for label in row["labels"]}][:SENTENCES]
        one = [row for row in rows if len({label["polarity"] for label in row["labels"]}) == 1][:: max(1, len(rows) // SENTENCES)]
        if both:
            yield f"| {tag} | {' | '.join(_of_rows(both, one, tag))} |"


def _of_rows(both: Sequence[Row], one: Sequence[Row], tag: str) -> list[str]:
    by_sentences = [_apart(row, statements(row["text"], tag)) for row in both]
    by_claims = [_apart(row, _claims(row, tag)) for row in both]
    further = [len(_claims(row, tag)) > len(statements(row["text"], tag)) for row in one]
    places = [(place, row) for row in (*both, *one) for label in row["labels"] if (place := _place(label, row["text"]))]
    through = [
        _claim(_claims(row, tag), place) is None and _claim(statements(row["text"], tag), place) is not None for place, row in places
    ]
    shares = [f"{100 * sum(some) / len(some):.1f} %" for some in (by_sentences, by_claims, further, through)]
    return [f"{len(both):,}", *shares[:2], f"{len(one):,}", *shares[2:]]


def _claims(row: Row, tag: str) -> list[Span]:
    claims = claims_of(Output("", "", "", row["text"], "ok", ""), tag)
    return [Span(claim.text, claim.start, claim.end) for claim in claims]


def _apart(row: Row, found: Sequence[Span]) -> bool:
    """Whether no claim holds terms of both sides; a text whose terms are named nowhere counts as not apart."""
    terms = [(label["polarity"], place) for label in row["labels"] if (place := _place(label, row["text"]))]
    sides = [{_claim(found, place) for said, place in terms if said == polarity} for polarity in ("positive", "negative")]
    return all(sides) and not sides[0] & sides[1]


def _place(label: Row, text: str) -> tuple[int, int] | None:
    term = label.get("aspect")
    start = text.find(term) if term else -1
    return (start, start + len(term)) if start >= 0 else None


def _claim(found: Sequence[Span], place: tuple[int, int]) -> int | None:
    """Which clause holds a term; None if none does."""
    return next((n for n, clause in enumerate(found) if clause.start <= place[0] and place[1] <= clause.end), None)
