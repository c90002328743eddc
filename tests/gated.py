"""A store with a hold that lacks labels, by a policy that names all 28 languages, owners of waivers and one waiver: for the page Gate."""

from __future__ import annotations

from pathlib import Path

import yaml
from support import NOW, TwoRuns, two_runs

from annotators.asking import queues
from evals import gate
from evals.experiment import score
from evals.identity import content_id
from evals.languages import LANGUAGES
from evals.metrics import METRICS
from evals.records import Annotation, Annotator, Decision
from evals.store import Store

SPOKEN = ("en", "ja", "ar")
OWNER = "ann@example.org"
POLICY = {
    "version": 1,
    "feature": "highlights",
    "looks": 3,
    "languages": list(LANGUAGES),
    "waiver_owners": [OWNER, "bo@example.org"],
    "waivers": [
        {"requirement": "grounded", "slice": "language=de", "owner": OWNER, "reason": "German comes later: =1+1 <b>", "max_loss": 0.0,
         "expires": "2099-12-31", "unmeasured": True},
    ],
    "requirements": [
        {"name": "grounded", "kind": "non_inferiority", "metric": "grounded", "margin": 0.2, "min_labels": 14, "slices": ["language"],
         "slice_margin": 0.4, "slice_min_labels": 7},
        {"name": "reported cases", "kind": "regression"},
        {"name": "blocked", "kind": "ceiling", "event": "blocked", "ceiling": 0.2, "slices": ["language", "category"]},
        {"name": "first token", "kind": "tail_latency", "p90": 1.0, "critical": False},
        {"name": "price", "kind": "cost", "max_ratio": 1.1, "usd_per_hour": 1, "critical": False},
    ],
}  # fmt: skip


def fill(store: Store, folder: Path) -> tuple[TwoRuns, Decision]:
    """Half the cases of three languages drawn and labelled; the policy is written to `folder`, where `workbench.waiving` may read it."""
    runs = two_runs(store, SPOKEN, products=12, wrong_every=7)
    for run in (runs.champion, runs.candidate):
        score(store, run.run_id, {"grounded": METRICS["grounded"]})
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=0.5, seed=0, overlap=1, now=NOW)
    label(store)
    return runs, decide(store, runs, folder)


def label(store: Store) -> None:
    """One script says what the judge says, in English and Japanese; nobody labels Arabic."""
    store.labels.put_annotators([Annotator("one", "one@example.org", "One", ("en", "ja"), simulated=True)])
    good = {row.subject_id: row.value for run in store.runs.runs("highlights") for row in store.runs.scores(run.run_id, "grounded")}
    store.labels.put_annotations(
        Annotation(content_id("note", item.item_id), item.item_id, "one", "contradicted" if good.get(item.claim_id) == 0 else "grounded",
                   None, NOW, NOW)
        for item in store.queue.items() if item.language != "ar"
    )  # fmt: skip


def decide(store: Store, runs: TwoRuns, folder: Path) -> Decision:
    path = folder / "highlights.yaml"
    path.write_text(yaml.safe_dump(POLICY, sort_keys=False), encoding="utf-8")
    return gate.decide(store, gate.load_policy(path), runs.champion.run_id, runs.candidate.run_id, now=NOW)
