"""Small frames for the pages: aggregated in SQL, shaped here, tested without Streamlit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from evals.errors import UnknownIdError
from evals.records import Claim, Decision, Feature, Finding, Output, Passage, Review, Run, Score
from evals.store import PairedMean, QueueStatus, Store

SMALL = 30  # cases below which a difference is shown in grey: too few to look at
SHOWN_RUNS = 50
EVERYWHERE = "all"  # the row of a comparison that covers every language
# For these, a candidate that scores higher is better; of the others a page only says that they differ.
BETTER_IS_HIGHER = (
    "grounded",
    "support",
    "judge_claims",
    "nli",
    "jury",
    "citation_support",
    "language_adherence",
    "citation_share",
    "aspect_coverage",
    "sentiment_consistency",
    "chrf",
    "bleu",
    "ragas_string_presence",
    "ragas_faithfulness",
    "ragas_response_groundedness",
    "ragas_context_precision",
    "ragas_context_recall",
)


class Figures(NamedTuple):
    """The cards of the overview."""

    products: int
    reviews: int
    languages: int
    runs: int
    open_tasks: int
    done_tasks: int
    annotations: int


def figures(store: Store) -> Figures:
    """Counted in SQL."""
    catalog, queues = store.coverage.totals(), store.queue.status()
    return Figures(
        *catalog,
        runs=len(store.runs.runs()),
        open_tasks=sum(row.open for row in queues),
        done_tasks=sum(row.done for row in queues),
        annotations=sum(row.annotations for row in queues),
    )


def latest_decision(store: Store, feature: Feature) -> Decision | None:
    return next(iter(store.ledger.decisions(feature)), None)


# ---------------------------------------------------------------------------------------------- runs


def run_slugs(store: Store, feature: Feature) -> dict[str, Run]:
    """Every run of a feature, oldest first, by a slug for addresses: the variant's name and enough of the run's id to be unique."""
    names = {variant.variant_id: variant.name for variant in store.runs.variants(feature)}
    return {f"{names[run.variant_id]}.{run.run_id.removeprefix('run-')[:6]}": run for run in reversed(store.runs.runs(feature))}


def runs_frame(store: Store) -> pd.DataFrame:
    """One row a run, newest first, with its totals; tokens per second only where tokens were generated."""
    variants = {variant.variant_id: variant for variant in store.runs.variants()}
    rows = []
    for run in store.runs.runs()[:SHOWN_RUNS]:
        sums, variant = store.runs.totals(run.run_id), variants[run.variant_id]
        rows.append(
            {
                "feature": run.feature,
                "variant": variant.name,
                "precision": variant.settings.get("precision") or "no model",
                "state": ["finished" if run.finished_at else "unfinished"],
                "outputs": sums.outputs,
                "blocked": sums.blocked,
                "errors": sums.errors,
                "tokens_per_s": sums.generated_tokens / sums.seconds if sums.generated_tokens and sums.seconds else None,
                "created": pd.Timestamp(run.created_at),
            }
        )
    return pd.DataFrame(rows)


# ---------------------------------------------------------------------------------------------- comparisons


def comparison_frame(means: Sequence[PairedMean]) -> pd.DataFrame:
    """Paired means by metric and language, and per metric over all of them (EVERYWHERE, first), with a 95 % half-width
    (normal approximation over cases, for looking only: the gate computes its own)."""
    rows = [*(_everywhere([row for row in means if row.metric == metric]) for metric in sorted({row.metric for row in means})), *means]
    return pd.DataFrame([{**row._asdict(), "half_width": half_width(row)} for row in rows])


def _everywhere(rows: Sequence[PairedMean]) -> PairedMean:
    n = sum(row.n for row in rows)

    def mean(values: Iterable[float]) -> float:
        return sum(value * row.n for value, row in zip(values, rows, strict=True)) / n

    return PairedMean(
        metric=rows[0].metric,
        language=EVERYWHERE,
        n=n,
        champion=mean(row.champion for row in rows),
        candidate=mean(row.candidate for row in rows),
        difference=mean(row.difference for row in rows),
        sum_squares=sum(row.sum_squares for row in rows),
        better=sum(row.better for row in rows),
        worse=sum(row.worse for row in rows),
    )


def half_width(row: PairedMean) -> float | None:
    """1.96 standard errors of the mean difference; None for fewer than two cases."""
    if row.n < 2:
        return None
    variance = max(row.sum_squares - row.n * row.difference**2, 0.0) / (row.n - 1)
    return 1.96 * math.sqrt(variance / row.n)


def metrics_of(frame: pd.DataFrame) -> list[str]:
    """The metrics of a comparison: those with a better end first, in the order of BETTER_IS_HIGHER."""
    known = {name: place for place, name in enumerate(BETTER_IS_HIGHER)}
    return sorted(frame["metric"].unique(), key=lambda name: (known.get(name, len(known)), name))


def worst_frame(store: Store, champion: Run, candidate: Run, metric: str, language: str | None, limit: int = 200) -> pd.DataFrame:
    """The cases where the candidate lost most on a metric, worst first, by product title."""
    pairs = store.comparisons.worst_pairs(champion.run_id, candidate.run_id, metric, language, limit)
    titles = {product_id: store.catalog.product(product_id).title for product_id in {pair.product_id for pair in pairs}}
    return pd.DataFrame([{**pair._asdict(), "product": titles[pair.product_id]} for pair in pairs])


# ---------------------------------------------------------------------------------------------- queues


def queue_frame(rows: Sequence[QueueStatus]) -> pd.DataFrame:
    """Queues in figures with the share that is done, in whole percent."""
    frame = pd.DataFrame([row._asdict() for row in rows])
    if not frame.empty:
        frame["progress"] = 100 * frame["done"] // frame["items"].clip(lower=1)  # a queue may hold nothing but gold
        frame["oldest_open_at"] = pd.to_datetime(frame["oldest_open_at"], format="ISO8601", utc=True)  # with and without fractions
    return frame


def uncovered(store: Store) -> list[str]:
    """Languages with open items that nobody covers who labels and is not paused."""
    covered = {language for person in store.labels.annotators() if person.paused_because is None for language in person.languages}
    return sorted({row.language for row in store.queue.status() if row.open} - covered)


# ---------------------------------------------------------------------------------------------- one case


class Sample(NamedTuple):
    """One case's output with its claims, their scores and what people said (by claim id), and what the rails found."""

    output: Output
    claims: list[Claim]
    scores: dict[str, list[Score]]
    labels: dict[str, list[str]]
    findings: list[Finding]


def sample(store: Store, run: Run, case_id: str) -> Sample:
    """Raises UnknownIdError where the run has no output for the case."""
    output = store.runs.output_of(run.run_id, case_id)
    scores: dict[str, list[Score]] = {}
    for score in store.runs.scores_of(run.run_id, case_id):
        scores.setdefault(score.subject_id, []).append(score)
    labels: dict[str, list[str]] = {}
    for row in store.labels.labels(run_id=run.run_id, case_id=case_id):
        if row.claim_id:
            labels.setdefault(row.claim_id, []).append(row.verdict)
    return Sample(output, store.runs.claims_of(output.output_id), scores, labels, store.coverage.findings(output.output_id))


def reviews_behind(store: Store, passages: Iterable[Passage]) -> dict[str, Review]:
    """The reviews that passages were cut from, by id; those no longer stored are left out."""
    found = {}
    for source_id in {passage.source_id for passage in passages if passage.source == "review"}:
        try:
            found[source_id] = store.catalog.review(source_id)
        except UnknownIdError:
            continue
    return found
