"""Cases kept for later: nobody can run, label or read them before an owner opens them, and all can check that nobody chose them since.

A sealed set is drawn from products that nobody has used. Its cases are in no dataset, and no dataset with one of its products can be made
(`evals.partitions`): what a run could not see, no candidate was tuned on. The commitment is stored, and chained into the audit log, when
the set is sealed; opening it makes the dataset, checks the commitment and is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from evals.datasets import make_dataset
from evals.errors import InputError, MoreNeededError
from evals.identity import canonical_json, content_id, sha256
from evals.partitions import Roles, key
from evals.programme.said import said
from evals.records import AuditEvent, Case, Dataset, Feature, SealedSet
from evals.store import Store


class Opened(NamedTuple):
    """The dataset that a sealed set became; `changed`: cases whose reviews are not those of the sealing."""

    dataset: Dataset
    changed: int


def seal(store: Store, feature: Feature, name: str, cases: Sequence[Case], products: int, *, seed: int, actor: str, now: str) -> SealedSet:
    """Put so many unused products aside, drawn with `seed` from the `cases` on offer, with all of their cases. Asked twice it is done once.

    Raises InputError for cases of another feature, no name, or one that another set has, MoreNeededError where too few products
    are unused.
    """
    name, actor = said("name", name), said("actor", actor)
    for known in store.programme.sealed_sets(feature):
        if known.name == name:
            if known.body["seed"] == seed and len(known.body["products"]) == products:
                return known
            raise InputError(f"a sealed set named {name!r} is there already, with another seed or size: {known.sealed_id}")
    if products < 1 or any(case.feature != feature for case in cases):
        raise InputError(f"a sealed set needs at least one product, and cases of {feature} only: got {products} products")
    body = _drawn(store, cases, products, seed)
    commitment = commit(feature, body)
    found = SealedSet(content_id("sealed", feature, commitment), feature, name, commitment, len(body["cases"]), body, actor, now)
    detail = {"feature": feature, "name": name, "commitment": commitment, "cases": found.cases}
    store.programme.seal(found, AuditEvent(now, actor, "seal", found.sealed_id, detail))
    return store.programme.sealed_set(found.sealed_id)


def commit(feature: Feature, body: Mapping[str, Any]) -> str:
    """SHA-256 of what a set is."""
    return sha256(canonical_json([feature, dict(body)]))


def unseal(store: Store, sealed_id: str, cases: Sequence[Case], *, actor: str, reason: str, now: str) -> Opened:
    """Open a set for good: its products become the gate's, its cases, as on offer now, a dataset version. Stopped half-way it goes on.

    Raises InputError without a reason, for a set that is open, and for one that is not what it was committed to be; MoreNeededError where
    none of its cases is on offer any more.
    """
    found = store.programme.sealed_set(sealed_id)
    if found.dataset_id is not None:
        raise InputError(
            f"sealed set {found.sealed_id} was opened on {str(found.opened_at)[:10]} by {found.opened_by}: {found.opened_because}"
        )
    reason, actor = said("reason", reason), said("actor", actor)
    if commit(found.feature, found.body) != found.commitment:
        raise InputError(f"sealed set {found.sealed_id} is not what was sealed: its content does not give the commitment")
    inside = {key(str(name)) for name in found.body["products"]}
    mine = [case for case in cases if key(case.product_id) in inside]
    if not mine:
        raise MoreNeededError(f"sealed set {found.sealed_id}: none of its {found.cases} cases is on offer any more")
    changed = len({case.case_id for case in mine} - set(found.body["cases"]))
    detail = {"feature": found.feature, "name": found.name, "commitment": found.commitment, "reason": reason, "changed": changed}
    store.programme.open_sealed(found.sealed_id, AuditEvent(now, actor, "unseal", found.sealed_id, detail), reason)
    dataset = make_dataset(store, found.name, mine, now)
    store.programme.opened_as(found.sealed_id, dataset.dataset_id)
    return Opened(dataset, changed)


def _drawn(store: Store, cases: Sequence[Case], products: int, seed: int) -> dict[str, Any]:
    roles, sealed = Roles.read(store), {key(name) for name in store.programme.sealed_products()}
    free = sorted({case.product_id for case in cases if roles.role(case.product_id) is None and key(case.product_id) not in sealed})
    if len(free) < products:
        raise MoreNeededError(f"{len(free)} products are unused, {products} were asked for: import more, or seal fewer")
    chosen = {str(name) for name in np.random.default_rng(seed).choice(np.array(free, dtype=object), products, replace=False)}
    return {"seed": seed, "products": sorted(chosen), "cases": [case.case_id for case in cases if case.product_id in chosen]}
