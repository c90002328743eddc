"""How much of an output says again what it said before: character n-grams, so that languages without spaces count alike."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from evals.claims import without_citations
from evals.languages import LANGUAGES
from evals.metric import Measured, Metric, signature
from evals.records import Case, Claim, Output
from evals.text import fold

NGRAM = {"spaces": 12, "characters": 6}  # about two words: aspects' names and "most reviewers" may come back
SAME = 0.8  # Dice similarity of n-grams from which two claims say the same
MIN_GRAMS = 12  # n-grams; shorter texts have nothing to repeat
_NOT_TEXT = regex.compile(r"[^\p{L}\p{M}\p{N}]+")


def redundancy(text: str, size: int) -> float | None:
    """Share of the character n-grams of `text` that stood in it before; None where it has fewer than `MIN_GRAMS` of them.

    >>> round(redundancy("The battery lasts long and the sound is clear. " * 2, 12), 2)
    0.41
    """
    plain = _plain(text)
    grams = [plain[i : i + size] for i in range(len(plain) - size + 1)]
    if len(grams) < MIN_GRAMS:
        return None
    return 1 - len(set(grams)) / len(grams)


def _plain(text: str) -> str:
    return _NOT_TEXT.sub("", fold(text))


def _repeated(claims: Sequence[Claim], size: int) -> list[int]:
    """Ordinals of claims that say what an earlier one said."""
    seen: list[frozenset[str]] = []
    repeated = []
    for claim in claims[:200]:  # pairs are compared: a summary has ten
        plain = _plain(without_citations(claim.text))
        grams = frozenset(plain[i : i + size // 2] for i in range(max(1, len(plain) - size // 2 + 1)))
        if any(2 * len(grams & other) >= SAME * (len(grams) + len(other)) for other in seen):
            repeated.append(claim.ordinal)
        seen.append(grams)
    return repeated


def _compute(case: Case, output: Output, claims: Sequence[Claim]) -> list[Measured]:
    size = NGRAM[LANGUAGES[case.language].words if case.language in LANGUAGES else "spaces"]
    value = redundancy(without_citations(output.text), size)
    if value is None:
        return [Measured(None, "not measurable: too short to repeat anything")]
    return [Measured(value, detail={"repeated_claims": _repeated(claims, size)})]


REDUNDANCY = Metric(
    name="redundancy",
    source="code",
    subject="output",
    signature=signature(1, ngram="/".join(map(str, NGRAM.values())), same=SAME, least=MIN_GRAMS),
    compute=_compute,
    meaning="share of the character n-grams that stood in the output before; 0 is best",
)
