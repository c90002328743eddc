"""Behind the page Agreement: cells, tables and lines from what `annotators` computed. A figure that cannot be had says why in its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from annotators.labeling import RUBRICS
from annotators.raters.agreement import VERDICT, QuestionAgreement, RaterMatrix
from annotators.raters.anchors import Shift
from annotators.raters.judged import JudgeAgainstPeople
from evals.languages import LANGUAGES
from evals.statistics.intervals import Interval
from workbench.cards import cell, safe
from workbench.charts import Row, signed
from workbench.people_charts import RELIABLE, TENTATIVE, HeatCell
from workbench.queries import SMALL

_NAME, _END = 22, 7  # characters of a name beside a matrix, and of its end where it is cut
_REASON = 60  # characters of a reason in a figure


def column(one: QuestionAgreement) -> str:
    """The column of the heat map a question stands in: ``claim-v2/verdict``."""
    return f"{one.rubric}/{one.question}"


def question_name(rubric: str, question: str, between: str = ": ") -> str:
    """For people; a rubric with one question is called by its own name.

    >>> question_name("claim-v2", "verdict"), question_name("failures-v1", "wrong_language")
    ('claim v2', 'failures v1: wrong language')
    """
    name = rubric.replace("-", " ")
    return name if question == VERDICT else f"{name}{between}{question.replace('_', ' ')}"


def columns(found: Iterable[QuestionAgreement]) -> dict[str, str]:
    """Column → its heading, a word a line; in the order of the rubrics."""
    order = list(RUBRICS)
    known = {column(one): one for one in found}
    kept = sorted(known.values(), key=lambda one: order.index(one.rubric) if one.rubric in order else len(order))
    return {column(one): _heading(one) for one in kept}


def _heading(one: QuestionAgreement) -> str:
    if one.question == VERDICT:
        return f"<b>{safe(one.rubric).replace('-', '<br>')}</b>"
    return f"<b>{safe(one.rubric.replace('-', ' '))}</b><br>{safe(one.question).replace('_', '<br>')}"


def languages(found: Iterable[QuestionAgreement]) -> dict[str, str]:
    """Language → its name, in the order of the names."""
    tags = {one.language for one in found}
    return {tag: language_name(tag) for tag in sorted(tags, key=language_name)}


def language_name(tag: str) -> str:
    return LANGUAGES[tag].name if tag in LANGUAGES else tag


def heat_cells(found: Iterable[QuestionAgreement]) -> list[HeatCell]:
    return [HeatCell(column(one), one.language, one.alpha.interval.estimate, one.items, _hover(one)) for one in found]


def _hover(one: QuestionAgreement) -> str:
    head = f"<b>{safe(language_name(one.language))} · {safe(question_name(one.rubric, one.question))}</b>"
    alpha = (
        f"alpha {text(one.alpha.interval)}" if one.alpha.interval.estimate is not None else f"not measurable: {one.alpha.interval.reason}"
    )
    return f"{head}<br>{safe(alpha)}<br>{one.items} items judged by two or more"


def meaning(alpha: Interval) -> str:
    """Krippendorff's reading of an alpha, by its lower bound: what is safe to say."""
    if alpha.estimate is None:
        return "cannot be measured"
    if alpha.n < SMALL or alpha.low is None:
        return f"too few items to say: {max(0, SMALL - alpha.n)} to go" if alpha.n < SMALL else "no interval"
    if alpha.low >= RELIABLE:
        return "reliable"
    return (
        "tentative conclusions" if alpha.low >= TENTATIVE else "not shown to be reliable" if alpha.estimate >= TENTATIVE else "unreliable"
    )


def text(interval: Interval, *, share: bool = False) -> str:
    """An estimate with its bounds; a dash where there is none."""
    if interval.estimate is None:
        return "–"
    told = _figure(interval.estimate, share)
    if interval.low is None or interval.high is None:
        return told
    return f"{told} ({_figure(interval.low, share)} … {_figure(interval.high, share)})"


def _figure(value: float, share: bool) -> str:
    return (f"{value:.0%}" if share else f"{round(value, 2) or 0:.2f}").replace("-", "−")


def table(found: Sequence[QuestionAgreement]) -> pd.DataFrame:
    """One row a question and language, those with the lowest alpha first, those that cannot be measured last."""
    ordered = sorted(found, key=lambda one: (one.alpha.interval.estimate is None, one.alpha.interval.estimate or 0.0, one.language))
    return pd.DataFrame(
        [
            {
                "language": language_name(one.language),
                "question": question_name(one.rubric, one.question),
                "items": one.items,
                "labels": one.labels,
                "alpha": text(one.alpha.interval),
                "says": meaning(one.alpha.interval),
                "AC1": text(one.ac1.interval),
                "same answer": text(one.raw.interval, share=True),
                "span IoU": f"{text(one.spans.interval)} n {one.spans.interval.n}" if one.spans.interval.n else "–",
                "raters": [cell(name) for name in one.raw.raters],
                "why not": _reasons(one),
            }
            for one in ordered
        ]
    )


def _reasons(one: QuestionAgreement) -> str | None:
    named = (("alpha", one.alpha), ("IoU", one.spans))
    return "; ".join(f"{name}: {found.interval.reason}" for name, found in named if found.interval.reason) or None


