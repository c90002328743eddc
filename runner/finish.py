"""From a text to a result: the rails have the last word on what is shown, and every finding is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evals.experiment import FindingLike, TaskResult
from evals.packs import pack
from evals.records import Case, Passage
from evals.text import sentences
from guardrails import Draft, apply, check_output, fallback, screen_evidence
from runner.backends.base import Generation
from runner.prompts import Prompt


def marketplace(case: Case) -> str | None:
    """The storefront a case is asked in (``inputs["marketplace"]``, an ISO 3166 code); None where it is for all of them."""
    code = case.inputs.get("marketplace")
    return None if code is None else str(code)


def secrets(prompt: Prompt, case: Case) -> tuple[str, ...]:
    """What a model was told and must not repeat: the prompt's instructions, without the sentence it is asked to say word for word."""
    said = pack(case.language).answer["unknown"][0]
    return tuple(part for role, text in prompt.messages if role == "system" for part in text.split(said) if part)


def screened(passages: Sequence[Passage], tag: str, case: Case) -> tuple[list[Passage], list[Draft]]:
    """The passages a model may see, and the findings, whose offsets are moved into the source they name."""
    kept: list[Passage] = []
    findings: list[Draft] = []
    for passage in passages:
        clean, drafts = screen_evidence([passage], tag, case.feature, marketplace(case))
        kept += clean
        findings += [replace(draft, start=draft.start + passage.start, end=draft.end + passage.start) for draft in drafts]
    return kept, findings


def checked(case: Case, text: str, result: TaskResult, secrets: Sequence[str] = ()) -> TaskResult:
    """`result` with `text` as the rails leave it: as it is, masked, or replaced by the language's fallback."""
    drafts = check_output(text, case.language, result.passages, case.feature, marketplace(case), secrets)
    shown, status = apply(text, drafts, fallback(case.language))
    findings: tuple[FindingLike, ...] = (*result.findings, *drafts)
    return replace(result, text=shown, status=status, findings=findings)


def generated(case: Case, generation: Generation, result: TaskResult, secrets: Sequence[str] = ()) -> TaskResult:
    """`result` with what the model said, checked; an error where it said nothing. `result.total_s` is the time before it was asked."""
    before = result.total_s or 0.0
    result = replace(
        result,
        prompt_tokens=generation.prompt_tokens,
        generated_tokens=generation.generated_tokens,
        first_token_s=None if generation.first_token_s is None else before + generation.first_token_s,
        total_s=before + generation.total_s,
    )
    text = whole_sentences(generation.text, case.language) if generation.finish_reason == "length" else generation.text.strip()
    if not text:
        why = "the prompt does not fit the model" if generation.finish_reason == "context" else "the model said nothing"
        return replace(result, status="error", error=f"{why} ({generation.prompt_tokens} prompt tokens)")
    return checked(case, text, result, secrets)


def whole_sentences(text: str, tag: str) -> str:
    """`text` without the sentence that generation was cut off in, unless it is the only one.

    >>> whole_sentences("Light. [1] It also ha", "en")
    'Light. [1]'
    """
    parts = sentences(text.strip(), tag)
    if len(parts) > 1 and sentences(f"{parts[-1].text} x", tag)[0].text != parts[-1].text:
        parts.pop()
    return text.strip()[: parts[-1].end] if parts else ""
