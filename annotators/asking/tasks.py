"""What an annotator sees of a claim, an output, a pair, a citation: texts only, frozen when queued.

No variant, no run, no side: annotators are blind. Hidden characters are made visible and personal data is redacted, because annotators may
be outside the company; our store keeps the originals.
"""

from __future__ import annotations

import re
from typing import Any

from annotators.labeling import counts_line
from evals.packs import LanguagePack, pack
from evals.records import AspectRow, Case, Claim, Output, Passage
from evals.text import visible
from guardrails import redact_text

Data = dict[str, Any]


def claim_task(case: Case, output: Output, claim: Claim) -> Data:
    """A claim beside its evidence; for the assistant the question and the whole answer too."""
    data = {"claim": shown(claim.text, case.language), "evidence": evidence_text(case, output)}
    return data if case.feature == "highlights" else data | _question(case) | {"answer": shown(output.text, case.language)}


def output_task(case: Case, output: Output) -> Data:
    """A whole text beside its evidence."""
    return {"text": shown(output.text, case.language), "evidence": evidence_text(case, output)} | _question(case)


def pair_task(case: Case, first: Output, second: Output) -> Data:
    """Two texts for one case; `first` is shown as A."""
    texts = {f"text_{side}": shown(output.text, case.language) for side, output in (("a", first), ("b", second))}
    return texts | {f"evidence_{side}": evidence_text(case, output) for side, output in (("a", first), ("b", second))} | _question(case)


def citation_task(case: Case, claim: Claim, passage: Passage) -> Data:
    """One sentence of an answer and one passage it cites."""
    sentence, cited = shown(claim.text, case.language), _passage(pack(case.language), passage, case.language)
    return {"sentence": sentence, "passage": cited} | _question(case)


def evidence_text(case: Case, output: Output) -> str:
    """For highlights the aspect table, a row a line; then the passages, one a line: ``[1] …``. A passage cannot forge a line or a mark."""
    words = pack(case.language)
    table = [counts_line(_aspect_name(words, row), row, case.language) for row in output.aspects] if case.feature == "highlights" else []
    passages = [f"[{passage.number}] {_passage(words, passage, case.language)}" for passage in output.passages]
    return "\n".join([*table, *([""] if table and passages else []), *passages]) or "–"


def shown(text: str, language: str) -> str:
    """A foreign text as annotators may see it."""
    return visible(redact_text(text, language))


def _question(case: Case) -> Data:
    return {"question": shown(str(case.inputs.get("question", "")), case.language)} if case.feature == "assistant" else {}


def _aspect_name(words: LanguagePack, row: AspectRow) -> str:
    return words.aspects[row.aspect].name if row.aspect in words.aspects else row.aspect.replace("_", " ")


def _passage(words: LanguagePack, passage: Passage, language: str) -> str:
    text = re.sub(r"\[\s*(\d+)\s*\]", r"(\1)", " ".join(shown(passage.text, language).split()))
    if passage.source != "attribute":
        return text
    attribute = re.split(r"[/:#]", passage.source_id)[-1]
    name = words.attributes.get(attribute, attribute.replace("_", " "))
    return text if text.casefold().startswith(name.casefold()) else f"{name}: {text}"
