"""What a policy is, once read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from evals.records import Feature
from evals.statistics.power import labels_without_a_loss
from evals.statistics.sequential import Spending

Kind = Literal["non_inferiority", "floor", "parity", "length", "ceiling", "tail_latency", "cost", "regression"]
KINDS: tuple[Kind, ...] = ("non_inferiority", "floor", "parity", "length", "ceiling", "tail_latency", "cost", "regression")
OnUnverified = Literal["hold", "ignore", "fail"]
EVERYWHERE = "all"


@dataclass(frozen=True)
class Requirement:
    """One line of a policy. Which fields a kind needs: `schema.schema`. Margins, floors and ceilings are in the metric's own unit.

    `judge`: the metric whose scores of claims stand beside people's labels, the same metric where none is named. `direction` ``lower``:
    the metric counts what is bad, and 1 − value is held against margin and floor. `level`: one-sided error rate in place of the policy's.
    `share`: of the champion's mean (parity) or of its generated length (length).
    """

    name: str
    kind: Kind
    critical: bool = True
    on_unverified: OnUnverified = "hold"
    metric: str | None = None
    judge: str | None = None
    source: Literal["human", "code", "model"] = "human"
    direction: Literal["higher", "lower"] = "higher"
    margin: float | None = None
    level: float | None = None
    slice_margin: float | None = None
    slices: tuple[str, ...] = ()
    min_labels: int = 2
    slice_min_labels: int = 2
    superiority_guard: bool = False
    floor: float | None = None
    share: float | None = None
    event: str | None = None
    ceiling: float | None = None
    time: Literal["first_token", "total"] = "first_token"
    quantile: float | None = None
    seconds: float | None = None
    confidence: float = 0.95
    max_ratio: float | None = None
    max_usd_per_million_tokens: float | None = None
    usd_per_hour: float | None = None


@dataclass(frozen=True)
class Labelling:
    """What a label plan assumes: both arms of a case are labelled, each claim by `overlap` people."""

    minutes_per_claim: float = 0.5
    usd_per_hour: float = 25.0
    claims_per_case: float = 7.0
    overlap: float = 1.0


@dataclass(frozen=True)
class Waiver:
    """A named owner lets one requirement go, in one slice (``overall``, ``language=ja``) or in `EVERYWHERE`, until the day `expires`
    (inclusive, UTC).

    `max_loss`: largest loss still let go, in the requirement's unit: against the champion for a difference, beyond the line for anything
    else. `unmeasured`: also where nothing was measured, so that nobody knows the loss. `signature`: see `evals.gate.waivers`.
    """

    requirement: str
    owner: str
    reason: str
    expires: str
    max_loss: float
    slice: str = EVERYWHERE
    unmeasured: bool = False
    signature: str | None = None


@dataclass(frozen=True)
class Policy:
    """A policy as read. `alpha` is one-sided; `sha256` names its content.

    `looks`: how often accumulating labels may be read, or ``any``. `planned`: fraction of the planned labels at each look, the last 1;
    `planned_labels`: labelled cases of the whole plan. How they become a level: `evals.gate.looks`.
    """

    feature: Feature
    requirements: tuple[Requirement, ...]
    sha256: str
    alpha: float = 0.05
    seed: int = 0
    looks: int | Literal["any"] = 1
    spending: Spending = "obrien_fleming"
    planned: tuple[float, ...] = ()
    planned_labels: int | None = None
    labelling: Labelling = field(default_factory=Labelling)
    languages: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    waiver_owners: tuple[str, ...] = ()

    def level(self, requirement: Requirement) -> float:
        """One-sided error rate of a requirement's verdicts, before looks."""
        return requirement.level or self.alpha


def required_labels(requirement: Requirement, alpha: float, sliced: bool) -> int:
    """The stated minimum, never below what could settle anything (see `labels_without_a_loss`)."""
    margin = requirement.slice_margin if sliced else requirement.margin
    stated = requirement.slice_min_labels if sliced else requirement.min_labels
    return max(stated, labels_without_a_loss(margin, alpha)) if margin and requirement.source == "human" else math.ceil(stated)
