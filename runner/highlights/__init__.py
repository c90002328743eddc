"""Highlights: what the reviews of a product say, aspect by aspect, summed up in a few sentences that rest on quotations.

segment → aspects + sentiment → mentions → table + snippets (all classic, over all reviews) → summarize (a template or a language model).
"""

from __future__ import annotations

from collections.abc import Sequence

from evals.experiment import Task, TaskResult
from evals.records import Case, Variant
from evals.store import Catalog
from runner.highlights.evidence import gather
from runner.highlights.summarize import nothing_to_say, summarizer

__all__ = ["task"]


def task(catalog: Catalog, variant: Variant) -> Task:
    """What `evals.experiment.execute` runs; raises InputError for a variant of an unknown kind."""
    summarize = summarizer(variant)

    def run(cases: Sequence[Case]) -> list[TaskResult]:
        evidence = [gather(catalog, case) for case in cases]
        full = [some for some in evidence if some.rows]
        done = {result.case_id: result for result in (summarize(full) if full else [])}
        return [done.get(some.case.case_id) or nothing_to_say(some) for some in evidence]

    return run
