"""Registration: a hypothesis, its arms and its policy are frozen before anybody labels, under a name that is the hash of all of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evals import gate
from evals.errors import InputError, PolicyError, RetryError
from evals.identity import content_id
from evals.programme import exposure, levels
from evals.programme.rules import Rules
from evals.programme.said import said
from evals.records import AuditEvent, Experiment, Feature, Run
from evals.store import Store


def plan(
    store: Store,
    rules: Rules,
    *,
    feature: Feature,
    hypothesis: str,
    champion: Run,
    candidates: Sequence[Run],
    policy: Mapping[str, Any],
    exploratory: bool = False,
    lower_alpha: bool = False,
    actor: str,
    now: str,
) -> Experiment:
    """Register an experiment: `policy` is the gate's file as a mapping, frozen as it is. Registered twice it is one.

    `lower_alpha` freezes it at the level the programme allows, where it asks for more. `exploratory` lifts what is refused otherwise, and
    whatever comes of it promotes nothing.
    Raises InputError for arms that cannot be compared, for labels that were there before, for a level or a number of comparisons beyond the
    programme's; PolicyError for a policy that cannot hold at its level; RetryError where another was registered at the same moment.
    """
    hypothesis, actor = said("hypothesis", hypothesis), said("actor", actor)
    _comparable(feature, champion, candidates)
    known = {one.experiment_id: one for one in store.programme.experiments(feature)}
    allowed = levels.wealth(store, rules, feature, len(candidates)).level
    frozen = at_level(policy, allowed) if lower_alpha and not exploratory else dict(policy)
    loaded = _loaded(frozen, feature)
    found = Experiment(
        experiment_id="",
        feature=feature,
        hypothesis=hypothesis,
        dataset_id=champion.dataset_id,
        champion_run_id=champion.run_id,
        candidate_run_ids=tuple(run.run_id for run in candidates),
        policy=frozen,
        policy_sha256=loaded.sha256,
        looks=str(loaded.looks),
        seed=loaded.seed,
        exploratory=exploratory,
        alpha=_asked(loaded),
        level=allowed,
        actor=actor,
        created_at=now,
    )
    found = replace(found, experiment_id=registration(found))
    if found.experiment_id in known:
        return known[found.experiment_id]
    if not exploratory:
        _within(store, rules, found)
    detail = {"hypothesis": found.hypothesis, "policy": found.policy_sha256, "exploratory": exploratory, "level": round(allowed, 6)}
    event = AuditEvent(now, actor, "plan experiment", found.experiment_id, detail)
    store.programme.register(found, event, _still(found, list(known.values())))
    return store.programme.experiment(found.experiment_id)


def registration(experiment: Experiment) -> str:
    """The name that what was frozen gives it."""
    one = experiment
    arms = [one.champion_run_id, list(one.candidate_run_ids)]
    frozen = [one.policy_sha256, one.looks, one.seed, one.exploratory]
    return content_id("experiment", one.feature, one.hypothesis, one.dataset_id, arms, *frozen)


def verified(experiment: Experiment) -> bool:
    """Whether what is stored is what was registered, policy included."""
    try:
        policy = gate.parse_policy(experiment.policy)
    except PolicyError:
        return False
    return policy.sha256 == experiment.policy_sha256 and registration(experiment) == experiment.experiment_id


def at_level(policy: Mapping[str, Any], level: float) -> dict[str, Any]:
    """The policy with every level above `level` brought down to it: to three digits, never up."""
    scale = 10 ** (2 - math.floor(math.log10(level)))
    down = math.floor(level * scale) / scale
    rows = [
        {**row, "level": min(row["level"], down)} if isinstance(row, Mapping) and "level" in row else row
        for row in policy.get("requirements", ())
    ]
    return {**policy, "alpha": min(float(policy.get("alpha", 0.05)), down), "requirements": rows}


def _asked(policy: gate.Policy) -> float:
    """The highest level at which a critical requirement is read: at which a candidate that misses one line alone gets through."""
    return max([policy.alpha, *(row.level for row in policy.requirements if row.critical and row.level is not None)])


def _comparable(feature: Feature, champion: Run, candidates: Sequence[Run]) -> None:
    runs = [champion, *candidates]
    if not candidates or len({run.run_id for run in runs}) < len(runs):
        raise InputError(f"an experiment needs a champion and other runs as candidates, each once: got {[run.run_id for run in runs]}")
    for run in runs:
        if run.feature != feature:
            raise InputError(f"run {run.run_id} is of {run.feature}, the experiment is about {feature}")
        if run.dataset_id != champion.dataset_id:
            raise InputError(f"run {run.run_id} is over another dataset than the champion's: a paired comparison needs the same cases")


def _loaded(policy: Mapping[str, Any], feature: Feature) -> gate.Policy:
    loaded = gate.parse_policy(policy)
    if loaded.feature != feature:
        raise InputError(f"the policy is for {loaded.feature}, the experiment is about {feature}")
    return loaded


def _within(store: Store, rules: Rules, experiment: Experiment) -> None:
    """Raises InputError for what the programme does not allow."""
    if experiment.alpha > experiment.level:
        raise InputError(
            f"the policy is read at {experiment.alpha:g}, the programme ({rules.method} at {rules.alpha:g}) allows {experiment.level:.3g}: "
            "--lower-alpha freezes it at that, --exploratory registers it as it is"
        )
    used = exposure.comparisons(store, experiment.dataset_id)
    if used + len(experiment.candidate_run_ids) > rules.comparisons:
        raise InputError(
            f"the labels of dataset {experiment.dataset_id} serve {used} comparisons already, of {rules.comparisons} they may: make a new "
            "version (plumb experiment unseal), or register with --exploratory"
        )


def _still(experiment: Experiment, earlier: Sequence[Experiment]) -> Callable[[Mapping[str, int], int], None]:
    """Whether the labels allow it, and nobody else has registered since its level was computed.

    Labels there may be of a champion only, and only from an earlier registered experiment: who registers a candidate that has none cannot
    have chosen by them.
    """
    arms = {run for one in earlier for run in (one.champion_run_id, *one.candidate_run_ids)}

    def check(labels: Mapping[str, int], others: int) -> None:
        if others != len(earlier):
            raise RetryError("another experiment was registered meanwhile, and the level is another one now: ask again")
        for run_id, count in sorted(labels.items()):
            known = run_id == experiment.champion_run_id and run_id in arms
            if count and not known and not experiment.exploratory:
                raise InputError(
                    f"run {run_id} has {count:,} labels already: an experiment is registered before the first. With --exploratory it is "
                    "registered as what it is, and promotes nothing"
                )

    return check
