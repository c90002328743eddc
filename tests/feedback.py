"""Stores in which people have said what a model could learn from, for the tests of the export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from support import NOW, TwoRuns, two_runs

from annotators.asking import queues
from annotators.label_studio.collect import annotation_id
from annotators.labeling import FAILURES_V1, PREFERENCE_V1, REWRITE_V1, rubric_named
from annotators.training import files
from evals.records import Annotation, Annotator, QueueItem
from evals.store import Store
from workbench.commands.exporting import prompts

GOOD = "Most reviewers praise the sound, and some of them complain about the battery. [1]"
PEOPLE = [
    Annotator(f"annotator-{name}", f"{name}@example.org", name, ("en",), simulated=name == "sim") for name in ("ann", "bo", "cy", "sim")
]
ANN, BO, CY, SIM = range(4)
RUBRICS = (PREFERENCE_V1.name, FAILURES_V1.name, REWRITE_V1.name, "claim-v2")


def asked(store: Store, *, products: int = 4, languages: Sequence[str] = ("en",), aside: bool = True) -> TwoRuns:
    """Two runs over products set aside for training, everything about them before people."""
    runs = two_runs(store, languages, products=products)
    if aside:
        store.exposure.set_dataset_aside(runs.dataset.dataset_id, "test", NOW)
    store.labels.put_annotators(PEOPLE)
    queues.enqueue(
        store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, overlap=2, seed=1, now=NOW, rubrics=RUBRICS
    )  # fmt: skip
    return runs


def items(store: Store, rubric: str) -> list[QueueItem]:
    """One of each subject, by product and arm."""
    found = {item.subject_id: item for item in store.queue.items() if item.rubric == rubric}
    return sorted(found.values(), key=lambda item: (str(item.case_id), item.item_id))


def say(store: Store, item: QueueItem, who: int, verdict: str, **detail: object) -> None:
    person, at = PEOPLE[who].annotator_id, NOW
    note = Annotation(annotation_id(item.item_id, person), item.item_id, person, verdict, None, at, at, detail=detail)
    store.labels.put_annotations([note])


def rewrite(store: Store, item: QueueItem, who: int, text: str) -> None:
    """As it would arrive from the labelling page."""
    answer = rubric_named(REWRITE_V1.name).read([{"from_name": "rewritten", "value": {"text": [text]}}], item.data, None)
    assert answer.verdict is not None
    say(store, item, who, answer.verdict, **answer.detail)


def labelled(store: Store, **options: object) -> TwoRuns:
    """Some of everything, in English and Arabic."""
    runs = asked(store, products=12, languages=("en", "ar"), **options)  # type: ignore[arg-type]
    for number, item in enumerate(items(store, PREFERENCE_V1.name)):
        say(store, item, ANN, PREFERENCE_V1.scale[number % 5]), say(store, item, BO, PREFERENCE_V1.scale[number % 5])
    for number, item in enumerate(items(store, FAILURES_V1.name)):
        say(store, item, CY, ("none", "unsafe")[number % 2])
    for item in items(store, REWRITE_V1.name)[::3]:
        rewrite(store, item, BO, GOOD if item.language == "en" else "معظم المراجعين يمدحون الصوت، وبعضهم يشتكي من البطارية. [1]")
    return runs


def export(store: Store, folder: Path, **options: bool) -> files.ExportSummary:
    return files.export(store, folder, prompt_of=prompts(store, "chat-v1"), now=NOW, actor="test", **options)
