"""Which claims people see, drawn so that the estimate later is unbiased and the two arms can be compared claim by claim.

The unit of sampling is the case: both runs' outputs for a case are labelled or neither, so that differences are paired. Within a
language a fixed number of cases is drawn without replacement: the chance of each is exactly ``drawn / eligible``, recorded with each item.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotators.labeling import RUBRIC, counts_line, queue_name
from evals.errors import InputError
from evals.identity import content_id
from evals.packs import LanguagePack, pack
from evals.records import AspectRow, Case, Claim, Output, Passage, QueueItem, Run
from evals.store import Store
from evals.text import visible
from guardrails import redact_text

MIN_CASES = 2  # per language: one case gives no idea of the spread
RANDOM, FLAGGED = "random audit", "flagged"


@dataclass(frozen=True)
class EnqueueSummary:
    """`probabilities`: chance of a case per language. `flagged`: cases queued only because a rail blocked something in them."""

    eligible: int
    sampled: int
    flagged: int
    items: int
    new_items: int
    probabilities: Mapping[str, float]


@dataclass(frozen=True)
class _Drawn:
    why: str
    probability: float


def enqueue(
    store: Store, champion_run_id: str, candidate_run_id: str, *, fraction: float, seed: int, overlap: int, now: str
) -> EnqueueSummary:
    """Queue every claim of a random `fraction` of the cases that both runs have answered; asked again with the same seed it adds nothing.

    At least MIN_CASES per language. Cases in which a rail blocked something are queued too, as ``flagged`` with probability 1: they are
    for looking at and stay out of the estimate; one that is drawn at random anyway stays in it. Items are labelled in the order of their
    ids, which are hashes: the arms are mixed and nothing shown tells them apart. Raises InputError for runs that cannot be compared.
    """
    champion, candidate = _comparable(store, champion_run_id, candidate_run_id)
    if not 0 < fraction <= 1 or overlap < 1:
        raise InputError(f"fraction {fraction} must be in (0, 1], overlap {overlap} at least 1")
    outputs = [{output.case_id: output for output in store.runs.outputs(run.run_id)} for run in (champion, candidate)]
    cases = [case for case in store.runs.cases(champion.dataset_id) if all(case.case_id in arm for arm in outputs)]
    drawn = sample(cases, fraction=fraction, seed=seed)
    flagged = _flagged(store, (champion, candidate), {case.case_id for case in cases}) - drawn.keys()
    chosen = {key: _Drawn(RANDOM, p) for key, p in drawn.items()} | {key: _Drawn(FLAGGED, 1.0) for key in flagged}
    items = [
        item
        for run, arm in zip((champion, candidate), outputs, strict=True)
        for item in _items(store, run, arm, {case.case_id: case for case in cases}, chosen, overlap, now)
    ]
    per_language = {case.language: drawn[case.case_id] for case in cases if case.case_id in drawn}
    return EnqueueSummary(
        len(cases), len(drawn), len(flagged), len(items), store.queue.add_items(items), dict(sorted(per_language.items()))
    )


def sample(cases: Sequence[Case], *, fraction: float, seed: int) -> dict[str, float]:
    """Case id → the chance it had, of the cases drawn: per language the ceil(fraction × n) with the smallest hashes of (seed, case id),
    at least MIN_CASES or all there are. Depends on nothing else; a larger fraction keeps what a smaller one drew.
    """
    per_language: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        per_language[case.language].append(case.case_id)
    drawn: dict[str, float] = {}
    for ids in per_language.values():
        count = min(len(ids), max(MIN_CASES, math.ceil(round(fraction * len(ids), 9))))
        drawn |= dict.fromkeys(sorted(ids, key=lambda case_id: uniform(seed, case_id))[:count], count / len(ids))
    return drawn


def uniform(seed: int, *parts: str) -> float:
    """A number in [0, 1) that depends on the arguments alone.

    >>> uniform(1, "case-a") == uniform(1, "case-a") != uniform(2, "case-a")
    True
    """
    digest = hashlib.sha256("\0".join([str(seed), *parts]).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _comparable(store: Store, champion_run_id: str, candidate_run_id: str) -> tuple[Run, Run]:
    champion, candidate = store.runs.run(champion_run_id), store.runs.run(candidate_run_id)
    if champion.dataset_id != candidate.dataset_id:
        raise InputError(f"runs {champion_run_id} and {candidate_run_id} are over different datasets: nothing is paired")
    if champion.run_id == candidate.run_id:
        raise InputError(f"run {champion_run_id} cannot be compared with itself")
    return champion, candidate


def _flagged(store: Store, runs: Sequence[Run], cases: set[str]) -> set[str]:
    found: set[str] = set()
    for run in runs:
        blocking = {finding.output_id for finding in store.runs.findings(run.run_id) if finding.action == "block"}
        if blocking:
            found |= {output.case_id for output in store.runs.outputs(run.run_id) if output.output_id in blocking}
    return found & cases


def _items(
    store: Store,
    run: Run,
    outputs: Mapping[str, Output],
    cases: Mapping[str, Case],
    chosen: Mapping[str, _Drawn],
    overlap: int,
    now: str,
) -> Iterator[QueueItem]:
    by_id = {output.output_id: output for case_id, output in outputs.items() if case_id in chosen}
    evidence = {output.output_id: evidence_text(cases[output.case_id], output) for output in by_id.values()}
    for claim in store.runs.claims(run.run_id):
        if output := by_id.get(claim.output_id):
            case, drawn = cases[output.case_id], chosen[output.case_id]
            item_id = content_id("item", claim.claim_id, RUBRIC)
            yield QueueItem(
                item_id=item_id,
                queue=queue_name(case.feature, case.language),
                feature=case.feature,
                language=case.language,
                rubric=RUBRIC,
                run_id=run.run_id,
                case_id=case.case_id,
                output_id=output.output_id,
                claim_id=claim.claim_id,
                why=drawn.why,
                probability=drawn.probability,
                overlap=overlap,
                created_at=now,
                data=task_data(item_id, case, output, claim) | {"evidence": evidence[output.output_id]},
            )


# ---------------------------------------------------------------------------------------------- what the annotator may see


def task_data(item_id: str, case: Case, output: Output, claim: Claim) -> dict[str, Any]:
    """The task without its evidence: the claim, for the assistant question and whole answer too. No variant, no run; hidden
    characters made visible, personal data redacted: annotators may be outside the company."""
    tag = case.language
    data = {"item_id": item_id, "language": tag, "claim": _shown(claim.text, tag)}
    if case.feature == "assistant":
        data |= {"question": _shown(str(case.inputs.get("question", "")), tag), "answer": _shown(output.text, tag)}
    return data


def evidence_text(case: Case, output: Output) -> str:
    """For highlights the aspect table, a row a line; then the passages, one a line: ``[1] …``. A passage cannot forge a line or a mark."""
    words = pack(case.language)
    table = [counts_line(_aspect_name(words, row), row, case.language) for row in output.aspects] if case.feature == "highlights" else []
    passages = [f"[{passage.number}] {_passage(words, passage, case.language)}" for passage in output.passages]
    return "\n".join([*table, *([""] if table and passages else []), *passages]) or "–"


def _aspect_name(words: LanguagePack, row: AspectRow) -> str:
    return words.aspects[row.aspect].name if row.aspect in words.aspects else row.aspect.replace("_", " ")


def _passage(words: LanguagePack, passage: Passage, language: str) -> str:
    text = re.sub(r"\[\s*(\d+)\s*\]", r"(\1)", " ".join(_shown(passage.text, language).split()))
    if passage.source != "attribute":
        return text
    attribute = re.split(r"[/:#]", passage.source_id)[-1]
    name = words.attributes.get(attribute, attribute.replace("_", " "))
    return text if text.casefold().startswith(name.casefold()) else f"{name}: {text}"


def _shown(text: str, language: str) -> str:
    return visible(redact_text(text, language))
