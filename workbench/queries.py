"""Small frames for the pages: aggregated in SQL, shaped here, tested without Streamlit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from evals.records import Claim, Decision, Feature, Output, Run, Score
from evals.store import PairedMean, QueueStatus, Store

SMALL = 30  # cases below which a difference is shown in grey: too few to look at


class Figures(NamedTuple):
    """The four cards of the overview."""

    products: int
    reviews: int
    languages: int
    runs: int
    open_tasks: int
    done_tasks: int
    annotations: int


def figures(store: Store) -> Figures:
    counts, queues = store.catalog.review_counts(), store.queue.status()
    return Figures(
        products=len({row.product_id for row in counts}),
        reviews=sum(row.reviews for row in counts),
        languages=len({row.language for row in counts}),
        runs=len(store.runs.runs()),
        open_tasks=sum(row.open for row in queues),
        done_tasks=sum(row.done for row in queues),
        annotations=sum(row.annotations for row in queues),
    )


def latest_decision(store: Store, feature: Feature) -> Decision | None:
    return next(iter(store.ledger.decisions(feature)), None)


def runs_frame(store: Store) -> pd.DataFrame:
    """One row a run with its totals; tokens per second only where tokens were generated."""
    variants = {variant.variant_id: variant for variant in store.runs.variants()}
    rows = []
    for run in store.runs.runs():
        sums, variant = store.runs.totals(run.run_id), variants[run.variant_id]
        rows.append(
            {
                "feature": run.feature,
                "variant": variant.name,
                "precision": variant.settings.get("precision", "–"),
                "state": "finished" if run.finished_at else "unfinished",
                "outputs": sums.outputs,
                "blocked": sums.blocked,
                "errors": sums.errors,
                "tokens/s": sums.generated_tokens / sums.seconds if sums.generated_tokens and sums.seconds else None,
                "created": pd.Timestamp(run.created_at),
                "run": run.run_id,
            }
        )
    return pd.DataFrame(rows)


def comparison_frame(means: Sequence[PairedMean]) -> pd.DataFrame:
    """Paired means with a 95 % half-width (normal, for looking only: the gate computes its own)."""
    return pd.DataFrame([{**row._asdict(), "half_width": half_width(row)} for row in means])


def half_width(row: PairedMean) -> float | None:
    """1.96 standard errors of the mean difference; None for fewer than two cases."""
    if row.n < 2:
        return None
    variance = max(row.sum_squares - row.n * row.difference**2, 0.0) / (row.n - 1)
    return 1.96 * math.sqrt(variance / row.n)


def queue_frame(rows: Sequence[QueueStatus]) -> pd.DataFrame:
    frame = pd.DataFrame([row._asdict() for row in rows])
    if not frame.empty:
        frame["progress"] = frame["done"] / frame["items"]
        frame["oldest_open_at"] = pd.to_datetime(frame["oldest_open_at"])
    return frame


class Sample(NamedTuple):
    """One case's output with its claims and their scores, and what people said: claim id to verdicts."""

    output: Output
    claims: list[Claim]
    scores: dict[str, list[Score]]
    labels: dict[str, list[str]]


def sample(store: Store, run: Run, case_id: str) -> Sample:
    """Raises UnknownIdError where the run has no output for the case."""
    output = store.runs.output_of(run.run_id, case_id)
    claims = store.runs.claims_of(output.output_id)
    scores: dict[str, list[Score]] = {}
    for score in store.runs.scores_of(run.run_id, case_id):
        scores.setdefault(score.subject_id, []).append(score)
    labels: dict[str, list[str]] = {}
    for row in store.queue.labelled_claims(run.run_id, case_id):
        labels.setdefault(row.claim_id, []).append(row.verdict)
    return Sample(output, claims, scores, labels)
