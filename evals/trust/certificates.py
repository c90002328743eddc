"""Certificates: a judge's agreement with people in one language, and whether that is enough to believe it for a while.

A certificate names the judge's signature, so that another prompt, model or word list is another judge; it ends by itself, and a retest on
the anchor set may suspend it before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from evals.identity import content_id
from evals.records import Certificate
from evals.statistics.auroc import auroc
from evals.statistics.bootstrap import Coefficient, groups_of, interval, weighted_mean_of
from evals.statistics.intervals import Interval
from evals.statistics.kappa import kappa
from evals.statistics.reliability import calibration
from evals.store import Store
from evals.trust.labelled import Against, Labelled
from evals.trust.terms import Terms

LEVEL = 0.95
THRESHOLD = 0.5  # from here on the judge says yes; AUROC does not depend on it


def certify(against: Against, rubric: str, terms: Terms, *, now: str, seed: int = 0) -> list[Certificate]:
    """One certificate per language in which people decided claims; those that do not certify say why, and how many labels are missing."""
    return [
        _certificate(against, language, rows, rubric, terms, now, seed) for language, rows in sorted(against.by_language.items()) if rows
    ]


def _certificate(against: Against, language: str, rows: Sequence[Labelled], rubric: str, terms: Terms, now: str, seed: int) -> Certificate:
    both = [row for row in rows if row.said is not None]
    labels = content_id("labels", sorted((row.subject_id, row.right) for row in rows))
    signature = against.signature or ""
    found = measures(both, seed=seed)
    return Certificate(
        certificate_id=content_id("certificate", against.judge, signature, rubric, language, labels),
        judge=against.judge,
        signature=signature,
        rubric=rubric,
        language=language,
        labels=labels,
        n=len(both),
        positives=sum(row.right for row in both),
        groups=len({row.group for row in both}),
        not_measured=len(rows) - len(both),
        created_at=now,
        expires_at=_later(now, terms.days),
        reason=_why_not(both, len(rows), found, terms),
        measures=found,
    )


def measures(rows: Sequence[Labelled], *, seed: int = 0) -> dict[str, Any]:
    """``{"auroc": [value, low, high], "kappa": …, "calibration_error": …, "brier": …, "curve": [[said, found, n], …], "why": {…}}``.

    null where a figure cannot be had; ``"why"`` says why. Weighted by 1 ÷ the chance with which each claim was drawn, clustered by group.
    """
    if not rows:
        return {"why": {"auroc": "no claim that people decided has a value of the judge"}}
    said, right = np.array([row.said for row in rows], dtype=float), np.array([row.right for row in rows])
    groups = groups_of({row.subject_id: row.group for row in rows})
    weights = np.array([row.weight for row in rows])
    curve = calibration(said, right, groups, weights, level=LEVEL, seed=seed)
    figures = {
        "auroc": _interval(auroc(said, right, groups, weights), rows, seed),
        "kappa": _interval(kappa(said >= THRESHOLD, right, groups, weights), rows, seed),
        "calibration_error": curve.error,
        "brier": _interval(weighted_mean_of((said - right) ** 2, groups, weights), rows, seed),
    }
    points = [[round(p.said, 4), round(p.found, 4), p.n] for p in curve.curve]
    why = {name: one.reason for name, one in figures.items() if one.reason}
    return {name: _listed(one) for name, one in figures.items()} | {"curve": points, "why": why}


def _interval(figure: Coefficient, rows: Sequence[Labelled], seed: int) -> Interval:
    return interval(figure, n=len(rows), level=LEVEL, seed=seed)


def _listed(one: Interval) -> list[float | None] | None:
    bounds = (one.estimate, one.low, one.high)
    return None if one.estimate is None else [None if bound is None else round(bound, 4) for bound in bounds]


def _why_not(both: Sequence[Labelled], labelled: int, found: dict[str, Any], terms: Terms) -> str | None:
    """None where the terms hold; otherwise everything that is missing, in one sentence."""
    rare = min(sum(row.right for row in both), sum(not row.right for row in both))
    problems = []
    if len(both) < terms.min_labels:
        unscored = f" ({labelled - len(both)} more are decided but not scored)" if labelled > len(both) else ""
        problems.append(f"{len(both)} labels of {terms.min_labels}{unscored}")
    if rare < terms.min_rare:
        problems.append(f"{rare} of the rarer answer, {terms.min_rare} are needed")
    if not problems:
        problems += _not_good_enough(found, terms)
    return "; ".join(problems) or None


def _not_good_enough(found: dict[str, Any], terms: Terms) -> list[str]:
    problems = []
    ranking, error = found.get("auroc"), found.get("calibration_error")
    if ranking is None or ranking[1] is None or ranking[1] < terms.min_auroc:
        shown = "cannot be told" if ranking is None or ranking[1] is None else f"may be as low as {ranking[1]:.2f}"
        problems.append(f"its AUROC {shown}, {terms.min_auroc:.2f} is needed")
    if error is None or error[0] > terms.max_calibration_error:
        shown = "cannot be told" if error is None else f"is {error[0]:.2f}"
        problems.append(f"its calibration error {shown}, at most {terms.max_calibration_error:.2f} is allowed")
    return problems


def _later(now: str, days: int) -> str:
    moment = datetime.fromisoformat(now.replace("Z", "+00:00")) + timedelta(days=days)
    return moment.isoformat().replace("+00:00", "Z")


def standing(store: Store, judge: str, signature: str, language: str, *, now: str) -> Certificate:
    """The newest certificate of a judge under this signature in a language, with what is true *now* as its `reason`: None while it holds.

    One that does not exist is made up with the reason "never certified"; an expired or suspended one says so.
    """
    mine = [one for one in store.judging.certificates(judge) if one.language == language]
    same = [one for one in mine if one.signature == signature]
    if not same:
        reason = "certified under other settings: certify it again" if mine else "never certified in this language"
        return Certificate("", judge, signature, "", language, "", 0, 0, 0, 0, now, now, reason)
    newest = same[0]
    if newest.reason is None and newest.expires_at <= now:
        return replace(newest, reason=f"expired on {newest.expires_at[:10]}")
    drifted = next((one for one in store.judging.retests(newest.certificate_id)), None)
    if newest.reason is None and drifted is not None and drifted.reason is not None:
        return replace(newest, reason=f"suspended on {drifted.created_at[:10]}: {drifted.reason}")
    return newest
