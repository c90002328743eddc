"""The rubric ``claim-v1``: one claim, its evidence, one of four verdicts, in the annotator's language.

What is stored is the same in every language: Label Studio shows the localised value of a choice and keeps its alias, one of CLAIM_VERDICTS.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from xml.sax.saxutils import quoteattr

from evals.identity import canonical_json, sha256
from evals.languages import language as language_row
from evals.packs import pack
from evals.records import CLAIM_VERDICTS, ClaimVerdict, Feature

RUBRIC = "claim-v1"
CHOICE, COMMENT = "verdict", "comment"  # names of the two controls: from_name in every annotation
DATA_KEYS: dict[Feature, tuple[str, ...]] = {
    "highlights": ("item_id", "language", "claim", "evidence"),
    "assistant": ("item_id", "language", "claim", "evidence", "question", "answer"),
}
MAX_TITLE = 50
# Left-to-right words inside right-to-left text, and the other way round, are punctuated wrongly without it. On the lines only: their
# container has no letters of its own, so plain text there would mean left to right and align Arabic to the wrong side.
_STYLE = ".lsf-richtext__line { unicode-bidi: plaintext; text-align: start }"


def queue_name(feature: Feature, language: str) -> str:
    """``feature/language/rubric``: one labelling project each."""
    return f"{feature}/{language}/{RUBRIC}"


def config_xml(feature: Feature, language: str) -> str:
    """The labelling page: question and answer (assistant), claim, evidence, verdict, comment. It reads the data keys DATA_KEYS."""
    words = pack(language).annotator
    direction = language_row(language).direction
    context = [*_shown("question", words), *_shown("answer", words)] if feature == "assistant" else []
    lines = [
        f'<View style="direction: {direction}; text-align: start">',
        f"  <Style>{_STYLE}</Style>",
        *context,
        *_shown("claim", words),
        *_shown("evidence", words),
        f"  <Header value={quoteattr(words['verdict_question'])}/>",
        f'  <Choices name="{CHOICE}" toName="claim" choice="single-radio" required="true" showInline="true">',
        *(f'    <Choice value={quoteattr(words[v])} alias="{v}" hotkey="{i}"/>' for i, v in enumerate(CLAIM_VERDICTS, 1)),
        "  </Choices>",
        f'  <TextArea name="{COMMENT}" toName="claim" rows="2" maxSubmissions="1" placeholder={quoteattr(words["comment"])}/>',
        "</View>",
    ]
    return "\n".join(lines)


def _shown(key: str, words: Mapping[str, str]) -> list[str]:
    return [f'  <Header size="5" value={quoteattr(words[key])}/>', f'  <Text name="{key}" value="${key}"/>']


def instructions(feature: Feature, language: str) -> str:
    """What the annotator reads first, as HTML: Label Studio renders it."""
    return f'<p dir="{language_row(language).direction}">{escape(pack(language).annotator[f"instructions_{feature}"])}</p>'


def project_title(feature: Feature, language: str) -> str:
    """``ja ハイライト：主張``: at most 50 characters; not unique, the key in the description is."""
    return f"{language} {pack(language).annotator[f'{feature}_title']}"[:MAX_TITLE].strip()


def rubric_sha256(feature: Feature, language: str) -> str:
    """Changes when anything the annotator is asked changes."""
    return sha256(canonical_json([RUBRIC, config_xml(feature, language), instructions(feature, language)]))


def result_of(verdict: ClaimVerdict, comment: str | None = None) -> list[dict[str, object]]:
    """The regions of an annotation, as the labelling page would send them."""
    regions: list[dict[str, object]] = [_region(CHOICE, "choices", {"choices": [verdict]})]
    return [*regions, _region(COMMENT, "textarea", {"text": [comment]})] if comment else regions


def _region(name: str, kind: str, value: dict[str, object]) -> dict[str, object]:
    return {"from_name": name, "to_name": "claim", "type": kind, "value": value}
