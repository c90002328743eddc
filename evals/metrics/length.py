"""How long an output is: a side effect worth watching, since longer texts make more claims and please more."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from evals.claims import without_citations
from evals.languages import LANGUAGES
from evals.metric import Measured, Metric, signature
from evals.records import Case, Claim, Output

_RUN = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’.,\-][\p{L}\p{M}\p{N}]+)*")
_WIDE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")


def length(text: str, language: str) -> int:
    """Words; where a language writes none, characters of its script, and words of others.

    >>> length("Very light, 1.5 kg [1].", "en"), length("とても軽い Bluetooth", "ja")
    (4, 6)
    """
    text = without_citations(text)
    if language in LANGUAGES and LANGUAGES[language].words == "characters":
        return len(_WIDE.findall(text)) + len(_RUN.findall(_WIDE.sub(" ", text)))
    return len(_RUN.findall(text))


def _compute(case: Case, output: Output, claims: Sequence[Claim]) -> list[Measured]:
    return [Measured(float(length(output.text, case.language)), detail={"claims": len(claims), "characters": len(output.text)})]


LENGTH = Metric(
    name="length_words",
    source="code",
    subject="output",
    signature=signature(1, unit="words", ja="characters", zh="characters", citations="out"),
    compute=_compute,
    meaning="words in the output, citation marks left out; characters where a language writes no spaces",
)
