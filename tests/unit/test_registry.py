"""Who serves where, and why: no change without a decision that allows it, none lost, each in the audit log."""

from __future__ import annotations

from pathlib import Path

import pytest
from champions import add_runs, decided, run_id, variant_id
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from support import NOW, a_store

from evals import registry
from evals.errors import InputError, MoreNeededError, UnknownIdError
from evals.records import AuditEvent, Ending, Experiment, Outcome, Promotion
from evals.registry import audit, champions
from evals.store import Store, _engine, migrate

WHO = {"actor": "ada", "reason": "shown to be as good"}


def at(day: int, hour: int = 0) -> str:
    return f"2026-12-{day:02}T{hour:02}:00:00Z"


@pytest.fixture
def store() -> Store:
    made = a_store()
    add_runs(made, ("one", "two", "three", "four"))
    return made


def install(store: Store, name: str, now: str = NOW, **more: str) -> Promotion:
    return registry.install(store, "highlights", variant_id(name), now=now, **WHO, **more)  # type: ignore[arg-type]


def promote(store: Store, champion: str, candidate: str, now: str, **more: str) -> Promotion:
    """Decided and promoted at one time."""
    return registry.promote(store, decided(store, champion, candidate, now=now).decision_id, now=now, **WHO, **more)  # type: ignore[arg-type]


def rollback(store: Store, now: str, **more: str) -> Promotion:
    return registry.rollback(store, "highlights", now=now, actor="bob", reason="customers complained", **more)  # type: ignore[arg-type]


def serving(store: Store, marketplace: str = "all") -> str | None:
    """The name of the variant in service."""
    found = registry.champion(store, "highlights", marketplace)
    return None if found is None else store.runs.variant(found.variant_id).name


# ---------------------------------------------------------------------------------------------- the first, and a promotion


def test_nobody_serves_before_the_first_champion_and_the_first_needs_no_decision(store: Store) -> None:
    assert registry.champion(store, "highlights") is None
    installed = install(store, "one")
    assert registry.champion(store, "highlights") == installed
    assert install(store, "one", at(1)) == installed
    assert len(store.ledger.promotions("highlights")) == 1


def test_another_champion_cannot_be_installed_over_one_in_service(store: Store) -> None:
    install(store, "one")
    with pytest.raises(InputError, match="needs a promote decision"):
        install(store, "two")


def test_a_promote_decision_changes_the_champion_once_and_is_audited(store: Store) -> None:
    install(store, "one")
    first = promote(store, "one", "two", at(1))
    assert promote(store, "one", "two", at(1)) == first
    assert first.variant_id == variant_id("two") and len(store.ledger.promotions("highlights")) == 2
    event = store.ledger.events()[0]
    assert (event.actor, event.action, event.subject) == ("ada", "promote", variant_id("two"))
    assert event.detail["before"] == variant_id("one") and event.detail["number"] == 2


@pytest.mark.parametrize("outcome", ["hold", "reject"])
def test_a_decision_that_does_not_say_promote_changes_nothing(store: Store, outcome: Outcome) -> None:
    install(store, "one")
    with pytest.raises(MoreNeededError, match=f"says {outcome}"):
        registry.promote(store, decided(store, "one", "two", outcome).decision_id, now=at(1), **WHO)
    assert serving(store) == "one"


def test_a_comparison_with_another_champion_is_not_a_reason(store: Store) -> None:
    install(store, "two")
    with pytest.raises(InputError, match="compared with"):
        promote(store, "one", "three", at(1))


def test_a_decision_that_a_later_look_overtook_is_not_a_reason(store: Store) -> None:
    install(store, "one")
    first = decided(store, "one", "two", now=at(1))
    decided(store, "one", "two", "reject", now=at(2), look=2)
    with pytest.raises(MoreNeededError, match=r"overtaken by .*Reject: two against one"):
        registry.promote(store, first.decision_id, now=at(3), **WHO)
    decided(store, "one", "two", now=at(4), look=3)
    assert registry.promote(store, first.decision_id, now=at(5), **WHO).variant_id == variant_id("two")


@pytest.mark.parametrize("column", ["outcome = 'promote'", "body = replace(body, 'hold', 'promote'), outcome = 'promote'"])
def test_a_decision_changed_in_the_store_is_not_a_reason(store: Store, column: str) -> None:
    install(store, "one")
    hold = decided(store, "one", "two", "hold")
    with store.engine.begin() as connection:
        connection.execute(text(f"UPDATE decision SET {column}"))
    with pytest.raises(InputError, match="was changed after it was made"):
        registry.promote(store, hold.decision_id, now=at(1), **WHO)


