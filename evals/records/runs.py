"""What a variant said, what rails found in it, what it claims, how it scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from evals.records.words import Action, Feature, Polarity, ScoreSource


@dataclass(frozen=True)
class Run:
    """One variant over one dataset. id = hash(variant_id, dataset_id).

    Outputs are immutable; `finished_at` is None while cases are missing.
    """

    run_id: str
    feature: Feature
    variant_id: str
    dataset_id: str
    created_at: str
    finished_at: str | None = None


@dataclass(frozen=True)
class Passage:
    """Evidence an output may rest on: ``text`` is exactly ``source text[start:end]`` (code points).

    `source`: ``review`` | ``attribute`` | ``qa``; `source_id`: the review, attribute or question it was cut from.
    `number` is the n of the citation mark [n], counted from 1. `aspect` and `polarity` are set for highlight snippets.
    """

    number: int
    source: str
    source_id: str
    language: str
    text: str
    start: int
    end: int
    aspect: str | None = None
    polarity: Polarity | None = None


@dataclass(frozen=True)
class AspectRow:
    """What the reviews of a case say about one aspect: mentions counted by sentiment; `reviews` = distinct reviews with a mention."""

    aspect: str
    positive: int
    neutral: int
    negative: int
    reviews: int


@dataclass(frozen=True)
class Output:
    """What a variant said for a case. id = hash(run_id, case_id).

    `status`: ``ok``; ``blocked`` (a rail objected, `text` is the safe fallback); ``error`` (`text` empty, `error` says why).
    `first_token_s` is None where nothing streamed; times are wall seconds at the caller, in a batch each output's share of them;
    `generated_tokens` 0 for templates.
    """

    output_id: str
    run_id: str
    case_id: str
    text: str
    status: Literal["ok", "blocked", "error"]
    created_at: str
    passages: tuple[Passage, ...] = ()
    aspects: tuple[AspectRow, ...] = ()
    error: str | None = None
    prompt_tokens: int = 0
    generated_tokens: int = 0
    first_token_s: float | None = None
    total_s: float | None = None


@dataclass(frozen=True)
class Finding:
    """What a rail objects to. id = hash(output_id, rail, target, source_id, start, end, detail).

    `target`: ``input`` | ``evidence`` | ``output``; `source_id` names the passage's source for evidence. `start`/`end` are code points in
    that text. `detail` says what was found without repeating it (never the e-mail address itself).
    """

    finding_id: str
    output_id: str
    rail: str
    action: Action
    target: Literal["input", "evidence", "output"]
    start: int
    end: int
    detail: str
    source_id: str | None = None


@dataclass(frozen=True)
class Claim:
    """An atomic statement of an output: ``text == output.text[start:end]``. id = hash(output_id, start, end).

    `citations`: the n of its [n] marks.
    """

    claim_id: str
    output_id: str
    ordinal: int
    text: str
    start: int
    end: int
    citations: tuple[int, ...] = ()


@dataclass(frozen=True)
class Score:
    """A metric's value for one output or one claim. Natural key: (subject_id, metric, signature).

    `value` None means not measured, and `reason` then says why: never NaN, never 0 for missing. `detail` holds what decided
    (verdict, evidence number, offsets). `run_id` and `case_id` repeat the subject's, for aggregation in SQL.
    """

    run_id: str
    case_id: str
    subject: Literal["output", "claim"]
    subject_id: str
    metric: str
    signature: str
    source: ScoreSource
    value: float | None
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
