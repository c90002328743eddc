"""The experiment programme: registered before labels, read as planned, ended once, at one error rate over all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text
from support import NOW, TwoRuns, a_run, a_store, a_variant
from support import two_runs as built

from annotators.asking import queues
from evals import gate
from evals.errors import InputError, MoreNeededError, PolicyError, RetryError, UnknownIdError
from evals.identity import content_id
from evals.paths import DATA
from evals.programme import Rules, experiments, exposure, levels, load_rules, refuse, registration
from evals.records import Annotation, Annotator, AuditEvent, Ending, Experiment, Run
from evals.registry import audit
from evals.store import Store

LATER = "2026-12-03T09:00:00Z"
ANN = Annotator("annotator-ann", "ann@example.org", "Ann", ("en", "ja", "ar"))
LOOSE: dict[str, Any] = {
    "version": 1,
    "feature": "highlights",
    "alpha": 0.03,
    "looks": 2,
    "requirements": [
        {"name": "grounded", "kind": "non_inferiority", "metric": "grounded", "margin": 0.9, "min_labels": 3},
        {"name": "failed", "kind": "ceiling", "event": "error", "ceiling": 0.99, "critical": False},
    ],
}


WIDE = Rules((2, 3), "lord", 0.5, 0.5, 1.6, 12, 9)


@pytest.fixture
def store() -> Store:
    return a_store()


def two_runs(store: Store, tag: str = "en") -> TwoRuns:
    return built(store, (tag,), products=9, claims=2)


def plan(store: Store, runs: TwoRuns, *, candidates: Sequence[Run] = (), now: str = NOW, **more: Any) -> Experiment:
    settings = {"hypothesis": "A shorter prompt is as true.", "policy": LOOSE, "actor": "owner"} | more
    arms = list(candidates) or [runs.candidate]
    return registration.plan(store, WIDE, feature="highlights", champion=runs.champion, candidates=arms, now=now, **settings)


def label(store: Store, runs: TwoRuns, candidate: Run | None = None, verdict: str = "grounded", now: str = NOW) -> None:
    """Queue both runs and let one person say the same of everything."""
    store.labels.put_annotators([ANN])
    arm = candidate or runs.candidate
    queues.enqueue(store, runs.champion.run_id, arm.run_id, fraction=1.0, seed=0, overlap=1, now=now)
    items = [item for item in store.queue.items() if item.run_id in (runs.champion.run_id, arm.run_id)]
    said = [(item, verdict if item.run_id == arm.run_id else "grounded") for item in items]
    store.labels.put_annotations(
        Annotation(content_id("annotation", item.item_id), item.item_id, ANN.annotator_id, what, None, now, now) for item, what in said
    )


def another(store: Store, runs: TwoRuns, name: str) -> Run:
    """A further candidate over the same cases, which nobody has labelled."""
    variant = a_variant("highlights", name)
    store.runs.add_variant(variant)
    run = store.runs.add_run(a_run(variant, runs.dataset))
    for output in store.runs.outputs(runs.champion.run_id):
        store.runs.add_outputs([replace(output, output_id=content_id("output", run.run_id, output.case_id), run_id=run.run_id)])
    return run


# ---------------------------------------------------------------------------------------------- registration


def test_a_registration_freezes_everything_under_the_hash_of_it(store: Store) -> None:
    runs = two_runs(store)
    found = plan(store, runs)
    assert found.experiment_id == registration.registration(found) and registration.verified(found)
    assert (found.looks, found.alpha, found.exploratory) == ("2", 0.03, False)
    assert store.programme.experiment(found.experiment_id[:20]) == store.programme.experiment(found.experiment_id[11:17]) == found
    for name in ("", "x", "experiment-0x"):
        with pytest.raises(UnknownIdError, match="no experiment of that name"):
            store.programme.experiment(name)
    for change in ({"hypothesis": "Another."}, {"policy_sha256": "0"}, {"seed": 9}, {"exploratory": True}, {"looks": "3"}):
        assert not registration.verified(replace(found, **change))
    assert not registration.verified(replace(found, policy={**LOOSE, "alpha": 0.01}))
    assert not registration.verified(replace(found, policy={"version": 1}))


def test_registered_twice_it_is_one_and_keeps_its_level(store: Store) -> None:
    runs = two_runs(store)
    first, second = plan(store, runs), plan(store, runs, now=LATER)
    assert first == second
    assert [event.action for event in store.ledger.events()] == ["plan experiment"]


def test_after_the_first_label_of_a_candidate_only_exploratory(store: Store) -> None:
    runs = two_runs(store)
    label(store, runs)
    with pytest.raises(InputError, match="labels already"):
        plan(store, runs)
    assert not store.programme.experiments()
    found = plan(store, runs, exploratory=True)
    assert found.exploratory


def test_labels_of_the_champion_count_unless_an_earlier_experiment_asked_for_them(store: Store) -> None:
    runs = two_runs(store)
    late = another(store, runs, "late")
    label(store, runs, runs.candidate)
    with pytest.raises(InputError, match=runs.champion.run_id):
        plan(store, runs, candidates=[late])
    plan(store, runs, exploratory=True)
    assert not plan(store, runs, candidates=[late]).exploratory


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hypothesis": " \n"}, "hypothesis: say it"),
        ({"hypothesis": "half \ud83d"}, "half a character"),
        ({"hypothesis": "nothing \0"}, "NUL"),
        ({"hypothesis": "word " * 500}, "too many to read"),
        ({"actor": ""}, "actor: say it"),
        ({"policy": {**LOOSE, "feature": "assistant"}}, "policy is for assistant"),
        ({"policy": {**LOOSE, "alpha": 0.2}}, "--lower-alpha"),
    ],
)
def test_what_cannot_be_registered_is_refused_by_name(store: Store, change: Mapping[str, Any], says: str) -> None:
    runs = two_runs(store)
    with pytest.raises(InputError, match=says):
        plan(store, runs, **change)
    assert not store.programme.experiments() and not store.ledger.events()


def test_arms_are_different_runs_over_one_dataset(store: Store) -> None:
    runs, fewer = two_runs(store), two_runs(store, "ja")
    for arms, says in (
        ([runs.champion], "each once"),
        ([runs.candidate, runs.candidate], "each once"),
        ([fewer.candidate], "another dataset"),
    ):
        with pytest.raises(InputError, match=says):
            plan(store, runs, candidates=arms)


def test_the_level_can_be_brought_down_to_what_the_programme_allows_and_never_up(store: Store) -> None:
    runs = two_runs(store)
    high = {**LOOSE, "alpha": 0.2, "requirements": [{**LOOSE["requirements"][0], "level": 0.15}, LOOSE["requirements"][1]]}
    found = plan(store, runs, policy=high, lower_alpha=True)
    assert found.alpha <= found.level == pytest.approx(0.25 * 0.4374901658)
    assert found.policy["requirements"][0]["level"] == found.policy["alpha"] == found.alpha > found.level - 1e-3
    assert registration.at_level(LOOSE, 0.9)["alpha"] == 0.03


def test_a_policy_whose_labels_could_not_settle_anything_at_its_level_is_refused(store: Store) -> None:
    tight = {**LOOSE, "alpha": 0.2, "requirements": [{**LOOSE["requirements"][0], "margin": 0.1, "min_labels": 20}]}
    with pytest.raises(PolicyError, match="min_labels must be at least"):
        plan(store, two_runs(store), policy=tight, lower_alpha=True)


# ---------------------------------------------------------------------------------------------- states and endings


def test_it_is_planned_until_somebody_labels_and_ends_with_the_decisions(store: Store) -> None:
    runs = two_runs(store)
    found = plan(store, runs)
    assert [one.state for one in experiments.shown(store)] == ["planned"]
    assert experiments.decide(store, found.experiment_id, actor="owner", now=NOW).ending is None  # nothing read yet: no look is used
    label(store, runs)
    assert [(one.state, one.labels) for one in experiments.shown(store)] == [("running", 18)]
    reading = experiments.decide(store, found.experiment_id, actor="owner", now=LATER)
    assert reading.ending and [decision.outcome for decision in reading.decisions] == ["promote"]
    (shown,) = experiments.shown(store)
    assert shown.state == "decided" and shown.ending == reading.ending and reading.ending.promoted == 1
    assert reading.decisions[0].body["policy"]["sha256"] == found.policy_sha256
    with pytest.raises(InputError, match="was decided on 2026-12-03 by owner"):
        experiments.decide(store, found.experiment_id, actor="owner", now=LATER)


def test_held_with_the_last_look_taken_is_the_end(store: Store) -> None:
    runs = two_runs(store)
    once = {**LOOSE, "looks": 1, "requirements": [{**LOOSE["requirements"][0], "min_labels": 20}]}
    found = plan(store, runs, policy=once)
    label(store, runs)
    ending = experiments.decide(store, found.experiment_id, actor="owner", now=NOW).ending
    assert ending is not None and ending.promoted == 0 and ending.reason.startswith("Hold")


def test_a_promotion_that_a_waiver_carried_earns_no_level(store: Store) -> None:
    runs = two_runs(store)
    cost = {"name": "cost", "kind": "cost", "max_ratio": 1.1, "usd_per_hour": 0.4}
    waiver = {
        "requirement": "cost",
        "owner": "mira",
        "reason": "Measured elsewhere.",
        "expires": "2027-01-01",
        "max_loss": 0.1,
        "unmeasured": True,
    }
    found = plan(
        store, runs, policy={**LOOSE, "requirements": [LOOSE["requirements"][0], cost], "waiver_owners": ["mira"], "waivers": [waiver]}
    )
    label(store, runs)
    reading = experiments.decide(store, found.experiment_id, actor="owner", now=NOW)
    assert [decision.outcome for decision in reading.decisions] == ["promote"]
    assert reading.ending is not None and reading.ending.promoted == 0


def test_abandoned_needs_a_reason_and_is_for_good(store: Store) -> None:
    found = plan(store, two_runs(store))
    with pytest.raises(InputError, match="reason: say it"):
        experiments.abandon(store, found.experiment_id, actor="owner", reason=" ", now=NOW)
    ending = experiments.abandon(store, found.experiment_id, actor="owner", reason="The prompt was withdrawn.", now=NOW)
    assert (ending.outcome, ending.labels) == ("abandoned", 0)
    with pytest.raises(InputError, match="The prompt was withdrawn"):
        experiments.decide(store, found.experiment_id, actor="owner", now=NOW)
    assert not store.programme.end(ending, AuditEvent(NOW, "x", "x", "x"))


def test_what_was_changed_in_the_store_is_not_decided(store: Store) -> None:
    found = plan(store, two_runs(store))
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE experiment SET hypothesis = 'It is better.'"))
    with pytest.raises(InputError, match="not what was registered"):
        experiments.decide(store, found.experiment_id, actor="owner", now=NOW)


def test_of_two_that_register_at_the_same_moment_one_is_asked_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both would get the same level."""
    runs, other = two_runs(store), two_runs(store, "ja")
    experiments_before = store.programme.experiments

    def meanwhile(feature: Any = None) -> list[Experiment]:
        found = experiments_before(feature)
        if not found:
            monkeypatch.setattr(store.programme, "experiments", experiments_before)
            plan(store, other)
        return found

    monkeypatch.setattr(store.programme, "experiments", meanwhile)
    with pytest.raises(RetryError, match="meanwhile"):
        plan(store, runs)
    assert [one.dataset_id for one in store.programme.experiments()] == [other.dataset.dataset_id]
    assert len(store.ledger.events()) == 1
    assert plan(store, runs, policy={**LOOSE, "alpha": 0.01}).level < store.programme.experiments()[0].level


