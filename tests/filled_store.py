"""Stores with something to look at on every page, for the tests of the workbench.

`fill` is quick and made by hand; `fill_from_sample` runs the real pipeline over two products of the sample catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from support import NOW, TwoRuns, two_runs

from annotators.asking import conflicts, queues
from annotators.label_studio.collect import annotation_id
from annotators.labeling import CLAIM_V2
from annotators.raters import parallel
from evals import gate
from evals.bands import band
from evals.catalog_files import read_products, read_questions
from evals.datasets import assistant_cases, highlights_cases, make_dataset
from evals.experiment import Task, TaskResult, execute, score
from evals.identity import content_id
from evals.metrics import METRICS
from evals.packs import pack
from evals.paths import DATA
from evals.readers import read_rows
from evals.records import FEATURES, Annotation, Annotator, AnswerKey, Case, Feature, Output, Product, QueueItem, Review, Run, Variant
from evals.store import Store
from runner import assistant, highlights

LANGUAGES = ("en", "ja", "ar")
HOSTILE_TITLE = "<img src=x onerror=alert(1)> **bold** [link](http://evil.example) :red[x] \u202egnp"
_OPPOSITE = {"most_positive": "most_negative", "some_positive": "most_negative", "mixed": "most_positive"}


def fill(store: Store) -> dict[Feature, TwoRuns]:
    """Both features over three products in three languages: scored, queued, partly labelled, decided. One product's title is hostile."""
    store.catalog.add_products([Product("product-1", HOSTILE_TITLE, "audio", {"color": "blue", "weight": "1.2 kg"})])
    made: dict[Feature, TwoRuns] = {}
    for feature in FEATURES:
        made[feature] = two_runs(store, LANGUAGES, feature=feature)
        runs = (made[feature].champion, made[feature].candidate)
        for run in runs:
            score(store, run.run_id, METRICS)
        label(store, feature, runs)
    return made


def label(store: Store, feature: Feature, runs: Sequence[Run]) -> None:
    """Queue both runs; a simulated annotator labels English and Japanese, nobody Arabic; then the gate reads it."""
    queues.enqueue(store, runs[0].run_id, runs[1].run_id, fraction=1.0, seed=0, overlap=1, now=NOW)
    people = {
        tag: Annotator(content_id("annotator", tag), f"{tag}@example.org", f"Simulated {tag}", (tag,), simulated=True)
        for tag in ("en", "ja")
    }
    store.labels.put_annotators(people.values())
    values = {row.subject_id: row.value for run in runs for row in store.runs.scores(run.run_id, "grounded")}
    notes = []
    for item in store.queue.items():
        if item.language in people and item.feature == feature:
            verdict = "contradicted" if values.get(item.claim_id) == 0 else "grounded"
            name = content_id("annotation", item.item_id)
            notes.append(Annotation(name, item.item_id, people[item.language].annotator_id, verdict, None, NOW, NOW))  # type: ignore[arg-type]
    store.labels.put_annotations(notes)
    policy = gate.load_policy(DATA / "policies" / f"{feature}.yaml")
    gate.decide(store, policy, runs[0].run_id, runs[1].run_id, now=NOW)


# ---------------------------------------------------------------------------------------------- people who differ

CREW = {"en": ("Ann Baker", "Bo Carter"), "ja": ("森 愛子", "Ken Itō"), "ar": ("أمل ناصر", "Badr Haddad")}
HOSTILE_COMMENT = "=HYPERLINK(1) <script>alert(1)</script> **bold** [x](http://evil.example) \u202egnp"
_ERRS = {"en": 2, "ja": 9, "ar": 3}  # the second person of the language is wrong once in so many
_OTHER = {"grounded": "contradicted", "contradicted": "grounded", "unsupported": "contradicted", "not_checkable": "grounded"}


def person(language: str, number: int) -> Annotator:
    """Number 1 of a language is careful, 2 is not, 0 settles conflicts."""
    name = CREW[language][number - 1] if number else f"Expert {language}"
    return Annotator(content_id("annotator", language, number), f"{language}-{number}@example.org", name, (language,), expert=not number)


def fill_people(store: Store, languages: Sequence[str] = LANGUAGES, *, gold: int = 24, anchors: int = 12) -> None:
    """On a store that `fill` filled: per language two people and an expert who judge the same claims, gold, controls and anchors. The
    second of each language errs often and answers too fast; some conflicts are put before the expert, one of whom has answered."""
    store.labels.put_annotators(person(tag, number) for tag in languages for number in (0, 1, 2))
    real = [item for item in store.queue.items() if item.rubric == CLAIM_V2.name and item.language in languages and item.run_id]
    known = [one for tag in languages for one in parallel.gold_items(tag, "highlights", gold, 0, NOW)]
    known += parallel.anchor_items(languages, "highlights", anchors, 0, NOW)
    known += [_degraded(item) for item in real if item.feature == "highlights"][: 6 * len(languages)]
    parallel.add_known(store, known)
    runs = {item.run_id for item in real if item.run_id}
    false = {row.subject_id for run in runs for row in store.runs.scores(run, "grounded") if row.value == 0}
    right = {item.item_id: "contradicted" if item.claim_id in false else "grounded" for item in real}
    right |= {item.item_id: key.verdict for item, key in known}
    for number in (1, 2):
        items = [*real, *(item for item, _ in known)]
        store.labels.put_annotations(_said(item, number, place, right[item.item_id]) for place, item in enumerate(items))
    conflicts.queue_conflicts(store, now=NOW)
    for item in store.queue.items(why="adjudication")[::4]:
        note = _said(item, 0, 0, "contradicted")
        store.labels.put_annotations([replace(note, comment="The counts say otherwise.")])


