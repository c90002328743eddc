"""Scripts that play annotators, so that the whole loop can be seen without people. They are called "Simulated annotator …" everywhere.

They work as people would: an account of their own, the task as the server shows it, one submission per task through the server's HTTP
interface. They judge by reading (`annotators.reading`) and then err at a known rate, deterministically from (seed, item, annotator).
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from annotators import people
from annotators.labeling.claims import result_of
from annotators.reading import judge
from annotators.sampling import uniform
from annotators.studio import Studio, TaskState
from evals.records import Annotator, AuditEvent, ClaimVerdict, StudioProject
from evals.store import Store

Progress = Callable[[int, int | None], None]
ERROR_RATES: Mapping[int, float] = {1: 0.04, 2: 0.08}  # number of the annotator in its language → share of wrong verdicts
THREADS = 6
_CONFUSABLE: tuple[ClaimVerdict, ...] = ("grounded", "contradicted", "unsupported")


@dataclass(frozen=True)
class Simulated:
    """One script: number `number` of a language, wrong with probability `error_rate`."""

    language: str
    number: int

    @property
    def email(self) -> str:
        return f"sim-{self.language}-{self.number}@{people.SIMULATED_DOMAIN}"

    @property
    def name(self) -> str:
        return f"Simulated annotator {self.language}-{self.number}"

    @property
    def error_rate(self) -> float:
        return ERROR_RATES[self.number]

    def annotator(self) -> Annotator:
        return Annotator(people.annotator_id(self.email), self.email, self.name, (self.language,), simulated=True)

    def verdict(self, data: Mapping[str, Any], seed: int) -> ClaimVerdict:
        """What it would submit for a task: its reading, or with its error rate another verdict."""
        read, item = judge(data), str(data["item_id"])
        if uniform(str(seed), item, self.email, "errs") >= self.error_rate:
            return read
        others = [verdict for verdict in _CONFUSABLE if verdict != read]
        return others[int(uniform(str(seed), item, self.email, "which") * len(others))]


@dataclass
class SimulationSummary:
    """`created`: annotations made now; `existing`: there already; `verdicts` and `errors` (deliberate ones) among the created."""

    annotators: list[str] = field(default_factory=list)
    created: int = 0
    existing: int = 0
    errors: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Work:
    who: Simulated
    task: TaskState


def simulate(
    store: Store, studio: Studio, *, overlap: int = 1, seed: int, now: str, progress: Progress | None = None, threads: int = THREADS
) -> SimulationSummary:
    """Have the simulated annotators label every task of our projects on the server up to `overlap` (1 or 2) labels; again, it does nothing.

    `studio` is the owner's. The annotators are stored as simulated before they label, and the audit log says that scripts labelled;
    collecting is a step of its own. Raises StudioError; asking again continues.
    """
    emails = {user.user_id: user.email for user in studio.users().values()}
    work = [piece for project in store.queue.projects(studio.url) for piece in _open(studio, project, emails, overlap, seed)]
    people_needed = sorted({piece.who for piece in work}, key=lambda who: (who.language, who.number))
    store.labels.put_annotators([who.annotator() for who in people_needed])
    summary = SimulationSummary(annotators=[who.name for who in people_needed])
    if work:
        detail = {"annotators": summary.annotators, "tasks": len(work), "seed": seed}
        store.ledger.add_event(AuditEvent(now, "simulated annotators", "label", studio.url, detail))
    desks = _sign_up(studio, people_needed, threads)
    try:
        _label(desks, work, seed, summary, progress, threads)
    finally:
        for desk in desks.values():
            desk.close()
    return summary


def team(language: str) -> list[Simulated]:
    """The scripts of a language."""
    return [Simulated(language, number) for number in ERROR_RATES]


def password(studio: Studio, email: str) -> str:
    """Made from the owner's token, so that it need not be kept and nobody else can know it."""
    return studio.secret_for(f"simulated annotator {email}")


def _open(studio: Studio, project: StudioProject, emails: Mapping[int, str], overlap: int, seed: int) -> Iterator[_Work]:
    """Who still has to label what: tasks are dealt out evenly, at random, the same way every time."""
    members = team(project.queue.split("/")[1])
    for task in studio.tasks(project.project_id):
        if task.item_id is None:
            continue
        done = {emails.get(note.user_id or 0) for note in task.annotations if not note.cancelled}
        order = sorted(members, key=lambda who: uniform(str(seed), str(task.item_id), who.email, "turn"))
        missing = [who for who in order[:overlap] if who.email not in done]
        yield from (_Work(who, task) for who in missing[: max(0, overlap - len(done))])


def _sign_up(studio: Studio, members: Sequence[Simulated], threads: int) -> dict[Simulated, Studio]:
    def desk(who: Simulated) -> Studio:
        return Studio(studio.url, people.ensure_user(studio, who.email, password(studio, who.email), who.name))

    with ThreadPoolExecutor(min(threads, 4)) as pool:  # hashing passwords is the server's slowest work
        return dict(zip(members, pool.map(desk, members), strict=True))


def _label(
    desks: Mapping[Simulated, Studio],
    work: Sequence[_Work],
    seed: int,
    summary: SimulationSummary,
    progress: Progress | None,
    threads: int,
) -> None:
    def submit(piece: _Work) -> tuple[ClaimVerdict, bool, bool]:
        verdict = piece.who.verdict(piece.task.data, seed)
        unique_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{piece.task.item_id}/{piece.who.annotator().annotator_id}"))
        created = desks[piece.who].annotate(piece.task.task_id, result_of(verdict), unique_id=unique_id)
        return verdict, created, verdict != judge(piece.task.data)

    pool = ThreadPoolExecutor(threads)
    try:
        for done, (verdict, created, wrong) in enumerate(pool.map(submit, work), 1):
            summary.created += created
            summary.existing += not created
            summary.errors += created and wrong
            summary.verdicts[verdict] += created
            if progress:
                progress(done, len(work))
    finally:
        pool.shutdown(cancel_futures=True)  # after a failure the rest would only fail too