def test_every_write_is_a_link_of_the_audit_log(store: Store) -> None:
    runs = two_runs(store)
    found = plan(store, runs)
    experiments.abandon(store, found.experiment_id, actor="owner", reason="no", now=NOW)
    assert [event.action for event in store.ledger.events()] == ["abandoned experiment", "plan experiment"]
    assert audit.verify(store).events == 2


# ---------------------------------------------------------------------------------------------- what may promote


def decision_of(store: Store, runs: TwoRuns, policy: Mapping[str, Any] = LOOSE) -> Any:
    return gate.decide(store, gate.parse_policy(policy), runs.champion.run_id, runs.candidate.run_id, now=NOW)


def test_runs_that_nobody_registered_may_promote(store: Store) -> None:
    runs = two_runs(store)
    label(store, runs)
    refuse(store, decision_of(store, runs))


def test_registered_runs_promote_under_the_registered_policy_only(store: Store) -> None:
    runs = two_runs(store)
    plan(store, runs)
    label(store, runs)
    refuse(store, decision_of(store, runs))
    easier = {**LOOSE, "requirements": [{**LOOSE["requirements"][0], "margin": 0.95}]}
    with pytest.raises(MoreNeededError, match="under another policy"):
        refuse(store, decision_of(store, runs, easier))


