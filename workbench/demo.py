"""The whole loop on the sample catalogue, once, for real: ``plumb demo`` and ``make run``.

Every step is a function the single commands use too, each idempotent, so that a second demo finds its work done.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from annotators.asking import conflicts, queues
from annotators.asking.budget import load_plan
from annotators.customers import escalations
from annotators.label_studio import collect as collecting
from annotators.label_studio import push as pushing
from annotators.label_studio.studio import Studio
from annotators.raters import controls, parallel
from annotators.simulation import simulated
from evals import registry, report
from evals.catalog_files import read_products, read_questions
from evals.importing import import_reviews
from evals.paths import DATA, home
from evals.publication import published
from evals.records import Decision, Feature, Run
from evals.store import Store
from workbench import sentences
from workbench.commands.decisions import decide
from workbench.commands.labelling import open_studio
from workbench.commands.reporting import write_report
from workbench.commands.running import execute, find_cases, score_run, totals
from workbench.context import now, open_store, quarantine_folder
from workbench.output import say
from workbench.progress import bar

SAMPLE = DATA / "sample"


@dataclass(frozen=True)
class Contest:
    """A champion and a candidate of one feature, how much of it people see claim by claim, and which other rubrics they get a taste of."""

    feature: Feature
    champion: str
    candidate: str
    fraction: float
    taste: tuple[str, ...]


CONTESTS = (
    Contest("highlights", "template", "lm-int8", fraction=0.5, taste=("preference-v1", "failures-v1", "rewrite-v1")),
    Contest("assistant", "lm-fp32", "lm-int8", fraction=0.35, taste=("preference-v1", "citation-v1")),
)
TASTE = 0.05  # share of the cases, two in each language at least: enough to see a rubric, too few to measure by
TASTE_OVERLAP = {"preference-v1": 2}
ANCHORS, CONTROLS = 3, 0.05  # per language; share of the drawn claims that get a degraded copy
REPORT = "This does not sound like the reviews I read. Please look at it again."
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
    """Import, run, score, report, queue, label, collect, settle, decide; then say where to look."""
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
    with timer.step("4 a customer's report; cases sampled with known probabilities; practice, gold, anchors, controls; push"):
        escalate_one(store)
        for contest in CONTESTS:
            queue(store, contest, [run.run_id for run in runs[contest.feature]])
        with bar("pushing tasks") as progress:
            say(sentences.pushed(pushing.push(store, studio, progress=progress)))
    label(store, studio, timer, annotators=annotators)
    with timer.step("7 gate"):
        decisions = [decide(store, contest.feature, contest.champion, contest.candidate) for contest in CONTESTS]
        files = [path for decision in decisions for path in reports(store, decision)]
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


def escalate_one(store: Store) -> None:
    """A customer reports the first highlight in service: it is hidden at once, people are asked first, and every later candidate must get
    its case right. Asked again, it is the same report."""
    case = find_cases(store, "highlights", min_reviews=30, min_per_language=8)[0]
    done = escalations.escalate(
        store, feature="highlights", product_id=case.product_id, language=case.language, report=REPORT, reporter="demo", now=now()
    )  # fmt: skip
    shown = published(store, "highlights", case.product_id, case.language)
    what = f"the {case.language} highlight of {case.product_id}"
    say(f"Reported: {what}, {shown.hidden_because or 'shown'}; {done.items} new items come first.")


def queue(store: Store, contest: Contest, run_ids: list[str]) -> None:
    """What people are asked about a contest."""
    plan = load_plan()
    say(sentences.drawn(queues.enqueue(store, *run_ids, plan=plan, fraction=contest.fraction, seed=SEED, now=now())))
    taste = sum(
        queues.enqueue(
            store, *run_ids, plan=plan, fraction=TASTE, overlap=TASTE_OVERLAP.get(name, 1), rubrics=[name], seed=SEED, now=now()
        ).items
        for name in contest.taste
    )  # fmt: skip
    again = escalations.queue_regressions(store, *run_ids, overlap=1, now=now())
    known = controls.add_controls(store, run_ids, share=CONTROLS, seed=SEED, now=now())
    if contest.feature == "highlights":
        tags = sorted({item.language for item in store.queue.items(run_id=run_ids[0])})
        known += parallel.queue_quality(store, tags, [contest.feature], plan, seed=SEED, now=now(), anchors=ANCHORS)
    say(f"{taste} items of other rubrics, {again} of reported cases, {known} whose answer is known.")


def label(store: Store, studio: Studio, timer: Timer, *, annotators: bool) -> None:
    """Scripted annotators label through Label Studio's own API, and scripted experts settle their conflicts; then all labels are here."""
    if annotators:
        with timer.step("5 SIMULATED annotators (scripts with known error rates) label in Label Studio"):
            simulate(store, studio)
    with timer.step("6 collect annotations, hand conflicts to experts"):
        say(sentences.collected(collecting.collect(store, studio, now=now())))
        if disputed := conflicts.queue_conflicts(store, now=now()):
            say(f"{disputed} claims that people disagree about go to an expert of their language.")
            say(sentences.pushed(pushing.push(store, studio)))
            if annotators:
                simulate(store, studio)
                say(sentences.collected(collecting.collect(store, studio, now=now())))


def simulate(store: Store, studio: Studio) -> None:
    """The scripts take their turns until nothing is left for them."""
    with bar("labelling") as progress:
        say(sentences.simulated(simulated.simulate(store, studio, load_plan(), seed=SEED, now=now(), progress=progress)))


def reports(store: Store, decision: Decision) -> list[Path]:
    """The decision in every format, under the home folder."""
    folder = home() / "reports"
    paths = [folder / f"{decision.feature}{ending}" for ending in (".md", ".html", ".json", ".junit.xml")]
    for path in paths:
        write_report(store, decision, path)
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
