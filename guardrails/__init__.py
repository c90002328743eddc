"""Rails around a model: what may go in as a question and as evidence, and what may come out.

RAILS is listed by hand; adding one is a file here, a row below and a line in ``data/guardrails/policy.yaml`` for each target it runs on.
A text that comes a piece at a time is checked by `guardrails.stream`; what each rail was found to be worth is in `guardrails.measured`.

>>> text = "Very light, write to a@b.example [1]."
>>> apply(text, check_output(text, "en", (), "assistant"), "Not available.")
('Very light, write to ••• [1].', 'ok')
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import Feature, Passage
from evals.text import sentences
from guardrails import policy
from guardrails.addresses import ADDRESSES
from guardrails.base import TARGETS, WITHHELD, Context, Draft, Hit, Rail, SpanRail, Target
from guardrails.citation import CITATION
from guardrails.commerce import COMPETITOR, OFFER
from guardrails.contact import CONTACT
from guardrails.grounding import GROUNDING
from guardrails.hate import HATE
from guardrails.health import HEALTH
from guardrails.hidden import HIDDEN
from guardrails.homoglyphs import HOMOGLYPHS
from guardrails.identity import IDENTITY
from guardrails.injection import INJECTION
from guardrails.language import LANGUAGE
from guardrails.leak import LEAK
from guardrails.names import NAMES
from guardrails.repetition import REPETITION
from guardrails.topic import TOPIC
from guardrails.unsafe import UNSAFE

_ROWS: tuple[Rail, ...] = (
    CONTACT,
    IDENTITY,
    ADDRESSES,
    NAMES,
    HOMOGLYPHS,
    INJECTION,
    LANGUAGE,
    CITATION,
    HIDDEN,
    LEAK,
    REPETITION,
    HATE,
    UNSAFE,
    TOPIC,
    COMPETITOR,
    OFFER,
    HEALTH,
    GROUNDING,
)
RAILS: dict[str, Rail] = {rail.name: rail for rail in _ROWS}

__all__ = [
    "RAILS",
    "TARGETS",
    "WITHHELD",
    "Context",
    "Draft",
    "Hit",
    "Rail",
    "SpanRail",
    "Target",
    "apply",
    "check",
    "check_input",
    "check_output",
    "fallback",
    "masked",
    "policy_in_force",
    "redact_text",
    "screen_evidence",
    "withheld",
]


def policy_in_force() -> policy.Policy:
    """What ``data/guardrails/policy.yaml`` says. Raises PolicyError naming the file and the value."""
    return policy.load(_ROWS)


def check(text: str, language: str, context: Context, source_id: str | None = None) -> list[Draft]:
    """What the rails object to that the policy runs at this feature, target and marketplace."""
    drafts: list[Draft] = []
    for name, action in policy_in_force().actions(context.feature, context.target, context.marketplace).items():
        for hit in RAILS[name].check(text, language, replace(context, action=action)):
            drafts.append(Draft(name, hit.action, context.target, hit.start, hit.end, hit.detail, source_id))
    return drafts


def screen_evidence(
    passages: Sequence[Passage], language: str, feature: Feature = "assistant", marketplace: str | None = None
) -> tuple[list[Passage], list[Draft]]:
    """The passages a model may see, and what was found in the others.

    A passage with a ``block`` or ``escalate`` finding is dropped; one with a ``redact`` finding is cut down to its longest run of clean
    sentences (still an exact slice of its source), or dropped where nothing is left. Numbers stay as they were: number the result if they
    must be without gaps.
    `language` is the case's; a passage in another language is checked in its own.
    """
    kept: list[Passage] = []
    drafts: list[Draft] = []
    for passage in passages:
        found = check(passage.text, passage.language or language, Context(feature, "evidence", marketplace=marketplace), passage.source_id)
        drafts += found
        clean = _clean_part(passage, found)
        if clean is not None:
            kept.append(clean)
    return kept, drafts


def check_input(text: str, language: str, feature: Feature = "assistant", marketplace: str | None = None) -> list[Draft]:
    """What the rails object to in a shopper's question."""
    return check(text, language, Context(feature, "input", marketplace=marketplace))


def check_output(
    text: str,
    language: str,
    passages: Sequence[Passage],
    feature: Feature,
    marketplace: str | None = None,
    secrets: Sequence[str] = (),
) -> list[Draft]:
    """What the rails object to in an output that rests on `passages` and must not repeat `secrets`, which its writer was told."""
    return check(text, language, Context(feature, "output", passages=tuple(passages), marketplace=marketplace, secrets=tuple(secrets)))


def withheld(hits: Iterable[Draft]) -> bool:
    """Whether a finding says that nothing of the text is shown: ``block`` and ``escalate``."""
    return any(hit.action in WITHHELD for hit in hits)


def apply(text: str, hits: Iterable[Draft], fallback: str) -> tuple[str, Literal["ok", "blocked"]]:
    """`text` with the ``redact`` spans masked, or `fallback` if it is withheld. ``allow`` findings change nothing."""
    hits = list(hits)
    return (fallback, "blocked") if withheld(hits) else (masked(text, hits), "ok")


def fallback(language: str) -> str:
    """What is shown instead of a text that is withheld: in the language, where it is ours, else in English.

    >>> fallback("de") != fallback("en") == fallback("und")
    True
    """
    return pack(language if language in LANGUAGES else "en").fallback


def redact_text(text: str, language: str) -> str:
    """`text` for showing: contact data masked, hidden characters taken out; again until nothing is found, since one may hide the other."""
    while (masked := _redacted(text, language)) != text:
        text = masked
    return text


def _redacted(text: str, language: str) -> str:
    context = Context("assistant", "evidence", "redact")
    hits = [(name, hit) for name in ("contact", "identity", "addresses", "hidden") for hit in RAILS[name].check(text, language, context)]
    return masked(text, [Draft(name, "redact", "evidence", hit.start, hit.end, hit.detail) for name, hit in hits])


def masked(text: str, hits: Iterable[Draft]) -> str:
    """`text` without its ``redact`` spans. Overlapping ones are one; the mask of the first one stands for them."""
    pieces: list[str] = []
    position = 0
    for hit in sorted((hit for hit in hits if hit.action == "redact"), key=lambda hit: (hit.start, -hit.end)):
        if hit.start >= position:
            pieces += [text[position : hit.start], RAILS[hit.rail].mask]
        position = max(position, hit.end)
    return "".join([*pieces, text[position:]])


def _clean_part(passage: Passage, found: Sequence[Draft]) -> Passage | None:
    if withheld(found):
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
