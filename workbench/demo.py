"""The whole loop on the sample catalogue, once, for real: ``plumb demo`` and ``make run``.

Every step is a function the single commands use too, each idempotent, so that a second demo finds its work done.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from annotators import collect as collecting
from annotators import push as pushing
from annotators import queues, simulated
from annotators.studio import Studio
from evals import registry, report
from evals.catalog_files import read_products, read_questions
from evals.importing import import_reviews
from evals.paths import DATA, home
from evals.records import Decision, Feature, Run
from evals.store import Store
from workbench import sentences
from workbench.commands.decisions import decide, write_report
from workbench.commands.labelling import open_studio
from workbench.commands.running import execute, find_cases, score_run, totals
from workbench.context import now, open_store, quarantine_folder
from workbench.output import say
from workbench.progress import bar

SAMPLE = DATA / "sample"


@dataclass(frozen=True)
class Contest:
    """A champion and a candidate of one feature, and how much of it people see."""

    feature: Feature
    champion: str
    candidate: str
    fraction: float


CONTESTS = (
    Contest("highlights", "template", "lm-int8", fraction=0.5),
    Contest("assistant", "lm-fp32", "lm-int8", fraction=0.35),
)
OVERLAP = 1
SEED = 0


@dataclass
class Timer:
    """Wall seconds per step, for the summary."""

    steps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        say(f"\n— {name}")
        started = time.monotonic()
        yield
        self.steps[name] = time.monotonic() - started


def run_demo(*, annotators: bool = True, port: int = 8501) -> None:
    """Import, run, score, queue, label, collect, decide; then say where to look."""
    timer, store = Timer(), open_store()
    with timer.step("1 import the sample catalogue"):
        import_sample(store)
    runs: dict[Feature, tuple[Run, Run]] = {}
    for contest in CONTESTS:
        with timer.step(f"2 {contest.feature}: champion {contest.champion} and candidate {contest.candidate}, rails and scores"):
            runs[contest.feature] = run_contest(store, contest)
            if registry.champion(store, contest.feature) is None:
                serving = runs[contest.feature][0].variant_id
                registry.install(store, contest.feature, serving, actor="demo", reason="the first champion", now=now())
    with timer.step("3 Label Studio"):
        studio = open_studio()
        say(f"serves on {studio.url}")
    with timer.step("4 sample cases with known probabilities, queue their claims by language, push"):
        for contest in CONTESTS:
            ids = [run.run_id for run in runs[contest.feature]]
            say(sentences.drawn(queues.enqueue(store, *ids, fraction=contest.fraction, seed=SEED, overlap=OVERLAP, now=now())))
        with bar("pushing tasks") as progress:
            say(sentences.pushed(pushing.push(store, studio, progress=progress)))
    label(store, studio, timer, annotators=annotators)
    with timer.step("7 gate"):
        decisions = [decide(store, contest.feature, contest.champion, contest.candidate) for contest in CONTESTS]
        files = [path for decision in decisions for path in reports(decision)]
    summary(decisions, files, timer, studio, port)


def import_sample(store: Store) -> None:
    """Products first, then reviews and questions of those products."""
    catalogue = read_products(SAMPLE / "products.yaml")
    store.catalog.add_products(catalogue)
    with bar("importing", "bytes") as progress:
        say(sentences.imported(import_reviews(store, [SAMPLE / "reviews.jsonl"], quarantine=quarantine_folder(), progress=progress)))
    store.catalog.add_questions(read_questions(SAMPLE / "questions.jsonl"))


def run_contest(store: Store, contest: Contest) -> tuple[Run, Run]:
    """Both runs, finished and scored."""
    cases = find_cases(store, contest.feature, min_reviews=30, min_per_language=8)
    runs = [execute(store, contest.feature, name, cases) for name in (contest.champion, contest.candidate)]
    for run in runs:
        score_run(store, run)
        say(totals(store, run))
    return runs[0], runs[1]


def label(store: Store, studio: Studio, timer: Timer, *, annotators: bool) -> None:
    """Scripted annotators label through Label Studio's own API; then the labels are brought back."""
    if annotators:
        with timer.step("5 SIMULATED annotators (scripts with known error rates) label in Label Studio"), bar("labelling") as progress:
            say(sentences.simulated(simulated.simulate(store, studio, overlap=OVERLAP, seed=SEED, now=now(), progress=progress)))
    with timer.step("6 collect annotations"):
        say(sentences.collected(collecting.collect(store, studio, now=now())))


def reports(decision: Decision) -> list[Path]:
    """The decision in every format, under the home folder."""
    folder = home() / "reports"
    paths = [folder / f"{decision.feature}{ending}" for ending in (".md", ".html", ".json", ".junit.xml")]
    for path in paths:
        write_report(decision, path)
    return paths


def summary(decisions: list[Decision], files: list[Path], timer: Timer, studio: Studio, port: int) -> None:
    """What was decided, how long each step took, and the two addresses."""
    say("\n" + "=" * 100)
    for decision in decisions:
        say(f"{decision.feature.upper()}: {decision.outcome} (exit status {report.exit_status(decision)}). {decision.reason}")
    say("\nReports: " + ", ".join(str(path) for path in files if path.suffix in (".md", ".html")))
    say("Steps: " + " · ".join(f"{name.split(' ')[0]}: {seconds:.0f} s" for name, seconds in timer.steps.items()))
    say(f"Total: {sum(timer.steps.values()):.0f} s. The labels are from SIMULATED annotators wherever the demo labelled.")
    say(f"Label Studio: {studio.url}   (stop it: plumb label-studio stop)")
    say(f"Workbench:    http://127.0.0.1:{port}   (plumb ui)")