def test_a_waiver_that_has_expired_since_carries_nobody(store: Store) -> None:
    install(store, "one")
    waiver = {"requirement": "grounded", "slice": "language=ar", "owner": "grace", "reason": "few labels yet", "expires": "2026-12-02"}
    decision = decided(store, "one", "two", waivers=[waiver])
    with pytest.raises(MoreNeededError, match="'grounded' by grace that expired on 2026-12-02"):
        registry.promote(store, decision.decision_id, now=at(3), **WHO)
    assert registry.promote(store, decision.decision_id, now=at(2, 23), **WHO).variant_id == variant_id("two")


def test_an_abandoned_experiment_promotes_nobody(store: Store) -> None:
    install(store, "one")
    decision, dataset = decided(store, "one", "two"), store.runs.run(run_id("one")).dataset_id
    arms = ("highlights", "why not", dataset, run_id("one"), (run_id("two"),))
    experiment = Experiment(
        "experiment-1", *arms, {}, "policy", "1", 0, exploratory=False, alpha=0.05, level=0.05, actor="ada", created_at=NOW
    )
    event = AuditEvent(NOW, "ada", "register", "experiment-1")
    store.programme.register(experiment, event, lambda *_: None)
    store.programme.end(Ending("experiment-1", "abandoned", 0, 0, "ada", "no labels came", NOW), event)
    with pytest.raises(MoreNeededError, match="experiment-1 was abandoned: no labels came"):
        registry.promote(store, decision.decision_id, now=at(1), **WHO)


def test_an_unknown_decision_is_an_error(store: Store) -> None:
    with pytest.raises(UnknownIdError, match="nope"):
        registry.promote(store, "nope", now=NOW, **WHO)


@pytest.mark.parametrize("said", ["", "  ", "a\0b", "half \ud800 a pair"])
def test_nobody_and_nothing_are_no_actor_and_no_reason(store: Store, said: str) -> None:
    for who in ({"actor": said, "reason": "r"}, {"actor": "ada", "reason": said}):
        with pytest.raises(InputError, match=r"needs to say|cannot be stored"):
            registry.install(store, "highlights", variant_id("one"), now=NOW, **who)
    assert store.ledger.events() == []


def test_a_variant_of_another_feature_cannot_serve(store: Store) -> None:
    with pytest.raises(InputError, match="not for assistant"):
        registry.install(store, "assistant", variant_id("one"), now=NOW, **WHO)


# ---------------------------------------------------------------------------------------------- the way back


def test_rollback_twice_goes_further_back_not_to_and_fro(store: Store) -> None:
    with pytest.raises(UnknownIdError, match="no earlier champion"):
        rollback(store, NOW)
    install(store, "one")
    promote(store, "one", "two", at(1))
    promote(store, "two", "three", at(2))
    assert [store.runs.variant(rollback(store, at(day)).variant_id).name for day in (3, 4)] == ["two", "one"]
    with pytest.raises(UnknownIdError, match="no earlier champion"):
        rollback(store, at(5))
    assert store.ledger.events()[0].action == "rollback" and serving(store) == "one"


def test_a_rollback_of_a_variant_that_no_longer_serves_does_nothing(store: Store) -> None:
    install(store, "one")
    promote(store, "one", "two", at(1))
    rollback(store, at(2), bad=variant_id("two"))
    with pytest.raises(InputError, match=r"nothing was rolled back: highlights is served by .*\(rollback by bob\)"):
        rollback(store, at(3), bad=variant_id("two"))
    assert serving(store) == "one"


def test_what_was_rolled_back_needs_a_decision_made_since(store: Store) -> None:
    install(store, "one")
    old = decided(store, "one", "two", now=at(1))
    other = decided(store, "one", "two", now=at(1), look=2)
    registry.promote(store, old.decision_id, now=at(2), **WHO)
    rollback(store, at(3))
    for decision in (old, other):
        with pytest.raises(InputError, match=r"rolled back at .* by bob \(customers complained\)"):
            registry.promote(store, decision.decision_id, now=at(4), **WHO)
    assert list(registry.withdrawn(store.ledger.promotions("highlights"))) == [variant_id("two")]
    registry.promote(store, decided(store, "one", "two", now=at(5), look=3).decision_id, now=at(6), **WHO)
    assert serving(store) == "two" and not registry.withdrawn(store.ledger.promotions("highlights"))


def test_rollback_passes_over_a_variant_that_was_rolled_back_elsewhere(store: Store) -> None:
    install(store, "one")
    promote(store, "one", "two", at(1), marketplace="DE")
    promote(store, "one", "two", at(1))
    promote(store, "two", "three", at(2))
    rollback(store, at(3), marketplace="DE")
    assert serving(store, "DE") == "three"
    rollback(store, at(4))
    assert serving(store) == "one" == serving(store, "DE")


# ---------------------------------------------------------------------------------------------- marketplaces


