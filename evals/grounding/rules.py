"""`grounded`: does the evidence say what a claim says? By code, deterministically, in the 28 languages that have a pack.

A claim about who the reviewers are needs reviews that say so (`evals.grounding.reviewers`); the kind of each claim goes into the detail.
Highlights: a claim about an aspect is held against the aspect table (`evals.grounding.table`), and a snippet it cites must be about that
aspect. Answers: against the passages it cites, or all of them (`evals.grounding.passages`). "The evidence does not say" is *not checkable*:
whether an answer was there to be found is a question about retrieval, which words cannot decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from evals.claims import without_citations
from evals.claims.kinds import ClaimKind, kind_of
from evals.grounding import lexicon, passages, table
from evals.grounding.base import Item, Judgement, metric_of
from evals.grounding.lexicon import Reading, numbers_in, reader
from evals.grounding.reviewers import against_reviewers
from evals.identification import script_share
from evals.languages import LANGUAGES
from evals.metric import signature
from evals.records import Case, Claim, Output, Passage, ScoreSource


def check(case: Case, output: Output, claim: Claim) -> Judgement:
    """The verdict on one claim, with what decided and the claim's kind. Raises UnknownIdError for a language without a pack."""
    kind = kind_of(claim.text, case.language, case.feature)
    return replace(_verdict(Item(case, output, claim), kind), extra={"kind": kind})


def _verdict(item: Item, kind: ClaimKind) -> Judgement:
    case, output, claim = item.case, item.output, item.claim
    tag = case.language
    if len(claim.text) > table.MAX_CLAIM:
        return Judgement("not_checkable", f"longer than {table.MAX_CLAIM} characters")
    if script_share(without_citations(claim.text), tag) == 0 and LANGUAGES[tag].script != "Latn":
        return Judgement("not_checkable", f"the claim is not written in {LANGUAGES[tag].name}")
    if passages.says_unknown(claim.text, tag):
        return Judgement("not_checkable", "says that the evidence does not tell")
    numbers = {passage.number: passage for passage in output.passages}
    missing = [n for n in claim.citations if n not in numbers]
    if missing:
        return Judgement("unsupported", f"cites passages that do not exist: {missing[:5]}")
    cited = [numbers[n] for n in claim.citations]
    reading = reader(tag).read(claim.text)
    if kind == "reviewer":
        return _reviewers(claim, reading, output, cited, tag)
    if reading.said or reading.numbers:
        reading = replace(reading, aspect=table.about(item, reading))
    if case.feature == "highlights" and reading.aspect and _about_opinions(reading):
        return _highlight(claim, reading, output, cited, tag)
    return _answer(claim, reading, output, cited, tag)


def _about_opinions(reading: Reading) -> bool:
    return bool(reading.said or reading.at_start)


def _reviewers(claim: Claim, reading: Reading, output: Output, cited: Sequence[Passage], tag: str) -> Judgement:
    counted = bool(reading.numbers or any(said.quantity or said.share for said in reading.said))
    evidence = [*output.passages] if counted or not cited else cited
    readable = [passage for passage in evidence if passage.language == tag]
    if evidence and not readable:
        return Judgement("not_checkable", f"the evidence is in {evidence[0].language}, the claim in {tag}")
    return against_reviewers(claim.text, reading, readable, tag)


def _highlight(claim: Claim, reading: Reading, output: Output, cited: Sequence[Passage], tag: str) -> Judgement:
    row = next((row for row in output.aspects if row.aspect == reading.aspect), None)
    if row is None:
        return Judgement("unsupported", f"nothing was counted on {reading.aspect}")
    elsewhere = next((passage for passage in cited if passage.aspect not in (None, reading.aspect)), None)
    if elsewhere is not None:
        return Judgement("unsupported", f"cites a snippet about {elsewhere.aspect}, not {reading.aspect}", elsewhere)
    about = cited or [passage for passage in output.passages if passage.aspect == reading.aspect]
    quotable = {number for passage in about for number in numbers_in(passage.text)}
    found = table.against_row(claim.text, reading, row, tag, quotable)
    return Judgement(found.verdict, found.why, cited[0] if cited else _snippet(output, reading))


def _snippet(output: Output, reading: Reading) -> Passage | None:
    """The snippet a reader should look at: of the aspect, and of the claim's side if there is one."""
    about = [passage for passage in output.passages if passage.aspect == reading.aspect]
    return next((passage for passage in about if passage.polarity == reading.side), about[0] if about else None)


def _answer(claim: Claim, reading: Reading, output: Output, cited: Sequence[Passage], tag: str) -> Judgement:
    evidence = list(cited or output.passages)
    readable = [passage for passage in evidence if passage.language == tag or passage.source == "attribute"]
    if evidence and not readable:
        return Judgement("not_checkable", f"the evidence is in {evidence[0].language}, the claim in {tag}")
    if reading.aspect and (reading.sides or reading.quantity == "mixed") and not passages.quotes(claim.text):
        row = table.row_of(reading.aspect, readable, tag)
        if row is not None:
            return table.against_passages(reading, row)
        if reading.at_start:
            return Judgement("unsupported", f"no passage is about {reading.aspect}")
    return passages.against_passages(claim.text, reading, readable, tag)


@dataclass(frozen=True)
class Rules:
    """`check` as a scorer of claims; it gives verdicts and no probabilities."""

    name: str = "grounded"
    source: ScoreSource = "code"
    meaning: str = "1 if the evidence says what the claim says; 0 if it says otherwise or nothing; None if words cannot tell"

    @cached_property
    def signature(self) -> str:
        return signature(
            2,
            lexicon=lexicon.VERSION,
            packs=table.packs_hash(),
            bands=table.bands_signature(),
            negation=lexicon.NEGATION_WORDS,
            ngram="/".join(map(str, passages.NGRAM.values())),
            coverage=passages.COVERAGE,
            unknown=passages.LIKE_UNKNOWN,
        )

    def judge(self, items: Sequence[Item]) -> list[Judgement]:
        """Raises nothing: a language that is not ours is not checkable."""
        return [_judged(item) for item in items]


def _judged(item: Item) -> Judgement:
    if item.case.language not in LANGUAGES:
        return Judgement("not_checkable", f"language {item.case.language!r} is not one of ours")
    return check(item.case, item.output, item.claim)


GROUNDED = metric_of(Rules())
