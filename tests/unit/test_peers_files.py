"""Files that the tools themselves wrote (`benchmarks.peers`): imported, gated, and the decision is what their numbers say."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from support import NOW, a_store

from evals import gate, peers
from evals.gate.policy import parse_policy
from evals.paths import ROOT
from evals.peers.importing import Choices, Imported, metric_name, store_results
from evals.records import Decision
from evals.store import Store

FILES = ROOT / "tests" / "data" / "peers"
HARNESS = "lm_eval/{arm}/samples_product_details_2026-11-23T03-28-17.jsonl"
# peer, file of an arm, the metric that says whether the value is stated, version the file states, failed outputs of the degraded arm
MADE = [
    ("promptfoo", "promptfoo/{arm}.json.gz", "contains", "0.121.20", 1),
    ("deepeval", "deepeval/{arm}.json", "States Value", None, 0),
    ("inspect", "inspect/{arm}.json.gz", "includes", "0.3.285", 1),
    ("lm_eval", HARNESS, "value", None, 0),
    ("mlflow", "mlflow/{arm}.json", "states_value", None, 0),
    ("mlflow", "mlflow/{arm}.csv", "states_value", None, 0),
    ("ragas", "ragas/{arm}.csv", "string_present", None, 0),
    ("ragas", "ragas/{arm}.jsonl", "string_present", None, 0),
]
EACH = pytest.mark.parametrize(("peer", "name", "metric", "version", "failed"), MADE)


def brought(store: Store, path: Path, arm: str, choices: Choices | None = None) -> Imported:
    (results,) = peers.read([path], variant=arm)
    return store_results(store, "assistant", results, NOW, choices)


def decided(store: Store, metric: str, champion: Imported, candidate: Imported, margin: float = 0.3) -> Decision:
    row = {"name": "states the value", "kind": "non_inferiority", "metric": metric, "source": "code", "margin": margin}
    policy = parse_policy({"version": 1, "feature": "assistant", "requirements": [row]})
    return gate.decide(store, policy, champion.run.run_id, candidate.run.run_id, now=NOW)


@EACH
def test_a_worse_arm_is_rejected_and_an_equal_one_promoted(peer: str, name: str, metric: str, version: str | None, failed: int) -> None:
    store = a_store()
    champion, candidate, degraded = (brought(store, FILES / name.format(arm=arm), arm) for arm in ("champion", "candidate", "degraded"))
    assert (champion.peer, champion.version, champion.cases, champion.errors) == (peer, version, 12, 0)
    assert degraded.errors == failed
    assert champion.run.dataset_id == candidate.run.dataset_id == degraded.run.dataset_id
    promoted = decided(store, metric_name(peer, metric), champion, candidate)
    assert promoted.outcome == "promote"
    rejected = decided(store, metric_name(peer, metric), champion, degraded)
    assert rejected.outcome == "reject"
    cell = rejected.body["requirements"][0]["cells"][0]
    assert (cell["estimate"], cell["n"], cell["clusters"]) == (-0.75, 12, 12)  # nine of twelve are lost, the one without an answer too


@EACH
def test_importing_the_same_file_again_changes_nothing(peer: str, name: str, metric: str, version: str | None, failed: int) -> None:
    store, path = a_store(), FILES / name.format(arm="degraded")
    first, again = brought(store, path, "degraded"), brought(store, path, "degraded")
    assert again.run == first.run
    assert first.new_scores > 0 and again.new_scores == 0 and again.differing == 0
    assert len(store.runs.runs()) == 1 and store.runs.totals(first.run.run_id).outputs == 12


@EACH
def test_every_case_has_its_language_its_product_and_a_value_or_a_reason(
    peer: str, name: str, metric: str, version: str | None, failed: int
) -> None:
    store = a_store()
    run = brought(store, FILES / name.format(arm="degraded"), "degraded").run
    assert sorted({case.language for case in store.runs.cases(run.dataset_id)}) == ["ar", "de", "en", "ja"]
    assert "hp-aurora" in {case.product_id for case in store.runs.cases(run.dataset_id)}
    scores = list(store.runs.scores(run.run_id))
    assert {score.source for score in scores} == {"code"}
    assert all(f"peer:{peer}|release:{version or 'unstated'}" in score.signature for score in scores)
    assert all((score.value is None) == bool(score.reason) for score in scores)
    assert len(scores) % 12 == 0 and len(scores) >= 24


def test_an_inspect_archive_says_what_its_json_says() -> None:
    for arm in ("champion", "candidate"):
        (packed,) = peers.read([FILES / f"inspect/{arm}.eval"])
        (plain,) = peers.read([FILES / f"inspect/{arm}.json.gz"])
        texts = {answer.case: (answer.text, answer.question, dict(answer.values)) for answer in plain.answers}
        assert len(packed.answers) == 10
        assert all(texts[answer.case] == (answer.text, answer.question, dict(answer.values)) for answer in packed.answers)
        assert {answer.generated_tokens for answer in packed.answers} == {5}


def test_an_arm_over_another_ones_cases_fails_where_its_file_has_no_answer() -> None:
    store = a_store()
    champion = brought(store, FILES / "inspect/champion.json.gz", "champion")
    shorter = brought(store, FILES / "inspect/candidate.eval", "candidate", Choices(over=champion.run))
    assert (shorter.cases, shorter.errors, shorter.metrics["includes"]) == (12, 2, (10, 2))
    cell = decided(store, "inspect_includes", champion, shorter).body["requirements"][0]["cells"][0]
    assert cell["estimate"] == pytest.approx(-2 / 12, abs=1e-6)


def test_what_a_peer_called_an_error_is_the_reason() -> None:
    store = a_store()
    run = brought(store, FILES / "deepeval/degraded.json", "degraded").run
    assert {score.reason for score in store.runs.scores(run.run_id, "deepeval_states_value") if score.value is None} == {
        "not measured: the metric failed: ValueError: there is no answer to measure"
    }
    run = brought(store, FILES / "promptfoo/degraded.json.gz", "degraded").run
    (failed,) = (output for output in store.runs.outputs(run.run_id) if output.status == "error")
    assert failed.error == "the model did not answer" and failed.text == ""


def test_no_file_names_the_machine_it_was_made_on() -> None:
    for path in FILES.rglob("*.*"):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert path.stat().st_size < 30_000, path
        assert not any(trace in data for trace in (b"/tmp/", b"/home/", b"/root/", b"site-packages")), path
