"""A share of the champion's mean, of its length, a price of tokens, tails until the last token, metrics that count what is bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update
from support import NOW, TwoRuns, a_store, two_runs

from evals.gate import decide, parity, parse_policy
from evals.gate.measure import nothing_measured
from evals.gate.verdicts import mean_cell
from evals.records import Decision, Score
from evals.statistics.paired import Sample
from evals.store import Store, tables

Value = Callable[[str, int], float | None]


@pytest.fixture
def store() -> Store:
    return a_store()


@pytest.fixture
def runs(store: Store) -> TwoRuns:
    return two_runs(store, ("en", "ja"), products=20, claims=1, wrong_every=0)


def scored(store: Store, runs: TwoRuns, value: Value, metric: str = "taste") -> None:
    """A metric of code: `value` by arm and number of the case, None where it could not be measured."""
    for arm, run in (("champion", runs.champion), ("candidate", runs.candidate)):
        values = [(output, value(arm, number)) for number, output in enumerate(store.runs.outputs(run.run_id))]
        store.runs.add_scores(
            Score(
                run.run_id,
                output.case_id,
                "output",
                output.output_id,
                metric,
                "v:1",
                "code",
                found,
                None if found is not None else "broken",
            )
            for output, found in values
        )


def served(store: Store, runs: TwoRuns, **by_arm: tuple[int, float]) -> None:
    """Generated tokens and seconds of every answer."""
    for arm, run in (("champion", runs.champion), ("candidate", runs.candidate)):
        tokens, seconds = by_arm[arm]
        for number, output in enumerate(list(store.runs.outputs(run.run_id))):
            row = {"generated_tokens": tokens + number % 3, "total_s": seconds * (1 + number % 3 / 100), "first_token_s": 0.1}
            with store.engine.begin() as connection:
                connection.execute(update(tables.output).where(tables.output.c.output_id == output.output_id).values(**row))


def read(store: Store, runs: TwoRuns, row: dict[str, Any], **more: Any) -> Decision:
    policy = parse_policy({"version": 1, "feature": "highlights", "requirements": [row], **more})
    return decide(store, policy, runs.champion.run_id, runs.candidate.run_id, now=NOW, record=False, repetitions=4)


def cell(decision: Decision, requirement: int = 0) -> dict[str, Any]:
    return decision.body["requirements"][requirement]["cells"][0]


PARITY = {"name": "parity", "kind": "parity", "metric": "taste", "source": "code", "share": 0.95}


# ---------------------------------------------------------------------------------------------- parity


def test_a_share_of_the_champions_mean_is_shown_with_its_interval_as_a_ratio(store: Store, runs: TwoRuns) -> None:
    scored(store, runs, lambda arm, number: 0.8 if arm == "champion" else 0.8 * (0.98 + 0.04 * (number % 2)))
    found = cell(read(store, runs, PARITY))
    assert found["verdict"] == "pass" and found["reason"] == "shown to keep at least 95 % of the champion's mean"
    assert found["estimate"] == pytest.approx(1.0) and found["line"] == 0.95 < found["low"] < 1.0 < found["high"]


@pytest.mark.parametrize(("kept", "verdict"), [(0.5, "fail"), (0.951, "inconclusive"), (0.999, "pass")])
def test_parity_is_decided_by_the_interval_and_not_by_the_point(store: Store, runs: TwoRuns, kept: float, verdict: str) -> None:
    scored(store, runs, lambda arm, number: 0.8 if arm == "champion" else 0.8 * kept + 0.02 * (number % 3 - 1))
    found = cell(read(store, runs, PARITY))
    assert found["verdict"] == verdict and found["estimate"] == pytest.approx(kept, abs=0.001)


def test_what_the_candidate_could_not_be_measured_on_counts_against_it(store: Store, runs: TwoRuns) -> None:
    scored(store, runs, lambda arm, number: None if arm == "candidate" and number < 10 else 0.8)
    found = cell(read(store, runs, PARITY))
    assert found["verdict"] == "fail" and found["estimate"] == pytest.approx(0.75, abs=0.001)


def test_the_ratio_keeps_the_verdict_of_the_linear_form() -> None:
    """lower bound of ȳ₁ − q·ȳ₀ above 0 exactly when that of the ratio is above q."""
    rng = np.random.default_rng(0)
    for trial in range(40):
        champion, candidate = rng.random(60), np.clip(rng.random(60) + rng.normal(0, 0.1), 0, 1)
        empty = nothing_measured("x")
        ids = np.array([str(n) for n in range(60)])
        own = Sample(candidate, np.ones(60, bool), np.ones(60), np.zeros(60), np.arange(60), lowest=0.0)
        v = replace(own, value=candidate - 0.9 * champion, lowest=-0.9)
        whole, mine = (replace(empty, sample=sample, case_ids=ids, missing=None) for sample in (v, own))
        raw = mean_cell(whole, line=0.0, minimum=2, alpha=0.05, seed=trial)
        shown = parity.as_ratio(raw, whole, mine, 0.9)
        assert shown.interval.estimate == pytest.approx(candidate.mean() / champion.mean(), abs=1e-9)
        assert raw.interval.low is not None and shown.interval.low is not None
        assert (raw.interval.low > 0) == (shown.interval.low > 0.9) and shown.verdict == raw.verdict


def test_a_champion_that_is_never_right_has_no_share(store: Store, runs: TwoRuns) -> None:
    scored(store, runs, lambda arm, number: 0.0 if arm == "champion" else 0.5)
    found = cell(read(store, runs, PARITY))
    assert found["verdict"] == "inconclusive" and "the champion's mean is 0" in found["reason"] and found["low"] is None


def test_parity_brings_a_row_about_length_and_saying_less_fails_it(store: Store, runs: TwoRuns) -> None:
    scored(store, runs, lambda arm, number: 0.8)
    served(store, runs, champion=(100, 1.0), candidate=(60, 1.0))
    decision = read(store, runs, PARITY | {"min_length": 0.9})
    assert [row["name"] for row in decision.body["requirements"]] == ["parity", "parity, length"]
    found = cell(decision, 1)
    assert found["verdict"] == "fail" and found["estimate"] == pytest.approx(61 / 101, abs=0.01)
    assert decision.reason.startswith("Reject: parity, length: shown to be less than 90 % of the champion's generated length")


def test_a_run_that_generates_no_tokens_has_no_length(store: Store, runs: TwoRuns) -> None:
    found = cell(read(store, runs, {"name": "length", "kind": "length", "share": 0.9}))
    assert found["verdict"] == "unverified" and "generates no tokens" in found["reason"]


# ---------------------------------------------------------------------------------------------- what counts what is bad


def test_a_metric_of_bad_things_is_held_from_above(store: Store, runs: TwoRuns) -> None:
    scored(store, runs, lambda arm, number: 0.5 if arm == "candidate" and number % 10 == 0 else 0.0, "toxic")
    row = {"name": "toxic", "kind": "floor", "metric": "toxic", "source": "code"}
    below, above = (cell(read(store, runs, row | {"most": most})) for most in (0.3, 0.01))
    assert below["verdict"] == "pass" and below["reason"] == "shown to be below 0.3" and below["line"] == pytest.approx(0.3)
    assert below["low"] < below["estimate"] < below["high"] and below["estimate"] == pytest.approx(0.05)
    assert above["verdict"] == "fail" and above["reason"] == "shown to be above 0.01"


def test_more_of_a_bad_thing_is_a_loss(store: Store, runs: TwoRuns) -> None:
    scored(store, runs, lambda arm, number: 0.4 if arm == "candidate" else 0.1, "toxic")
    row = {"name": "toxic", "kind": "non_inferiority", "metric": "toxic", "source": "code", "margin": 0.1}
    assert cell(read(store, runs, row | {"direction": "lower"}))["verdict"] == "fail"
    assert cell(read(store, runs, row))["verdict"] == "pass"


def test_silence_is_not_the_absence_of_bad_things(store: Store, runs: TwoRuns) -> None:
    """Where the candidate could not be measured, 1 − value is 0 and not 1."""
    scored(store, runs, lambda arm, number: None if arm == "candidate" and number % 2 else 0.0, "toxic")
    row = {"name": "toxic", "kind": "floor", "metric": "toxic", "source": "code", "most": 0.1}
    found = cell(read(store, runs, row))
    assert found["verdict"] == "fail" and found["estimate"] == pytest.approx(0.5)


# ---------------------------------------------------------------------------------------------- serving


def test_the_price_of_a_million_tokens_is_seconds_times_the_machines_price(store: Store, runs: TwoRuns) -> None:
    served(store, runs, champion=(100, 1.0), candidate=(100, 2.0))
    row = {"name": "price", "kind": "cost", "usd_per_hour": 3.6}
    dear, cheap = (cell(read(store, runs, row | {"max_usd_per_million_tokens": most})) for most in (25.0, 10.0))
    assert dear["verdict"] == "pass" and dear["estimate"] == pytest.approx(20.0, rel=0.02)
    assert cheap["verdict"] == "fail" and "more than 10 USD per million generated tokens" in cheap["reason"]


@pytest.mark.parametrize(("seconds", "verdict"), [(2.5, "pass"), (1.0, "fail")])
def test_a_tail_may_be_until_the_answer_is_complete(store: Store, runs: TwoRuns, seconds: float, verdict: str) -> None:
    served(store, runs, champion=(100, 1.0), candidate=(100, 2.0))
    row = {"name": "total", "kind": "tail_latency", "time": "total", "p90": seconds}
    found = cell(read(store, runs, row))
    assert found["verdict"] == verdict and found["reason"].endswith(f"answers took longer than {seconds:g} s")


@pytest.mark.parametrize(("event", "verdict"), [("blocked", "unverified"), ("finding:contact", "unverified"), ("error", "pass")])
def test_what_rails_found_says_nothing_where_no_rail_looked(store: Store, runs: TwoRuns, event: str, verdict: str) -> None:
    imported = {"settings": {"kind": "imported", "peer": "promptfoo"}}
    with store.engine.begin() as connection:
        connection.execute(update(tables.variant).where(tables.variant.c.variant_id == runs.candidate.variant_id).values(**imported))
    row = {"name": event, "kind": "ceiling", "event": event, "ceiling": 0.2, "slices": ["language"]}
    decision = read(store, runs, row)
    assert {one["verdict"] for one in decision.body["requirements"][0]["cells"]} == {verdict}
    assert decision.outcome == ("promote" if verdict == "pass" else "hold")
