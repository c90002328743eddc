"""Variants over one dataset and decisions between them, for the tests of the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from support import NOW, a_case, a_product, a_run, a_variant

from evals.gate.named import decision_id
from evals.identity import content_id
from evals.records import Case, Dataset, Decision, Outcome
from evals.store import Store


def variant_id(name: str) -> str:
    return a_variant("highlights", name).variant_id


def run_id(name: str, marketplace: str | None = None) -> str:
    return a_run(a_variant("highlights", name), _dataset(_cases(marketplace))).run_id


def add_runs(store: Store, names: Sequence[str], marketplace: str | None = None) -> None:
    """A finished run of each variant over one case, which may be asked in one storefront."""
    cases = _cases(marketplace)
    store.catalog.add_products([a_product(1)])
    store.runs.add_dataset(_dataset(cases), cases)
    for name in names:
        store.runs.add_variant(a_variant("highlights", name))
        store.runs.add_run(a_run(a_variant("highlights", name), _dataset(cases)))


def decided(
    store: Store,
    champion: str,
    candidate: str,
    outcome: Outcome = "promote",
    now: str = NOW,
    marketplace: str | None = None,
    look: int = 1,
    waivers: Sequence[Mapping[str, object]] = (),
) -> Decision:
    """A stored decision about two variants by name, as the gate would name it."""
    runs = run_id(champion, marketplace), run_id(candidate, marketplace)
    reason = f"{outcome.capitalize()}: {candidate} against {champion}."
    body: dict[str, object] = {"feature": "highlights", "policy": {"look": look}, "outcome": outcome, "reason": reason, "requirements": []}
    body |= {"waivers": list(waivers)} if waivers else {}
    decision = Decision(decision_id("policy", *runs, body), "highlights", "policy", *runs, outcome, reason, now, body)
    store.ledger.add_decision(decision)
    return decision


def _cases(marketplace: str | None) -> list[Case]:
    return [a_case("highlights", a_product(1), "de", reviews=1, **({"marketplace": marketplace} if marketplace else {}))]


def _dataset(cases: Sequence[Case]) -> Dataset:
    return Dataset(content_id("dataset", "highlights", [case.case_id for case in cases]), "test", "highlights", len(cases), NOW)
