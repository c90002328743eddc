"""Letting one verdict go: by a named owner, with a reason, until a day, and only while the loss stays below a ceiling. Not a pass.

A waiver stands in the policy, whose hash names it. It may also carry a signature: HMAC-SHA256 over what it says and for which feature,
under a key that only those who may sign have. A signature that is there is checked, and one that is wrong is refused.

What cannot be waived: a measurement that broke, and a text that a customer reported.

>>> waiver = Waiver("grounded", "ann@example.org", "Arabic annotators start in December", "2026-12-31", 0.05, "language=ar")
>>> covers(waiver, "grounded", "language=ar", "2026-12-31T23:00:00Z"), covers(waiver, "grounded", "language=ja", "2026-12-01T00:00:00Z")
(True, False)
>>> len(sign(waiver, "highlights", "secret"))
64
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from evals.errors import InputError, SetupError
from evals.gate.policy import Policy, Requirement, Waiver
from evals.gate.policy.records import EVERYWHERE
from evals.gate.verdicts import Cell
from evals.identity import canonical_json
from evals.records import Verdict

WAIVABLE: tuple[Verdict, ...] = ("fail", "inconclusive", "unverified")
KEY = "PLUMBLINE_WAIVER_KEY"


@dataclass(frozen=True)
class Used:
    """A waiver that let a verdict go: which, what it would have been, and the loss by the estimate (None: nothing was measured)."""

    waiver: Waiver
    slice: str
    was: Verdict
    loss: float | None


def sign(waiver: Waiver, feature: str, key: str) -> str:
    """The signature of a waiver for a feature, 64 hex digits."""
    said = canonical_json({"feature": feature} | {name: value for name, value in asdict(waiver).items() if name != "signature"})
    return hmac.new(key.encode(), said.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def admitted(policy: Policy, more: Sequence[Waiver], key: str | None) -> tuple[Waiver, ...]:
    """The policy's waivers and `more`, each signed by one who may.

    Raises InputError for an owner who is not among the policy's and for a wrong signature, SetupError for a signature without a key.
    """
    waivers = (*policy.waivers, *more)
    for waiver in waivers:
        if waiver.owner not in policy.waiver_owners:
            raise InputError(f"waiver of {waiver.requirement!r}: {waiver.owner!r} is not among waiver_owners")
        if waiver.signature is None:
            continue
        if key is None:
            raise SetupError(f"waiver of {waiver.requirement!r} by {waiver.owner!r} is signed, and {KEY} is not set to check it")
        if not hmac.compare_digest(waiver.signature, sign(waiver, policy.feature, key)):
            raise InputError(f"waiver of {waiver.requirement!r} by {waiver.owner!r} has a wrong signature")
    return waivers


def covers(waiver: Waiver, requirement: str, part: str, now: str) -> bool:
    """Whether it speaks of this requirement and slice, and has not expired at `now` (ISO 8601, UTC)."""
    return waiver.requirement == requirement and waiver.slice in (EVERYWHERE, part) and now[:10] <= waiver.expires


def loss(requirement: Requirement, cell: Cell) -> float | None:
    """How bad the estimate is, in the requirement's unit: against the champion for a difference, beyond the line for anything else."""
    if cell.interval.estimate is None or cell.line is None:
        return None
    if requirement.kind == "non_inferiority":
        return -cell.interval.estimate
    more_is_worse = requirement.kind in ("ceiling", "tail_latency", "cost") or requirement.direction == "lower"
    return cell.interval.estimate - cell.line if more_is_worse else cell.line - cell.interval.estimate


def let_go(requirement: Requirement, cells: Mapping[str, Cell], waivers: Sequence[Waiver], now: str) -> tuple[dict[str, Cell], list[Used]]:
    """The cells after waivers, and which were used."""
    result, used = dict(cells), list[Used]()
    for name, cell in cells.items():
        found = next(_fitting(requirement, name, cell, waivers, now), None)
        if found is not None:
            used.append(Used(found, name, cell.verdict, loss(requirement, cell)))
            said = f"waived by {found.owner} until {found.expires} ({found.reason}); it was {cell.verdict}: {cell.reason}"
            result[name] = replace(cell, verdict="waived", reason=said)
    return result, used


def _fitting(requirement: Requirement, name: str, cell: Cell, waivers: Sequence[Waiver], now: str) -> Iterator[Waiver]:
    if cell.verdict not in WAIVABLE or requirement.kind == "regression":
        return
    lost = loss(requirement, cell)
    for waiver in waivers:
        if covers(waiver, requirement.name, name, now) and (waiver.unmeasured if lost is None else lost <= waiver.max_loss):
            yield waiver


def as_rows(used: Sequence[tuple[str, Used]]) -> list[dict[str, Any]]:
    """What a decision's body says of them: requirement, slice, what it was, and the waiver."""
    return [
        {
            "requirement": requirement,
            "slice": one.slice,
            "was": one.was,
            "loss": None if one.loss is None else round(one.loss, 6) + 0.0,
            "owner": one.waiver.owner,
            "reason": one.waiver.reason,
            "expires": one.waiver.expires,
            "max_loss": one.waiver.max_loss,
            "signature": one.waiver.signature,
        }
        for requirement, one in used
    ]
