"""The one door to Ragas 0.4.3: six of its metrics, made to fail closed. Ragas is loaded when first needed (seconds, 250 MB).

What is set right here: its telemetry is switched off before import, and that is checked; "nothing quoted" is no value instead of 1.0;
the verdicts a value rests on are counted and the value is computed again from them, since Ragas divides by the verdicts that came
back, takes any number but 0 for yes, swallows errors and returns one judge's value for two. Requests, attempts, cache and bill are
`evals.judges.endpoint`'s: Ragas' own cache forgets the model, and its own attempts are 40.
"""

from __future__ import annotations

import asyncio
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

from evals.claims import QUOTATION, without_citations
from evals.errors import PlumblineError, SetupError, UnknownIdError
from evals.judges import ragas_values
from evals.judges.endpoint import Ask, Judge, JudgeError, Question, Reply
from evals.judges.material import contexts, mended, question, reference
from evals.judges.ragas_values import Asked, Found
from evals.metric import Measured, Metric, Sample, signature
from evals.records import Case, Claim, Output

VERSION = "0.4.3"
MIN_QUOTE_LETTERS = 8
MAX_MATERIAL = 60_000  # characters of question, answer, reference and evidence together; Ragas repeats them in several prompts
INSTALLED = find_spec("ragas") is not None  # part of the signature: installing it later measures what could not be measured before


@cache
def _ragas() -> Any:
    """The parts in use. Raises SetupError where Ragas is not installed, not the version this file knows, or would phone home."""
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"  # only this spelling is understood, and only before first use
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from ragas import __version__
            from ragas._analytics import do_not_track
            from ragas.llms.base import InstructorBaseRagasLLM
            from ragas.metrics import collections
        except ImportError as error:
            raise SetupError(f"Ragas cannot be loaded: pip install 'plumbline[ragas]' ({error})") from error
    if __version__ != VERSION:
        raise SetupError(f"Ragas {__version__} is installed; its prompts and traps are known for {VERSION} only")
    do_not_track.cache_clear()  # somebody may have asked before us
    if not do_not_track():
        raise SetupError("Ragas would report every question to its makers: it does not heed RAGAS_DO_NOT_TRACK=true any more")
    return SimpleNamespace(collections=collections, LLM=InstructorBaseRagasLLM)


# ---------------------------------------------------------------------------------------------- without a judge


def _presence(_case: Case, output: Output, _claims: Sequence[Claim]) -> list[Measured]:
    quotes = [match.group()[1:-1].strip() for match in QUOTATION.finditer(without_citations(output.text))]
    quotes = [quote for quote in quotes if sum(character.isalnum() for character in quote) >= MIN_QUOTE_LETTERS]
    if not quotes:
        return [Measured(None, "not measurable: nothing is quoted")]
    if not INSTALLED:
        return [Measured(None, "not measurable: Ragas is not installed")]
    metric = _ragas().collections.StringPresence()
    found = [any(asyncio.run(metric.ascore(reference=quote, response=p.text)).value == 1.0 for p in output.passages) for quote in quotes]
    return [Measured(sum(found) / len(found), detail={"quotations": len(found), "found": sum(found)})]


STRING_PRESENCE = Metric(
    name="ragas_string_presence",
    source="code",
    subject="output",
    signature=signature(
        1, ragas=VERSION if INSTALLED else "absent", metric="StringPresence", quotations=f">={MIN_QUOTE_LETTERS}", against="any passage"
    ),
    compute=_presence,
    meaning="share of the quotations that stand in a passage letter by letter; no value where nothing is quoted",
)


# ---------------------------------------------------------------------------------------------- the metrics


@dataclass(frozen=True)
class _Kind:
    """`of`: the class in ``ragas.metrics.collections``; `takes`: its arguments; `value` computes again what Ragas should have found."""

    of: str
    takes: tuple[str, ...]
    value: Callable[[Sequence[Mapping[str, Any]], Asked], Found]
    meaning: str
    options: Mapping[str, Any] = field(default_factory=dict)


KINDS: Mapping[str, _Kind] = {
    "faithfulness": _Kind(
        "Faithfulness",
        ("user_input", "response", "retrieved_contexts"),
        ragas_values.faithfulness,
        "share of an output's statements that a judge finds supported by its evidence",
    ),
    "response_groundedness": _Kind(
        "ResponseGroundedness",
        ("response", "retrieved_contexts"),
        ragas_values.groundedness,
        "how far a judge, asked in two ways, finds an output supported by its evidence: 0, in part, or 1",
        {"max_retries": 1},
    ),
    "context_precision": _Kind(
        "ContextPrecisionWithReference",
        ("user_input", "reference", "retrieved_contexts"),
        ragas_values.precision,
        "average precision of the evidence in its order: which of it a judge finds useful for the reference answer",
    ),
    "context_recall": _Kind(
        "ContextRecall",
        ("user_input", "retrieved_contexts", "reference"),
        ragas_values.recall,
        "share of the reference answer's statements that a judge finds in the evidence",
    ),
    "noise_sensitivity": _Kind(
        "NoiseSensitivity",
        ("user_input", "response", "reference", "retrieved_contexts"),
        ragas_values.noise,
        "share of an output's statements that are wrong by the reference and come from relevant evidence: lower is better",
    ),
}


