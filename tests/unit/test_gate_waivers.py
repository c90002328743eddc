"""What a named owner lets go, what nobody can, and how the first sentence says it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support import NOW, TwoRuns, a_store, two_runs

from annotators.asking import queues
from evals import gate
from evals.errors import InputError, PolicyError, SetupError
from evals.experiment import score
from evals.gate import decide, parse_policy
from evals.gate.policy import Waiver
from evals.gate.waivers import admitted, sign
from evals.identity import content_id
from evals.metrics import METRICS
from evals.records import Annotation, Annotator, Decision
from evals.store import Store

OWNER = "ann@example.org"
GROUNDED = {"name": "grounded", "kind": "non_inferiority", "metric": "grounded", "margin": 0.3, "min_labels": 9,
            "slices": ["language"], "slice_margin": 0.45, "slice_min_labels": 6}  # fmt: skip
BLOCKED = {"name": "blocked", "kind": "ceiling", "event": "blocked", "ceiling": 0.5}
WAIVER = {"requirement": "grounded", "owner": OWNER, "reason": "annotators start in December", "expires": "2026-12-31", "max_loss": 0.1}


def a_policy(*rows: dict[str, Any], waivers: list[dict[str, Any]] | None = None, **more: Any) -> gate.Policy:
    named = {"waivers": waivers, "waiver_owners": [OWNER]} if waivers else {"waiver_owners": [OWNER]}
    return parse_policy({"version": 1, "feature": "highlights", "requirements": list(rows or [GROUNDED, BLOCKED]), **named, **more})


@pytest.fixture(scope="module")
def labelled() -> tuple[Store, TwoRuns]:
    """Equal candidates; nobody labelled Arabic."""
    store = a_store()
    runs = two_runs(store, ("en", "ja", "ar"), products=10, claims=1, wrong_every=0)
    for run in (runs.champion, runs.candidate):
        score(store, run.run_id, {"grounded": METRICS["grounded"]})
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=0, overlap=1, now=NOW)
    store.labels.put_annotators([Annotator("one", "one@example.org", "One", ("en", "ja", "ar"))])
    store.labels.put_annotations(
        Annotation(content_id("note", item.item_id), item.item_id, "one", "grounded", None, NOW, NOW)
        for item in store.queue.items()
        if item.language != "ar"
    )
    return store, runs


def read(labelled: tuple[Store, TwoRuns], policy: gate.Policy, now: str = NOW, **more: Any) -> Decision:
    store, runs = labelled
    return decide(store, policy, runs.champion.run_id, runs.candidate.run_id, now=now, record=False, repetitions=2, **more)


def cell(decision: Decision, name: str = "language=ar") -> dict[str, Any]:
    return next(one for one in decision.body["requirements"][0]["cells"] if one["slice"] == name)


# ---------------------------------------------------------------------------------------------- what was not measured


@pytest.mark.parametrize(
    ("follows", "outcome", "reason"),
    [
        ("hold", "hold", "Hold: grounded in ar is not verified"),
        ("fail", "reject", "Reject: grounded in ar was not measured, which the policy counts as a failure (none of 10 cases is labelled)."),
        ("ignore", "promote", "; not measured, which the policy ignores: grounded in ar."),
    ],
)
def test_the_policy_says_what_follows_where_nothing_was_measured(
    labelled: tuple[Store, TwoRuns], follows: str, outcome: str, reason: str
) -> None:
    decision = read(labelled, a_policy(GROUNDED | {"on_unverified": follows}, BLOCKED))
    assert decision.outcome == outcome and reason in decision.reason
    assert cell(decision)["verdict"] == "unverified"  # whatever follows from it, it does not read as a pass


def test_a_policy_that_ignores_everything_promotes_nothing(labelled: tuple[Store, TwoRuns]) -> None:
    taste = {"name": "taste", "kind": "floor", "metric": "taste", "source": "code", "floor": 0.5, "on_unverified": "ignore"}
    decision = read(labelled, a_policy(taste))
    assert decision.outcome == "hold" and "nothing passed" in decision.reason


# ---------------------------------------------------------------------------------------------- waivers


def test_a_waiver_lets_an_unmeasured_slice_go_and_the_first_sentence_names_who(labelled: tuple[Store, TwoRuns]) -> None:
    decision = read(labelled, a_policy(waivers=[WAIVER | {"slice": "language=ar", "unmeasured": True}]))
    assert decision.outcome == "promote"
    assert decision.reason.startswith(f"Promote with 1 waiver signed by {OWNER}: 1 of 2 critical requirements pass")
    assert "waived: grounded in ar (unverified, until 2026-12-31)" in decision.reason
    assert cell(decision)["verdict"] == "waived" and decision.body["requirements"][0]["verdict"] == "waived"
    (row,) = decision.body["waivers"]
    assert (row["slice"], row["was"], row["loss"], row["owner"]) == ("language=ar", "unverified", None, OWNER)


@pytest.mark.parametrize(
    ("more", "now"),
    [
        ({"unmeasured": False}, NOW),
        ({"unmeasured": True, "slice": "language=ja"}, NOW),
        ({"unmeasured": True, "slice": "overall"}, NOW),
        ({"unmeasured": True}, "2027-01-01T00:00:00Z"),
    ],
)
def test_a_waiver_of_something_else_or_of_yesterday_lets_nothing_go(
    labelled: tuple[Store, TwoRuns], more: dict[str, Any], now: str
) -> None:
    decision = read(labelled, a_policy(waivers=[WAIVER | more]), now=now)
    assert decision.outcome == "hold" and decision.body["waivers"] == []


def test_a_loss_beyond_the_ceiling_is_not_let_go(labelled: tuple[Store, TwoRuns]) -> None:
    tight = GROUNDED | {"margin": 0.05, "min_labels": 59, "slices": []}
    open_ = a_policy(tight, BLOCKED, waivers=[WAIVER | {"max_loss": 0.0}])
    assert read(labelled, open_).body["waivers"][0]["loss"] == 0.0  # too few labels, but no loss
    floor = {"name": "grounded", "kind": "floor", "metric": "grounded", "floor": 0.999}
    assert read(labelled, a_policy(floor, BLOCKED, waivers=[WAIVER | {"max_loss": 0.0}])).body["waivers"][0]["was"] == "inconclusive"
    with_loss = {"name": "grounded", "kind": "ceiling", "event": "finding", "ceiling": 0.0001}
    assert read(labelled, a_policy(with_loss, BLOCKED, waivers=[WAIVER | {"max_loss": 0.0}])).body["waivers"][0]["loss"] < 0


def test_what_a_customer_reported_and_what_broke_cannot_be_waived(labelled: tuple[Store, TwoRuns]) -> None:
    with pytest.raises(PolicyError, match="cannot be waived"):
        a_policy({"name": "grounded", "kind": "regression"}, waivers=[WAIVER])
    from evals.gate.verdicts import error
    from evals.gate.waivers import let_go

    broken = {"overall": error("out of range", 0.9)}
    kept, used = let_go(a_policy().requirements[0], broken, [Waiver("grounded", OWNER, "r", "2027-01-01", 1.0, unmeasured=True)], NOW)
    assert kept == broken and used == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"owner": "mallory"}, "'mallory' is not among waiver_owners"),
        ({"requirement": "taste"}, "no requirement has that name"),
        ({"slice": "category=audio"}, "no slice 'category=audio'"),
        ({"expires": "2026-02-30"}, "'2026-02-30' is no day"),
        ({"expires": "soon"}, "does not match"),
        ({"max_loss": -1}, "-1"),
        ({"signature": "abc"}, "does not match"),
    ],
)
def test_a_waiver_that_says_nothing_is_refused(row: dict[str, Any], said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        a_policy(waivers=[WAIVER | row])


def test_a_signature_is_checked_where_there_is_one() -> None:
    policy, plain = a_policy(), Waiver(**WAIVER)  # type: ignore[arg-type]  # texts and a number
    signed = replace(plain, signature=sign(plain, "highlights", "secret"))
    assert admitted(policy, [plain], None) == (plain,)
    assert admitted(policy, [signed], "secret") == (signed,)
    for changed in (replace(signed, max_loss=0.9), replace(signed, expires="2030-01-01"), replace(signed, slice="overall")):
        with pytest.raises(InputError, match="wrong signature"):
            admitted(policy, [changed], "secret")
    with pytest.raises(InputError, match="wrong signature"):
        admitted(replace(policy, feature="assistant"), [signed], "secret")
    with pytest.raises(SetupError, match="PLUMBLINE_WAIVER_KEY"):
        admitted(policy, [signed], None)
    with pytest.raises(InputError, match="not among waiver_owners"):
        admitted(policy, [replace(plain, owner="mallory")], None)


def test_a_waiver_given_beside_the_policy_counts_as_one_in_it(labelled: tuple[Store, TwoRuns]) -> None:
    given = Waiver(**WAIVER, slice="language=ar", unmeasured=True)  # type: ignore[arg-type]  # texts and a number
    assert read(labelled, a_policy(), more_waivers=[given]).outcome == "promote"
