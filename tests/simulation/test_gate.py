"""From a store to a decision: the reason first, verdicts per requirement and slice, and nothing that reads as a pass without evidence."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from support import NOW, TwoRuns, a_store, two_runs

from annotators.asking import queues
from evals.errors import InputError, MoreNeededError
from evals.experiment import score
from evals.gate import Policy, decide, parse_policy
from evals.gate.evidence import read_evidence
from evals.gate.measure import measure
from evals.records import Annotation, Annotator, ClaimVerdict, Decision, Output, QueueItem
from evals.store import Store

LANGUAGES = ("en", "ja", "ar", "de")
GROUNDED: dict[str, Any] = {"name": "grounded", "kind": "non_inferiority", "metric": "grounded", "margin": 0.1, "min_labels": 29}
SLICED = GROUNDED | {"slices": ["language"], "slice_margin": 0.3, "slice_min_labels": 9}


def a_policy(*requirements: dict[str, Any], **settings: Any) -> Policy:
    return parse_policy({"version": 1, "feature": "highlights", "requirements": list(requirements), **settings})


def an_experiment(store: Store, *, wrong_every: int = 0, products: int = 12, fraction: float = 1.0, **more: Any) -> TwoRuns:
    """Two scored runs whose claims are queued; nobody has labelled yet."""
    runs = two_runs(store, LANGUAGES, products=products, wrong_every=wrong_every, **more)
    for run in (runs.champion, runs.candidate):
        score(store, run.run_id)
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=fraction, seed=1, overlap=1, now=NOW)
    return runs


def label(store: Store, runs: TwoRuns, *, only: Callable[[QueueItem], bool] = lambda item: True, noise: float = 0.03) -> int:
    """A script plays a person who sees what the claim scorer sees, and errs now and then."""
    store.labels.put_annotators([Annotator("script", "script@example.org", "Script", LANGUAGES, simulated=True)])
    notes = []
    for run in (runs.champion, runs.candidate):
        truth = {row.subject_id: row.value for row in store.runs.scores(run.run_id, "grounded", "claim")}
        for item in filter(only, store.queue.items(run_id=run.run_id)):
            slip = int(hashlib.sha256(item.claim_id.encode()).hexdigest()[:6], 16) / 16**6 < noise
            notes.append(a_note(item, "grounded" if (truth[item.claim_id] == 1.0) != slip else "contradicted"))
    store.labels.put_annotations(notes)
    return len(notes)


def a_note(item: QueueItem, verdict: ClaimVerdict, annotator: str = "script") -> Annotation:
    return Annotation(f"note-{annotator}-{item.item_id}", item.item_id, annotator, verdict, None, NOW, NOW)


def read(store: Store, runs: TwoRuns, policy: Policy, **more: Any) -> Decision:
    return decide(store, policy, runs.champion.run_id, runs.candidate.run_id, now=NOW, **more)


def cells(decision: Decision, requirement: int = 0) -> dict[str, dict[str, Any]]:
    return {cell["slice"]: cell for cell in decision.body["requirements"][requirement]["cells"]}


# ---------------------------------------------------------------------------------------------- outcomes


def test_without_labels_the_gate_holds_and_says_how_many_are_missing_and_where() -> None:
    store = a_store()
    decision = read(store, an_experiment(store), a_policy(SLICED))
    assert decision.outcome == "hold"
    assert decision.reason.startswith("Hold: nobody has labelled anything yet; about 75 labelled cases (450 claims, ")
    assert "27 more than the dataset has" in decision.reason
    assert all(f"{tag} " in decision.reason for tag in LANGUAGES)
    assert {cell["verdict"] for cell in cells(decision).values()} == {"unverified"}
    assert decision.body["plan"]["cases"] >= 36 and decision.body["plan"]["claims"] > decision.body["plan"]["cases"]


def test_an_equal_candidate_with_enough_labels_is_promoted() -> None:
    store = a_store()
    runs = an_experiment(store)
    label(store, runs)
    decision = read(store, runs, a_policy(SLICED))
    assert decision.outcome == "promote", decision.reason
    assert decision.reason.startswith("Promote: the one critical requirement passes")


@pytest.mark.slow
def test_a_judge_is_whichever_metric_the_policy_names() -> None:
    store = a_store()
    runs = an_experiment(store, wrong_every=4, products=30, fraction=0.5)
    label(store, runs)
    whole = {}
    for judge in ("grounded", "support", "never_scored"):
        (whole[judge],) = [c for name, c in cells(read(store, runs, a_policy(GROUNDED | {"judge": judge}))).items() if name == "overall"]
    assert whole["never_scored"]["judge_weight"] == 0 and whole["never_scored"]["counts"]["not_judged"] > 0
    assert whole["grounded"]["judge_weight"] > 0.5 and whole["support"]["counts"]["not_judged"] == 0
    width = {judge: cell["high"] - cell["low"] for judge, cell in whole.items()}
    assert width["grounded"] < width["never_scored"]  # the script sees what this judge sees


def test_a_candidate_that_lies_is_rejected_with_the_loss_in_the_reason() -> None:
    store = a_store()
    runs = an_experiment(store, wrong_every=2)
    label(store, runs)
    decision = read(store, runs, a_policy(SLICED))
    assert decision.outcome == "reject"
    assert "grounded is worse by more than 0.100: −0." in decision.reason


def test_a_small_loss_is_neither_passed_nor_failed_on_few_labels() -> None:
    store = a_store()
    runs = an_experiment(store, wrong_every=9, fraction=0.7)
    label(store, runs)
    decision = read(store, runs, a_policy(GROUNDED))
    assert decision.outcome == "hold" and cells(decision)["overall"]["verdict"] == "inconclusive"
    need = cells(decision)["overall"]["need"]
    assert need["more"] > 0 and need["labelled"] == cells(decision)["overall"]["n"]


def test_fewer_labels_than_the_minimum_never_pass() -> None:
    store = a_store()
    runs = an_experiment(store, fraction=0.5)
    label(store, runs)
    decision = read(store, runs, a_policy(SLICED))
    assert cells(decision)["language=ja"]["verdict"] == "inconclusive"
    assert cells(decision)["language=ja"]["reason"] == "6 of at least 9 labelled cases"
    assert cells(decision)["language=ja"]["need"]["more"] >= 3
    assert decision.outcome == "hold" and decision.reason.startswith("Hold: grounded cannot be decided yet: about ")


def test_a_language_without_labels_is_unverified_and_never_passed() -> None:
    store = a_store()
    runs = an_experiment(store)
    label(store, runs, only=lambda item: item.language != "ja")
    decision = read(store, runs, a_policy(SLICED))
    assert cells(decision)["language=ja"]["verdict"] == "unverified"
    assert cells(decision)["language=ar"]["verdict"] == "pass"
    assert decision.outcome == "hold" and decision.reason.startswith("Hold: grounded in ja is not verified")


def test_runs_that_were_never_scored_are_told_to_be_scored_and_not_to_be_labelled() -> None:
    store = a_store()
    runs = two_runs(store, ("en",), products=1)
    from sqlalchemy import delete

    from evals.store import tables

    with store.engine.begin() as connection:
        connection.execute(delete(tables.claim))
    decision = read(store, runs, a_policy(GROUNDED))
    assert decision.reason == "Hold: grounded is not verified (a run has no claims: score it first)."
    assert decision.body["plan"]["cases"] == 0


def test_a_served_language_the_dataset_lacks_is_unverified() -> None:
    store = a_store()
    runs = an_experiment(store)
    label(store, runs)
    decision = read(store, runs, a_policy(SLICED, languages=["ko"]))
    assert cells(decision)["language=ko"]["verdict"] == "unverified" and decision.outcome == "hold"


def test_what_is_not_critical_neither_rejects_nor_holds() -> None:
    store = a_store()
    runs = an_experiment(store)
    label(store, runs)
    cost = {"name": "cost", "kind": "cost", "max_ratio": 1.1, "critical": False}
    decision = read(store, runs, a_policy(GROUNDED, cost))
    assert decision.outcome == "promote"
    assert decision.body["requirements"][1]["verdict"] == "unverified"
    assert "generates no tokens" in cells(decision, 1)["overall"]["reason"]


# ---------------------------------------------------------------------------------------------- same evidence, same bytes


def test_the_same_evidence_gives_the_same_bytes_and_is_stored_once() -> None:
    store = a_store()
    runs = an_experiment(store)
    label(store, runs)
    first, second = (read(store, runs, a_policy(SLICED)) for _ in range(2))
    assert json.dumps(dataclasses.asdict(first)) == json.dumps(dataclasses.asdict(second))
    assert store.ledger.decisions() == [first]


def test_when_it_is_said_does_not_change_what_is_said() -> None:
    store = a_store()
    runs = an_experiment(store)
    policy = a_policy(GROUNDED)
    later = decide(store, policy, runs.champion.run_id, runs.candidate.run_id, now="2027-01-01T00:00:00Z", record=False)
    assert later.decision_id == read(store, runs, policy).decision_id
    assert store.ledger.decisions()[0].created_at == NOW


def test_another_seed_moves_the_bounds_by_less_than_a_hundredth() -> None:
    store = a_store()
    runs = an_experiment(store, wrong_every=6)
    label(store, runs)
    lows = [cells(read(store, runs, a_policy(GROUNDED), seed=seed, record=False))["overall"]["low"] for seed in (0, 1)]
    assert lows[0] != lows[1] and abs(lows[0] - lows[1]) < 0.01


def test_the_body_survives_json() -> None:
    store = a_store()
    runs = an_experiment(store, wrong_every=3)
    label(store, runs)
    decision = read(store, runs, a_policy(SLICED))
    assert json.loads(json.dumps(decision.body, allow_nan=False)) == decision.body == store.ledger.decision(decision.decision_id).body


# ---------------------------------------------------------------------------------------------- looks


def test_each_new_reading_of_labels_is_a_look_and_one_too_many_holds() -> None:
    store = a_store()
    runs = an_experiment(store)
    policy = a_policy(GROUNDED | {"min_labels": 36}, looks=2)
    assert read(store, runs, policy).body["policy"]["look"] == 1  # nothing to see yet: no look is spent
    outcomes = []
    for tags in (("en", "ja"), ("en", "ja", "ar"), LANGUAGES):
        label(store, runs, only=lambda item, tags=tags: item.language in tags)
        decision = read(store, runs, policy)
        assert read(store, runs, policy) == decision
        outcomes.append((decision.body["policy"]["look"], cells(decision)["overall"]["verdict"]))
    assert [look for look, _ in outcomes] == [1, 2, 3]
    assert outcomes[-1][1] == "error" and "look 3 was not planned" in decision.reason


# ---------------------------------------------------------------------------------------------- what counts as a label


def values(store: Store, runs: TwoRuns) -> tuple[dict[str, float], dict[str, int]]:
    evidence = read_evidence(store, runs.champion.run_id, runs.candidate.run_id)
    measured = measure(store, evidence, a_policy(GROUNDED).requirements[0])
    shown = zip(measured.case_ids, measured.sample.value, measured.sample.labelled, strict=True)
    return {str(case): float(value) for case, value, labelled in shown if labelled}, dict(measured.counts)


def items_of(store: Store, run_id: str, case_id: str) -> list[QueueItem]:
    return [item for item in store.queue.items(run_id=run_id) if item.case_id == case_id]


def test_a_case_half_labelled_is_not_a_label_and_is_counted() -> None:
    store = a_store()
    runs = an_experiment(store, products=2)
    skipped = store.queue.items(run_id=runs.candidate.run_id)[0]
    label(store, runs, only=lambda item: item.item_id != skipped.item_id)
    found, counts = values(store, runs)
    assert skipped.case_id not in found
    assert counts["unfinished"] == 1 and counts["labelled"] == 7


def vote(store: Store, item: QueueItem, verdicts: Sequence[ClaimVerdict]) -> None:
    store.labels.put_annotators(Annotator(f"a{k}", f"a{k}@example.org", "A", ("en",)) for k in range(len(verdicts)))
    store.labels.put_annotations(a_note(item, verdict, f"a{k}") for k, verdict in enumerate(verdicts))


def test_a_tie_counts_half_and_not_checkable_is_no_vote() -> None:
    store = a_store()
    runs = an_experiment(store, products=1)
    case_id = store.queue.items(run_id=runs.champion.run_id)[0].case_id
    for item in items_of(store, runs.champion.run_id, case_id):
        vote(store, item, ["grounded"])
    first, second, third = items_of(store, runs.candidate.run_id, case_id)
    vote(store, first, ["grounded", "contradicted"])
    vote(store, second, ["grounded", "grounded", "unsupported"])
    vote(store, third, ["not_checkable"])
    found, counts = values(store, runs)
    assert found == {case_id: pytest.approx((0.5 + 1.0) / 2 - 1.0)}
    assert counts["tied_claims"] == 1 and counts["not_checkable_claims"] == 1


def test_a_deleted_annotation_is_no_label() -> None:
    store = a_store()
    runs = an_experiment(store, products=2)
    label(store, runs)
    gone = store.labels.annotations()[0]
    store.labels.mark_deleted([gone.annotation_id])
    assert values(store, runs)[1]["labelled"] == 7


def test_flagged_items_stay_out_of_the_estimate_and_are_counted() -> None:
    store = a_store()
    runs = an_experiment(store, products=3, fraction=0.5)
    drawn = {item.case_id for item in store.queue.items(run_id=runs.candidate.run_id)}
    other = next(case for case in store.runs.cases(runs.dataset.dataset_id) if case.case_id not in drawn)
    template = store.queue.items(run_id=runs.candidate.run_id)[0]
    for run in (runs.champion, runs.candidate):
        output = store.runs.output_of(run.run_id, other.case_id)
        for claim in store.runs.claims_of(output.output_id):
            flagged = {
                "item_id": f"item-{claim.claim_id}",
                "run_id": run.run_id,
                "case_id": other.case_id,
                "why": "flagged",
                "probability": 1.0,
            }
            store.queue.add_items([dataclasses.replace(template, output_id=output.output_id, claim_id=claim.claim_id, **flagged)])
    label(store, runs)
    found, counts = values(store, runs)
    assert other.case_id not in found and counts["apart_flagged"] == 6


def silence(store: Store, run_id: str, case_id: str, status: str) -> None:
    """Rewrite history as no user can: the output failed, was blocked or is blank, and makes no claim."""
    from sqlalchemy import delete, update

    from evals.store import tables

    output = store.runs.output_of(run_id, case_id)
    text = "" if status in ("ok", "error") else "The fallback."
    with store.engine.begin() as connection:
        for table in (tables.queue_item, tables.claim):
            connection.execute(delete(table).where(table.c.output_id == output.output_id))
        where = tables.output.c.output_id == output.output_id
        connection.execute(update(tables.output).where(where).values(text=text, status=status))


@pytest.mark.parametrize("status", ["ok", "error", "blocked"])
def test_silence_counts_against_the_arm_that_is_silent(status: str) -> None:
    store = a_store()
    runs = an_experiment(store, products=1)
    cases = [case.case_id for case in store.runs.cases(runs.dataset.dataset_id)]
    silence(store, runs.candidate.run_id, cases[0], status)
    silence(store, runs.champion.run_id, cases[1], status)
    for run in (runs.champion, runs.candidate):
        silence(store, run.run_id, cases[2], status)
    label(store, runs, noise=0.0)
    found, counts = values(store, runs)
    assert found == {cases[0]: -1.0, cases[1]: 1.0, cases[3]: 0.0}
    assert (counts["candidate_silent"], counts["champion_silent"], counts["both_silent"]) == (1, 1, 1)


def test_outputs_never_cut_into_claims_are_an_error_and_not_silence() -> None:
    from sqlalchemy import delete

    from evals.store import tables

    store = a_store()
    runs = an_experiment(store)
    label(store, runs)
    output = next(iter(store.runs.outputs(runs.champion.run_id)))
    with store.engine.begin() as connection:
        notes = tables.annotation.c.item_id.in_(
            [item.item_id for item in store.queue.items(run_id=runs.champion.run_id) if item.output_id == output.output_id]
        )
        connection.execute(delete(tables.annotation).where(notes))
        connection.execute(delete(tables.queue_item).where(tables.queue_item.c.output_id == output.output_id))
        connection.execute(delete(tables.claim).where(tables.claim.c.output_id == output.output_id))
        connection.execute(delete(tables.score).where(tables.score.c.case_id == output.case_id))
    decision = read(store, runs, a_policy(GROUNDED))
    assert cells(decision)["overall"]["verdict"] == "error" and decision.outcome == "hold"


def test_the_order_in_which_people_answered_changes_nothing() -> None:
    bodies = []
    for backwards in (False, True):
        store = a_store()
        runs = an_experiment(store, wrong_every=5, products=4)
        items = [item for run in (runs.champion, runs.candidate) for item in store.queue.items(run_id=run.run_id)]
        for item in reversed(items) if backwards else items:
            label(store, runs, only=lambda row, item=item: row.item_id == item.item_id)
        bodies.append(read(store, runs, a_policy(SLICED)).body)
    assert bodies[0] == bodies[1]


# ---------------------------------------------------------------------------------------------- the other kinds


def test_a_ceiling_needs_enough_outputs_and_not_only_no_event() -> None:
    strict = {"name": "blocked", "kind": "ceiling", "event": "blocked", "ceiling": 0.001}
    loose = strict | {"name": "blocked loosely", "ceiling": 0.07}
    store = a_store()
    decision = read(store, an_experiment(store), a_policy(strict, loose))
    assert cells(decision, 0)["overall"]["verdict"] == "inconclusive" and cells(decision, 0)["overall"]["needed"] == 2995
    assert cells(decision, 1)["overall"]["verdict"] == "pass"


def test_a_candidate_that_is_blocked_too_often_is_rejected() -> None:
    store = a_store()
    runs = an_experiment(store)
    for case in store.runs.cases(runs.dataset.dataset_id)[:30]:
        silence(store, runs.candidate.run_id, case.case_id, "blocked")
    decision = read(
        store, runs, a_policy({"name": "blocked", "kind": "ceiling", "event": "blocked", "ceiling": 0.1, "slices": ["language"]})
    )
    assert decision.outcome == "reject" and "30 of 48" in decision.reason


def with_times(store: Store, runs: TwoRuns, slow: int, tokens: int = 40) -> None:
    """Timed outputs in place of the untimed ones."""
    from sqlalchemy import update

    from evals.store import tables

    for run, pace in ((runs.champion, 1.0), (runs.candidate, 1.5)):
        for number, output in enumerate(store.runs.outputs(run.run_id)):
            first = 3.0 if number < slow else 0.2
            row = {"first_token_s": first, "total_s": pace * (1 + number % 3 / 10), "generated_tokens": tokens}
            with store.engine.begin() as connection:
                connection.execute(update(tables.output).where(tables.output.c.output_id == output.output_id).values(**row))


TAIL: dict[str, Any] = {"name": "first token", "kind": "tail_latency", "quantile": 0.9, "seconds": 1.0, "confidence": 0.95}


@pytest.mark.parametrize(("slow", "verdict"), [(0, "pass"), (3, "inconclusive"), (20, "fail")])
def test_tail_latency_is_an_exact_statement_about_slow_requests(slow: int, verdict: str) -> None:
    store = a_store()
    runs = an_experiment(store)
    with_times(store, runs, slow)
    cell = cells(read(store, runs, a_policy(TAIL)))["overall"]
    assert cell["verdict"] == verdict and cell["counts"]["slow"] == slow
    assert (cell["needed"] is not None) == (verdict == "inconclusive")


def test_what_was_not_streamed_has_no_first_token_and_is_unverified() -> None:
    store = a_store()
    decision = read(store, an_experiment(store), a_policy(TAIL))
    assert cells(decision)["overall"]["verdict"] == "unverified" and decision.outcome == "hold"


def test_cost_is_a_ratio_of_seconds_per_generated_token() -> None:
    store = a_store()
    runs = an_experiment(store)
    with_times(store, runs, 0)
    tight, loose = ({"name": f"cost {most}", "kind": "cost", "max_ratio": most} for most in (1.1, 1.6))
    decision = read(store, runs, a_policy(tight, loose))
    assert [row["verdict"] for row in decision.body["requirements"]] == ["fail", "pass"]
    assert cells(decision)["overall"]["estimate"] == pytest.approx(1.5)


def test_a_metric_nobody_measured_is_unverified() -> None:
    store = a_store()
    row = {"name": "taste", "kind": "non_inferiority", "metric": "taste", "source": "code", "margin": 0.1}
    assert cells(read(store, an_experiment(store), a_policy(row)))["overall"]["verdict"] == "unverified"


def test_a_metric_that_is_no_share_cannot_be_held_against_a_margin() -> None:
    store = a_store()
    row = {"name": "length", "kind": "non_inferiority", "metric": "length_words", "source": "code", "margin": 0.1}
    cell = cells(read(store, an_experiment(store), a_policy(row)))["overall"]
    assert cell["verdict"] == "error" and "outside 0" in cell["reason"]


def test_a_floor_holds_the_candidate_against_a_number() -> None:
    store = a_store()
    runs = an_experiment(store, wrong_every=3)
    label(store, runs)
    rows = [
        {"name": f"floor {floor}", "kind": "floor", "metric": "grounded", "source": source, "floor": floor}
        for floor in (0.4, 0.9)
        for source in ("human", "code")
    ]
    for row in rows:
        row["name"] += row["source"]
    decision = read(store, runs, a_policy(*rows))
    assert [row["verdict"] for row in decision.body["requirements"]] == ["pass", "pass", "fail", "fail"]


# ---------------------------------------------------------------------------------------------- what cannot be compared


def test_runs_that_cannot_be_compared_are_refused() -> None:
    store = a_store()
    runs = an_experiment(store, products=1)
    other = two_runs(store, ("en",), products=1)
    policy = a_policy(GROUNDED)
    with pytest.raises(InputError, match="itself"):
        decide(store, policy, runs.champion.run_id, runs.champion.run_id, now=NOW)
    with pytest.raises(InputError, match="different datasets"):
        decide(store, policy, runs.champion.run_id, other.candidate.run_id, now=NOW)
    assistant = parse_policy({"version": 1, "feature": "assistant", "requirements": [GROUNDED]})
    with pytest.raises(InputError, match="the policy is for assistant"):
        read(store, runs, assistant)


def test_an_unfinished_run_is_not_read() -> None:
    store = a_store()
    runs = an_experiment(store, products=1)
    variant = store.runs.variant(runs.candidate.variant_id)
    started = dataclasses.replace(variant, variant_id="variant-started", name="started")
    store.runs.add_variant(started)
    run = store.runs.add_run(dataclasses.replace(runs.candidate, run_id="run-started", variant_id="variant-started", finished_at=None))
    some = next(iter(store.runs.outputs(runs.candidate.run_id)))
    store.runs.add_outputs([Output("output-1", run.run_id, some.case_id, "x", "ok", NOW)])
    with pytest.raises(MoreNeededError, match="3 of 4 cases have no output"):
        decide(store, a_policy(GROUNDED), runs.champion.run_id, run.run_id, now=NOW)