# ---------------------------------------------------------------------------------------------- pairs of raters


def matrix_names(matrix: RaterMatrix) -> dict[str, str]:
    """Annotator id → name, of those who share items with anybody."""
    ids = {who for pair in matrix.pairs for who in (pair.first, pair.second)}
    names = {who: " ".join(cell(matrix.names.get(who, who)).split()) for who in ids}
    ordered = sorted(ids, key=lambda who: (names[who].casefold(), who))
    return {who: safe(_shortened(names[who])) for who in ordered}


def _shortened(name: str) -> str:
    """Beginning and end: namesakes differ in the end."""
    return name if len(name) <= _NAME else f"{name[: _NAME - _END - 1]}…{name[-_END:]}"


def matrix_cells(matrix: RaterMatrix) -> list[HeatCell]:
    names = matrix_names(matrix)
    return [
        HeatCell(
            pair.first,
            pair.second,
            pair.share.estimate,
            pair.share.n,
            f"{names[pair.first]} and {names[pair.second]}<br>the same answer on {text(pair.share, share=True)} of {pair.share.n} items",
        )
        for pair in matrix.pairs
    ]


# ---------------------------------------------------------------------------------------------- judge, languages, versions


def judge_rows(found: Sequence[JudgeAgainstPeople], figure: str) -> list[Row]:
    """``accuracy`` or ``auroc`` per language, the lowest first, those without an estimate last, with the reason."""
    rows = [_rate(safe(f"{language_name(one.language)} (n {one.claims})"), getattr(one, figure)) for one in found]
    return sorted(rows, key=lambda row: (row.estimate is None, row.estimate or 0.0, row.label))


def judge_table(found: Sequence[JudgeAgainstPeople]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "language": language_name(one.language),
                "claims": one.claims,
                "same verdict": text(one.accuracy, share=True),
                "AUROC": text(one.auroc),
                "undecided by people": one.undecided,
                "not scored": one.unscored,
                "why not": one.accuracy.reason or one.auroc.reason,
            }
            for one in sorted(found, key=lambda one: language_name(one.language))
        ]
    )


def anchored(shifts: Iterable[Shift]) -> list[str]:
    """Languages with anchors, by name."""
    return sorted({tag for one in shifts for tag in (one.first, one.second)}, key=language_name)


def shift_rows(shifts: Iterable[Shift], reference: str) -> list[Row]:
    """How much higher each other language scores the same things than `reference`, the furthest first."""
    rows = [_shift(language_name(one.first), one) for one in shifts if one.second == reference]
    rows += [_shift(language_name(one.second), one, -1) for one in shifts if one.first == reference]
    return sorted(rows, key=lambda row: (row.estimate is None, -abs(row.estimate or 0.0), row.label))


def break_rows(found: Mapping[str, Shift]) -> list[Row]:
    """How much higher a new version of a rubric scores the same things, by language, the furthest first."""
    rows = [_shift(language_name(tag), one) for tag, one in found.items()]
    return sorted(rows, key=lambda row: (row.estimate is None, -abs(row.estimate or 0.0), row.label))


def versions() -> list[tuple[str, str]]:
    """(older, newer) of the rubrics that have two versions.

    >>> versions()[0]
    ('claim-v1', 'claim-v2')
    """
    split = {name: re.fullmatch(r"(.+)-v(\d+)", name) for name in RUBRICS}
    newer = {name: f"{found[1]}-v{int(found[2]) + 1}" for name, found in split.items() if found}
    return [(name, after) for name, after in newer.items() if after in RUBRICS]


_SAID = {True: ("pass", "comparable"), False: ("fail", "not comparable"), None: ("", "the anchors do not tell")}


def _shift(name: str, shift: Shift, sign: int = 1) -> Row:
    """`sign` −1 turns the comparison round."""
    label, interval = safe(f"{name} (n {shift.anchors})"), shift.interval
    if interval.estimate is None:
        return _rate(label, interval)
    verdict, said = _SAID[shift.comparable]
    low, high = (interval.low, interval.high) if sign > 0 else (_negative(interval.high), _negative(interval.low))
    raters = f"{shift.raters[0]} and {shift.raters[1]}" if sign > 0 else f"{shift.raters[1]} and {shift.raters[0]}"
    why = f"<br>{safe(interval.reason)}" if interval.reason else ""
    hover = f"{label}: {signed(sign * interval.estimate, 3)}, {raters} raters<br>{said}{why}"
    return Row(label, sign * interval.estimate, low, high, verdict, hover=hover)


def _negative(bound: float | None) -> float | None:
    return None if bound is None else -bound


def _rate(label: str, interval: Interval) -> Row:
    """`label`: as HTML. Without an estimate, `hover` says why there is none."""
    if interval.estimate is None:
        reason = interval.reason or "not measured"
        return Row(label, None, None, None, hover=safe(reason[:_REASON] + ("…" if len(reason) > _REASON else "")))
    hover = f"{label}: {text(interval)}" + (f"<br>{safe(interval.reason)}" if interval.reason else "")
    return Row(label, interval.estimate, interval.low, interval.high, hover=hover)
