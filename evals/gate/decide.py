"""One reading of the evidence by a policy: a verdict per requirement and slice, then promote, reject or hold, with the reason first.

promote: every critical requirement passes, in every slice it names (an intersection–union test, so no correction is needed).
reject: a critical requirement fails (over slices with Holm). hold: anything else, with what would settle it.
Deterministic given store, policy and seed; `now` is only when it was said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from evals.errors import InputError, MoreNeededError
from evals.gate import verdicts
from evals.gate.body import Reading, body_of
from evals.gate.evidence import Evidence, read_evidence
from evals.gate.measure import Measured, measure
from evals.gate.plan import Need, allocate, need
from evals.gate.policy import Policy, Requirement, required_labels
from evals.gate.reasons import headline
from evals.gate.regression import regression_cell
from evals.gate.verdicts import Cell
from evals.identity import content_id
from evals.partitions import check
from evals.records import Case, Decision, Outcome
from evals.store import Store


def decide(
    store: Store,
    policy: Policy,
    champion_run_id: str,
    candidate_run_id: str,
    *,
    now: str,
    seed: int | None = None,
    record: bool = True,
) -> Decision:
    """Read the evidence once and say what follows. The decision is stored (the same evidence read twice is one decision) unless `record` is
    False. `seed` replaces the policy's.

    Raises UnknownIdError for a run that is not stored, InputError for runs that cannot be compared under this policy, MoreNeededError for
    a run that is not finished.
    """
    evidence = _comparable(store, policy, champion_run_id, candidate_run_id)
    look = _look(store, policy, evidence)
    used = policy.seed if seed is None else seed
    readings = [_read(store, policy, evidence, requirement, look, used) for requirement in policy.requirements]
    outcome = _outcome(readings)
    body = body_of(store, policy, evidence, readings, look, used)
    reason = headline(outcome, body)
    body |= {"outcome": outcome, "reason": reason}
    decision = Decision(
        decision_id=content_id("decision", policy.sha256, champion_run_id, candidate_run_id, look, body),
        feature=policy.feature,
        policy_sha256=policy.sha256,
        champion_run_id=champion_run_id,
        candidate_run_id=candidate_run_id,
        outcome=outcome,
        reason=reason,
        created_at=now,
        body=body,
    )
    if record:
        store.ledger.add_decision(decision)
    return decision


def _comparable(store: Store, policy: Policy, champion_run_id: str, candidate_run_id: str) -> Evidence:
    if champion_run_id == candidate_run_id:
        raise InputError(f"run {champion_run_id} cannot be compared with itself")
    evidence = read_evidence(store, champion_run_id, candidate_run_id)
    check(store, (case.product_id for case in evidence.cases), "gate", f"runs {champion_run_id} and {candidate_run_id}")
    for role, arm in (("champion", evidence.champion), ("candidate", evidence.candidate)):
        if arm.run.feature != policy.feature:
            raise InputError(f"{role} run {arm.run.run_id} is of {arm.run.feature}, the policy is for {policy.feature}")
        if arm.run.finished_at is None:
            missing = len(evidence.cases) - len(arm.status)
            raise MoreNeededError(f"{role} run {arm.run.run_id} is not finished: {missing} of {len(evidence.cases)} cases have no output")
    return evidence


def _look(store: Store, policy: Policy, evidence: Evidence) -> int:
    """Which reading of accumulating labels this is, from 1. Reading the same labels again, or reading none, is no further look."""
    runs = (evidence.champion.run.run_id, evidence.candidate.run.run_id)
    looks: dict[str, int] = {}
    for decision in store.ledger.decisions(policy.feature):
        same = decision.policy_sha256 == policy.sha256 and (decision.champion_run_id, decision.candidate_run_id) == runs
        if same and decision.body["evidence"]["votes"]:
            looks[decision.body["evidence"]["labels"]] = decision.body["policy"]["look"]
    return looks.get(evidence.labels_sha(), max(looks.values(), default=0) + 1)


def _outcome(readings: list[Reading]) -> Outcome:
    critical = [reading.verdict for reading in readings if reading.requirement.critical]
    if "fail" in critical:
        return "reject"
    return "promote" if critical and all(verdict == "pass" for verdict in critical) else "hold"


# ---------------------------------------------------------------------------------------------- one requirement


def _read(store: Store, policy: Policy, evidence: Evidence, requirement: Requirement, look: int, seed: int) -> Reading:
    if requirement.kind == "tail_latency":
        return Reading(requirement, 1 - requirement.confidence, {"overall": verdicts.tail_cell(evidence, requirement)})
    if requirement.kind == "cost":
        return Reading(requirement, policy.alpha, {"overall": verdicts.cost_cell(evidence, requirement, policy.alpha)})
    if requirement.kind == "regression":
        return Reading(requirement, policy.alpha, {"overall": regression_cell(store, evidence, policy.alpha)})
    if requirement.kind == "ceiling":
        return _read_ceiling(policy, evidence, requirement)
    return _read_mean(store, policy, evidence, requirement, look, seed)


def _read_ceiling(policy: Policy, evidence: Evidence, requirement: Requirement) -> Reading:
    cells = {"overall": verdicts.ceiling_cell(list(evidence.cases), evidence.candidate, requirement, policy.alpha)}
    sliced = {
        name: verdicts.ceiling_cell(cases, evidence.candidate, requirement, policy.alpha)
        for name, cases in _case_slices(policy, evidence, requirement).items()
    }
    return Reading(requirement, policy.alpha, cells | verdicts.corrected(sliced, policy.alpha))


def _read_mean(store: Store, policy: Policy, evidence: Evidence, requirement: Requirement, look: int, seed: int) -> Reading:
    human = requirement.source == "human"
    alpha = policy.look_alpha if human else policy.alpha
    measured = measure(store, evidence, requirement)
    if human and look > policy.looks and measured.sample.n:
        measured = replace(measured, broken=f"look {look} was not planned: the policy says looks: {policy.looks}")
    parts = {
        name: measured.part(*name.split("=", 1)) if not measured.missing else measured
        for name in _case_slices(policy, evidence, requirement)
    }
    overall = verdicts.mean_cell(
        measured,
        line=_line(requirement, sliced=False),
        minimum=required_labels(requirement, alpha, sliced=False),
        alpha=alpha,
        seed=seed,
        guard=requirement.superiority_guard,
    )
    minimum = required_labels(requirement, alpha, sliced=True)
    sliced = {
        name: verdicts.mean_cell(part, line=_line(requirement, sliced=True), minimum=minimum, alpha=alpha, seed=seed)
        for name, part in parts.items()
    }
    cells = {"overall": overall} | verdicts.corrected(sliced, alpha)
    needs = _needs(policy, requirement, cells, {"overall": measured} | parts, alpha) if human else {}
    further = needs["overall"].more if "overall" in needs else 0
    spreads = {name: cells[name].spread for name in parts}
    allocation = allocate(further, parts, spreads) if parts else {}
    available = len(measured.case_ids) - measured.sample.n
    return Reading(requirement, alpha, cells, needs, allocation, measured.claims_per_case, available)


def _needs(
    policy: Policy, requirement: Requirement, cells: Mapping[str, Cell], measured: Mapping[str, Measured], alpha: float
) -> dict[str, Need]:
    """What each undecided cell lacks; a slice without its own spread borrows the whole's (for planning only)."""
    floor = requirement.floor
    return {
        name: need(
            cell,
            measured[name],
            line=_line(requirement, sliced=name != "overall"),
            minimum=required_labels(requirement, alpha, sliced=name != "overall"),
            alpha=alpha,
            labelling=policy.labelling,
            expected=0.0 if floor is None else (1 + floor) / 2,
            spread=None if name == "overall" else cells["overall"].spread,
        )
        for name, cell in cells.items()
        if cell.verdict in ("inconclusive", "unverified") and not measured[name].missing
    }


def _line(requirement: Requirement, *, sliced: bool) -> float:
    if requirement.floor is not None:
        return requirement.floor
    margin = requirement.slice_margin if sliced and requirement.slice_margin is not None else requirement.margin
    return -(margin or 0.0)


def _case_slices(policy: Policy, evidence: Evidence, requirement: Requirement) -> dict[str, list[Case]]:
    """Cases by ``attribute=value``: the values the dataset has, and for languages also those the policy names."""
    found: dict[str, list[Case]] = {}
    for attribute in requirement.slices:
        named = set(policy.languages) if attribute == "language" else set()
        for value in sorted(named | {getattr(case, attribute) for case in evidence.cases}):
            found[f"{attribute}={value}"] = [case for case in evidence.cases if getattr(case, attribute) == value]
    return found
