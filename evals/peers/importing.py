"""A peer's results as our cases, outputs, scores and run. The same file twice is one import; other answers of the same arm are another run.

Values keep their maker: ``code`` or ``model``, never ``human``, whatever the file says: labels by people come through our queues. A metric
is named ``<peer>_<metric>``, so that it is never taken for one of ours, and every case has a row of it, with a value or why not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from evals.errors import InputError
from evals.experiment import TaskResult, execute, output_id
from evals.identity import content_id, sha256
from evals.languages import UNDETERMINED, identify
from evals.metric import signature
from evals.peers.answers import Answer, Results, Value, language_of, name_of
from evals.peers.cases import IDENTIFIED_BY, Answers, by_case, dataset_of
from evals.records import Case, Feature, Passage, Run, Score, Variant
from evals.store import Store

BATCH = 500
_MOST_SIGNATURE = 240


@dataclass(frozen=True)
class Choices:
    """What the caller says where the files do not. `language`: of cases that state none (else it is identified from the question);
    `judged`: metrics that a model made; `version`: of the peer; `over`: the run whose cases these answer, any it lacks being an error."""

    language: str | None = None
    judged: frozenset[str] = frozenset()
    version: str | None = None
    over: Run | None = None


@dataclass(frozen=True)
class Imported:
    """What became of one arm. `metrics`: name → (values, cases without one); `differing`: scores that are stored with another value under
    the same signature, and stay as they are."""

    run: Run
    variant: str
    peer: str
    version: str | None
    cases: int
    errors: int
    new_scores: int
    differing: int
    metrics: Mapping[str, tuple[int, int]]
    notes: tuple[str, ...]


def store_results(store: Store, feature: Feature, results: Results, now: str, choices: Choices | None = None) -> Imported:
    """Store one arm. Raises InputError for a case named twice, one that is not among those of `choices.over`, a judged metric that is not
    there, and two metrics whose names are one here."""
    chosen = choices or Choices()
    version = results.version or chosen.version
    answers = by_case(feature, results, chosen.language)
    dataset, cases = dataset_of(store, feature, results, answers, chosen.over, now)
    values = _completed(results, cases, answers, chosen.judged)
    variant = _variant(feature, results, version, answers)
    drafts = {case.case_id: _draft(case, answers, results.peer) for case in cases}
    run = execute(store, variant, dataset, lambda some: [drafts[case.case_id] for case in some], now=now, batch=BATCH)
    scores = list(_scores(run, results.peer, version, values))
    differing = _differing(store, run, scores)
    new = store.runs.add_scores(scores)
    store.runs.roll_up(run.run_id)
    return Imported(
        run=run,
        variant=variant.name,
        peer=results.peer,
        version=version,
        cases=len(cases),
        errors=sum(draft.status == "error" for draft in drafts.values()),
        new_scores=new,
        differing=differing,
        metrics={name: _counted(measured) for name, measured in values.items()},
        notes=results.notes,
    )


# ---------------------------------------------------------------------------------------------- outputs


def _variant(feature: Feature, results: Results, version: str | None, answers: Answers) -> Variant:
    """The arm, and what it answered: another answer to any case makes it another variant, whatever its name."""
    said = sorted((name, asdict(replace(answer, values={}, where="", contexts=()))) for name, (_, answer) in answers.items())
    settings = {"kind": "imported", "peer": results.peer, "version": version or "unstated", **results.settings}
    settings["answers_sha256"] = sha256(content_id("answers", said))
    return Variant(content_id("variant", feature, results.variant, settings), name_of(results.variant), feature, settings)


def _draft(case: Case, answers: Answers, peer: str) -> TaskResult:
    if case.case_id not in answers:
        return TaskResult(case.case_id, "", status="error", error=f"the {peer} file has no answer to this case")
    answer = answers[case.case_id][1]
    return TaskResult(
        case_id=case.case_id,
        text="" if answer.error else answer.text,
        status="error" if answer.error else "ok",
        passages=tuple(_passage(case, number, text) for number, text in enumerate(answer.contexts, 1)),
        error=answer.error,
        prompt_tokens=answer.prompt_tokens,
        generated_tokens=answer.generated_tokens,
        first_token_s=answer.first_token_s,
        total_s=answer.total_s,
    )


def _passage(case: Case, number: int, text: str) -> Passage:
    """A context of the peer's retrieval, as evidence that our own scorers and people can weigh."""
    language = case.language if case.language != UNDETERMINED else identify(text[:IDENTIFIED_BY])[0]
    return Passage(number, "context", f"{case.case_id}/{number}", language, text, 0, len(text))