def test_an_exploratory_or_abandoned_experiment_promotes_nothing(store: Store) -> None:
    runs = two_runs(store)
    label(store, runs)
    found = plan(store, runs, exploratory=True)
    with pytest.raises(MoreNeededError, match="is exploratory"):
        refuse(store, decision_of(store, runs))
    other = two_runs(store, "ja")
    given_up = plan(store, other)
    experiments.abandon(store, given_up.experiment_id, actor="owner", reason="Too slow.", now=NOW)
    label(store, other)
    with pytest.raises(MoreNeededError, match="was abandoned: Too slow"):
        refuse(store, decision_of(store, other))
    assert found.experiment_id != given_up.experiment_id


# ---------------------------------------------------------------------------------------------- levels

RULES = Rules((2, 3), "lord", 0.10, 0.5, 1.6, 12, 9)
ONE = 0.05 * 0.4374901658  # w₀γ₁


def a_test(number: int, *, candidates: int = 1, exploratory: bool = False) -> Experiment:
    arms = tuple(f"run-{number}-{place}" for place in range(candidates))
    return Experiment(
        f"experiment-{number}", "highlights", "h", "d", "run-0", arms, {}, "p", "1", 0, exploratory, 0.01, 0.01, "a", f"2026-01-{number:02}"
    )


