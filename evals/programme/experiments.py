"""An experiment as it stands: read as planned, ended once, and what its decisions may promote.

planned: nobody has labelled a candidate's claims. running: somebody has. decided, abandoned: ended, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from evals import gate
from evals.errors import InputError, MoreNeededError
from evals.programme.registration import verified
from evals.programme.said import said
from evals.records import AuditEvent, Decision, Ending, Experiment, Feature, State
from evals.store import Store


class Shown(NamedTuple):
    """An experiment as it stands: `labels` of its candidates, and how it ended."""

    experiment: Experiment
    state: State
    labels: int
    ending: Ending | None


class Reading(NamedTuple):
    """One reading of an experiment: a decision per candidate, and the ending if this was the last one."""

    decisions: list[Decision]
    ending: Ending | None


def shown(store: Store, feature: Feature | None = None) -> list[Shown]:
    """All experiments as they stand, oldest first."""
    found, endings = store.programme.experiments(feature), store.programme.endings()
    labels = store.programme.labels({run for one in found for run in one.candidate_run_ids})
    return [_shown(one, sum(labels.get(run, 0) for run in one.candidate_run_ids), endings.get(one.experiment_id)) for one in found]


def _shown(experiment: Experiment, labels: int, ending: Ending | None) -> Shown:
    state: State = ending.outcome if ending else "running" if labels else "planned"
    return Shown(experiment, state, labels, ending)


def decide(store: Store, experiment_id: str, *, actor: str, now: str, waiver_key: str | None = None) -> Reading:
    """Read every candidate by the frozen policy. The experiment ends when each is promoted or rejected, or has used up its looks. A
    promotion that a waiver carried is none of the programme's: it showed nothing, and earns no level.

    Raises InputError for one that has ended, or that is not what was registered.
    """
    experiment, actor = store.programme.experiment(experiment_id), said("actor", actor)
    _open(store, experiment)
    if not verified(experiment):
        raise InputError(f"{experiment.experiment_id} is not what was registered: what is stored does not give its name")
    policy = gate.parse_policy(experiment.policy)
    arms = [(experiment.champion_run_id, run) for run in experiment.candidate_run_ids]
    decisions = [gate.decide(store, policy, *pair, now=now, waiver_key=waiver_key) for pair in arms]
    if not all(map(_is_final, decisions)):
        return Reading(decisions, None)
    promoted = sum(decision.outcome == "promote" and not decision.body.get("waivers") for decision in decisions)
    reason = " ".join(decision.reason for decision in decisions)
    body = {"decisions": [decision.decision_id for decision in decisions]}
    return Reading(decisions, _end(store, experiment, "decided", promoted, actor, reason, now, body))


def abandon(store: Store, experiment_id: str, *, actor: str, reason: str, now: str) -> Ending:
    """End an experiment without an answer. Its decisions promote nothing from then on. Raises InputError for one that has ended."""
    experiment = store.programme.experiment(experiment_id)
    _open(store, experiment)
    reason, actor = said("reason", reason), said("actor", actor)
    return _end(store, experiment, "abandoned", 0, actor, reason, now, {})


def _open(store: Store, experiment: Experiment) -> None:
    ending = store.programme.endings().get(experiment.experiment_id)
    if ending is not None:
        raise InputError(f"{experiment.experiment_id} was {ending.outcome} on {ending.created_at[:10]} by {ending.actor}: {ending.reason}")


def _is_final(decision: Decision) -> bool:
    """Promoted, rejected, or held with the last planned look taken."""
    policy, read = decision.body["policy"], decision.body["evidence"]["votes"]
    last = isinstance(policy["looks"], int) and policy["look"] >= policy["looks"]
    return decision.outcome != "hold" or bool(read and last)


def _end(
    store: Store, experiment: Experiment, outcome: Any, promoted: int, actor: str, reason: str, now: str, body: Mapping[str, Any]
) -> Ending:
    labels = sum(store.programme.labels(experiment.candidate_run_ids).values())
    ending = Ending(experiment.experiment_id, outcome, promoted, labels, actor, reason, now, dict(body))
    event = AuditEvent(now, actor, f"{outcome} experiment", experiment.experiment_id, {"promoted": promoted, "reason": reason})
    if not store.programme.end(ending, event):
        raise InputError(f"{experiment.experiment_id} was ended by somebody else meanwhile")
    return ending


# ---------------------------------------------------------------------------------------------- what may promote


def objection(store: Store, decision: Decision) -> str | None:
    """Why a decision may not promote, as far as the programme knows; None where it has nothing against it.

    Runs that were never registered are free. Once two runs are an experiment's arms, only that experiment's policy promotes, and only while
    it is neither exploratory nor abandoned.
    """
    about = [
        one
        for one in store.programme.experiments(decision.feature)
        if one.champion_run_id == decision.champion_run_id and decision.candidate_run_id in one.candidate_run_ids
    ]
    if not about:
        return None
    endings = store.programme.endings()
    reasons = [_against(one, decision, endings.get(one.experiment_id)) for one in about]
    return None if None in reasons else reasons[-1]


def _against(experiment: Experiment, decision: Decision, ending: Ending | None) -> str | None:
    name = experiment.experiment_id
    if experiment.policy_sha256 != decision.policy_sha256:
        return f"its runs are registered in {name} under another policy ({experiment.policy_sha256[:12]}): plumb experiment decide reads it"
    if experiment.exploratory:
        return f"{name} is exploratory: it was registered after labels or beyond what the programme allows"
    if ending is not None and ending.outcome == "abandoned":
        return f"{name} was abandoned: {ending.reason}"
    return None


def refuse(store: Store, decision: Decision) -> None:
    """Raises MoreNeededError where the programme has something against promoting by this decision."""
    against = objection(store, decision)
    if against is not None:
        raise MoreNeededError(f"decision {decision.decision_id} promotes nothing: {against}")
