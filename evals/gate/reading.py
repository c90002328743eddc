"""One requirement read over one body of evidence: a verdict for the whole and for every slice, and what the undecided ones lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from evals.gate import parity, serving, verdicts
from evals.gate.body import Reading
from evals.gate.evidence import Evidence
from evals.gate.looks import look_level
from evals.gate.measure import Measured, measure
from evals.gate.plan import Need, allocate, need
from evals.gate.policy import Policy, Requirement, required_labels
from evals.gate.regression import regression_cell
from evals.gate.verdicts import Cell
from evals.records import Case
from evals.store import Store


class Look(NamedTuple):
    """Which reading of accumulating labels this is, from 1, and how many labelled cases each requirement had at those before."""

    number: int
    before: Sequence[Mapping[str, int]]


def read(store: Store, policy: Policy, evidence: Evidence, requirement: Requirement, look: Look, seed: int) -> Reading:
    alpha = policy.level(requirement)
    if requirement.kind == "tail_latency":
        return Reading(requirement, 1 - requirement.confidence, {"overall": serving.tail_cell(evidence, requirement)})
    if requirement.kind == "cost":
        return Reading(requirement, alpha, {"overall": serving.cost_cell(evidence, requirement, alpha)})
    if requirement.kind == "length":
        return Reading(requirement, alpha, {"overall": serving.length_cell(evidence, requirement, alpha)})
    if requirement.kind == "regression":
        return Reading(requirement, alpha, {"overall": regression_cell(store, evidence, alpha)})
    if requirement.kind == "ceiling":
        return _read_ceiling(store, policy, evidence, requirement, alpha)
    return _read_mean(store, policy, evidence, requirement, look, seed)


def _read_ceiling(store: Store, policy: Policy, evidence: Evidence, requirement: Requirement, alpha: float) -> Reading:
    slices = _case_slices(policy, evidence, requirement)
    if requirement.event != "error" and _imported(store, evidence):
        nothing = verdicts.unverified("no rail saw these outputs: they were imported", 1 - 2 * alpha)
        return Reading(requirement, alpha, dict.fromkeys(["overall", *slices], nothing))
    cells = {"overall": verdicts.ceiling_cell(list(evidence.cases), evidence.candidate, requirement, alpha)}
    sliced = {name: verdicts.ceiling_cell(cases, evidence.candidate, requirement, alpha) for name, cases in slices.items()}
    return Reading(requirement, alpha, cells | verdicts.corrected(sliced, alpha))


def _imported(store: Store, evidence: Evidence) -> bool:
    """Whether the candidate's outputs came from a file, past our rails: that nothing was found in them would then say nothing."""
    return bool(store.runs.variant(evidence.candidate.run.variant_id).settings.get("kind") == "imported")


def _read_mean(store: Store, policy: Policy, evidence: Evidence, requirement: Requirement, look: Look, seed: int) -> Reading:
    human = requirement.source == "human"
    whole = parity.measure_parity(store, evidence, requirement) if requirement.kind == "parity" else measure(store, evidence, requirement)
    if human and policy.looks != "any" and look.number > policy.looks and whole.sample.n:
        whole = replace(whole, broken=f"look {look.number} was not planned: the policy says looks: {policy.looks}")
    names = _case_slices(policy, evidence, requirement)
    parts = {name: whole if whole.missing else whole.part(*name.split("=", 1)) for name in names}
    measured = {"overall": whole} | parts
    labelled = [*(before.get(requirement.name, 0) for before in look.before), whole.sample.n]
    levels = {name: _level(policy, requirement, look.number, labelled, one) for name, one in measured.items()}
    raw = {name: _mean_cell(policy, requirement, one, levels[name], seed, name) for name, one in measured.items()}
    alpha = levels["overall"]
    cells = {"overall": raw["overall"]} | verdicts.corrected({name: raw[name] for name in parts}, alpha)
    needs = _needs(policy, requirement, cells, measured, _next_level(policy, requirement, look.number, labelled, whole)) if human else {}
    further = needs["overall"].more if "overall" in needs else 0
    allocation = allocate(further, parts, {name: cells[name].spread for name in parts}) if parts else {}
    return Reading(
        requirement,
        alpha,
        {name: _shown(store, evidence, requirement, cell, measured[name]) for name, cell in cells.items()},
        needs,
        allocation,
        whole.claims_per_case,
        len(whole.case_ids) - whole.sample.n,
        measured,
    )


def _level(policy: Policy, requirement: Requirement, look: int, labelled: Sequence[int], measured: Measured) -> float:
    """Scores of code do not accumulate as labels do, so they are read at the whole level at every look."""
    if requirement.source != "human":
        return policy.level(requirement)
    return look_level(policy, requirement, look, labelled, measured.sample.clusters) or policy.level(requirement)


def _next_level(policy: Policy, requirement: Requirement, look: int, labelled: Sequence[int], measured: Measured) -> float:
    """What the labels that are still to come will be read at: they make another look, the last one where none is planned beyond it."""
    if policy.looks == "any" or not labelled[-1]:
        return _level(policy, requirement, look, labelled, measured)
    further = [*labelled, max(policy.planned_labels or 0, labelled[-1] + 1)]
    return look_level(policy, requirement, look + 1, further, measured.sample.clusters) or _level(
        policy, requirement, look, labelled, measured
    )


def minimum_of(policy: Policy, requirement: Requirement, name: str) -> int:
    """Labelled cases below which nothing is said, whatever the look."""
    return required_labels(requirement, policy.level(requirement), sliced=name != "overall")


def _mean_cell(policy: Policy, requirement: Requirement, measured: Measured, alpha: float, seed: int, name: str) -> Cell:
    sliced = name != "overall"
    return verdicts.mean_cell(
        measured,
        line=line_of(requirement, sliced=sliced),
        minimum=minimum_of(policy, requirement, name),
        alpha=alpha,
        seed=seed,
        guard=requirement.superiority_guard and not sliced,
    )


def _shown(store: Store, evidence: Evidence, requirement: Requirement, cell: Cell, measured: Measured) -> Cell:
    """The cell in the terms of the policy: a share of the champion's mean, or the mean of a metric that counts what is bad."""
    if requirement.kind == "parity":
        own = measure(store, evidence, replace(requirement, kind="floor"))
        return parity.as_ratio(cell, measured, own, requirement.share or 1.0)
    return parity.mirrored(cell) if requirement.kind == "floor" and requirement.direction == "lower" else cell


def _needs(
    policy: Policy, requirement: Requirement, cells: Mapping[str, Cell], measured: Mapping[str, Measured], alpha: float
) -> dict[str, Need]:
    """What each undecided cell lacks; a slice without its own spread borrows the whole's (for planning only)."""
    expected = {"floor": (1 + (requirement.floor or 0.0)) / 2, "parity": 1 - (requirement.share or 0.0)}.get(requirement.kind, 0.0)
    return {
        name: need(
            cell,
            measured[name],
            line=line_of(requirement, sliced=name != "overall"),
            minimum=required_labels(requirement, alpha, sliced=name != "overall"),
            alpha=alpha,
            labelling=policy.labelling,
            expected=expected,
            spread=None if name == "overall" else cells["overall"].spread,
        )
        for name, cell in cells.items()
        if cell.verdict in ("inconclusive", "unverified") and not measured[name].missing
    }


def line_of(requirement: Requirement, *, sliced: bool) -> float:
    if requirement.kind == "parity":
        return 0.0
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
