"""One variant over one dataset: execute what is missing, score what is not scored.

Both may be stopped at any moment, by Ctrl-C or by kill -9, and asked again: outputs and scores are written batch by
batch, each batch in one transaction, and a second call does the missing part only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from evals.claims import claims_of
from evals.errors import InputError, PlumblineError, RetryError, SetupError
from evals.identity import content_id
from evals.metric import Sample
from evals.records import (
    Action,
    AspectRow,
    Case,
    Claim,
    Dataset,
    Finding,
    Output,
    Passage,
    Run,
    Score,
    ScoreSource,
    Variant,
)
from evals.store import Store
from evals.store.rows import batches

Progress = Callable[[int, int | None], None]
SCORE_BATCH = 32  # outputs per write: small enough that a stop loses seconds, large enough that commits cost nothing


class FindingLike(Protocol):
    """A finding before its output has a name: what the rails return. A `Finding` is one too."""

    @property
    def rail(self) -> str: ...
    @property
    def action(self) -> Action: ...
    @property
    def target(self) -> Literal["input", "evidence", "output"]: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def detail(self) -> str: ...
    @property
    def source_id(self) -> str | None: ...


class Metric(Protocol):
    """What `score` needs of a metric: see `evals.metrics`."""

    @property
    def name(self) -> str: ...
    @property
    def signature(self) -> str: ...
    @property
    def source(self) -> ScoreSource: ...
    @property
    def subject(self) -> Literal["output", "claim"]: ...
    def measure(self, case: Case, output: Output, claims: Sequence[Claim]) -> Sequence[Score]: ...
    def measure_many(self, samples: Sequence[Sample]) -> Sequence[Sequence[Score]]: ...


@dataclass(frozen=True)
class TaskResult:
    """What a task says for one case; `execute` gives it its run, its name and its time of writing. Fields as in `Output`."""

    case_id: str
    text: str
    status: Literal["ok", "blocked", "error"] = "ok"
    passages: tuple[Passage, ...] = ()
    aspects: tuple[AspectRow, ...] = ()
    error: str | None = None
    prompt_tokens: int = 0
    generated_tokens: int = 0
    first_token_s: float | None = None
    total_s: float | None = None
    findings: tuple[FindingLike, ...] = ()


Task = Callable[[Sequence[Case]], Sequence[TaskResult]]


def execute(
    store: Store, variant: Variant, dataset: Dataset, task: Task, *, now: str, batch: int = 8, progress: Progress | None = None
) -> Run:
    """Run `task` over the cases of `dataset` that have no output yet, and mark the run finished.

    A case the task cannot do gets an output with status ``error`` and the reason. What is no case's fault is raised instead,
    with everything done so far stored: SetupError at once, RetryError when no case of a batch got through.
    Raises InputError when variant and dataset are of different features.
    """
    if variant.feature != dataset.feature:
        raise InputError(f"variant {variant.name!r} does {variant.feature}, dataset {dataset.name!r} is for {dataset.feature}")
    store.runs.add_variant(variant)
    run_id = content_id("run", variant.variant_id, dataset.dataset_id)
    run = store.runs.add_run(Run(run_id, variant.feature, variant.variant_id, dataset.dataset_id, now))
    missing = store.runs.missing_cases(run)
    done = dataset.cases - len(missing)
    for cases in batches(missing, batch):
        results = _results(task, cases)
        store.runs.add_outputs([_output(run, result, now) for result in results], _findings(run, results))
        done += len(cases)
        if progress:
            progress(done, dataset.cases)
    store.runs.finish_run(run.run_id, now)
    return store.runs.run(run.run_id)


def output_id(run_id: str, case_id: str) -> str:
    """The name of what a run says for a case."""
    return content_id("output", run_id, case_id)


def _results(task: Task, cases: Sequence[Case]) -> list[TaskResult]:
    """One result a case, in order; when the batch fails, case by case, so that one bad case costs only itself."""
    try:
        return _matched(task(cases), cases)
    except SetupError:
        raise
    except Exception:
        return _one_by_one(task, cases)


def _one_by_one(task: Task, cases: Sequence[Case]) -> list[TaskResult]:
    results, unreachable = [], None
    for case in cases:
        try:
            results += _matched(task([case]), [case])
        except SetupError:
            raise
        except Exception as error:
            unreachable = error if isinstance(error, RetryError) else unreachable
            results.append(TaskResult(case.case_id, "", status="error", error=_reason(error)))
    if unreachable is not None and all(result.status == "error" for result in results):
        raise unreachable
    return results


def _matched(results: Sequence[TaskResult], cases: Sequence[Case]) -> list[TaskResult]:
    by_case = {result.case_id: result for result in results}
    if len(results) != len(cases) or by_case.keys() != {case.case_id for case in cases}:
        raise InputError(f"the task returned {len(results)} results, not one for each of {len(cases)} cases")
    return [by_case[case.case_id] for case in cases]


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, PlumblineError) else f"{type(error).__name__}: {error}"[:2000]


def _output(run: Run, result: TaskResult, now: str) -> Output:
    return Output(
        output_id=output_id(run.run_id, result.case_id),
        run_id=run.run_id,
        case_id=result.case_id,
        text=result.text,
        status=result.status,
        created_at=now,
        passages=result.passages,
        aspects=result.aspects,
        error=result.error,
        prompt_tokens=result.prompt_tokens,
        generated_tokens=result.generated_tokens,
        first_token_s=result.first_token_s,
        total_s=result.total_s,
    )


def _findings(run: Run, results: Sequence[TaskResult]) -> list[Finding]:
    return [_finding(output_id(run.run_id, result.case_id), draft) for result in results for draft in result.findings]


def _finding(output: str, draft: FindingLike) -> Finding:
    what = (draft.rail, draft.target, draft.source_id, draft.start, draft.end, draft.detail)
    return Finding(
        finding_id=content_id("finding", output, *what),
        output_id=output,
        rail=draft.rail,
        action=draft.action,
        target=draft.target,
        start=draft.start,
        end=draft.end,
        detail=draft.detail,
        source_id=draft.source_id,
    )


# ---------------------------------------------------------------------------------------------- scoring


def score(store: Store, run_id: str, metrics: Mapping[str, Metric] | None = None, progress: Progress | None = None) -> int:
    """Cut the run's outputs into claims and measure what has no score of that metric and signature yet; how many scores were new.

    `metrics` None means those of `evals.metrics.metrics_for`. A metric that fails on an output gives a score without value and the
    reason; errors of `evals.errors` (no judge, no server) are raised, with everything measured so far stored.
    Raises UnknownIdError for an unknown run.
    """
    from evals.metrics import metrics_for

    run = store.runs.run(run_id)
    missing = {case.case_id for case in store.runs.missing_cases(run)}
    cases = [case for case in store.runs.cases(run.dataset_id) if case.case_id not in missing]
    chosen = list((metrics_for(cases) if metrics is None else metrics).values())
    known = {metric.name: store.runs.scored(run_id, metric.name, metric.signature) for metric in chosen}
    new = done = 0
    for some in batches(cases, SCORE_BATCH):
        new += _score_batch(store, run_id, some, chosen, known)
        done += len(some)
        if progress:
            progress(done, len(cases))
    store.runs.roll_up(run_id)
    return new


def _score_batch(store: Store, run_id: str, cases: Sequence[Case], metrics: Sequence[Metric], known: Mapping[str, set[str]]) -> int:
    outputs = [store.runs.output_of(run_id, case.case_id) for case in cases]
    samples = [(case, output, _claims(store, case, output)) for case, output in zip(cases, outputs, strict=True)]
    return store.runs.add_scores(row for metric in metrics for row in _measure(metric, samples, known[metric.name]))


def _claims(store: Store, case: Case, output: Output) -> list[Claim]:
    """An output is cut once: a later version of the cutter must not leave two sets of claims, one of them labelled by people."""
    known = store.runs.claims_of(output.output_id)
    if not known:
        known = claims_of(output, case.language)
        store.runs.add_claims(known)
    return known


def _measure(metric: Metric, samples: Sequence[Sample], known: set[str]) -> Iterator[Score]:
    """The scores not known yet; only the outputs that lack one are measured, together where they can be, else one by one."""
    wanted = [(sample, missing) for sample in samples if (missing := _subjects(metric, sample) - known)]
    try:
        measured = metric.measure_many([sample for sample, _ in wanted])
    except PlumblineError:
        raise
    except Exception:
        measured = [_measure_one(metric, sample) for sample, _ in wanted]
    for rows, (_, missing) in zip(measured, wanted, strict=True):
        yield from (row for row in rows if row.subject_id in missing)


def _subjects(metric: Metric, sample: Sample) -> set[str]:
    _, output, claims = sample
    return {claim.claim_id for claim in claims} if metric.subject == "claim" and claims else {output.output_id}


def _measure_one(metric: Metric, sample: Sample) -> Sequence[Score]:
    try:
        return metric.measure(*sample)
    except PlumblineError:
        raise
    except Exception as error:
        return [_failed(metric, sample[1], subject, error) for subject in sorted(_subjects(metric, sample))]


def _failed(metric: Metric, output: Output, subject_id: str, error: Exception) -> Score:
    return Score(
        run_id=output.run_id,
        case_id=output.case_id,
        subject="output" if subject_id == output.output_id else "claim",
        subject_id=subject_id,
        metric=metric.name,
        signature=metric.signature,
        source=metric.source,
        value=None,
        reason=f"the metric failed: {_reason(error)}",
    )
