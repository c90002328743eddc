"""Is an output in the language it was asked for? Sentence by sentence: see `evals.identification`."""

from __future__ import annotations

from collections.abc import Sequence

from evals.claims import without_citations
from evals.identification import MIN_FOREIGN, MIN_LETTERS, MIN_PROBABILITY, MIN_SCRIPT_SHARE, NEAR, SURE_FOREIGN, SURE_HAN, is_in
from evals.languages import LANGUAGES
from evals.metric import Measured, Metric, signature
from evals.records import Case, Claim, Output
from evals.text import sentences


def _compute(case: Case, output: Output, claims: Sequence[Claim]) -> list[Measured]:
    if case.language not in LANGUAGES:
        return [Measured(None, f"not measurable: language {case.language!r} is not one of ours")]
    judged = [is_in(without_citations(span.text), case.language) for span in sentences(output.text, case.language)]
    if set(judged) == {None}:
        judged = [is_in(without_citations(output.text), case.language)]  # near languages need more text than one sentence
    inside, outside = judged.count(True), judged.count(False)
    detail = {"sentences": len(judged), "in": inside, "out": outside, "claims": len(claims)}
    if not inside + outside:
        return [Measured(None, "not measurable: no sentence is long enough to tell its language", detail)]
    return [Measured(inside / (inside + outside), detail=detail)]


LANGUAGE = Metric(
    name="language_adherence",
    source="code",
    subject="output",
    signature=signature(
        1,
        identifier="py3langid-0.4.0",
        languages=len(LANGUAGES),
        letters="/".join(map(str, MIN_LETTERS.values())),
        han=SURE_HAN,
        near="/".join(sorted(NEAR)),
        probability=MIN_PROBABILITY,
        script=f"{MIN_SCRIPT_SHARE}/{MIN_FOREIGN}/{SURE_FOREIGN}",
    ),
    compute=_compute,
    meaning="share of the sentences, of those whose language can be told, that are in the case's language",
)