def test_a_marketplace_follows_all_until_it_has_a_champion_of_its_own(store: Store) -> None:
    install(store, "one")
    promote(store, "one", "two", at(1), marketplace="DE")
    assert (serving(store), serving(store, "DE"), serving(store, "FR")) == ("one", "two", "one")
    promote(store, "one", "three", at(2))
    assert (serving(store), serving(store, "DE"), serving(store, "FR")) == ("three", "two", "three")
    with pytest.raises(InputError, match="serves highlights in DE"):
        promote(store, "three", "four", at(3), marketplace="DE")


def test_a_marketplace_without_an_earlier_champion_of_its_own_goes_back_to_following_all(store: Store) -> None:
    install(store, "one")
    promote(store, "one", "two", at(1), marketplace="DE")
    back = rollback(store, at(2), marketplace="DE")
    assert (back.action, serving(store, "DE")) == ("follow", "one")
    promote(store, "one", "three", at(3))
    assert serving(store, "DE") == "three"
    with pytest.raises(UnknownIdError, match="in DE has no champion of its own"):
        rollback(store, at(4), marketplace="DE")
    promote(store, "three", "four", at(5), marketplace="DE")
    assert rollback(store, at(6), marketplace="DE").action == "follow"


def test_what_was_shown_in_one_marketplace_cannot_promote_elsewhere(store: Store) -> None:
    add_runs(store, ("one", "two"), marketplace="DE")
    install(store, "one")
    decision = decided(store, "one", "two", marketplace="DE")
    for elsewhere in ("all", "FR"):
        with pytest.raises(InputError, match="cases of DE only"):
            registry.promote(store, decision.decision_id, now=at(1), marketplace=elsewhere, **WHO)
    registry.promote(store, decision.decision_id, now=at(1), marketplace="DE", **WHO)
    assert (serving(store), serving(store, "DE")) == ("one", "two")


def test_a_word_that_is_no_marketplace_is_refused() -> None:
    assert registry.marketplace_named(None) == "all" and registry.marketplace_named("DE") == "DE"
    with pytest.raises(InputError, match="'Atlantis' is none of ours: all AE"):
        registry.marketplace_named("Atlantis")


# ---------------------------------------------------------------------------------------------- on any day


def test_who_served_on_a_day_and_why(store: Store) -> None:
    install(store, "one", at(1))
    promote(store, "one", "two", at(3, 12))
    rollback(store, at(5))

    def names(when: str, marketplace: str = "all") -> list[str]:
        return [store.runs.variant(one.promotion.variant_id).name for one in champions.on(store, "highlights", when, marketplace)]

    assert names("2026-11-30") == [] and names("2026-12-02T10:00") == ["one"] == names("2026-12-02T10:00", "DE")
    assert names("2026-12-03") == ["one", "two"] and names("2026-12-03T12:00") == ["two"] == names("2026-12-03T14:00+02:00")
    assert names("2026-12-05T00:00:00Z") == ["one"] == names("2099-01-01")
    with pytest.raises(InputError, match="'yesterday' is no time"):
        names("yesterday")


def test_the_days_of_a_marketplace_are_those_of_all_until_and_after_its_own(store: Store) -> None:
    install(store, "one", at(1))
    promote(store, "one", "two", at(2), marketplace="DE")
    promote(store, "one", "three", at(3))
    rollback(store, at(4), marketplace="DE")
    spans = registry.served(store, "highlights", "DE")
    assert [(store.runs.variant(one.promotion.variant_id).name, one.since.day) for one in spans] == [("one", 1), ("two", 2), ("three", 4)]
    assert [one.until and one.until.day for one in spans] == [2, 4, None]


def test_a_clock_that_went_back_does_not_change_the_order(store: Store) -> None:
    install(store, "one", at(5))
    promote(store, "one", "two", at(1))
    assert serving(store) == "two"
    assert [one.since.day for one in registry.served(store, "highlights")] == [5, 5]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["promote", "rollback"]), st.sampled_from(["all", "DE", "FR"]), st.integers(0, 3)), max_size=12))
def test_whatever_happens_the_past_stays_the_log_is_whole_and_nobody_serves_who_was_rolled_back(
    steps: list[tuple[str, str, int]],
) -> None:
    store = a_store()
    names = ("one", "two", "three", "four")
    add_runs(store, names)
    install(store, "one")
    for day, (action, place, which) in enumerate(steps, 1):
        past = registry.served(store, "highlights", place)[:-1]
        before = serving(store, place)
        try:
            if action == "rollback":
                rollback(store, at(day), marketplace=place)
            elif before is not None and names[which] != before:
                evidence = decided(store, before, names[which], now=at(day), look=day)
                registry.promote(store, evidence.decision_id, now=at(day), marketplace=place, **WHO)
        except UnknownIdError:
            assert serving(store, place) == before
        else:
            if action == "rollback":
                changes = store.ledger.promotions("highlights")
                assert registry.champion(store, "highlights", place).variant_id not in registry.withdrawn(changes)  # type: ignore[union-attr]
        assert registry.served(store, "highlights", place)[: len(past)] == past
    assert audit.verify(store).events == len(store.ledger.promotions("highlights"))


