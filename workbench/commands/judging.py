"""``plumb judge``: score a stored run with a model as judge; which judges there are, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import typer

from evals import experiment
from evals.errors import InputError, UnknownIdError
from evals.grounding.base import metric_of
from evals.judges import named, ragas
from evals.judges.claim_judge import ClaimJudge
from evals.judges.endpoint import Judge
from evals.judges.ledger import Ledger
from evals.judges.named import NamedJudge
from evals.metric import Metric, Sample
from evals.records import FEATURES, Case, Claim, JudgeCall, Output, Run, Score, ScoreSource
from evals.store import Store
from workbench.context import now, open_store, run_named
from workbench.output import say, table
from workbench.progress import bar

CLAIMS = "claims"
METRICS = (CLAIMS, *ragas.KINDS)
SHOWN_REASONS = 5

judge = typer.Typer(name="judge", help="Models as judges: ask them, and see what they cost.", no_args_is_help=True, rich_markup_mode=None)
JudgesFile = Annotated[Path, typer.Option("--judges", help="the file that names judges")]


def register(app: typer.Typer) -> None:
    app.add_typer(judge)


@judge.command("run")
def run(
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="a run id, or a variant's name for its newest run")],
    judge_name: Annotated[str, typer.Option("--judge", help="a name in data/judges.yaml")],
    metric: Annotated[list[str] | None, typer.Option(help=f"{', '.join(METRICS)}; may be given again")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="ask about at most so many outputs")] = None,
    fallback: Annotated[str | None, typer.Option(help="claims: language of the instructions for a language without prompts")] = None,
    judges: JudgesFile = named.PATH,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Score a run with a judge; only what has no score of it yet is asked, so a stopped run goes on where it was."""
    store, about = open_store(), named.judge_named(judge_name, judges)
    chosen = [_known(name) for name in metric or [CLAIMS]]
    stored = _run(store, run_name)
    calls: list[JudgeCall] = []

    def enter(some: Sequence[JudgeCall]) -> None:
        store.judging.add_calls(some)
        calls.extend(some)

    with asked(about, Ledger(enter, now, about.prices)) as endpoint:
        for name in chosen:
            watched = Watched(metric_for(name, endpoint, fallback), limit)
            try:
                with bar(f"{about.name} · {name}", quiet=quiet) as progress:
                    experiment.score(store, stored.run_id, {name: watched}, progress=progress)
            finally:
                say(watched.summary(), quiet=quiet)
                say(bill(calls), quiet=quiet)
                calls.clear()


@judge.command("list")
def listed(judges: JudgesFile = named.PATH) -> None:
    """The judges that have a name."""
    rows = [
        (one.name, one.model, _place(one), one.concurrency, _price(one), _key(one))
        for one in named.judges(judges).values()
    ]  # fmt: skip
    table("Judges", ("name", "model", "where", "at once", "USD per million tokens", "key"), rows)


@judge.command("costs")
def costs() -> None:
    """What every judge was asked, and what it cost; dollars are left open where a request has no price."""
    rows = [
        (
            s.judge,
            s.purpose,
            f"{s.calls:,}",
            f"{s.failed:,}",
            f"{s.prompt_tokens:,}",
            f"{s.completion_tokens:,}",
            f"{s.seconds:,.1f}",
            _usd(s.usd),
        )
        for s in open_store().judging.spent()
    ]
    table("Judges' bill", ("judge", "for", "requests", "failed", "tokens asked", "tokens answered", "seconds", "USD"), rows)


# ---------------------------------------------------------------------------------------------- asking


def metric_for(name: str, endpoint: Judge, fallback: str | None = None) -> Metric:
    """The metric `name` (of METRICS) with a judge."""
    return metric_of(ClaimJudge(endpoint, fallback)) if name == CLAIMS else ragas.make(name, endpoint)


