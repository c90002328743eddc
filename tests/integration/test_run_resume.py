"""kill -9 in the middle of a run and of its scoring, then the same again: the end state is that of a run nobody disturbed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support import NOW, a_product, a_review, a_variant

from evals.datasets import assistant_cases, highlights_cases, make_dataset
from evals.experiment import execute, score
from evals.packs import pack
from evals.paths import ROOT
from evals.records import Feature, Output, Question
from evals.store import Store
from runner import assistant, highlights

LANGUAGES = ("en", "ar", "ja", "hi")
TASKS = {"highlights": highlights.task, "assistant": assistant.task}
# What `plumb run` does, slowed down so that the blow falls in the middle.
CHILD = """
import sys, time
from evals.experiment import execute, score
from evals.store import Store
from runner import assistant, highlights
url, feature, what, now = sys.argv[1:]
store = Store.open(url)
[dataset], [variant] = store.runs.datasets(feature), store.runs.variants(feature)
task = {"highlights": highlights.task, "assistant": assistant.task}[feature](store.catalog, variant)
pause = lambda done, total: time.sleep(0.3)
if what == "execute":
    execute(store, variant, dataset, task, now=now, batch=1, progress=pause)
else:
    import evals.experiment
    evals.experiment.SCORE_BATCH = 1
    score(store, store.runs.runs(feature)[0].run_id, progress=pause)
"""


def stocked(url: str, feature: Feature) -> Store:
    store = Store.open(url)
    store.catalog.add_products([a_product(1), a_product(2)])
    for product in (a_product(1), a_product(2)):
        for tag in LANGUAGES:
            texts = [text for row in pack(tag).aspects.values() for text in (*row.positive, *row.negative)]
            store.catalog.add_reviews(a_review(product, tag, f"{text} {product.title}") for text in texts)
            asked = pack(tag).ask["aspect"][0].format(aspect=pack(tag).aspects["sound"].name)
            store.catalog.add_questions([Question(f"question-{product.product_id}-{tag}", product.product_id, tag, asked)])
    cases = highlights_cases(store) if feature == "highlights" else assistant_cases(store)
    make_dataset(store, "resume", cases, NOW)
    store.runs.add_variant(a_variant(feature, "template"))
    return store


def kill_when(url: str, feature: Feature, what: str, ready: Callable[[], bool]) -> int:
    """Start the child, kill -9 it as soon as `ready`; its exit status."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, url, feature, what, NOW], cwd=ROOT)
    deadline = time.monotonic() + 120
    while not ready() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.kill()
    return child.wait()


def whole(store: Store, feature: Feature) -> str:
    """The run, finished in this process."""
    [dataset], [variant] = store.runs.datasets(feature), store.runs.variants(feature)
    return execute(store, variant, dataset, TASKS[feature](store.catalog, variant), now=NOW, batch=3).run_id


def timeless(store: Store, run_id: str) -> list[Output]:
    return [replace(output, first_token_s=None, total_s=None) for output in store.runs.outputs(run_id)]


@pytest.mark.parametrize("feature", ["highlights", "assistant"])
def test_a_run_killed_in_the_middle_ends_as_one_that_was_not(tmp_path: Path, feature: Feature) -> None:
    url = f"sqlite:///{tmp_path / 'killed.sqlite3'}"
    store = stocked(url, feature)

    def begun() -> bool:
        return any(store.runs.totals(run.run_id).outputs >= 2 for run in store.runs.runs())

    assert kill_when(url, feature, "execute", begun) == -9
    [run] = store.runs.runs()
    assert run.finished_at is None and 2 <= store.runs.totals(run.run_id).outputs < 8
    run_id = whole(store, feature)
    other = stocked(f"sqlite:///{tmp_path / 'undisturbed.sqlite3'}", feature)
    assert timeless(store, run_id) == timeless(other, whole(other, feature)) and store.runs.totals(run_id).outputs == 8
    assert store.runs.findings(run_id) == other.runs.findings(run_id) and store.runs.run(run_id).finished_at == NOW


def test_scoring_killed_in_the_middle_ends_as_if_it_was_not(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'killed.sqlite3'}"
    store = stocked(url, "highlights")
    run_id = whole(store, "highlights")
    assert kill_when(url, "highlights", "score", lambda: any(True for _ in store.runs.scores(run_id))) == -9
    some = len(list(store.runs.scores(run_id)))
    new = score(store, run_id)
    other = stocked(f"sqlite:///{tmp_path / 'undisturbed.sqlite3'}", "highlights")
    assert whole(other, "highlights") == run_id and score(other, run_id) == some + new and new > 0
    assert list(store.runs.scores(run_id)) == list(other.runs.scores(run_id)) and store.runs.claims(run_id) == other.runs.claims(run_id)
