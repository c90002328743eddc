"""A summary from the evidence: by the language pack's sentence patterns, or by a language model that sees nothing else.

Each sentence ends in the [n] marks of its aspect's quotations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from evals.bands import band, opinionated
from evals.errors import InputError
from evals.experiment import TaskResult
from evals.identity import sha256
from evals.packs import pack
from evals.records import AspectRow, Passage, Variant
from runner import backends
from runner.backends.base import Generation, GenerationSettings
from runner.finish import checked, generated, secrets
from runner.highlights.evidence import Evidence
from runner.prompts import aspect_name, highlights_prompt

Summarizer = Callable[[Sequence[Evidence]], list[TaskResult]]
NOTHING = "no aspect is mentioned in two reviews with a sentence that can be quoted"


def by_template(evidence: Sequence[Evidence]) -> list[TaskResult]:
    """No language model: true by construction, and dull."""
    return [checked(some.case, template(some), replace(base(some), total_s=some.seconds)) for some in evidence]


def by_model(variant: Variant) -> Summarizer:
    """The variant's language model, loaded when first needed, one batch a call."""

    def summarize(evidence: Sequence[Evidence]) -> list[TaskResult]:
        style = str(variant.settings.get("prompt", "compact-v1"))
        prompts = [highlights_prompt(style, some.case.language, some.title, some.rows, some.passages) for some in evidence]
        answers = backends.load(variant.settings).generate(prompts, GenerationSettings.of(variant.settings))
        told = [secrets(prompt, some.case) for prompt, some in zip(prompts, evidence, strict=True)]
        return [generated(*row) for row in zip((some.case for some in evidence), shared(answers), map(base, evidence), told, strict=True)]

    return summarize


def shared(answers: Sequence[Generation]) -> list[Generation]:
    """Answers of one batch with each its share of the batch's time, so that times add up to what the machine was busy.

    Nobody waits for the first token of a batch: it has none.
    """
    share = max((answer.total_s for answer in answers), default=0.0) / max(1, len(answers))
    return [replace(answer, total_s=share, first_token_s=None) for answer in answers]


def summarizer(variant: Variant) -> Summarizer:
    """By the variant's ``kind``; raises InputError for one we do not know."""
    kind = variant.settings.get("kind")
    if kind not in ("template", "lm"):
        raise InputError(f"variant {variant.name!r}: kind {kind!r} is neither 'template' nor 'lm'")
    return by_template if kind == "template" else by_model(variant)


def base(evidence: Evidence) -> TaskResult:
    """The result before there is a text; `total_s` is the time spent on the evidence."""
    return TaskResult(
        evidence.case.case_id,
        "",
        passages=evidence.passages,
        aspects=evidence.table,
        total_s=evidence.seconds,
        findings=evidence.findings,
    )


def nothing_to_say(evidence: Evidence) -> TaskResult:
    """Too few reviews agree on a subject: the language's fallback, and why; no model is asked to make something up."""
    return replace(base(evidence), text=pack(evidence.case.language).fallback, status="blocked", error=NOTHING)


def template(evidence: Evidence) -> str:
    """One sentence a row, which of a pattern's wordings by hash of case and aspect: the same bytes each time.

    The aspect most spoken of gets its figures when most opinions on it are positive.
    """
    return " ".join(_sentence(evidence, row, first=number == 0) for number, row in enumerate(evidence.rows))


def _sentence(evidence: Evidence, row: AspectRow, *, first: bool) -> str:
    words = pack(evidence.case.language)
    name = band(row)
    wordings = words.summary["counts_positive" if first and name == "most_positive" else name]
    chosen = wordings[int(sha256(f"{evidence.case.case_id} {row.aspect}"), 16) % len(wordings)]
    text = chosen.format(aspect=aspect_name(words, row.aspect), positive=row.positive, total=opinionated(row))
    return text + _marks(row, evidence.passages)


def _marks(row: AspectRow, passages: Sequence[Passage]) -> str:
    marks = "".join(f"[{passage.number}]" for passage in passages if passage.aspect == row.aspect)
    return f" {marks}" if marks else ""
