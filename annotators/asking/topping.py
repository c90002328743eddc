"""The label plan of a decision becomes tasks: exactly the cases that are missing, drawn with known probabilities, and none twice.

A plan's `targets` are totals: so many cases of a language drawn in all. The sample is nested (`annotators.asking.sampling`): it keeps every
case drawn before and stores, for old and new ones alike, the probability of being in the larger sample. So the next reading of the gate
weighs all of them rightly, and asking again changes nothing. docs/decisions/0013 says why this and not a formula over waves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from annotators.asking.budget import LabellingPlan
from annotators.asking.queues import EnqueueSummary, enqueue
from evals.errors import InputError, MoreNeededError
from evals.records import Decision
from evals.store import Store


@dataclass(frozen=True)
class ToppedUp:
    """`wanted`: labelled cases the plan lacks; `targets`: cases drawn in all, by language; `beyond`: cases the dataset does not have."""

    wanted: int
    targets: Mapping[str, int]
    beyond: int
    queued: EnqueueSummary


def top_up(
    store: Store,
    decision: Decision,
    *,
    seed: int,
    now: str,
    plan: LabellingPlan,
    overlap: int | None = None,
    dry_run: bool = False,
) -> ToppedUp:
    """Queue what a hold lacks. The labelling plan's weekly budget does not bind here: the decision said what it costs.

    Raises MoreNeededError for a decision that lacks no labels, InputError for one made before plans had targets.
    """
    lacks = decision.body["plan"]
    if decision.outcome != "hold" or not lacks["cases"]:
        raise MoreNeededError(f"decision {decision.decision_id} says {decision.outcome} and lacks no labels: {decision.reason}")
    if "targets" not in lacks:
        raise InputError(f"decision {decision.decision_id} is of an older version and names no targets: plumb gate {decision.feature}")
    queued = enqueue(
        store,
        decision.champion_run_id,
        decision.candidate_run_id,
        seed=seed,
        now=now,
        plan=plan,
        totals=lacks["targets"],
        overlap=overlap,
        dry_run=dry_run,
    )
    return ToppedUp(lacks["cases"], lacks["targets"], lacks["beyond"], queued)