@contextmanager
def asked(about: NamedJudge, ledger: Ledger) -> Iterator[Judge]:
    """The judge, ready; one that plumb serves itself runs for the time of the block."""
    if about.serves is None:
        yield about.judge(ledger=ledger)
        return
    from runner.serving import ModelServer

    with ModelServer("--model", about.serves, "--concurrency", str(about.concurrency)) as server:
        yield about.judge(server.base_url, ledger=ledger)


@dataclass
class Watched:
    """A metric that asks about `limit` outputs at most (None: all) and counts what it found."""

    metric: Metric
    limit: int | None = None
    outputs: int = 0
    values: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        return self.metric.name

    @property
    def signature(self) -> str:
        return self.metric.signature

    @property
    def source(self) -> ScoreSource:
        return self.metric.source

    @property
    def subject(self) -> Literal["output", "claim"]:
        return self.metric.subject

    def measure(self, case: Case, output: Output, claims: Sequence[Claim]) -> Sequence[Score]:
        return self.measure_many([(case, output, claims)])[0]

    def measure_many(self, samples: Sequence[Sample]) -> list[list[Score]]:
        """No scores, not even without a value, for the outputs beyond the limit: they can be asked about later."""
        room = len(samples) if self.limit is None else min(len(samples), self.limit - self.outputs)
        found = self.metric.measure_many(samples[:room])
        self.outputs += room
        for score in (score for scores in found for score in scores):
            self.values += score.value is not None
            self.reasons.update([score.reason] if score.reason else [])
        return [*found, *([] for _ in samples[room:])]

    def summary(self) -> str:
        """What was found in a sentence, the commonest reasons for no value included."""
        missing = self.reasons.total()
        why = "; ".join(f"{count:,} × {reason}" for reason, count in self.reasons.most_common(SHOWN_REASONS))
        return f"{self.name}: {self.outputs:,} outputs asked about, {self.values:,} values, {missing:,} without" + (
            f" ({why})." if why else "."
        )


def bill(calls: Sequence[JudgeCall]) -> str:
    """What was asked just now, in a sentence."""
    if not calls:
        return "Nothing was asked: every answer was known."
    tokens = sum((call.prompt_tokens or 0) + (call.completion_tokens or 0) for call in calls)
    failed = sum(call.error is not None for call in calls)
    prices = [call.usd for call in calls]
    usd = None if None in prices else sum(price or 0.0 for price in prices)
    cost = "no price is known for it" if usd is None else f"{_usd(usd)} USD"
    return f"{len(calls):,} requests, {failed:,} of them without a usable answer; {tokens:,} tokens, {cost}."


def _known(name: str) -> str:
    if name not in METRICS:
        raise InputError(f"{name!r} is no metric for a judge: {', '.join(METRICS)}")
    return name


def _run(store: Store, name: str) -> Run:
    """By id, or the newest of a variant; a variant's name that both features have is refused."""
    if name.startswith("run-"):
        return store.runs.run(name)
    found = []
    for feature in FEATURES:
        try:
            found.append(run_named(store, feature, name))
        except UnknownIdError:
            continue
    if len(found) != 1:
        runs = ", ".join(f"{run.run_id} ({run.feature})" for run in found)
        raise UnknownIdError(f"{name!r} has a run in both features, say which: {runs}" if found else f"no run of a variant named {name!r}")
    return found[0]


def _place(about: NamedJudge) -> str:
    return "served by plumb" if about.base_url is None else urlsplit(about.base_url).netloc


def _price(about: NamedJudge) -> str | None:
    return None if about.prices is None else f"{about.prices.prompt:g} asked, {about.prices.completion:g} answered"


def _key(about: NamedJudge) -> str:
    if about.key is None:
        return "none"
    return "set" if about.secret else f"{about.key} is not set{' (optional)' if about.key_optional else ''}"


def _usd(value: float | None) -> str | None:
    return None if value is None else f"{value:,.4f}"
