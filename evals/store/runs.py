"""Cases, datasets, variants, runs, outputs and what was found and measured on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, Table, case, func, select, tuple_, update

from evals.errors import UnknownIdError
from evals.records import Case, Claim, Dataset, Feature, Finding, Output, Run, Score, Variant
from evals.store import tables
from evals.store.rows import Record, batches, from_row, insert_missing


class ScoreMean(NamedTuple):
    """A metric over a run's cases in one language: `n` measured, `missing` without a value, `mean` of the measured or None."""

    metric: str
    language: str
    n: int
    missing: int
    mean: float | None


class RunTotals(NamedTuple):
    """A run's serving figures, summed in SQL. `seconds` is the sum of the outputs' wall times, not of the run."""

    outputs: int
    ok: int
    blocked: int
    errors: int
    prompt_tokens: int
    generated_tokens: int
    seconds: float


class Runs:
    """Generating, scoring and labelling are separate; each write is idempotent by its key."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ------------------------------------------------------------------ cases
    def add_dataset(self, dataset: Dataset, cases: Sequence[Case]) -> None:
        """Store a dataset with its cases in this order; a dataset already there is left as it is."""
        with self._engine.begin() as connection:
            for batch in batches(cases):
                insert_missing(connection, tables.case, batch)
            if insert_missing(connection, tables.dataset, [dataset]):
                rows = [
                    {"dataset_id": dataset.dataset_id, "position": position, "case_id": item.case_id} for position, item in enumerate(cases)
                ]
                for chunk in batches(rows):
                    connection.execute(tables.dataset_case.insert(), chunk)

    def dataset(self, dataset_id: str) -> Dataset:
        """Raises UnknownIdError."""
        return self._one(Dataset, select(tables.dataset).where(tables.dataset.c.dataset_id == dataset_id), dataset_id)

    def datasets(self, feature: Feature | None = None) -> list[Dataset]:
        """Newest first."""
        query = select(tables.dataset).order_by(tables.dataset.c.created_at.desc(), tables.dataset.c.dataset_id)
        return self._all(Dataset, query if feature is None else query.where(tables.dataset.c.feature == feature))

    def cases(self, dataset_id: str) -> list[Case]:
        """The dataset's cases in order."""
        return self._all(Case, self._dataset_cases(dataset_id))

    def case(self, case_id: str) -> Case:
        """Raises UnknownIdError."""
        return self._one(Case, select(tables.case).where(tables.case.c.case_id == case_id), case_id)

    def missing_cases(self, run: Run) -> list[Case]:
        """The cases of the run's dataset without an output yet, in order: what a resumed run still has to do."""
        done = select(tables.output.c.case_id).where(tables.output.c.run_id == run.run_id)
        return self._all(Case, self._dataset_cases(run.dataset_id).where(tables.case.c.case_id.not_in(done)))

    def _dataset_cases(self, dataset_id: str) -> Select[Any]:
        member = tables.dataset_case.c
        joined = tables.case.join(tables.dataset_case, member.case_id == tables.case.c.case_id)
        return select(tables.case).select_from(joined).where(member.dataset_id == dataset_id).order_by(member.position)

    # ------------------------------------------------------------------ variants and runs
    def add_variant(self, variant: Variant) -> None:
        self._add(tables.variant, [variant])

    def variant(self, variant_id: str) -> Variant:
        """Raises UnknownIdError."""
        return self._one(Variant, select(tables.variant).where(tables.variant.c.variant_id == variant_id), variant_id)

    def variants(self, feature: Feature | None = None) -> list[Variant]:
        """By name."""
        query = select(tables.variant).order_by(tables.variant.c.name, tables.variant.c.variant_id)
        return self._all(Variant, query if feature is None else query.where(tables.variant.c.feature == feature))

    def add_run(self, run: Run) -> Run:
        """Store the run unless it is there; the stored one."""
        self._add(tables.run, [run])
        return self.run(run.run_id)

    def run(self, run_id: str) -> Run:
        """Raises UnknownIdError."""
        return self._one(Run, select(tables.run).where(tables.run.c.run_id == run_id), run_id)

    def runs(self, feature: Feature | None = None) -> list[Run]:
        """Newest first."""
        query = select(tables.run).order_by(tables.run.c.created_at.desc(), tables.run.c.run_id)
        return self._all(Run, query if feature is None else query.where(tables.run.c.feature == feature))

    def finish_run(self, run_id: str, finished_at: str) -> None:
        """Mark the run complete; the first time stays."""
        t = tables.run
        with self._engine.begin() as connection:
            connection.execute(update(t).where(t.c.run_id == run_id, t.c.finished_at.is_(None)).values(finished_at=finished_at))

    # ------------------------------------------------------------------ outputs
    def add_outputs(self, outputs: Sequence[Output], findings: Sequence[Finding] = ()) -> int:
        """Outputs with their findings in one transaction; how many outputs were new."""
        with self._engine.begin() as connection:
            new = sum(insert_missing(connection, tables.output, batch) for batch in batches(outputs))
            for batch in batches(findings):
                insert_missing(connection, tables.finding, batch)
        return new

    def output(self, output_id: str) -> Output:
        """Raises UnknownIdError."""
        return self._one(Output, select(tables.output).where(tables.output.c.output_id == output_id), output_id)

    def outputs(self, run_id: str) -> Iterator[Output]:
        """A run's outputs by case id, streamed."""
        t = tables.output
        yield from self._stream(Output, select(t).where(t.c.run_id == run_id).order_by(t.c.case_id))

    def output_of(self, run_id: str, case_id: str) -> Output:
        """Raises UnknownIdError."""
        t = tables.output.c
        return self._one(Output, select(tables.output).where(t.run_id == run_id, t.case_id == case_id), f"{run_id} × {case_id}")

    def newest_output(self, variant_id: str, product_id: str, language: str, case_id: str | None = None) -> Output | None:
        """What the variant's newest finished run that speaks of the product in the language says, of `case_id` where one is named."""
        output, run, kase = tables.output, tables.run, tables.case
        joined = output.join(run, run.c.run_id == output.c.run_id).join(kase, kase.c.case_id == output.c.case_id)
        of_product = (kase.c.product_id == product_id, kase.c.language == language)
        query = select(output).select_from(joined).where(run.c.variant_id == variant_id, run.c.finished_at.is_not(None), *of_product)
        query = query if case_id is None else query.where(kase.c.case_id == case_id)
        found = self._all(Output, query.order_by(run.c.finished_at.desc(), run.c.created_at.desc(), output.c.output_id).limit(1))
        return found[0] if found else None

    def answered(self, variant_id: str, product_id: str | None = None, language: str | None = None, limit: int = 500) -> list[Case]:
        """Cases that finished runs of the variant answered, by product and language: the first `limit` of all, or of those named."""
        kase = tables.case
        runs = select(tables.run.c.run_id).where(tables.run.c.variant_id == variant_id, tables.run.c.finished_at.is_not(None))
        query = select(kase).where(kase.c.case_id.in_(select(tables.output.c.case_id).where(tables.output.c.run_id.in_(runs))))
        for column, wanted in ((kase.c.product_id, product_id), (kase.c.language, language)):
            query = query if wanted is None else query.where(column == wanted)
        return self._all(Case, query.order_by(kase.c.product_id, kase.c.language, kase.c.case_id).limit(limit))

    def totals(self, run_id: str) -> RunTotals:
        """Counts, tokens and seconds of a run."""
        t = tables.output.c

        def count(status: str) -> Any:
            return func.coalesce(func.sum(case((t.status == status, 1), else_=0)), 0)

        columns = (
            func.count().label("outputs"),
            count("ok").label("ok"),
            count("blocked").label("blocked"),
            count("error").label("errors"),
            func.coalesce(func.sum(t.prompt_tokens), 0).label("prompt_tokens"),
            func.coalesce(func.sum(t.generated_tokens), 0).label("generated_tokens"),
            func.coalesce(func.sum(t.total_s), 0.0).label("seconds"),
        )
        with self._engine.connect() as connection:
            return RunTotals(**connection.execute(select(*columns).where(t.run_id == run_id)).mappings().one())

    def findings(self, run_id: str) -> list[Finding]:
        """All findings of a run, by output."""
        joined = tables.finding.join(tables.output, tables.output.c.output_id == tables.finding.c.output_id)
        query = select(tables.finding).select_from(joined).where(tables.output.c.run_id == run_id)
        return self._all(Finding, query.order_by(tables.finding.c.output_id, tables.finding.c.finding_id))

    # ------------------------------------------------------------------ claims and scores
    def add_claims(self, claims: Iterable[Claim]) -> int:
        return self._add(tables.claim, claims)

    def claims(self, run_id: str) -> list[Claim]:
        """All claims of a run, by output and ordinal."""
        joined = tables.claim.join(tables.output, tables.output.c.output_id == tables.claim.c.output_id)
        query = select(tables.claim).select_from(joined).where(tables.output.c.run_id == run_id)
        return self._all(Claim, query.order_by(tables.claim.c.output_id, tables.claim.c.ordinal))

    def claims_of(self, output_id: str) -> list[Claim]:
        """An output's claims in order."""
        t = tables.claim
        return self._all(Claim, select(t).where(t.c.output_id == output_id).order_by(t.c.ordinal))

    def scores_of(self, run_id: str, case_id: str) -> list[Score]:
        """Every score of one case's output and its claims."""
        t = tables.score
        query = select(t).where(t.c.run_id == run_id, t.c.case_id == case_id)
        return self._all(Score, query.order_by(t.c.subject_id, t.c.metric, t.c.signature))

    def add_scores(self, scores: Iterable[Score]) -> int:
        """Scores are appended; one with the same subject, metric and signature is already known."""
        return self._add(tables.score, scores)

    def scores(self, run_id: str, metric: str | None = None, subject: str | None = None) -> Iterator[Score]:
        """A run's scores, streamed by subject and metric."""
        t = tables.score
        query = select(t).where(t.c.run_id == run_id).order_by(t.c.subject_id, t.c.metric, t.c.signature)
        if metric is not None:
            query = query.where(t.c.metric == metric)
        if subject is not None:
            query = query.where(t.c.subject == subject)
        yield from self._stream(Score, query)

    def scores_about(self, subject_ids: Iterable[str], metric: str) -> list[Score]:
        """What a metric says about outputs or claims, by subject and signature, whatever their runs."""
        t = tables.score
        query = select(t).where(t.c.metric == metric).order_by(t.c.subject_id, t.c.signature)
        return [row for batch in batches(subject_ids) for row in self._all(Score, query.where(t.c.subject_id.in_(batch)))]

    def scored(self, run_id: str, metric: str, signature: str) -> set[str]:
        """Subject ids that have this score already: what need not be measured again."""
        t = tables.score.c
        query = select(t.subject_id).where(t.run_id == run_id, t.metric == metric, t.signature == signature)
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def roll_up(self, run_id: str) -> None:
        """Sum the run's scores by metric, signature, language and category into `rollup`, in one transaction: what pages read."""
        t, c, r = tables.score, tables.case.c, tables.rollup
        keys = (t.c.run_id, t.c.metric, t.c.signature, c.language, c.category)
        measured = func.count(t.c.value)
        sums = (measured, func.count() - measured, func.coalesce(func.sum(t.c.value), 0.0))
        joined = t.join(tables.case, c.case_id == t.c.case_id)
        query = select(*keys, *sums).select_from(joined).where(t.c.run_id == run_id).group_by(*keys)
        with self._engine.begin() as connection:
            connection.execute(r.delete().where(r.c.run_id == run_id))
            connection.execute(r.insert().from_select([column.name for column in r.columns], query))

    def score_means(self, run_id: str) -> list[ScoreMean]:
        """Output-level and claim-level means per metric and language, from the rollup written when scoring ended.

        Where a metric was measured under several signatures, the one with most scores counts, as in the gate.
        """
        t = tables.rollup.c
        subjects = func.sum(t.measured + t.missing)
        ranked = select(t.metric, t.signature).where(t.run_id == run_id).group_by(t.metric, t.signature)
        measured, total = func.sum(t.measured), func.sum(t.total)
        mean = case((measured > 0, total / measured), else_=None)
        columns = (t.metric, t.language, measured.label("n"), func.sum(t.missing).label("missing"), mean.label("mean"))
        with self._engine.connect() as connection:
            best = dict(tuple(row) for row in connection.execute(ranked.order_by(t.metric, subjects, t.signature.desc())))
            query = select(*columns).where(t.run_id == run_id, tuple_(t.metric, t.signature).in_(best.items()))
            rows = connection.execute(query.group_by(t.metric, t.language).order_by(t.metric, t.language)).mappings()
            return [ScoreMean(**row) for row in rows]

    # ------------------------------------------------------------------ plumbing
    def _add(self, table: Table, records: Iterable[Any]) -> int:
        new = 0
        for batch in batches(records):
            with self._engine.begin() as connection:
                new += insert_missing(connection, table, batch)
        return new

    def _all(self, kind: type[Record], query: Select[Any]) -> list[Record]:
        with self._engine.connect() as connection:
            return [from_row(kind, row) for row in connection.execute(query).mappings()]

    def _stream(self, kind: type[Record], query: Select[Any]) -> Iterator[Record]:
        with self._engine.connect().execution_options(yield_per=500) as connection:
            for row in connection.execute(query).mappings():
                yield from_row(kind, row)

    def _one(self, kind: type[Record], query: Select[Any], name: str) -> Record:
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise UnknownIdError(f"no {kind.__name__.lower()} {name!r} is stored")
        return from_row(kind, row)
