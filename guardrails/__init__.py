"""Rails around a model: what may go in as evidence, and what may come out.

RAILS is listed by hand; adding one is a file here, a row below and a line in ``data/guardrails/policy.yaml``.

>>> text = "Very light, write to a@b.example [1]."
>>> apply(text, check_output(text, "en", (), "assistant"), "Not available.")
('Very light, write to ••• [1].', 'ok')
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from evals.records import Feature, Passage
from evals.text import sentences
from guardrails import policy
from guardrails.base import TARGETS, Context, Draft, Hit, Rail, SpanRail, Target
from guardrails.citation import CITATION
from guardrails.contact import CONTACT
from guardrails.hidden import HIDDEN
from guardrails.injection import INJECTION
from guardrails.language import LANGUAGE

RAILS: dict[str, Rail] = {rail.name: rail for rail in (CONTACT, INJECTION, LANGUAGE, CITATION, HIDDEN)}

__all__ = [
    "RAILS",
    "TARGETS",
    "Context",
    "Draft",
    "Hit",
    "Rail",
    "SpanRail",
    "Target",
    "apply",
    "check_input",
    "check_output",
    "redact_text",
    "screen_evidence",
]


def screen_evidence(passages: Sequence[Passage], language: str, feature: Feature = "assistant") -> tuple[list[Passage], list[Draft]]:
    """The passages a model may see, and what was found in the others.

    A passage with a ``block`` finding is dropped; one with a ``redact`` finding is cut down to its longest run of clean sentences (still an
    exact slice of its source), or dropped where nothing is left. Numbers stay as they were: number the result if they must be without gaps.
    `language` is the case's; a passage in another language is checked in its own.
    """
    kept: list[Passage] = []
    drafts: list[Draft] = []
    for passage in passages:
        found = _check(passage.text, passage.language or language, Context(feature, "evidence"), passage.source_id)
        drafts += found
        clean = _clean_part(passage, found)
        if clean is not None:
            kept.append(clean)
    return kept, drafts


def check_input(text: str, language: str, feature: Feature = "assistant") -> list[Draft]:
    """What the rails object to in a shopper's question."""
    return _check(text, language, Context(feature, "input"))


def check_output(text: str, language: str, passages: Sequence[Passage], feature: Feature) -> list[Draft]:
    """What the rails object to in an output that rests on `passages`."""
    return _check(text, language, Context(feature, "output", passages=tuple(passages)))


def apply(text: str, hits: Iterable[Draft], fallback: str) -> tuple[str, Literal["ok", "blocked"]]:
    """`text` with the ``redact`` spans masked, or `fallback` if one finding says ``block``. ``allow`` findings change nothing."""
    hits = list(hits)
    if any(hit.action == "block" for hit in hits):
        return fallback, "blocked"
    return _masked(text, [hit for hit in hits if hit.action == "redact"]), "ok"


def redact_text(text: str, language: str) -> str:
    """`text` for showing: contact data masked, hidden characters taken out; again until nothing is found, since one may hide the other."""
    while (masked := _redacted(text, language)) != text:
        text = masked
    return text


def _redacted(text: str, language: str) -> str:
    context = Context("assistant", "evidence", "redact")
    hits = [(name, hit) for name in ("contact", "hidden") for hit in RAILS[name].check(text, language, context)]
    return _masked(text, [Draft(name, "redact", "evidence", hit.start, hit.end, hit.detail) for name, hit in hits])


def _check(text: str, language: str, context: Context, source_id: str | None = None) -> list[Draft]:
    drafts: list[Draft] = []
    for name, action in policy.actions(context.feature, context.target).items():
        for hit in RAILS[name].check(text, language, replace(context, action=action)):
            drafts.append(Draft(name, hit.action, context.target, hit.start, hit.end, hit.detail, source_id))
    return drafts


def _masked(text: str, hits: Sequence[Draft]) -> str:
    """Overlapping spans are one; the mask of the first one stands for them."""
    pieces: list[str] = []
    position = 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.start >= position:
            pieces += [text[position : hit.start], RAILS[hit.rail].mask]
        position = max(position, hit.end)
    return "".join([*pieces, text[position:]])


def _clean_part(passage: Passage, found: Sequence[Draft]) -> Passage | None:
    if any(draft.action == "block" for draft in found):
        return None
    spans = [(draft.start, draft.end) for draft in found if draft.action == "redact"]
    if not spans:
        return passage
    start, end = _longest_clean_run(passage, spans)
    if not any(character.isalnum() for character in passage.text[start:end]):
        return None
    return replace(passage, text=passage.text[start:end], start=passage.start + start, end=passage.start + end)


def _longest_clean_run(passage: Passage, spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Offsets in the passage's text of the longest run of sentences that touch no span; empty if there is none."""
    runs: list[tuple[int, int]] = [(0, 0)]
    open_run = False
    for sentence in sentences(passage.text, passage.language):
        clean = all(end <= sentence.start or start >= sentence.end for start, end in spans)
        if clean:
            runs[-1:] = [(runs[-1][0], sentence.end)] if open_run else [runs[-1], (sentence.start, sentence.end)]
        open_run = clean
    return max(runs, key=lambda run: run[1] - run[0])
