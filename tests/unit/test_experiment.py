"""execute and score: what is stored when things go wrong, and that asking again does the missing part only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import pytest
from support import NOW, a_case, a_product, a_store, a_variant

from evals.datasets import make_dataset
from evals.errors import InputError, RetryError, SetupError, UnknownIdError
from evals.experiment import TaskResult, execute, score
from evals.identity import content_id
from evals.records import Case, Claim, Dataset, Output, Run, Score, ScoreSource
from evals.store import Store
from guardrails import Draft

VARIANT = a_variant("assistant", "echo")


@dataclass
class Echo:
    """A task that says the question back, and raises `error` for the questions in `bad`; `asked` are its batches."""

    bad: frozenset[str] = frozenset()
    error: BaseException = field(default_factory=lambda: ValueError("no"))
    asked: list[list[str]] = field(default_factory=list)

    def __call__(self, cases: Sequence[Case]) -> list[TaskResult]:
        questions = [str(case.inputs["question"]) for case in cases]
        self.asked.append(questions)
        if self.bad & set(questions):
            raise self.error
        return [TaskResult(case.case_id, f"You asked: {case.inputs['question']}. [1]", total_s=0.1) for case in cases]


def prepared(count: int = 5) -> tuple[Store, Dataset]:
    store = a_store()
    store.catalog.add_products([a_product(1)])
    cases = [a_case("assistant", a_product(1), "en", question=f"q{i}") for i in range(count)]
    return store, make_dataset(store, "questions", cases, NOW)


def said(store: Store, run: Run) -> dict[str, tuple[str, str, str | None]]:
    questions = {case.case_id: str(case.inputs["question"]) for case in store.runs.cases(run.dataset_id)}
    return {questions[o.case_id]: (o.status, o.text, o.error) for o in store.runs.outputs(run.run_id)}


def run_of(dataset: Dataset) -> str:
    return content_id("run", VARIANT.variant_id, dataset.dataset_id)


def test_a_run_has_one_output_a_case_and_is_finished() -> None:
    store, dataset = prepared()
    seen: list[tuple[int, int | None]] = []
    run = execute(store, VARIANT, dataset, Echo(), now=NOW, batch=2, progress=lambda done, total: seen.append((done, total)))
    assert run.finished_at == NOW and store.runs.totals(run.run_id).ok == 5
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_asking_again_asks_the_task_nothing() -> None:
    store, dataset = prepared()
    execute(store, VARIANT, dataset, Echo(), now=NOW)
    again = Echo()
    execute(store, VARIANT, dataset, again, now="2027-01-01T00:00:00Z")
    assert again.asked == [] and store.runs.run(run_of(dataset)).finished_at == NOW


def test_one_bad_case_costs_only_itself_and_says_why() -> None:
    store, dataset = prepared()
    task = Echo(bad=frozenset({"q1"}))
    run = execute(store, VARIANT, dataset, task, now=NOW, batch=3)
    outputs = said(store, run)
    assert outputs["q1"] == ("error", "", "ValueError: no")
    assert [outputs[f"q{i}"][0] for i in (0, 2, 3, 4)] == ["ok"] * 4
    assert task.asked == [["q0", "q1", "q2"], ["q0"], ["q1"], ["q2"], ["q3", "q4"]]


def test_a_task_that_forgets_a_case_is_an_error_of_that_case() -> None:
    store, dataset = prepared(2)
    run = execute(store, VARIANT, dataset, lambda cases: [], now=NOW)
    assert all(status == "error" and "0 results" in (why or "") for status, _, why in said(store, run).values())


def test_a_missing_device_stops_the_run_and_keeps_what_is_done() -> None:
    store, dataset = prepared()
    with pytest.raises(SetupError, match="no device"):
        execute(store, VARIANT, dataset, Echo(frozenset({"q3"}), SetupError("no device")), now=NOW, batch=2)
    assert store.runs.totals(run_of(dataset)).outputs == 2
    assert store.runs.run(run_of(dataset)).finished_at is None


def test_a_server_that_answers_nobody_stops_the_run_instead_of_filling_it_with_errors() -> None:
    store, dataset = prepared(4)
    everything = frozenset(f"q{i}" for i in range(4))
    with pytest.raises(RetryError, match="down"):
        execute(store, VARIANT, dataset, Echo(everything, RetryError("down")), now=NOW, batch=2)
    assert store.runs.totals(run_of(dataset)).outputs == 0
    execute(store, VARIANT, dataset, Echo(), now=NOW)
    assert store.runs.totals(run_of(dataset)).ok == 4


def test_a_server_that_fails_on_one_case_only_gives_that_case_an_error() -> None:
    store, dataset = prepared(4)
    run = execute(store, VARIANT, dataset, Echo(frozenset({"q2"}), RetryError("timed out")), now=NOW)
    assert said(store, run)["q2"] == ("error", "", "timed out") and store.runs.totals(run.run_id).ok == 3


def test_ctrl_c_leaves_whole_batches_and_the_next_call_ends_as_an_undisturbed_one() -> None:
    store, dataset = prepared()
    with pytest.raises(KeyboardInterrupt):
        execute(store, VARIANT, dataset, Echo(frozenset({"q2"}), KeyboardInterrupt()), now=NOW, batch=2)
    assert store.runs.totals(run_of(dataset)).outputs == 2
    resumed = execute(store, VARIANT, dataset, Echo(), now=NOW, batch=2)
    other, same = prepared()
    undisturbed = execute(other, VARIANT, same, Echo(), now=NOW)
    assert list(store.runs.outputs(resumed.run_id)) == list(other.runs.outputs(undisturbed.run_id))


def test_findings_are_named_by_their_output() -> None:
    store, dataset = prepared(1)
    draft = Draft("contact", "redact", "evidence", 3, 9, "an e-mail address", "review-1")

    def task(cases: Sequence[Case]) -> list[TaskResult]:
        return [TaskResult(case.case_id, "x", findings=(draft,)) for case in cases]

    run = execute(store, VARIANT, dataset, task, now=NOW)
    output = next(store.runs.outputs(run.run_id))
    assert store.runs.findings(run.run_id) == [draft.finding(output.output_id)]


def test_a_variant_of_another_feature_is_refused() -> None:
    store, dataset = prepared(1)
    with pytest.raises(InputError, match="highlights"):
        execute(store, a_variant("highlights", "template"), dataset, Echo(), now=NOW)


# ---------------------------------------------------------------------------------------------- scoring


@dataclass
class Length:
    """A metric that counts characters, or raises `error`; `measured` are the outputs it was asked about."""

    subject: Literal["output", "claim"] = "output"
    signature: str = "v:1"
    name: str = "characters"
    source: ScoreSource = "code"
    error: Exception | None = None
    measured: list[str] = field(default_factory=list)

    def measure(self, case: Case, output: Output, claims: Sequence[Claim]) -> list[Score]:
        self.measured.append(output.output_id)
        if self.error:
            raise self.error
        pairs = [(c.claim_id, c.text) for c in claims] if self.subject == "claim" else [(output.output_id, output.text)]
        return [
            Score(output.run_id, case.case_id, self.subject, i, self.name, self.signature, self.source, float(len(t))) for i, t in pairs
        ]


def a_run(count: int = 3, bad: frozenset[str] = frozenset()) -> tuple[Store, str]:
    store, dataset = prepared(count)
    return store, execute(store, VARIANT, dataset, Echo(bad), now=NOW).run_id


def test_scoring_twice_measures_once() -> None:
    store, run_id = a_run()
    assert score(store, run_id, {"characters": Length()}) == 3
    again = Length()
    assert score(store, run_id, {"characters": again}) == 0 and again.measured == []


def test_scoring_cuts_claims_first() -> None:
    store, run_id = a_run()
    assert score(store, run_id, {"characters": Length("claim")}) == 3
    assert next(claim.text for claim in store.runs.claims(run_id)).startswith("You asked: q")


def test_another_signature_is_another_score() -> None:
    store, run_id = a_run()
    score(store, run_id, {"characters": Length()})
    assert score(store, run_id, {"characters": Length(signature="v:2")}) == 3


def test_a_metric_that_fails_leaves_a_score_without_value_and_the_reason() -> None:
    store, run_id = a_run(2)
    assert score(store, run_id, {"characters": Length(error=ZeroDivisionError("by zero"))}) == 2
    scores = list(store.runs.scores(run_id))
    assert {row.value for row in scores} == {None} and {row.reason for row in scores} == {"the metric failed: ZeroDivisionError: by zero"}


def test_a_judge_that_does_not_answer_stops_scoring_and_what_was_measured_stays() -> None:
    store, run_id = a_run(2)
    score(store, run_id, {"characters": Length()})
    with pytest.raises(RetryError):
        score(store, run_id, {"characters": Length(), "judge": Length(name="judge", error=RetryError("no answer"))})
    assert len(list(store.runs.scores(run_id))) == 2


def test_all_metrics_score_errors_too_and_never_silently() -> None:
    store, run_id = a_run(3, frozenset({"q1"}))
    assert score(store, run_id) > 0 and score(store, run_id) == 0
    without = [row for row in store.runs.scores(run_id) if row.value is None]
    assert without and all(row.reason for row in without)


def test_an_unknown_run_is_named() -> None:
    with pytest.raises(UnknownIdError, match="run-x"):
        score(a_store(), "run-x")
