"""How far people agree, read from the store: per question of a rubric and per language, never pooled over languages.

Only what comes from real outputs counts. What was made (gold, controls, anchors) is plainer than life and would flatter: ask for it by
`whys`. The statistics are `evals.statistics.agreement` and `spans`; where a figure cannot be had it is None and says why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from annotators.labeling import Rubric, rubric_named
from annotators.labeling.failures import FAILURES
from evals.records import DRAWN, Feature, Label, Why
from evals.statistics.agreement import Agreement, Pair, Question, Rated, agreements, rater_pairs
from evals.statistics.bootstrap import DRAWS
from evals.statistics.intervals import no_interval
from evals.statistics.spans import Marked, span_iou
from evals.store import Store

REAL: tuple[Why, ...] = (*DRAWN, "flagged", "escalated", "bridge")
VERDICT = "verdict"  # the question of a rubric that has only one
_YES_NO = ("no", "yes")


@dataclass(frozen=True)
class QuestionAgreement:
    """One cell of the heat map. `items` were judged by two people or more; `labels`: in all. Each figure names the raters behind it, by
    name. `spans`: of the words marked, among those who marked any (marking is optional)."""

    rubric: str
    question: str
    language: str
    items: int
    labels: int
    alpha: Agreement
    ac1: Agreement
    raw: Agreement
    spans: Agreement


@dataclass(frozen=True)
class RaterMatrix:
    """Every two raters of a rubric and language who judged something both; `names`: of the ids in `pairs`."""

    rubric: str
    language: str
    pairs: tuple[Pair, ...]
    names: Mapping[str, str]


def agreement_of(
    store: Store, *, feature: Feature | None = None, whys: Collection[Why] = REAL, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> list[QuestionAgreement]:
    """The heat map: alpha (ordinal where the rubric is), AC1, raw agreement and span IoU with intervals, by rubric, question, language.

    A rubric where many answers may be ticked asks one yes-or-no question for each. Items of one product are resampled together.
    """
    names = _names(store)
    found = []
    for (rubric, language), rows in _grouped(store.labels.labels(feature=feature), whys).items():
        spans = _named(_spans(rows, level, draws, seed), names)
        for name, question in questions(rubric_named(rubric)).items():
            rated = [Rated(row.subject_id, row.annotator_id, _answer(row, name), row.product_id) for row in rows]
            three = agreements(rated, question.scale, question.kind, level=level, draws=draws, seed=seed)
            alpha, ac1, raw = (_named(one, names) for one in three)
            found.append(QuestionAgreement(rubric, name, language, raw.interval.n, len(rows), alpha, ac1, raw, spans))
    return found


def rater_matrices(
    store: Store, *, feature: Feature | None = None, whys: Collection[Why] = REAL, level: float = 0.95
) -> list[RaterMatrix]:  # fmt: skip
    """Who agrees with whom, on the whole answer, per rubric and language."""
    names = _names(store)
    return [
        RaterMatrix(
            rubric, language, rater_pairs([Rated(row.subject_id, row.annotator_id, row.verdict) for row in rows], level=level), names
        )
        for (rubric, language), rows in _grouped(store.labels.labels(feature=feature), whys).items()
    ]


def questions(rubric: Rubric) -> dict[str, Question]:
    """What a rubric asks, as far as agreement goes.

    >>> [len(questions(rubric_named(name))) for name in ("claim-v2", "failures-v1")], questions(rubric_named("preference-v1"))[VERDICT].kind
    ([1, 9], 'ordinal')
    """
    if rubric.many:
        return {failure: Question(_YES_NO) for failure in FAILURES}
    return {VERDICT: Question(rubric.scale, "ordinal" if rubric.ordinal else "nominal")}


def latest(labels: Iterable[Label]) -> list[Label]:
    """One label of each annotator on each subject under each rubric, the last one, in a fixed order."""
    found = {(row.rubric, row.subject_id, row.annotator_id): row for row in sorted(labels, key=lambda row: (row.updated_at, row.item_id))}
    return [row for _, row in sorted(found.items())]


def _grouped(labels: Iterable[Label], whys: Collection[Why]) -> dict[tuple[str, str], list[Label]]:
    found: dict[tuple[str, str], list[Label]] = defaultdict(list)
    for row in latest(row for row in labels if row.why in whys):
        found[row.rubric, row.language].append(row)
    return dict(sorted(found.items()))


def _answer(row: Label, question: str) -> str:
    return row.verdict if question == VERDICT else _YES_NO[question in row.verdict.split("+")]


def _spans(rows: Sequence[Label], level: float, draws: int, seed: int) -> Agreement:
    marked = [
        Marked(row.subject_id, row.annotator_id, [(int(start), int(end)) for start, end in row.detail["spans"]], row.product_id)
        for row in rows
        if row.detail.get("spans")
    ]
    if not marked:
        return Agreement("span IoU", no_interval(level, 0, 0, "nobody marked any words"), (), 0)
    return span_iou(marked, level=level, draws=draws, seed=seed)


def _named(one: Agreement, names: Mapping[str, str]) -> Agreement:
    return replace(one, raters=tuple(sorted(names.get(rater, rater) for rater in one.raters)))


def _names(store: Store) -> dict[str, str]:
    return {who.annotator_id: who.name for who in store.labels.annotators()}
