"""The experiment programme: registrations, how they ended, what was read of each dataset, and the sets that are kept sealed.

Append-only: a registration never changes, an experiment ends once, a sealed set opens once. Each write has its line in the audit log.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from sqlalchemy import Engine, RowMapping, and_, distinct, func, or_, select, update

from evals.errors import UnknownIdError
from evals.records import AuditEvent, Ending, Experiment, Feature, SealedSet
from evals.store import tables
from evals.store.audit import append
from evals.store.rows import from_row, insert_missing, to_row

row, arm, end, sealed = tables.experiment, tables.experiment_arm, tables.experiment_end, tables.sealed_set


class Month(NamedTuple):
    """Experiments planned and ended in a month (``2026-11``)."""

    month: str
    planned: int
    decided: int
    abandoned: int


class Reads(NamedTuple):
    """What was done with the labels of one dataset version: `decisions` that read them, over how many `candidates`; `comparisons`: pairs of
    runs that were read, or are registered to be."""

    dataset_id: str
    name: str
    feature: Feature
    cases: int
    decisions: int
    candidates: int
    comparisons: int
    last_at: str | None


class Programme:
    """Times are UTC, months too."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ------------------------------------------------------------------ experiments
    def register(self, experiment: Experiment, event: AuditEvent, check: Callable[[Mapping[str, int], int], None]) -> bool:
        """Store a registration; False where the same one is there. `check` sees the labels of its runs, by run id, and how many experiments
        of the feature there were; what it raises undoes the write. It is asked last, when nobody else can register any more."""
        runs = [experiment.champion_run_id, *experiment.candidate_run_ids]
        values = {name: value for name, value in to_row(experiment).items() if name != "candidate_run_ids"}
        places = [{"experiment_id": experiment.experiment_id, "position": n, "run_id": run} for n, run in enumerate(runs[1:])]
        others = select(func.count()).where(row.c.feature == experiment.feature, row.c.experiment_id != experiment.experiment_id)
        with self._engine.begin() as connection:
            if connection.execute(select(row.c.experiment_id).where(row.c.experiment_id == experiment.experiment_id)).first():
                return False
            connection.execute(row.insert().values(**values))
            connection.execute(arm.insert(), places)
            append(connection, event)
            check(_pairs(connection.execute(_labels(runs))), connection.execute(others).scalar_one())
        return True

    def experiments(self, feature: Feature | None = None) -> list[Experiment]:
        """Oldest first: the order in which their levels were given."""
        query = select(row).order_by(row.c.created_at, row.c.experiment_id)
        query = query if feature is None else query.where(row.c.feature == feature)
        with self._engine.connect() as connection:
            found = connection.execute(query).mappings().all()
            arms: dict[str, list[str]] = defaultdict(list)
            for experiment_id, run_id in connection.execute(select(arm.c.experiment_id, arm.c.run_id).order_by(arm.c.position)):
                arms[experiment_id].append(run_id)
        return [_experiment(one, arms[one["experiment_id"]]) for one in found]

    def experiment(self, experiment_id: str) -> Experiment:
        """By its id or a beginning of it, with or without ``experiment-``, that names one. Raises UnknownIdError."""
        known = {one.experiment_id: one for one in self.experiments()}
        return known[_only(known, "experiment", experiment_id, "plumb experiment list")]

    def labels(self, run_ids: Collection[str]) -> dict[str, int]:
        """Labels of each of these runs' claims and pairs; runs without any are left out."""
        with self._engine.connect() as connection:
            return _pairs(connection.execute(_labels(run_ids)))

    def end(self, ending: Ending, event: AuditEvent) -> bool:
        """False, and nothing is written, where it has ended already."""
        with self._engine.begin() as connection:
            new = bool(insert_missing(connection, end, [ending]))
            if new:
                append(connection, event)
        return new

    def endings(self) -> dict[str, Ending]:
        """By experiment id."""
        with self._engine.connect() as connection:
            return {one["experiment_id"]: from_row(Ending, one) for one in connection.execute(select(end)).mappings()}

    def months(self, feature: Feature | None = None) -> list[Month]:
        """Months in which anything was planned or ended, oldest first, counted in SQL."""
        month, closed = func.substr(row.c.created_at, 1, 7), func.substr(end.c.created_at, 1, 7)
        mine = row.c.feature == feature if feature else row.c.feature.is_not(None)
        planned = select(month, func.count()).where(mine).group_by(month)
        ended = select(closed, end.c.outcome, func.count()).join(row, row.c.experiment_id == end.c.experiment_id).where(mine)
        with self._engine.connect() as connection:
            counts = {(str(when), "planned"): n for when, n in connection.execute(planned)}
            counts |= {(str(when), what): n for when, what, n in connection.execute(ended.group_by(closed, end.c.outcome))}
        return [
            Month(when, *(counts.get((when, what), 0) for what in ("planned", "decided", "abandoned")))
            for when in sorted({when for when, _ in counts})
        ]

    # ------------------------------------------------------------------ what was read
    def reads(self) -> list[Reads]:
        """Every dataset version whose labels a decision has read or an experiment is to read; most comparisons first."""
        decision, run, dataset = tables.decision, tables.run, tables.dataset
        voted = decision.c.body["evidence"]["votes"].as_integer() > 0
        joined = decision.join(run, run.c.run_id == decision.c.candidate_run_id)
        counted = select(run.c.dataset_id, func.count(), func.count(distinct(decision.c.candidate_run_id)), func.max(decision.c.created_at))
        pairs = select(run.c.dataset_id, decision.c.champion_run_id, decision.c.candidate_run_id).select_from(joined).where(voted)
        void = and_(end.c.outcome == "abandoned", end.c.labels == 0)
        meant = (
            select(row.c.dataset_id, row.c.champion_run_id, arm.c.run_id)
            .join(arm, arm.c.experiment_id == row.c.experiment_id)
            .outerjoin(end, end.c.experiment_id == row.c.experiment_id)
            .where(or_(end.c.outcome.is_(None), ~void))
        )
        with self._engine.connect() as connection:
            numbers = {
                name: rest for name, *rest in connection.execute(counted.select_from(joined).where(voted).group_by(run.c.dataset_id))
            }
            both = {*connection.execute(pairs.distinct()), *connection.execute(meant)}
            known = {one["dataset_id"]: one for one in connection.execute(select(dataset)).mappings()}
        comparisons = Counter(dataset_id for dataset_id, _, _ in both)
        found = [(known[name], n, *numbers.get(name, (0, 0, None))) for name, n in comparisons.items()]
        rows = [Reads(d["dataset_id"], d["name"], d["feature"], d["cases"], read, arms, n, last) for d, n, read, arms, last in found]
        return sorted(rows, key=lambda one: (-one.comparisons, one.dataset_id))

    # ------------------------------------------------------------------ sealed sets
    def seal(self, one: SealedSet, event: AuditEvent) -> bool:
        """False where it is there already."""
        with self._engine.begin() as connection:
            new = bool(insert_missing(connection, sealed, [one]))
            if new:
                append(connection, event)
        return new

    def sealed_sets(self, feature: Feature | None = None) -> list[SealedSet]:
        """Oldest first."""
        query = select(sealed).order_by(sealed.c.created_at, sealed.c.sealed_id)
        query = query if feature is None else query.where(sealed.c.feature == feature)
        with self._engine.connect() as connection:
            return [from_row(SealedSet, one) for one in connection.execute(query).mappings()]

    def sealed_set(self, sealed_id: str) -> SealedSet:
        """By its id or a beginning of it, with or without ``sealed-``, that names one. Raises UnknownIdError."""
        known = {one.sealed_id: one for one in self.sealed_sets()}
        return known[_only(known, "sealed set", sealed_id, "plumb experiment sealed")]

    def sealed_products(self) -> set[str]:
        """Products of sets that nobody has opened."""
        return {str(name) for one in self.sealed_sets() if one.opened_at is None for name in one.body["products"]}

    def open_sealed(self, sealed_id: str, event: AuditEvent, because: str) -> bool:
        """Once: False where it is open already."""
        said = {"opened_at": event.created_at, "opened_by": event.actor, "opened_because": because}
        opening = update(sealed).where(sealed.c.sealed_id == sealed_id, sealed.c.opened_at.is_(None)).values(**said)
        with self._engine.begin() as connection:
            new = bool(connection.execute(opening).rowcount)
            if new:
                append(connection, event)
        return new

    def opened_as(self, sealed_id: str, dataset_id: str) -> None:
        """The dataset that an open set became."""
        with self._engine.begin() as connection:
            connection.execute(update(sealed).where(sealed.c.sealed_id == sealed_id).values(dataset_id=dataset_id))


def _labels(run_ids: Collection[str]) -> Any:
    note, item = tables.annotation, tables.queue_item
    mine = and_(item.c.run_id.in_(sorted(run_ids)), note.c.deleted.is_(False))
    return select(item.c.run_id, func.count()).join(note, note.c.item_id == item.c.item_id).where(mine).group_by(item.c.run_id)


def _experiment(one: RowMapping, runs: list[str]) -> Experiment:
    names = {field.name for field in fields(Experiment)} - {"candidate_run_ids"}
    return Experiment(**{name: one[name] for name in names}, candidate_run_ids=tuple(runs))


def _pairs(rows: Iterable[Any]) -> dict[str, int]:
    return {str(name): int(n) for name, n in rows}


def _only(known: Collection[str], what: str, name: str, where: str) -> str:
    found = [one for one in known if name and one.startswith((name, f"{what.split()[0]}-{name}"))]
    if len(found) != 1:
        raise UnknownIdError(f"{len(found) or 'no'} {what} of that name: {name[:60]!r} ({where})")
    return found[0]
