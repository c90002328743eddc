"""Likeness to a reference text, by sacrebleu with its own signatures: chrF++, BLEU, TER, as shares (its value ÷ 100).

The reference is `case.inputs["reference"]`, a text or a list of texts; without one nothing can be measured. The one door to sacrebleu.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from evals.errors import SetupError
from evals.languages import LANGUAGES
from evals.metric import Measured, Metric, signature
from evals.records import Case, Claim, Output

VERSION = "2.6.0"
TOKENIZERS = {"zh": "zh", "ja": "char"}  # MeCab is not installed: characters, and the signature says so
_DEFAULT = "13a"
TER_MOST = {"spaces": 300, "characters": 600}  # words, characters: TER tries out shifts, seconds from here on, hours for a long text


@cache
def _sacrebleu() -> Any:
    """Raises SetupError where sacrebleu is not installed or another version: its signature would be another."""
    try:
        import sacrebleu
    except ImportError as error:
        raise SetupError("sacrebleu is not installed: pip install sacrebleu") from error
    if sacrebleu.__version__ != VERSION:
        raise SetupError(f"sacrebleu {sacrebleu.__version__} is installed; the signatures here are those of {VERSION}")
    return sacrebleu


def references(case: Case) -> list[str]:
    """The texts an output of this case is compared with; empty where there is none."""
    given = case.inputs.get("reference")
    found = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return [text for text in found if isinstance(text, str) and text.strip()]


def _chrf(_language: str) -> Any:
    return _sacrebleu().CHRF(word_order=2)


def _bleu(language: str) -> Any:
    return _sacrebleu().BLEU(effective_order=True, tokenize=TOKENIZERS.get(language, _DEFAULT))


def _ter(language: str) -> Any:
    asian = language in LANGUAGES and LANGUAGES[language].words == "characters"
    return _sacrebleu().TER(normalized=asian, asian_support=asian)


def _too_long_for_ter(text: str, language: str) -> bool:
    words = LANGUAGES[language].words if language in LANGUAGES else "spaces"
    return (len(text) if words == "characters" else len(text.split())) > TER_MOST[words]


def _compute(
    make: Callable[[str], Any], too_long: Callable[[str, str], bool] | None = None
) -> Callable[[Case, Output, Sequence[Claim]], list[Measured]]:
    def compute(case: Case, output: Output, _claims: Sequence[Claim]) -> list[Measured]:
        texts = references(case)
        if not texts:
            return [Measured(None, "not measurable: the case has no reference text")]
        if not output.text.strip():
            return [Measured(None, "not measurable: the output says nothing")]
        if too_long and any(too_long(text, case.language) for text in (output.text, *texts)):
            return [Measured(None, "not measurable: the output or a reference is too long to try out shifts")]
        metric = make(case.language)
        score = metric.sentence_score(output.text, texts).score
        return [Measured(score / 100, detail={"signature": metric.get_signature().format()})]

    return compute


def _metric(
    name: str, make: Callable[[str], Any], meaning: str, too_long: Callable[[str, str], bool] | None = None, **settings: object
) -> Metric:
    return Metric(name, "code", "output", signature(1, sacrebleu=VERSION, **settings), _compute(make, too_long), meaning)


CHRF = _metric("chrf", _chrf, "character and word n-grams shared with the reference (chrF++), as a share", metric="chrF2++")
BLEU = _metric("bleu", _bleu, "BLEU of the one output, as a share", metric="BLEU", eff="yes", tok="zh:zh/ja:char/13a")
TER = _metric(
    "ter",
    _ter,
    "edits to become the reference ÷ its words; 0 is best and more than 1 is possible",
    _too_long_for_ter,
    metric="TER",
    most="/".join(map(str, TER_MOST.values())),
)
