"""Scripts that play annotators, so that the whole loop can be seen without people. They are called "Simulated annotator …" everywhere.

They work as people do: an account of their own, one item at a time from `asking.routing`, one submission per task through the server's
HTTP interface. They judge by reading (`replies`) and then err at a known rate, deterministically from (seed, item, annotator).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Literal

from annotators.asking import routing
from annotators.asking.budget import LabellingPlan, load_plan
from annotators.asking.sampling import uniform
from annotators.label_studio import accounts
from annotators.label_studio.collect import annotation_id, collect
from annotators.label_studio.studio import Studio
from annotators.labeling import ADJUDICATION
from annotators.simulation.replies import Reply, reply
from evals.records import Annotator, AuditEvent, QueueItem
from evals.store import Store

Progress = Callable[[int, int | None], None]
Role = int | Literal["expert"]
# Number of the annotator in its language, or the language's expert → share of wrong answers.
ERROR_RATES: Mapping[Role, float] = {1: 0.04, 2: 0.08, 3: 0.06, "expert": 0.01}
FEWEST, MOST = 2, 3  # scripts of a language, beside its expert
THREADS = 6
DAILY_LIMIT = 1_000_000  # scripts do not tire


@dataclass(frozen=True)
class Simulated:
    """One script of a language, wrong with probability `error_rate`. The expert settles conflicts and does nothing else."""

    language: str
    role: Role

    @property
    def email(self) -> str:
        return f"sim-{self.language}-{self.role}@{accounts.SIMULATED_DOMAIN}"

    @property
    def name(self) -> str:
        return f"Simulated annotator {self.language}-{self.role}"

    @property
    def error_rate(self) -> float:
        return ERROR_RATES[self.role]

    @property
    def is_expert(self) -> bool:
        return self.role == "expert"

    def annotator(self) -> Annotator:
        name = accounts.annotator_id(self.email)
        return Annotator(name, self.email, self.name, (self.language,), simulated=True, expert=self.is_expert, daily_limit=DAILY_LIMIT)

    def reply(self, item: QueueItem, seed: int) -> Reply:
        """What it submits: its reading of what the item shows, or with its error rate something else."""
        return reply(item, lambda purpose: uniform(str(seed), item.item_id, self.email, purpose), self.error_rate)


@dataclass
class SimulationSummary:
    """`annotators`: who worked; `created`: annotations made now; `existing`: there already; `verdicts` and `errors` (deliberate ones)
    among the created."""

    annotators: list[str] = field(default_factory=list)
    created: int = 0
    existing: int = 0
    errors: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)


def simulate(
    store: Store,
    studio: Studio,
    plan: LabellingPlan | None = None,
    *,
    seed: int,
    now: str,
    progress: Progress | None = None,
    threads: int = THREADS,
) -> SimulationSummary:
    """Have the simulated annotators do what is open on the server, as often as each item wants it; again, it does nothing.

    `studio` is the owner's; `plan`: else the shipped one. What the server already has is collected first; what is said now is left for the
    next collect. Items that want more than three people stay open. The scripts are stored as simulated before they label, and the audit log
    says that they did. Raises StudioError; asking again continues.
    """
    collect(store, studio, now=now)
    teams = _teams(store, now)
    members = [who for team in teams.values() for who in team]
    known = {annotator.annotator_id for annotator in store.labels.annotators()}
    store.labels.put_annotators(one for one in (who.annotator() for who in members) if one.annotator_id not in known)
    shift = _Shift(store, studio, plan or load_plan(), seed, now, progress, sorted(teams))
    if shift.total:
        detail = {"annotators": [who.name for who in members], "labels": shift.total, "seed": seed}
        store.ledger.add_event(AuditEvent(now, "simulated annotators", "label", studio.url, detail))
    shift.work(list(teams.values()), threads)
    return shift.summary


def team(language: str, size: int = FEWEST) -> list[Simulated]:
    """The scripts of a language, without the expert."""
    return [Simulated(language, number) for number in range(1, size + 1)]


def expert(language: str) -> Simulated:
    return Simulated(language, "expert")


def password(studio: Studio, email: str) -> str:
    """Made from the owner's token, so that it need not be kept and nobody else can know it."""
    return studio.secret_for(f"simulated annotator {email}")


