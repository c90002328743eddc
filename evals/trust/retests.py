"""A certified judge on the anchor set again: the same texts for ever, so that what changes is the judge.

Two questions. Does it still rank what people find right above what they find wrong, as far as its certificate promised? And does it say of
each anchor what it said when it was certified? Anchors are plainer than life: passing proves little, failing proves much.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evals.errors import MoreNeededError
from evals.gate.settled import settle
from evals.identity import content_id
from evals.records import Certificate, Label, Retest, Why
from evals.statistics.bootstrap import interval, mean_of
from evals.statistics.intervals import Interval
from evals.trust.certificates import LEVEL, measures
from evals.trust.labelled import Labelled
from evals.trust.terms import Terms

ANCHORS: tuple[Why, ...] = ("anchor",)
SAID = "anchors"  # the key in a certificate's measures: what the judge said of each anchor then


@dataclass(frozen=True)
class Anchor:
    """An anchor in one language that people decided: `right` if they find it grounded."""

    subject_id: str
    language: str
    right: bool


def decided(labels: Iterable[Label], rubric: str) -> dict[str, list[Anchor]]:
    """The anchors that people decided, by language; ties and what cannot be checked are left out."""
    rows: dict[str, list[Label]] = defaultdict(list)
    for row in labels:
        if row.why in ANCHORS and row.rubric == rubric:
            rows[row.language].append(replace(row, claim_id=row.subject_id))
    return {tag: _anchors(tag, some) for tag, some in sorted(rows.items())}


def _anchors(language: str, rows: Sequence[Label]) -> list[Anchor]:
    claims = settle(rows, voting=ANCHORS).claims
    return [Anchor(name, language, one.value == 1) for name, one in sorted(claims.items()) if one.value in (0, 1)]


def retest(
    certificate: Certificate, anchors: Sequence[Anchor], said: Mapping[str, float | None], terms: Terms, *, now: str, seed: int = 0
) -> Retest:
    """What the judge says of the anchors now (`said` by subject), against people and against what it said when it was certified.

    Drift: its AUROC on the anchors, at best, lies under what the certificate promised at worst; or its values have moved, on average
    and beyond chance, by more than the calibration error that is allowed. Raises MoreNeededError for fewer than `terms.min_anchors`
    anchors that people decided and the judge scored; then nothing is known and nothing should be stored.
    """
    rows = [Labelled(one.subject_id, one.language, one.right, said.get(one.subject_id), one.subject_id) for one in anchors]
    both = [row for row in rows if row.said is not None]
    if len(both) < terms.min_anchors:
        raise MoreNeededError(
            f"{certificate.language}: {len(both)} anchors that people decided and {certificate.judge!r} scored (of {len(rows)} decided), "
            f"{terms.min_anchors} are needed"
        )
    found = measures(both, seed=seed)
    moved = _moved(certificate, both, seed)
    figures: dict[str, Any] = found | {"moved": None if moved is None else [moved.estimate, moved.low, moved.high], SAID: values(both)}
    name = content_id("retest", certificate.certificate_id, now)
    return Retest(name, certificate.certificate_id, now, len(both), _drift(certificate, found, moved, terms), figures)


def values(rows: Iterable[Labelled]) -> dict[str, float]:
    """What was said of each anchor, to be kept with a certificate."""
    return {row.subject_id: round(row.said, 4) for row in rows if row.said is not None}


def _moved(certificate: Certificate, rows: Sequence[Labelled], seed: int) -> Interval | None:
    """Mean distance between what the judge says now and what it said; None where nothing was kept."""
    then = certificate.measures.get(SAID) or {}
    apart = [abs(float(row.said) - float(then[row.subject_id])) for row in rows if row.said is not None and row.subject_id in then]
    if not apart:
        return None
    return interval(mean_of(np.array(apart), np.arange(len(apart))), n=len(apart), level=LEVEL, seed=seed)


def _drift(certificate: Certificate, found: Mapping[str, Any], moved: Interval | None, terms: Terms) -> str | None:
    promised, ranking = certificate.measures.get("auroc"), found.get("auroc")
    problems = []
    if promised and ranking and None not in (promised[1], ranking[2]) and ranking[2] < promised[1]:
        problems.append(f"its AUROC on the anchors is at most {ranking[2]:.2f}, its certificate says at least {promised[1]:.2f}")
    if moved is not None and moved.low is not None and moved.low > terms.max_calibration_error:
        allowed = f"at most {terms.max_calibration_error:.2f} is allowed"
        problems.append(f"what it says of the same anchors has moved by {moved.estimate:.2f} on average, {allowed}")
    return "; ".join(problems) or None
