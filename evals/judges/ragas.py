"""The one door to Ragas 0.4.3: two of its metrics, made to fail closed. Ragas is loaded when first needed (seconds, 250 MB).

What is set right here: its telemetry is switched off before import; "nothing quoted" is no value instead of 1.0; a judge's verdicts are
counted and checked, since Ragas divides by the verdicts that came back and takes any number but 0 for yes; answers are cached with
model and address in the key; tokens are recorded.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from evals.claims import QUOTATION, without_citations
from evals.errors import SetupError
from evals.judges.endpoint import Judge, JudgeError, Reply
from evals.languages import LANGUAGES
from evals.metric import Measured, Metric, signature
from evals.packs import pack
from evals.paths import cache as cache_folder
from evals.paths import judge_api_key
from evals.records import AspectRow, Case, Claim, Output

VERSION = "0.4.3"
MIN_QUOTE_LETTERS = 8
INSTALLED = find_spec("ragas") is not None  # part of the signature: installing it later measures what could not be measured before
_QUESTION = {"highlights": "What do the reviewers of this product say, aspect by aspect?"}


@cache
def _ragas() -> Any:
    """The parts in use. Raises SetupError where Ragas is not installed or not the version this file knows."""
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"  # only this spelling is understood, and only before first use
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from ragas import __version__
            from ragas.llms.base import InstructorBaseRagasLLM
            from ragas.metrics.collections import Faithfulness, StringPresence
        except ImportError as error:
            raise SetupError(f"Ragas cannot be loaded: pip install 'plumbline[ragas]' ({error})") from error
    if __version__ != VERSION:
        raise SetupError(f"Ragas {__version__} is installed; its prompts and traps are known for {VERSION} only")
    return SimpleNamespace(Faithfulness=Faithfulness, StringPresence=StringPresence, LLM=InstructorBaseRagasLLM)


# ---------------------------------------------------------------------------------------------- without a judge


def _presence(_case: Case, output: Output, _claims: Sequence[Claim]) -> list[Measured]:
    quotes = [match.group()[1:-1].strip() for match in QUOTATION.finditer(without_citations(output.text))]
    quotes = [quote for quote in quotes if sum(character.isalnum() for character in quote) >= MIN_QUOTE_LETTERS]
    if not quotes:
        return [Measured(None, "not measurable: nothing is quoted")]
    if not INSTALLED:
        return [Measured(None, "not measurable: Ragas is not installed")]
    metric = _ragas().StringPresence()
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


# ---------------------------------------------------------------------------------------------- with a judge


def make_faithfulness(
    base_url: str,
    model: str,
    api_key: str | None = None,
    *,
    timeout_s: float = 60.0,
    concurrency: int = 4,
    cache_at: Path | None = None,
) -> Metric:
    """Ragas' Faithfulness with the judge `model` at `base_url`: statements supported by the evidence / statements made.

    No value, with the reason, where the judge fails or answers wrongly. `api_key` None reads ``PLUMBLINE_JUDGE_API_KEY``; `cache_at`
    None is the shared cache. Measuring raises RetryError where the server cannot be reached at all (a stored "no value" would stay),
    and SetupError without Ragas. Not to be called from inside an event loop.
    """
    folder = cache_folder() / "judge" if cache_at is None else cache_at
    judge = Judge(base_url, model, api_key or judge_api_key(), timeout_s, concurrency, folder)
    return Metric(
        name="ragas_faithfulness",
        source="model",
        subject="output",
        signature=signature(1, ragas=VERSION, metric="Faithfulness", **judge.identity),
        compute=_faithfulness(judge),
        meaning="share of an output's statements that a judge finds supported by its evidence",
    )


def _faithfulness(judge: Judge) -> Callable[[Case, Output, Sequence[Claim]], list[Measured]]:
    def compute(case: Case, output: Output, _claims: Sequence[Claim]) -> list[Measured]:
        evidence = contexts(case, output)
        said = without_citations(output.text)
        if not evidence or not said:
            return [Measured(None, f"not measurable: the output {'has no evidence' if said else 'says nothing'}")]
        llm = _recorder(judge)
        try:
            score = asyncio.run(_ragas().Faithfulness(llm=llm).ascore(question(case), said, evidence)).value
            detail = _checked(llm.replies, score)
        except JudgeError as error:
            return [Measured(None, f"not measurable: {error}", _spent(llm.replies))]
        for reply in llm.replies:
            judge.keep(reply)
        return [Measured(float(score), detail=detail)]

    return compute


def question(case: Case) -> str:
    """What the output answers."""
    return str(case.inputs.get("question") or "") or _QUESTION.get(case.feature, "What does the evidence say?")


def contexts(case: Case, output: Output) -> list[str]:
    """What the output may rest on: the aspect table in words, then the passages."""
    return [_counted(case, row) for row in output.aspects] + [passage.text for passage in output.passages]


def _counted(case: Case, row: AspectRow) -> str:
    name = pack(case.language).aspects[row.aspect].name if case.language in LANGUAGES else row.aspect
    total = row.positive + row.negative
    return f"{name}: {row.positive} of {total} opinions are positive, {row.negative} negative; {row.neutral} more take no side."


def _recorder(judge: Judge) -> Any:
    """A model as Ragas wants one, which asks `judge` and remembers what it said."""

    class Recorder(_ragas().LLM):  # type: ignore[misc]  # a class that is loaded on demand
        def __init__(self) -> None:
            self.replies: list[Reply] = []

        def generate(self, prompt: str, response_model: Any) -> Any:
            return asyncio.run(self.agenerate(prompt, response_model))

        async def agenerate(self, prompt: str, response_model: Any) -> Any:
            from pydantic import ValidationError

            reply = await judge.ask(prompt, response_model.model_json_schema())
            self.replies.append(reply)
            try:
                return response_model.model_validate(reply.value, strict=True)
            except ValidationError as error:
                raise JudgeError(f"the judge's answer does not match the schema in {error.error_count()} places") from None

    return Recorder()


def _checked(replies: Sequence[Reply], score: float) -> dict[str, Any]:
    """What decided. Raises JudgeError where statements, verdicts and score do not fit together."""
    if not replies or not replies[0].value.get("statements"):
        raise JudgeError("the judge found no statement in the output")
    statements = replies[0].value["statements"]
    verdicts = [row["verdict"] for row in replies[-1].value["statements"]] if len(replies) == 2 else []
    if len(verdicts) != len(statements):
        raise JudgeError(f"the judge gave {len(verdicts)} verdicts for {len(statements)} statements")
    if any(verdict not in (0, 1) for verdict in verdicts):
        raise JudgeError(f"the judge gave a verdict other than 0 and 1: {next(v for v in verdicts if v not in (0, 1))}"[:80])
    if not abs(score - sum(verdicts) / len(verdicts)) < 1e-9:
        raise JudgeError(f"Ragas' value {score} is not the share of its verdicts")
    return {"statements": len(verdicts), "supported": sum(verdicts), **_spent(replies)}


def _spent(replies: Sequence[Reply]) -> dict[str, Any]:
    """Tokens as the judge's server counted them; calls that came from the cache cost nothing now."""
    return {
        "calls": len(replies),
        "cached": sum(reply.cached for reply in replies),
        "prompt_tokens": sum(reply.prompt_tokens for reply in replies),
        "completion_tokens": sum(reply.completion_tokens for reply in replies),
    }