def _teams(store: Store, now: str) -> dict[str, list[Simulated]]:
    """Who is needed, by language with open items: as many as the most demanding item wants, and an expert where there are conflicts."""
    wanted: dict[str, int] = defaultdict(int)
    disputed = set()
    for row in store.desk.backlog(now, since=now):
        if row.open and row.rubric == ADJUDICATION.name:
            disputed.add(row.language)
        elif row.open:
            wanted[row.language] = max(wanted[row.language], row.needed)
    return {
        language: [
            *(team(language, min(MOST, max(FEWEST, wanted[language]))) if language in wanted else ()),
            *([expert(language)] if language in disputed else ()),
        ]
        for language in sorted({*wanted, *disputed})
    }


class _Shift:
    """One round of work: a thread takes a language, in which the scripts take turns, so that who gets what is the same every time."""

    def __init__(
        self, store: Store, studio: Studio, plan: LabellingPlan, seed: int, now: str, progress: Progress | None, languages: Sequence[str]
    ) -> None:
        self.store, self.studio, self.plan, self.seed, self.now, self.progress = store, studio, plan, seed, now, progress
        self.summary = SimulationSummary()
        self.annotators = {annotator.annotator_id: annotator for annotator in store.labels.annotators()}
        self.total = store.desk.free_places(studio.url, now, languages)
        self.desk = Lock()  # a store in memory has one connection; what takes time is the server
        self.failed = Event()

    def work(self, teams: Sequence[Sequence[Simulated]], threads: int) -> None:
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(self._language, members) for members in teams]:
                done.result()
        self.summary.annotators.sort()

    def _language(self, members: Sequence[Simulated]) -> None:
        accounts: dict[Simulated, Studio] = {}
        try:
            worked = True
            while worked and not self.failed.is_set():
                worked = sum(self._turn(who, accounts) for who in members) > 0  # everybody gets their turn
        except BaseException:
            self.failed.set()  # the others would only fail too
            raise
        finally:
            for account in accounts.values():
                account.close()

    def _turn(self, who: Simulated, accounts: dict[Simulated, Studio]) -> bool:
        """One item from asking to submitting; False where there is none."""
        annotator, only = self.annotators[who.annotator().annotator_id], [ADJUDICATION.name] if who.is_expert else ()
        with self.desk:
            turn = routing.next_item(self.store, annotator, self.studio.url, self.plan, now=self.now, seed=self.seed, rubrics=only)
            task = self.store.desk.task(turn.item.item_id, self.studio.url) if turn.item else None
        if turn.item is None or task is None:
            return False
        if who not in accounts:
            accounts[who] = self._sign_up(who)
        said, name = who.reply(turn.item, self.seed), annotation_id(turn.item.item_id, annotator.annotator_id)
        created = accounts[who].annotate(task.task_id, said.result, unique_id=name)
        with self.desk:
            routing.answered(self.store, turn.item.item_id, annotator.annotator_id)
            self._count(who, said, created)
        return True

    def _sign_up(self, who: Simulated) -> Studio:
        """The first item is what an account is made for: hashing its password is the server's slowest work."""
        return Studio(self.studio.url, accounts.ensure_user(self.studio, who.email, password(self.studio, who.email), who.name))

    def _count(self, who: Simulated, said: Reply, created: bool) -> None:
        summary = self.summary
        if who.name not in summary.annotators:
            summary.annotators.append(who.name)
        summary.created += created
        summary.existing += not created
        summary.errors += created and said.is_wrong
        summary.verdicts[said.verdict] += created
        if self.progress:
            done = summary.created + summary.existing
            self.progress(done, max(done, self.total))