# ---------------------------------------------------------------------------------------------- scores

Values = Mapping[str, Mapping[str, Value]]


def _completed(results: Results, cases: Sequence[Case], answers: Answers, judged: Collection[str]) -> Values:
    """Metric → case → value, every case in every metric."""
    names = dict.fromkeys(name for answer in results.answers for name in answer.values)
    if unknown := sorted(set(judged) - names.keys()):
        raise InputError(f"{results.variant} has no metric {', '.join(map(repr, unknown))}: {', '.join(names) or 'none at all'}")
    called = Counter(metric_name(results.peer, name) for name in names)
    if double := sorted(name for name, count in called.items() if count > 1):
        raise InputError(f"{results.variant}: two of its metrics would be called {', '.join(double)}")
    made = {name: _maker([answer.values[name] for answer in results.answers if name in answer.values], name in judged) for name in names}
    return {name: {case.case_id: replace(_value(answers.get(case.case_id), name), **made[name]) for case in cases} for name in names}


def _maker(values: Sequence[Value], judged: bool) -> dict[str, Any]:
    """A metric has one maker: a model, where any of its values is said to be a model's."""
    models = sorted({value.by for value in values if value.by})
    by_model = judged or bool(models) or any(value.source == "model" for value in values)
    return {"source": "model" if by_model else "code", "by": "+".join(models) or None}


def _value(found: tuple[Case, Answer] | None, name: str) -> Value:
    if found is None:
        return Value(None, "not measured: no answer to this case")
    answer = found[1]
    if name in answer.values:
        return answer.values[name]
    return Value(None, f"not measured: {f'the answer failed: {answer.error}' if answer.error else 'not among its metrics'}")


def _scores(run: Run, peer: str, version: str | None, values: Values) -> Iterator[Score]:
    for name, measured in values.items():
        settings = {"peer": peer, "release": version or "unstated"}
        by = next(iter(measured.values())).by
        signed = signature(1, **{key: _plain(value) for key, value in (settings | ({"model": by} if by else {})).items()})
        for case_id, value in measured.items():
            yield Score(
                run_id=run.run_id,
                case_id=case_id,
                subject="output",
                subject_id=output_id(run.run_id, case_id),
                metric=metric_name(peer, name),
                signature=signed[:_MOST_SIGNATURE],
                source=value.source,
                value=value.value,
                reason=value.reason,
                detail=value.detail,
            )


def metric_name(peer: str, name: str) -> str:
    """What policies and criteria call a peer's metric: words joined by ``_``.

    >>> metric_name("deepeval", "States Value"), metric_name("lm_eval", "exact_match,strict-match")
    ('deepeval_states_value', 'lm_eval_exact_match_strict_match')
    """
    words = re.findall(r"[^\W_]+", name.casefold())
    return name_of(f"{peer}_{'_'.join(words)}")


def _plain(text: str) -> str:
    return name_of(text).replace("|", "/").replace(":", "=")


def _differing(store: Store, run: Run, scores: Sequence[Score]) -> int:
    """Scores known under the same signature with another value: a judge asked again, or metrics changed by hand."""
    known = {(row.subject_id, row.metric, row.signature): row.value for row in store.runs.scores(run.run_id)}
    keys = [((row.subject_id, row.metric, row.signature), row.value) for row in scores]
    return sum(key in known and known[key] != value for key, value in keys)


def _counted(measured: Mapping[str, Value]) -> tuple[int, int]:
    known = sum(value.value is not None for value in measured.values())
    return known, len(measured) - known


def chosen_language(tag: str | None) -> str | None:
    """A language named by hand. Raises InputError for what is no tag."""
    if tag is None:
        return None
    if not language_of(tag):
        raise InputError(f"{tag!r} is no language tag, such as en or pt-BR")
    return language_of(tag)