def _degraded(item: QueueItem) -> tuple[QueueItem, AnswerKey]:
    """A copy of an item whose claim is made worse."""
    name = content_id("item", item.subject_id, "control")
    data = {**item.data, "item_id": name, "claim": f"{item.data['claim']} 9"}
    copy = replace(item, item_id=name, subject_id=content_id("control", item.item_id), why="control", claim_id=None, data=data)
    return copy, AnswerKey(name, "contradicted", "construction", NOW, worse_than=item.item_id)


def _said(item: QueueItem, number: int, place: int, right: str) -> Annotation:
    """One label of a person, made on the day that its place in the row says."""
    who = person(item.language, number).annotator_id
    wrong = place % (_ERRS[item.language] if number == 2 else 19) == 1
    at = (datetime.fromisoformat(NOW) - timedelta(hours=3 * (place % 80))).strftime("%Y-%m-%dT%H:%M:%SZ")
    evidence = str(item.data.get("evidence", ""))
    spans = {"spans": [[0, min(20 + 4 * number, len(evidence))]]} if place % 2 and evidence else {}
    comment = HOSTILE_COMMENT if wrong and number == 2 else None
    seconds = 3.0 + place % 4 if number == 2 else 30.0 + 7 * (place % 5)
    name = annotation_id(item.item_id, who)
    return Annotation(name, item.item_id, who, _OTHER[right] if wrong else right, comment, at, at, seconds, detail=spans)


# ---------------------------------------------------------------------------------------------- from the sample


def fill_from_sample(store: Store, products: int = 2, languages: Sequence[str] = LANGUAGES) -> None:
    """Real reviews of the sample, real evidence with true offsets; the candidate is the champion with some sentences made untrue."""
    chosen = read_products(DATA / "sample" / "products.yaml")[:products]
    store.catalog.add_products(chosen)
    names = {product.product_id for product in chosen}
    store.catalog.add_reviews(_reviews(names, languages))
    questions = read_questions(DATA / "sample" / "questions.jsonl")
    store.catalog.add_questions([row for row in questions if row.product_id in names and row.language in languages])
    cases = {"highlights": highlights_cases(store), "assistant": assistant_cases(store)}
    for feature in FEATURES:
        dataset = make_dataset(store, "sample", cases[feature], NOW)
        template = _variant(feature, "template", {"kind": "template"})
        task = (highlights if feature == "highlights" else assistant).task(store.catalog, template)
        champion = execute(store, template, dataset, task, now=NOW)
        candidate = _variant(feature, "altered", {"kind": "altered", "precision": "int8"})
        run = execute(store, candidate, dataset, _altered(store, champion), now=NOW.replace("12:", "13:"))
        for each in (champion, run):
            score(store, each.run_id, METRICS)
        label(store, feature, (champion, run))
    fill_people(store, languages)


def _variant(feature: Feature, name: str, settings: dict[str, str]) -> Variant:
    return Variant(content_id("variant", feature, settings), name, feature, settings)


def _reviews(products: set[str], languages: Sequence[str]) -> Iterator[Review]:
    for row in read_rows(DATA / "sample" / "reviews.jsonl"):
        values = row.values  # type: ignore[union-attr]  # our own sample has no bad row
        product, tag, text = str(values["product_id"]), str(values.get("lang")), str(values["text"])
        if product in products and tag in languages:
            rating = float(values["rating"]) if values.get("rating") is not None else None
            yield Review(content_id("review", product, text), product, tag, text, None, rating, values.get("date"))


def _altered(store: Store, champion: Run) -> Task:
    """Every third sentence of a summary says what the counts do not; answers get another number."""

    def run(cases: Sequence[Case]) -> list[TaskResult]:
        return [_lie(store.runs.output_of(champion.run_id, case.case_id), case) for case in cases]

    return run


def _lie(output: Output, case: Case) -> TaskResult:
    result = TaskResult(case.case_id, output.text, output.status, output.passages, output.aspects, output.error, 40, 30, 0.08, 0.4)
    if case.feature == "assistant" or output.status != "ok":
        return replace(result, text=output.text.replace("8", "9").replace("2", "7"))
    words, quoted = pack(case.language), {passage.aspect for passage in output.passages}
    sentences = []
    for number, row in enumerate(row for row in output.aspects if row.aspect in quoted):
        key = _OPPOSITE.get(band(row), "most_positive") if number % 3 == 1 else band(row)
        marks = "".join(f"[{passage.number}]" for passage in output.passages if passage.aspect == row.aspect)
        sentences.append(f"{words.summary[key][0].format(aspect=words.aspects[row.aspect].name)} {marks}")
    return replace(result, text=" ".join(sentences))