# ---------------------------------------------------------------------------------------------- with a judge


def make(kind: str, judge: Judge) -> Metric:
    """Ragas' metric `kind` (a key of KINDS) with `judge`, as ``ragas_<kind>``.

    No value, with the reason, where the judge fails or answers wrongly, and where the metric needs a reference answer (the case's input
    ``reference``) that is not there. Measuring raises RetryError in an outage (a stored "no value" would stay) and SetupError without
    Ragas. Raises UnknownIdError for another kind.
    """
    if kind not in KINDS:
        raise UnknownIdError(f"{kind!r} is no metric of Ragas that is known here: {', '.join(KINDS)}")
    name, about = f"ragas_{kind}", KINDS[kind]

    def compute(samples: Sequence[Sample]) -> list[list[Measured]]:
        _ragas()
        asked = [_asked(about, case, output) for case, output, _ in samples]
        works = [partial(_judged, name, about, judge, one) for one in asked if isinstance(one, Asked)]
        found = iter(judge.converse(works))
        return [[next(found) if isinstance(one, Asked) else one] for one in asked]  # type: ignore[list-item]  # _judged raises no JudgeError

    return Metric(
        name=name,
        source="model",
        subject="output",
        signature=signature(2, ragas=VERSION, metric=about.of, **judge.identity),
        compute=lambda case, output, claims: compute([(case, output, claims)])[0],
        meaning=about.meaning,
        compute_many=compute,
    )


def _asked(kind: _Kind, case: Case, output: Output) -> Asked | Measured:
    """What to ask, or why it cannot be."""
    answer, evidence = mended(reference(case) or ""), [mended(text) for text in contexts(case, output) if text.strip()]
    said = mended(without_citations(output.text))
    if not said:
        return Measured(None, "not measurable: the output says nothing")
    if not evidence:
        return Measured(None, "not measurable: the output has no evidence")
    if "reference" in kind.takes and not answer:
        return Measured(None, "not measurable: the case has no reference answer")
    asked = Asked(mended(question(case)), said, evidence, answer, case.language)
    length = sum(map(len, (asked.user_input, said, answer, *evidence)))
    if length > MAX_MATERIAL:
        return Measured(None, f"not measurable: {length:,} characters of question, answer and evidence are more than {MAX_MATERIAL:,}")
    return asked


async def _judged(name: str, kind: _Kind, judge: Judge, asked: Asked, ask: Ask) -> Measured:
    llm = _recorder(ask, name)
    try:
        value = await _value(kind, asked, llm)
        again, detail = kind.value([reply.value for reply in llm.replies], asked)
        if not (math.isfinite(value) and 0 <= value <= 1 and abs(value - again) < 1e-6):
            raise JudgeError(f"Ragas' value {value} is not what its verdicts give: {again}")
    except JudgeError as error:
        return Measured(None, f"not measurable: {error}", _spent(llm.replies))
    for reply in llm.replies:
        judge.keep(reply)
    return Measured(value, detail={**detail, **_spent(llm.replies)})


async def _value(kind: _Kind, asked: Asked, llm: Any) -> float:
    """What Ragas finds; the first thing that went wrong is raised, also where Ragas would go on without."""
    metric = getattr(_ragas().collections, kind.of)(llm=llm, **kind.options)
    try:
        value = float((await metric.ascore(**{name: getattr(asked, name) for name in kind.takes})).value)
    except Exception as error:
        raise llm.error or JudgeError(f"Ragas failed: {type(error).__name__}") from None
    if llm.error is not None:
        raise llm.error
    return value


def _recorder(ask: Ask, purpose: str) -> Any:
    """A model as Ragas wants one, which asks by `ask` and remembers what it was told, and the first error."""

    class Recorder(_ragas().LLM):  # type: ignore[misc]  # a class that is loaded on demand
        def __init__(self) -> None:
            self.replies: list[Reply] = []
            self.error: Exception | None = None

        def generate(self, prompt: str, response_model: Any) -> Any:
            raise NotImplementedError("Ragas' metrics ask asynchronously")

        async def agenerate(self, prompt: str, response_model: Any) -> Any:
            if self.error is not None:
                raise self.error
            try:
                reply = await ask(Question(prompt, response_model.model_json_schema(), purpose=purpose))
                answer = _typed(reply, response_model)
            except (JudgeError, PlumblineError) as error:
                self.error = error
                raise
            self.replies.append(reply)
            return answer

    return Recorder()


def _typed(reply: Reply, response_model: Any) -> Any:
    from pydantic import ValidationError

    try:
        answer = response_model.model_validate(reply.value, strict=True)
    except ValidationError as error:
        raise JudgeError(f"the judge's answer does not match the schema in {error.error_count()} places") from None
    if response_model.__name__ == "StatementGeneratorOutput" and not answer.statements:
        raise JudgeError("the judge found no statement in the text")
    return answer


def _spent(replies: Sequence[Reply]) -> dict[str, Any]:
    """Tokens as the judge's server counted them; calls that came from the cache cost nothing now."""
    return {
        "calls": len(replies),
        "cached": sum(reply.cached for reply in replies),
        "prompt_tokens": sum(reply.prompt_tokens for reply in replies),
        "completion_tokens": sum(reply.completion_tokens for reply in replies),
    }