# ---------------------------------------------------------------------------------------------- the audit log


@pytest.fixture
def logged(store: Store) -> Store:
    install(store, "one")
    store.ledger.add_event(AuditEvent(NOW, "ada", "add annotator", "annotator-1", {"name": "Zoë \ud800", "limits": [1, 2.5, None]}))
    promote(store, "one", "two", at(1))
    rollback(store, at(2))
    return store


def test_an_untouched_log_is_whole_and_ends_in_a_hash_that_can_be_asked_for_later(logged: Store) -> None:
    whole = audit.verify(logged)
    assert whole.events == 4 and whole.end == logged.ledger.events()[0].hash
    logged.ledger.add_event(AuditEvent(NOW, "ada", "pause", "annotator-1"))
    assert audit.verify(logged, whole.end).events == 5
    with pytest.raises(InputError, match="cut off or made anew"):
        audit.verify(logged, "0" * 64)


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE audit_event SET actor = 'eve' WHERE number = 2", "audit event 2"),
        ("UPDATE audit_event SET created_at = '2026-01-01T00:00:00Z' WHERE number = 3", "audit event 3"),
        ("UPDATE audit_event SET detail = replace(detail, 'customers', 'nobody') WHERE number = 4", "audit event 4"),
        ("DELETE FROM audit_event WHERE number = 2", "audit event 3"),
        ("UPDATE audit_event SET number = 5 WHERE number = 2", "audit event 3"),
        (
            "UPDATE promotion SET variant_id = (SELECT variant_id FROM variant WHERE name = 'four') WHERE number = 2",
            "change 2 of a champion",
        ),
        ("UPDATE promotion SET before = 2 WHERE number = 3", "change 3 of a champion"),
        ("UPDATE promotion SET reason = 'a whim' WHERE number = 1", "change 1 of a champion"),
        ("DELETE FROM promotion WHERE number = 3", "audit event 4: the rollback"),
        ("UPDATE decision SET outcome = 'hold'", "behind change 2 of a champion"),
        ("UPDATE decision SET body = replace(body, 'two', 'six')", "behind change 2 of a champion"),
    ],
)
def test_whatever_is_changed_behind_the_log_is_found(logged: Store, statement: str, complaint: str) -> None:
    with logged.engine.begin() as connection:
        connection.execute(text(statement))
    with pytest.raises(InputError, match=complaint):
        audit.verify(logged)


def test_a_log_cut_off_at_its_end_is_found_by_an_end_noted_before(logged: Store) -> None:
    logged.ledger.add_event(AuditEvent(NOW, "eve", "export", "annotators"))
    end = audit.verify(logged).end
    with logged.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_event WHERE number = 5"))
    with pytest.raises(InputError, match="cut off"):
        audit.verify(logged, end)


def test_a_store_of_the_fifth_schema_keeps_who_served_and_its_log_becomes_a_chain(tmp_path: Path) -> None:
    old = _engine(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    migrate(old, "0005")
    with old.begin() as connection:
        for name in ("one", "two"):
            connection.execute(text("INSERT INTO variant VALUES (:id, :name, 'highlights', '{}')"), {"id": variant_id(name), "name": name})
        for day, (action, name) in enumerate((("install", "one"), ("promote", "two"), ("rollback", "one"), ("rollback", "two")), 1):
            row = {"v": variant_id(name), "t": at(day), "a": action, "d": '{"feature": "highlights", "decision_id": null, "reason": "r é"}'}
            connection.execute(text("INSERT INTO promotion VALUES (NULL, 'highlights', :v, NULL, 'ada', 'r é', :t)"), row)
            connection.execute(text("INSERT INTO audit_event VALUES (NULL, :t, 'ada', :a, :v, :d)"), row)
    old.dispose()
    store = Store.open(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    changes = store.ledger.promotions("highlights")[::-1]
    assert [(row.action, row.before, row.marketplace) for row in changes] == [
        ("install", None, "all"),
        ("promote", 1, "all"),
        ("rollback", None, "all"),
        ("rollback", 1, "all"),
    ]
    assert audit.verify(store).events == 4
    assert serving(store) == "two"
    with pytest.raises(UnknownIdError, match="no earlier champion to go back to that was not rolled back itself"):
        rollback(store, at(9))


def test_the_names_of_the_helper_are_those_of_the_store(store: Store) -> None:
    assert store.runs.run(run_id("one")).variant_id == variant_id("one")
