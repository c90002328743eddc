"""One reading of the evidence by a policy: a verdict per requirement and slice, then promote, reject or hold, with the reason first.

promote: every critical requirement passes, in every slice it names (an intersection–union test, so no correction is needed), or was let go
by a waiver, which the reason then says. reject: a critical requirement fails (over slices with Holm). hold: anything else, with what would
settle it. A policy that fails its self-test on evidence of this shape decides nothing.

Deterministic given store, policy, seed and, for waivers that expire, `now`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evals.errors import InputError, MoreNeededError
from evals.gate import selftest, waivers
from evals.gate.body import Reading, body_of
from evals.gate.evidence import Evidence, read_evidence
from evals.gate.measure import Measured, nothing_measured
from evals.gate.named import decision_id
from evals.gate.policy import Policy, Requirement, Waiver
from evals.gate.reading import Look, line_of, minimum_of, read
from evals.gate.reasons import headline
from evals.gate.verdicts import Cell
from evals.partitions import check
from evals.records import Decision, Outcome, Verdict
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
    repetitions: int = selftest.QUICK,
    more_waivers: Sequence[Waiver] = (),
    waiver_key: str | None = None,
) -> Decision:
    """Read the evidence once and say what follows. The decision is stored (the same evidence read twice is one decision) unless `record` is
    False. `seed` replaces the policy's; `repetitions`: of the self-test; `more_waivers`: besides the policy's; `waiver_key` checks
    signatures.

    Raises UnknownIdError for a run that is not stored, InputError for runs that cannot be compared under this policy and for a waiver by
    somebody who may not sign, MoreNeededError for a run that is not finished, PolicyError for a policy that fails its self-test.
    """
    admitted = waivers.admitted(policy, more_waivers, waiver_key)
    evidence = _comparable(store, policy, champion_run_id, candidate_run_id)
    look, used = _look(store, evidence), policy.seed if seed is None else seed
    found = [read(store, policy, evidence, requirement, look, used) for requirement in policy.requirements]
    tested = _self_test(policy, found, used, repetitions)
    selftest.refuse_if_failed(tested)
    readings = [_waived(reading, admitted, now) for reading in found]
    outcome = _outcome(readings)
    body = body_of(store, policy, evidence, readings, look.number, used) | {"self_test": tested}
    reason = headline(outcome, body)
    body |= {"outcome": outcome, "reason": reason}
    decision = Decision(
        decision_id=decision_id(policy.sha256, champion_run_id, candidate_run_id, body),
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


def _look(store: Store, evidence: Evidence) -> Look:
    """Reading the same labels again, or reading none, is no further look; another policy over labels that were seen is one."""
    runs, looks = (evidence.champion.run.run_id, evidence.candidate.run.run_id), dict[int, Mapping[str, int]]()
    now, number = evidence.labels_sha(), None
    for decision in store.ledger.readings(*runs):
        body = decision.body
        if body["evidence"]["votes"]:
            looks[body["policy"]["look"]] = {row["name"]: row["cells"][0]["n"] for row in body["requirements"]}
            number = body["policy"]["look"] if body["evidence"]["labels"] == now else number
    number = number or max(looks, default=0) + 1
    return Look(number, [looks[earlier] for earlier in sorted(looks) if earlier < number])


def try_policy(
    store: Store | None,
    policy: Policy,
    runs: tuple[str, str] | None = None,
    *,
    seed: int | None = None,
    repetitions: int = selftest.FULL,
) -> dict[str, Any]:
    """The self-test by itself: on the labels of two runs (champion, candidate), or, without any, on what the label plan assumes."""
    used = policy.seed if seed is None else seed
    if store is None or runs is None:
        return selftest.self_test(list(_assumed(policy)), seed=used, repetitions=repetitions)
    evidence = _comparable(store, policy, *runs)
    look = _look(store, evidence)
    found = [read(store, policy, evidence, requirement, look, used) for requirement in policy.requirements]
    return _self_test(policy, found, used, repetitions)


def _assumed(policy: Policy) -> Iterator[selftest.Tested]:
    for requirement in policy.requirements:
        if requirement.critical and requirement.metric is not None:
            names = ["overall", *(f"{kind}={value}" for kind in requirement.slices for value in policy.languages if kind == "language")]
            yield _tested(policy, requirement, policy.level(requirement), dict.fromkeys(names, nothing_measured("no evidence yet")))


def _self_test(policy: Policy, readings: Sequence[Reading], seed: int, repetitions: int) -> dict[str, Any]:
    tested = [_tested(policy, one.requirement, one.alpha, one.measured) for one in readings if one.measured and one.requirement.critical]
    return selftest.self_test(tested, seed=seed, repetitions=repetitions)


def _tested(policy: Policy, requirement: Requirement, alpha: float, measured: Mapping[str, Measured]) -> selftest.Tested:
    lines = {name: line_of(requirement, sliced=name != "overall") for name in measured}
    return selftest.Tested(requirement, alpha, measured, lines, {name: minimum_of(policy, requirement, name) for name in measured})


def _waived(reading: Reading, admitted: Sequence[Waiver], now: str) -> Reading:
    cells, used = waivers.let_go(reading.requirement, reading.cells, admitted, now)
    return replace(reading, cells=cells, waived=tuple(used))


def _outcome(readings: Sequence[Reading]) -> Outcome:
    critical = [
        _counts_as(reading.requirement, cell) for reading in readings if reading.requirement.critical for cell in reading.cells.values()
    ]
    if "fail" in critical:
        return "reject"
    return "promote" if "pass" in critical and all(verdict in ("pass", "waived", None) for verdict in critical) else "hold"


def _counts_as(requirement: Requirement, cell: Cell) -> Verdict | None:
    """What the outcome makes of a verdict; None: nothing, because the policy ignores what was not measured here."""
    if cell.verdict != "unverified":
        return cell.verdict
    meant: dict[str, Verdict | None] = {"hold": "unverified", "ignore": None, "fail": "fail"}
    return meant[requirement.on_unverified]
