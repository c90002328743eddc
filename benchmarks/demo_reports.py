"""A blocked and a passed change, as a pull request shows them: ``python -m benchmarks.demo_reports`` writes ``docs/reports``.

Both compare a candidate with the template in service over the shipped sample (our own texts), under ``docs/reports/policy.yaml``. The
*concise* candidate leaves the last sentence out; the *altered* one says the opposite of the evidence in every third sentence. Nobody
labelled anything: two scripts per language repeat what the rules see and err in three answers of a hundred, and every report says so. The
same code gives the same bytes each time; a change of the gate's own words or intervals asks for another run of this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from annotators.asking import queues
from evals import gate
from evals.bands import band
from evals.bundle import verify, write
from evals.catalog_files import read_products
from evals.datasets import highlights_cases, make_dataset
from evals.errors import PlumblineError
from evals.experiment import Task, TaskResult, execute, score
from evals.gate import load_policy
from evals.identity import content_id, sha256
from evals.metrics import METRICS
from evals.packs import pack
from evals.paths import DATA, ROOT
from evals.readers import BadRow, read_rows
from evals.records import Annotation, Annotator, Case, Decision, Output, Review, Run, Variant
from evals.store import Store
from runner import highlights
from workbench.commands.reporting import write_report

REPORTS = ROOT / "docs" / "reports"
POLICY = REPORTS / "policy.yaml"
NOW = "2026-11-22T12:00:00Z"
WORKBENCH = "https://plumbline.example.com"
ERRS = 0.03
ENDINGS = (".md", ".html", ".json", ".junit.xml")
MEASURED = {name: METRICS[name] for name in ("grounded", "language_adherence", "aspect_coverage")}
_OPPOSITE = {"most_positive": "most_negative", "some_positive": "most_negative", "mixed": "most_positive"}


def main(folder: Path = REPORTS) -> None:
    store = Store.open("sqlite://")
    champion = in_service(store)
    for name, variant, change in (("passed", "concise", concise), ("blocked", "altered", altered)):
        decision = compared(store, champion, variant, change)
        for ending in ENDINGS:
            write_report(store, decision, folder / name / f"gate{ending}", WORKBENCH)
        made = write(store, decision.decision_id, folder / name / "bundle.zip", actor="demo", now=NOW, policy=POLICY)
        print(f"{name}: {decision.reason}\n  bundle {made.sha256[:16]}, {made.size:,} bytes")
        if difference := verify(folder / name / "bundle.zip").difference:
            raise PlumblineError(f"{name}: the bundle does not verify: {difference}")


def in_service(store: Store) -> Run:
    """The template over every case of the sample, scored."""
    store.catalog.add_products(read_products(DATA / "sample" / "products.yaml"))
    store.catalog.add_reviews(reviews())
    dataset = make_dataset(store, "the sample", highlights_cases(store), NOW)
    template = variant_of("template", {"kind": "template"})
    run = execute(store, template, dataset, untimed(highlights.task(store.catalog, template)), now=NOW)
    score(store, run.run_id, MEASURED)
    return run


def untimed(task: Task) -> Task:
    """The task without its times, the one thing that differs from machine to machine."""
    return lambda cases: [replace(result, total_s=None) for result in task(cases)]


def reviews() -> Iterator[Review]:
    for row in read_rows(DATA / "sample" / "reviews.jsonl"):
        if isinstance(row, BadRow):
            continue
        product, text = str(row.values["product_id"]), str(row.values["text"])
        rating = float(row.values["rating"]) if row.values.get("rating") else None
        yield Review(content_id("review", product, text), product, str(row.values["lang"]), text, None, rating, row.values.get("date"))


def variant_of(name: str, settings: dict[str, str]) -> Variant:
    return Variant(content_id("variant", "highlights", settings), name, "highlights", settings)


def compared(store: Store, champion: Run, name: str, change: Callable[[Output, Case], str]) -> Decision:
    """A candidate made of what the champion says, labelled by scripts, and the decision."""
    candidate = variant_of(name, {"kind": name})
    run = execute(store, candidate, store.runs.dataset(champion.dataset_id), changed(store, champion, change), now=NOW)
    score(store, run.run_id, MEASURED)
    queues.enqueue(store, champion.run_id, run.run_id, fraction=1.0, seed=0, overlap=2, now=NOW)
    label(store, (champion, run))
    return gate.decide(store, load_policy(POLICY), champion.run_id, run.run_id, now=NOW)


def changed(store: Store, champion: Run, change: Callable[[Output, Case], str]) -> Task:
    def run(cases: Sequence[Case]) -> list[TaskResult]:
        said = [store.runs.output_of(champion.run_id, case.case_id) for case in cases]
        return [
            TaskResult(case.case_id, change(output, case), output.status, output.passages, output.aspects)
            for output, case in zip(said, cases, strict=True)
        ]

    return run


def concise(output: Output, case: Case) -> str:
    """Without the last sentence, where there are two."""
    sentences = said(output, case)
    return " ".join(sentences[:-1] if len(sentences) > 1 else sentences)


def altered(output: Output, case: Case) -> str:
    """Every third sentence says the opposite of what the reviews do."""
    return " ".join(said(output, case, lie_every=3))


def said(output: Output, case: Case, lie_every: int = 0) -> list[str]:
    """The sentences of a summary in the template's words, an aspect each."""
    words, quoted = pack(case.language), {passage.aspect for passage in output.passages}
    sentences = []
    for number, row in enumerate(row for row in output.aspects if row.aspect in quoted):
        lies = bool(lie_every) and number % lie_every == 1
        key = _OPPOSITE.get(band(row), "most_positive") if lies else band(row)
        marks = "".join(f"[{passage.number}]" for passage in output.passages if passage.aspect == row.aspect)
        sentences.append(f"{words.summary[key][0].format(aspect=words.aspects[row.aspect].name)} {marks}")
    return sentences


# ---------------------------------------------------------------------------------------------- scripts that label


def label(store: Store, runs: Sequence[Run]) -> None:
    """Each of two scripts per language answers what is queued about the runs; none of them is a person."""
    wrong = {row.subject_id for run in runs for row in store.runs.scores(run.run_id, "grounded") if row.value == 0}
    items = [item for run in runs for item in store.queue.items(run_id=run.run_id)]
    people = {(item.language, number): script(item.language, number) for item in items for number in (1, 2)}
    store.labels.put_annotators(people.values())
    notes = []
    for item in items:
        for number in (1, 2):
            who = people[item.language, number].annotator_id
            errs = int(sha256(f"{item.item_id} {number}")[:8], 16) / 16**8 < ERRS
            verdict = "contradicted" if (item.claim_id in wrong) != errs else "grounded"
            notes.append(Annotation(content_id("annotation", item.item_id, who), item.item_id, who, verdict, None, NOW, NOW))
    store.labels.put_annotations(notes)


def script(language: str, number: int) -> Annotator:
    name = content_id("annotator", "demo", language, number)
    return replace(Annotator(name, f"{name}@example.org", f"Simulated {language} {number}", (language,)), simulated=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
