"""Who is asked what, and what they said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from evals.records.words import Arm, Feature, Why


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
