"""Making a bundle: only one that verifies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from evals.bundle import archive, policies
from evals.bundle.contents import files_of
from evals.bundle.verification import Checked, check
from evals.errors import InputError
from evals.gate.named import damage
from evals.gate.policy import Waiver
from evals.records import AuditEvent, Decision
from evals.store import Store
from evals.store.snapshot import rows_of


class Made(NamedTuple):
    """A bundle on disk: what it proves, the hash of its manifest, which stands for all of it, and how many bytes it has."""

    decision: Decision
    sha256: str
    size: int


def write(
    store: Store, decision_id: str, path: Path, *, actor: str, now: str, policy: Path | None = None, waivers: Sequence[Waiver] = ()
) -> Made:
    """Write the bundle of a stored decision and note its hash in the audit log. `waivers`: those given to the gate beside the policy's.

    What came after the decision is left out as far as the store remembers; what then cannot be computed again is refused.
    Raises UnknownIdError, InputError naming the first difference, PolicyError.
    """
    decision = store.ledger.decision(decision_id)
    if broken := damage(decision):
        raise InputError(f"decision {decision_id} was changed after it was made: {broken}")
    text = policies.text_of(store, decision, policy)
    files, checked = _verified(store, decision, text, waivers)
    archive.write(path, files)
    store.ledger.add_event(AuditEvent(now, actor, "bundle", decision_id, {"sha256": checked.sha256}))
    return Made(decision, checked.sha256, path.stat().st_size)


def _verified(store: Store, decision: Decision, text: str, waivers: Sequence[Waiver]) -> tuple[dict[str, bytes], Checked]:
    first: str | None = None
    for then in (True, False):
        rows = rows_of(store.engine, decision, as_of_then=then)
        files = files_of(decision, text, [asdict(waiver) for waiver in waivers], rows)
        checked = check(files)
        if checked.difference is None:
            return files, checked
        first = first or checked.difference
    raise InputError(
        f"decision {decision.decision_id} cannot be computed again from what is stored now ({first}): make the bundle when the decision "
        "is made, before labels or samples change"
    )
