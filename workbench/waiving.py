"""Proposing that one verdict be let go. A waiver stands in the policy file, which somebody changes under review: here it is only written
down who proposed what, and how it reads there. A verdict is waived when the gate next reads a policy that says so, and never passes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from evals.errors import InputError, PolicyError
from evals.gate import policy as policies
from evals.gate.policy import Policy, Requirement, Waiver
from evals.gate.verdicts import Cell
from evals.gate.waivers import WAIVABLE, loss
from evals.paths import DATA
from evals.records import AuditEvent, Decision, Feature
from evals.statistics.intervals import Interval
from evals.store import Store

POLICIES = DATA / "policies"
ACTION = "waiver proposed"
MAX_REASON, MAX_NAME = 500, 80


class Open(NamedTuple):
    """A verdict that an owner may let go; `loss`: by the estimate, in the requirement's unit, None where nothing was measured."""

    requirement: str
    slice: str
    verdict: str
    loss: float | None


def policy_file(feature: Feature) -> Path:
    return POLICIES / f"{feature}.yaml"


def refusal(policy: Policy, decision: Decision) -> str | None:
    """Why nobody can propose a waiver here; None where somebody can."""
    if not open_verdicts(policy, decision):
        return "Nothing here can be waived: what broke, what customers reported and what passes cannot be."
    if not policy.waiver_owners:
        return f"The policy names no waiver_owners, so nobody may let a verdict go. Add them to {policy_file(policy.feature).name} first."
    return None


def load(feature: Feature) -> Policy | str:
    """The feature's policy as it is now, or what is wrong with its file."""
    try:
        return policies.load_policy(policy_file(feature))
    except PolicyError as error:
        return str(error).splitlines()[0]


def open_verdicts(policy: Policy, decision: Decision) -> list[Open]:
    """Of requirements that the policy has now, critical ones first: the others stand in nobody's way, but may be waived too."""
    known = {row.name: row for row in policy.requirements if row.kind != "regression"}
    rows = sorted(decision.body["requirements"], key=lambda row: not row["critical"])
    return [
        Open(row["name"], cell["slice"], cell["verdict"], _loss(known[row["name"]], cell))
        for row in rows
        if row["name"] in known
        for cell in row["cells"]
        if cell["verdict"] in WAIVABLE
    ]


def _loss(requirement: Requirement, cell: dict[str, Any]) -> float | None:
    """By the gate's own rule, from what the decision stored."""
    interval = Interval(*(cell[name] for name in ("estimate", "low", "high", "level", "method", "n", "clusters")))
    return loss(requirement, Cell(cell["verdict"], cell["reason"], interval, cell["line"]))


def propose(store: Store, policy: Policy, decision: Decision, waiver: Waiver, *, actor: str, now: str) -> str:
    """Write down who proposed it, once, and give back what to add to the policy file, as YAML.

    Raises InputError for somebody who may not own a waiver, a verdict that is not open, no reason, no name, a ceiling below the loss or a
    day that is over.
    """
    _check(policy, decision, waiver, actor, now[:10])
    detail = {name: value for name, value in asdict(waiver).items() if name != "signature"}
    if not any(event.detail == detail for event in proposals(store, decision)):
        store.ledger.add_event(AuditEvent(now, actor.strip(), ACTION, decision.decision_id, detail))
    return snippet(waiver, further=bool(policy.waivers))


def proposals(store: Store, decision: Decision) -> list[AuditEvent]:
    """What was proposed for a decision, newest first."""
    return [event for event in store.ledger.events() if event.action == ACTION and event.subject == decision.decision_id]


def snippet(waiver: Waiver, *, further: bool = False) -> str:
    """The waiver as it stands in a policy file; `further`: below others under ``waivers:``."""
    row = {name: value for name, value in asdict(waiver).items() if name != "signature" and value is not False}
    text: str = yaml.safe_dump({"waivers": [row]}, allow_unicode=True, sort_keys=False, width=120)
    return text.partition("\n")[2] if further else text


def _check(policy: Policy, decision: Decision, waiver: Waiver, actor: str, today: str) -> None:
    found = next((one for one in open_verdicts(policy, decision) if one[:2] == (waiver.requirement, waiver.slice)), None)
    if found is None:
        raise InputError(f"{waiver.requirement!r} in {waiver.slice!r} is not open in this decision")
    if waiver.owner not in policy.waiver_owners:
        owners = ", ".join(policy.waiver_owners) or "nobody"
        raise InputError(f"{waiver.owner!r} may not own a waiver: the policy's waiver_owners are {owners}")
    if not waiver.reason.strip() or not actor.strip():
        raise InputError("say why, and who you are: both stand in the audit log")
    if waiver.expires < today or waiver.expires != date.fromisoformat(waiver.expires).isoformat():
        raise InputError(f"{waiver.expires} is over: a waiver ends on a day to come")
    if found.loss is None and not waiver.unmeasured:
        raise InputError("nothing was measured here, so nobody knows the loss: say that it may be let go all the same")
    if found.loss is not None and waiver.max_loss < found.loss:
        raise InputError(f"the ceiling {waiver.max_loss:g} lies below the loss {found.loss:.3g}: it would let nothing go")
