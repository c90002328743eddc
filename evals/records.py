"""The nouns that are stored. Plain frozen dataclasses, standard library only, so that importing them costs the serving path nothing.

Identity is content: every ``*_id`` below is a hash made by `evals.identity` from the fields named in the record's
docstring, so that the same thing made twice has the same name and a write repeated is a write not needed.
Times are ISO 8601 strings in UTC (``2026-11-22T17:30:00Z``); mappings hold JSON values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Feature = Literal["highlights", "assistant"]
ScoreSource = Literal["human", "model", "code"]
Action = Literal["allow", "redact", "block"]
Polarity = Literal["positive", "neutral", "negative"]
Verdict = Literal["pass", "fail", "inconclusive", "unverified", "error", "waived"]
Outcome = Literal["promote", "reject", "hold"]
ClaimVerdict = Literal["grounded", "contradicted", "unsupported", "not_checkable"]
Arm = Literal["champion", "candidate"]
# Why something is before people. Only what was drawn (the first two) may enter an estimate.
Why = Literal["random audit", "uncertain", "flagged", "escalated", "gold", "control", "anchor", "bridge", "adjudication"]

FEATURES: tuple[Feature, ...] = ("highlights", "assistant")
DRAWN: tuple[Why, ...] = ("random audit", "uncertain")
CLAIM_VERDICTS: tuple[ClaimVerdict, ...] = ("grounded", "contradicted", "unsupported", "not_checkable")

# ---------------------------------------------------------------------------------------------- catalogue


@dataclass(frozen=True)
class Product:
    """Something reviews are about. `attributes` maps an attribute id (``color``, ``weight`` …) to its value as shown."""

    product_id: str
    title: str
    category: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Review:
    """One customer's text, kept exactly as it came so that offsets into it stay true.

    id = hash(product_id, source_id, title, text, rating, date). `language`: a primary tag, maybe of a language we do not serve, or ``und``;
    `language_source` says who named it: ``declared`` by the file or ``identified`` by us. `rating` is scaled to 1..5.
    """

    review_id: str
    product_id: str
    language: str
    text: str
    title: str | None = None
    rating: float | None = None
    date: str | None = None
    source_id: str | None = None
    language_source: Literal["declared", "identified"] = "declared"


@dataclass(frozen=True)
class Question:
    """A shopper's question about a product, with the community's answer where one exists. id = hash(all other fields)."""

    question_id: str
    product_id: str
    language: str
    text: str
    answer: str | None = None


# ---------------------------------------------------------------------------------------------- cases


@dataclass(frozen=True)
class Case:
    """One input. id = hash(all other fields).

    `inputs` for highlights: ``{"reviews": n, "reviews_sha256": hash of the sorted review ids}``;
    for assistant: ``{"question": text}``. The cluster of inference is the product: outputs about one product are never independent.
    """

    case_id: str
    feature: Feature
    product_id: str
    language: str
    category: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Dataset:
    """Ordered cases of one feature. id = hash(feature, case ids in order)."""

    dataset_id: str
    name: str
    feature: Feature
    cases: int
    created_at: str


@dataclass(frozen=True)
class Variant:
    """What makes an output: model + prompt + precision + backend + settings. id = hash(feature, settings).

    `settings` keys in use: ``kind`` (``template`` | ``lm``), ``model`` (hub id or path), ``revision`` (hash of the weights),
    ``precision`` (``fp32`` | ``int8``), ``backend`` (``cpu`` | ``remote`` | ``neuron``), ``prompt``, ``max_new_tokens``,
    ``temperature``, ``seed``, ``hardware``, ``base_url``.
    """

    variant_id: str
    name: str
    feature: Feature
    settings: Mapping[str, Any]


# ---------------------------------------------------------------------------------------------- runs


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


# ---------------------------------------------------------------------------------------------- people


@dataclass(frozen=True)
class Annotator:
    """A person who labels, or a script that plays one: `simulated` is shown wherever the annotator is. id = hash(email).

    `expert`: settles conflicts. `daily_limit`: labels a day, None for the plan's. `paused_because`: who is paused is given nothing.
    """

    annotator_id: str
    email: str
    name: str
    languages: tuple[str, ...]
    simulated: bool = False
    expert: bool = False
    daily_limit: int | None = None
    paused_because: str | None = None


@dataclass(frozen=True)
class QueueItem:
    """One thing put before people under one rubric: a claim, an output, two outputs, a citation.

    id = hash(subject_id, rubric, and what makes this copy of it special: side, reason, origin). `queue` is ``feature/language/rubric``.
    `subject_id` names what is judged, however it is shown: the claim, the output, the pair; nobody judges a subject twice under a rubric.
    `probability` is the chance with which the *case* entered the sample, recorded when drawn, never reconstructed. `data` is what the
    annotator sees (text, evidence), frozen when queued. In a pair `output_id` is the candidate's, `other_output_id` the champion's and
    `first` who is shown as A; annotators never see it. `origin_id`: the item this is a copy of, or the escalation behind it.
    Items made by construction (gold for practice, anchors) belong to no run, case or output.
    """

    item_id: str
    queue: str
    feature: Feature
    language: str
    rubric: str
    subject_id: str
    why: Why
    probability: float
    overlap: int
    created_at: str
    data: Mapping[str, Any]
    run_id: str | None = None
    case_id: str | None = None
    output_id: str | None = None
    claim_id: str | None = None
    other_output_id: str | None = None
    first: Arm | None = None
    origin_id: str | None = None


@dataclass(frozen=True)
class AnswerKey:
    """The right answer to an item, known to us and to no annotator. `origin`: how we know. `worse_than`: the item of which this one is an
    injected degraded copy; a careful annotator gives it the worse verdict. `practice`: asked first of everybody new, openly."""

    item_id: str
    verdict: str
    origin: Literal["construction", "expert"]
    created_at: str
    worse_than: str | None = None
    practice: bool = False


@dataclass(frozen=True)
class Reservation:
    """An annotator is about to label an item; until `expires_at` the place is theirs. Natural key: (item_id, annotator_id).

    `outcome`: ``answered``, though the label has not been collected yet; ``skipped``, and until `expires_at` they are not asked again,
    while others may have the place; None while they work on it. Kept when it has expired without a label: that says something too.
    """

    item_id: str
    annotator_id: str
    reserved_at: str
    expires_at: str
    outcome: Literal["answered", "skipped"] | None = None


@dataclass(frozen=True)
class StudioProject:
    """Which Label Studio project serves a queue on which server."""

    queue: str
    server_url: str
    project_id: int
    rubric_sha256: str


@dataclass(frozen=True)
class StudioTask:
    """Which Label Studio task carries an item. Natural key: (item_id, server_url)."""

    item_id: str
    server_url: str
    project_id: int
    task_id: int


@dataclass(frozen=True)
class StudioCursor:
    """How far a project's changes have been collected: everything the server dated up to `updated_at` is stored here."""

    server_url: str
    project_id: int
    updated_at: str


