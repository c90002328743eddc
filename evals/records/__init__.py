"""The nouns that are stored. Plain frozen dataclasses, standard library only, so that importing them costs the serving path nothing.

Identity is content: every ``*_id`` below is a hash made by `evals.identity` from the fields named in the record's
docstring, so that the same thing made twice has the same name and a write repeated is a write not needed.
Times are ISO 8601 strings in UTC (``2026-11-22T17:30:00Z``); mappings hold JSON values only.
"""

from evals.records.cases import Case, Dataset, Variant
from evals.records.catalogue import Product, Question, Review
from evals.records.decisions import EVERYWHERE, AuditEvent, Change, Decision, Delivery, Promotion
from evals.records.judging import Certificate, FindingReview, JudgeCall, Preference, Retest
from evals.records.people import (
    Annotation,
    AnnotationEdit,
    Annotator,
    AnswerKey,
    Escalation,
    Label,
    QueueItem,
    Reservation,
    StudioCursor,
    StudioProject,
    StudioTask,
)
from evals.records.programme import STATES, Ending, Experiment, SealedSet, State
from evals.records.runs import AspectRow, Claim, Finding, Output, Passage, Run, Score
from evals.records.words import (
    CLAIM_VERDICTS,
    DRAWN,
    FEATURES,
    Action,
    Arm,
    ClaimVerdict,
    Feature,
    Outcome,
    Polarity,
    ScoreSource,
    Verdict,
    Why,
)

__all__ = [
    "CLAIM_VERDICTS",
    "DRAWN",
    "EVERYWHERE",
    "FEATURES",
    "STATES",
    "Action",
    "Annotation",
    "AnnotationEdit",
    "Annotator",
    "AnswerKey",
    "Arm",
    "AspectRow",
    "AuditEvent",
    "Case",
    "Certificate",
    "Change",
    "Claim",
    "ClaimVerdict",
    "Dataset",
    "Decision",
    "Delivery",
    "Ending",
    "Escalation",
    "Experiment",
    "Feature",
    "Finding",
    "FindingReview",
    "JudgeCall",
    "Label",
    "Outcome",
    "Output",
    "Passage",
    "Polarity",
    "Preference",
    "Product",
    "Promotion",
    "Question",
    "QueueItem",
    "Reservation",
    "Retest",
    "Review",
    "Run",
    "Score",
    "ScoreSource",
    "SealedSet",
    "State",
    "StudioCursor",
    "StudioProject",
    "StudioTask",
    "Variant",
    "Verdict",
    "Why",
]
