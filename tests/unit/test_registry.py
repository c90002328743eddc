"""Who serves, and why: no change without a decision that allows it, and every change in the audit log."""

from __future__ import annotations

import pytest
from support import NOW, TwoRuns, a_store, two_runs

from evals import registry
from evals.errors import InputError, MoreNeededError, UnknownIdError
from evals.records import Decision, Outcome
from evals.store import Store

WHO = {"actor": "ada", "reason": "shown to be as good", "now": NOW}


def a_decision(store: Store, runs: TwoRuns, outcome: Outcome = "promote", name: str = "decision-1") -> Decision:
    decision = Decision(name, "highlights", "p", runs.champion.run_id, runs.candidate.run_id, outcome, f"{outcome}.", NOW, {})
    store.ledger.add_decision(decision)
    return decision


@pytest.fixture
def store() -> Store:
    return a_store()


@pytest.fixture
def runs(store: Store) -> TwoRuns:
    return two_runs(store, ("en",), products=1)


def test_nobody_serves_before_the_first_champion_and_the_first_needs_no_decision(store: Store, runs: TwoRuns) -> None:
    assert registry.champion(store, "highlights") is None
    installed = registry.install(store, "highlights", runs.champion.variant_id, **WHO)
    assert registry.champion(store, "highlights") == installed
    assert registry.install(store, "highlights", runs.champion.variant_id, **WHO) == installed
    assert len(store.ledger.promotions("highlights")) == 1


def test_another_champion_cannot_be_installed_over_one_in_service(store: Store, runs: TwoRuns) -> None:
    registry.install(store, "highlights", runs.champion.variant_id, **WHO)
    with pytest.raises(InputError, match="needs a promote decision"):
        registry.install(store, "highlights", runs.candidate.variant_id, **WHO)


def test_a_promote_decision_changes_the_champion_once_and_is_audited(store: Store, runs: TwoRuns) -> None:
    registry.install(store, "highlights", runs.champion.variant_id, **WHO)
    decision = a_decision(store, runs)
    first = registry.promote(store, decision.decision_id, **WHO)
    assert registry.promote(store, decision.decision_id, **WHO) == first
    assert first.variant_id == runs.candidate.variant_id and first.decision_id == decision.decision_id
    assert len(store.ledger.promotions("highlights")) == 2
    event = store.ledger.events()[0]
    assert (event.actor, event.action, event.subject) == ("ada", "promote", runs.candidate.variant_id)
    assert event.detail["before"] == runs.champion.variant_id


@pytest.mark.parametrize("outcome", ["hold", "reject"])
def test_a_decision_that_does_not_say_promote_changes_nothing(store: Store, runs: TwoRuns, outcome: Outcome) -> None:
    registry.install(store, "highlights", runs.champion.variant_id, **WHO)
    with pytest.raises(MoreNeededError, match=f"says {outcome}"):
        registry.promote(store, a_decision(store, runs, outcome).decision_id, **WHO)
    serving = registry.champion(store, "highlights")
    assert serving is not None and serving.variant_id == runs.champion.variant_id


def test_a_comparison_with_another_champion_is_not_a_reason(store: Store, runs: TwoRuns) -> None:
    registry.install(store, "highlights", runs.candidate.variant_id, **WHO)
    with pytest.raises(InputError, match="compared with"):
        registry.promote(store, a_decision(store, runs).decision_id, **WHO)


def test_an_unknown_decision_is_an_error(store: Store) -> None:
    with pytest.raises(UnknownIdError, match="nope"):
        registry.promote(store, "nope", **WHO)


def test_rollback_puts_back_who_served_before(store: Store, runs: TwoRuns) -> None:
    with pytest.raises(UnknownIdError, match="no earlier champion"):
        registry.rollback(store, "highlights", **WHO)
    registry.install(store, "highlights", runs.champion.variant_id, **WHO)
    registry.promote(store, a_decision(store, runs).decision_id, **WHO)
    assert registry.rollback(store, "highlights", **WHO).variant_id == runs.champion.variant_id
    assert store.ledger.events()[0].action == "rollback"


def test_a_variant_of_another_feature_cannot_serve(store: Store, runs: TwoRuns) -> None:
    with pytest.raises(InputError, match="not for assistant"):
        registry.install(store, "assistant", runs.champion.variant_id, **WHO)