@dataclass(frozen=True)
class Annotation:
    """One person's answer on one item. Natural key: `annotation_id` = uuid5(item_id, annotator_id). Later edits update it; what it said
    before is kept (`AnnotationEdit`).

    `verdict`: the language-neutral value of the rubric's main question, several joined by ``+`` in the rubric's order; of a pair always
    from the candidate's side, whoever was shown first. `detail`: what else was said (``spans`` of the evidence, ``text`` of a rewrite).
    `deleted` is set, not removed, when the annotation disappears from the server.
    """

    annotation_id: str
    item_id: str
    annotator_id: str
    verdict: str
    comment: str | None
    created_at: str
    updated_at: str
    lead_time_s: float | None = None
    deleted: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotationEdit:
    """What an annotation said before it was changed or deleted. Append-only. Natural key: (annotation_id, updated_at)."""

    annotation_id: str
    updated_at: str
    verdict: str
    comment: str | None
    deleted: bool
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Label:
    """One living annotation joined to what the statistics need: the input of agreement, consensus and gate. An item with two annotators
    gives two rows. What belongs to no case (practice, anchors) has none of `run_id`, `case_id`, `product_id`, `category`."""

    item_id: str
    subject_id: str
    queue: str
    feature: Feature
    language: str
    rubric: str
    why: Why
    probability: float
    annotator_id: str
    verdict: str
    comment: str | None
    detail: Mapping[str, Any]
    created_at: str
    updated_at: str
    lead_time_s: float | None
    run_id: str | None
    case_id: str | None
    output_id: str | None
    claim_id: str | None
    product_id: str | None
    category: str | None


@dataclass(frozen=True)
class Escalation:
    """A customer's report about something published. id = hash(output_id, report). The output is hidden while one is open, and its case is
    a regression case for ever. `resolution` says what came of it; `withdrawn`: the text was wrong, so that it stays hidden although the
    escalation is no longer open."""

    escalation_id: str
    feature: Feature
    case_id: str
    output_id: str
    report: str
    reporter: str
    created_at: str
    resolved_at: str | None = None
    resolution: str | None = None
    withdrawn: bool = False


# ---------------------------------------------------------------------------------------------- decisions


@dataclass(frozen=True)
class Decision:
    """One reading of the evidence by a policy. Append-only. id = hash(policy, runs, look, body).

    `body` is the whole report as JSON: requirements with verdicts, intervals, counts, missing labels, seeds and hashes.
    """

    decision_id: str
    feature: Feature
    policy_sha256: str
    champion_run_id: str
    candidate_run_id: str
    outcome: Outcome
    reason: str
    created_at: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Promotion:
    """A change of champion: who serves since when, and which decision allowed it. Append-only; the newest row serves."""

    feature: Feature
    variant_id: str
    decision_id: str | None
    actor: str
    reason: str
    created_at: str


@dataclass(frozen=True)
class AuditEvent:
    """Who did what to which thing, when. Append-only."""

    created_at: str
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