def ended(number: int, day: int, promoted: int = 0, labels: int = 9, outcome: Any = "decided") -> dict[str, Ending]:
    name = f"experiment-{number}"
    return {name: Ending(name, outcome, promoted, labels, "a", "r", f"2026-01-{day:02}T12")}


def level(tests: Sequence[Experiment], endings: Mapping[str, Ending], candidates: int = 1) -> float:
    return levels.wealth_after(RULES, levels.counted(tests, endings), endings, candidates).level


def test_the_first_level_is_half_of_the_wealth_and_shrinks_with_every_test() -> None:
    assert level([], {}) == pytest.approx(ONE)
    assert level([a_test(1)], {}) == pytest.approx(0.05 * 0.4374901658 * 2**-1.6)
    assert level([a_test(1, candidates=2)], {}) == level([a_test(1), a_test(2)], {}) == level([], {}, candidates=3)


def test_a_promotion_earns_levels_from_when_it_was_known() -> None:
    tests = [a_test(1), a_test(2)]
    early, late = ended(1, 1, promoted=1), ended(1, 3, promoted=1)
    assert level(tests, early) == pytest.approx(0.05 * 0.4374901658 * (3**-1.6 + 2**-1.6))
    assert level(tests, late) == pytest.approx(0.05 * 0.4374901658 * (3**-1.6 + 1))


def test_what_tested_nothing_costs_nothing() -> None:
    tests = [a_test(1, exploratory=True), a_test(2)]
    assert level(tests, ended(2, 3, labels=0, outcome="abandoned")) == pytest.approx(ONE)
    assert level(tests, ended(2, 3, labels=5, outcome="abandoned")) == pytest.approx(ONE * 2**-1.6)


def test_what_comes_after_is_said_for_a_promotion_and_for_none() -> None:
    now = levels.wealth_after(RULES, [], {}, 1)
    assert now.after_none == level([a_test(1)], {}) and now.after_promotion == level([a_test(1)], ended(1, 1, promoted=1))


