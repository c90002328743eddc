"""Assistant: a shopper's question answered from the product's attributes, its reviews and earlier answers, with [n] marks.

sources → retrieve → answer (rules or a language model, streamed) → hydrate → rails, a sentence at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from evals.errors import InputError
from evals.experiment import Task, TaskResult
from evals.records import Case, Variant
from evals.store import Catalog
from runner.assistant.streaming import Done, Event, Evidence, Text, answered, stream

__all__ = ["Done", "Event", "Evidence", "Text", "stream", "task"]


def task(catalog: Catalog, variant: Variant) -> Task:
    """What `evals.experiment.execute` runs, on the path the Playground takes: times are those of a shopper who waits.

    Raises InputError for a variant of an unknown kind.
    """
    kind = variant.settings.get("kind")
    if kind not in ("template", "lm"):
        raise InputError(f"variant {variant.name!r}: kind {kind!r} is neither 'template' nor 'lm'")

    def run(cases: Sequence[Case]) -> list[TaskResult]:
        return [event for case in cases for event in answered(catalog, variant, case) if isinstance(event, Done)]

    return run
