"""Everything a summary may rest on, made by classic methods from all reviews of a case: the aspect table and a few quotations."""

from __future__ import annotations

import time
from dataclasses import dataclass

from evals.datasets import reviews_sha256
from evals.errors import InputError
from evals.records import AspectRow, Case, Passage
from evals.store import Catalog
from guardrails import Draft
from runner.finish import screened
from runner.highlights.mentions import opinions
from runner.highlights.snippets import Candidate, SnippetPool, choose
from runner.highlights.table import AspectTable
from runner.prompts import MAX_PASSAGES, MAX_ROWS

ROUNDS = 4  # of choosing again what the rails refused


@dataclass(frozen=True)
class Evidence:
    """`table`: all aspects found; `rows`: those to speak of, each with at least one passage; `seconds` it took."""

    case: Case
    title: str
    table: tuple[AspectRow, ...]
    rows: tuple[AspectRow, ...]
    passages: tuple[Passage, ...]
    findings: tuple[Draft, ...]
    seconds: float


def gather(catalog: Catalog, case: Case) -> Evidence:
    """Read the case's reviews once. Raises InputError when they are no longer those the case was made from."""
    began = time.perf_counter()
    if reviews_sha256(catalog.review_ids(case.product_id, case.language)) != case.inputs.get("reviews_sha256"):
        raise InputError(f"case {case.case_id}: the reviews of {case.product_id} in {case.language} changed since; make the dataset again")
    table, pool = AspectTable(), SnippetPool(case.language)
    for review, found in opinions(catalog.reviews(case.product_id, case.language), case.language):
        table.add(found)
        pool.add(review, found)
    rows = table.top(MAX_ROWS)
    passages, findings = _passages(pool, rows, case)
    quoted = {passage.aspect for passage in passages}
    return Evidence(
        case=case,
        title=catalog.product(case.product_id).title,
        table=tuple(table.rows()),
        rows=tuple(row for row in rows if row.aspect in quoted),
        passages=passages,
        findings=findings,
        seconds=time.perf_counter() - began,
    )


def _passages(pool: SnippetPool, rows: list[AspectRow], case: Case) -> tuple[tuple[Passage, ...], tuple[Draft, ...]]:
    """The chosen quotations, numbered from 1; one the rails object to is not cut down but replaced by the next best."""
    refused: dict[Candidate, list[Draft]] = {}
    chosen: list[Candidate] = []
    for _ in range(ROUNDS):
        chosen = choose(pool, rows, MAX_PASSAGES, refused)
        found = {some: screened([some.passage(0)], case.language, case)[1] for some in chosen if some not in refused}
        objected = {some: drafts for some, drafts in found.items() if any(draft.action != "allow" for draft in drafts)}
        if not objected:
            break
        refused |= objected
    kept = [some for some in chosen if some not in refused]
    findings = tuple(dict.fromkeys(draft for drafts in refused.values() for draft in drafts))
    return tuple(some.passage(number) for number, some in enumerate(kept, 1)), findings