def test_spending_never_earns() -> None:
    rules = replace(RULES, method="spending")
    found = levels.wealth_after(rules, [a_test(1)], ended(1, 2, promoted=1), 1)
    assert found.level == pytest.approx(0.10 * 0.4374901658 * 2**-1.6) and found.promotions == 1


def test_the_level_that_was_stored_can_be_computed_again_from_what_was_before(store: Store) -> None:
    runs = two_runs(store)
    first = plan(store, runs)
    label(store, runs)
    experiments.decide(store, first.experiment_id, actor="owner", now=NOW)
    second = plan(store, two_runs(store, "ja"), now=LATER)
    endings = store.programme.endings()
    found = [levels.wealth_after(WIDE, tests, endings, 1).level for tests in ([], [first])]
    assert [first.level, second.level] == found and second.level > first.level


# ---------------------------------------------------------------------------------------------- exposure, cadence, rules


def test_what_was_read_or_is_registered_to_be_is_counted_once(store: Store) -> None:
    runs = two_runs(store)
    assert exposure.exposures(store, RULES) == []
    plan(store, runs)
    (one,) = exposure.exposures(store, RULES)
    assert (one.reads.comparisons, one.reads.decisions, one.left, one.standing) == (1, 0, 11, "fresh")
    label(store, runs)
    decision_of(store, runs)
    decision_of(store, runs, {**LOOSE, "seed": 1})
    (one,) = exposure.exposures(store, RULES)
    assert (one.reads.comparisons, one.reads.decisions, one.reads.candidates, one.reads.last_at) == (1, 2, 1, NOW)
    assert one.reads.dataset_id == runs.dataset.dataset_id


def test_a_dataset_version_serves_so_many_comparisons_and_no_more(store: Store) -> None:
    runs = two_runs(store)
    arms = [another(store, runs, f"variant {number}") for number in range(3)]
    few = replace(load_rules(), comparisons=2, warn=1)

    def planned(arm: Run, **more: Any) -> Experiment:
        settings = {"hypothesis": arm.run_id, "policy": {**LOOSE, "alpha": 1e-4}, "actor": "owner"} | more
        return registration.plan(store, few, feature="highlights", champion=runs.champion, candidates=[arm], now=NOW, **settings)

    tight = {**LOOSE, "alpha": 1e-4, "requirements": [{**LOOSE["requirements"][0], "min_labels": 9}]}
    said = []
    for arm in arms[:2]:
        said.append(exposure.warning(store, few, runs.dataset.dataset_id))
        planned(arm, policy=tight)
    said.append(exposure.warning(store, few, runs.dataset.dataset_id))
    assert said[0] is None and "1 of 2 comparisons; 1 more" in str(said[1]) and "flatters" in str(said[2])
    assert [one.standing for one in exposure.exposures(store, few)] == ["spent"]
    with pytest.raises(InputError, match="serve 2 comparisons already, of 2"):
        planned(arms[2], policy=tight)
    assert planned(arms[2], policy=tight, exploratory=True).exploratory


def test_months_are_counted_by_what_happened_in_them(store: Store) -> None:
    found = plan(store, two_runs(store))
    plan(store, two_runs(store, "ja"), now=LATER)
    experiments.abandon(store, found.experiment_id, actor="owner", reason="no", now=LATER)
    assert store.programme.months() == [("2026-11", 1, 0, 0), ("2026-12", 1, 0, 1)] == store.programme.months("highlights")
    assert store.programme.months("assistant") == []


def test_the_shipped_rules_are_valid_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    assert load_rules() == Rules((2, 3), "lord", 0.10, 0.5, 1.6, 12, 9)
    raw = yaml.safe_load((DATA / "programme.yaml").read_text(encoding="utf-8"))
    for change, says in (({"cadence": [3, 2]}, "no range"), ({"online": {"method": "luck"}}, "online"), ({"version": 2}, "version")):
        path = tmp_path / f"{says.replace(' ', '-')}.yaml"
        path.write_text(yaml.safe_dump(raw | change), encoding="utf-8")
        with pytest.raises(PolicyError, match=says):
            load_rules(path)
    with pytest.raises(PolicyError, match="cannot be read"):
        load_rules(tmp_path / "absent.yaml")
