"""How much of an output is suspect, and where: the characters that `evals.grounding.spans` flags.

Citation marks state nothing and are left out. What is flagged is a place to look, not a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evals.claims import without_citations
from evals.claims.marks import MARK
from evals.grounding.passages import says_unknown
from evals.grounding.spans import MOST_CHARACTERS, Setting, model_name, suspicion
from evals.metric import Measured, Metric, signature
from evals.records import Case, Claim, Output


def _compute(case: Case, output: Output, claims: Sequence[Claim]) -> list[Measured]:
    reason = _not_measurable(case, output, claims)
    return [Measured(None, f"not measurable: {reason}") if reason else _measured(case, output)]


def _not_measurable(case: Case, output: Output, claims: Sequence[Claim]) -> str | None:
    if not any(map(str.isalnum, without_citations(output.text))):
        return "the output has no letter and no digit"
    if len(output.text) > MOST_CHARACTERS:
        return f"the output has more than {MOST_CHARACTERS} characters"
    if claims and all(says_unknown(claim.text, case.language) for claim in claims):
        return "says that the evidence does not tell"
    if output.passages and not _evidence(case, output):
        return f"the evidence is in {output.passages[0].language}, the output in {case.language}"
    return None


def _evidence(case: Case, output: Output) -> str:
    return "\n".join(p.text for p in output.passages if p.language == case.language or p.source == "attribute")


def _measured(case: Case, output: Output) -> Measured:
    text = MARK.sub(lambda mark: " " * len(mark.group()), output.text)
    setting: Setting = "evidence" if output.passages else "memory"
    question = str(case.inputs.get("question") or "")
    found = suspicion(text, case.language, setting=setting, question=question, evidence=_evidence(case, output))
    counted = np.array([not character.isspace() for character in text])
    detail = {
        "spans": [[span.start, span.end, span.probability] for span in found.spans],
        "expected_share": round(float(found.characters[counted].mean()), 4),
        "setting": setting,
        "verified": found.verified,
    }
    return Measured(float(found.flagged[counted].mean()), detail=detail)


HALLUCINATED_SHARE = Metric(
    name="hallucinated_share",
    source="code",
    subject="output",
    signature=signature(1, trees=model_name(), characters="no spaces", citations="out", most=MOST_CHARACTERS),
    compute=_compute,
    meaning="share of the characters flagged as probably hallucinated, spaces and citation marks left out; detail has the spans",
)
