"""``plumb judge``: certificates, retests, the jury and pairs from the command line, on a store that people have labelled."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from filled_store import fill, fill_people
from scripted_judge import completion, serving
from typer.testing import CliRunner, Result

from evals.errors import InputError, MoreNeededError, UnknownIdError
from evals.judges.prompts import unfenced
from evals.metrics import METRICS
from evals.records import Certificate, Score
from evals.store import Store
from evals.trust.terms import load_terms
from workbench.commands import certifying, judging
from workbench.commands.certifying import labels_missing

app = typer.Typer()
for module in (judging, certifying):
    module.register(app)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path))
    monkeypatch.delenv("PLUMBLINE_DATABASE_URL", raising=False)
    store = Store.open()
    fill(store)
    return store


def judge(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["judge", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def as_json(*arguments: str):
    return json.loads(judge(*arguments, "--json").output)


def test_a_certificate_is_made_from_the_stores_labels_and_says_what_is_missing(store: Store) -> None:
    found = as_json("certify", "grounded")
    assert {row["language"] for row in found} >= {"en", "ja"}
    for row in found:
        assert f"{row['n']} labels of 100" in row["reason"]
        assert row["labels_missing"] >= 100 - row["n"]
        assert row["signature"] == METRICS["grounded"].signature
    assert len(store.judging.certificates("grounded")) == len(found)
    judge("certify", "grounded")
    assert len(store.judging.certificates("grounded")) == len(found)
    text = judge("certificates").output
    assert "grounded" in text
    assert [row["reason"] for row in as_json("certificates")] == [row["reason"] for row in found]


def test_a_labelled_file_certifies_a_judge_where_it_lies(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    evidence = "The battery lasts ten hours. It weighs 300 g."
    said = {1: "The battery lasts ten hours.", 0: "The battery lasts 77 hours."}
    rows = [{"lang": "en", "source": evidence, "output": said[i % 2], "label": i % 2, "group": f"g{i}"} for i in range(200)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    [found] = as_json("certify", "grounded", "--labels", str(path))
    assert (found["n"], found["reason"], found["labels_missing"]) == (200, None, 0)
    with pytest.raises(UnknownIdError, match="say which model: --judge NAME"):
        judge("certify", "judge_claims", "--labels", str(path))
    with pytest.raises(UnknownIdError, match="'nonsense' cannot be measured here"):
        judge("certify", "nonsense", "--labels", str(path))


def test_a_judge_nobody_labelled_for_is_refused_with_what_to_do(store: Store) -> None:
    with pytest.raises(MoreNeededError, match="plumb queue, plumb collect"):
        judge("certify", "grounded", "--rubric", "claim-v1")
    with pytest.raises(MoreNeededError, match="has no certificate to test again"):
        judge("retest", "grounded")


def a_certificate(language: str, auroc: list[float]) -> Certificate:
    return Certificate(
        f"certificate-{language}",
        "grounded",
        METRICS["grounded"].signature,
        "claim-v2",
        language,
        "labels",
        400,
        200,
        100,
        0,
        "2026-01-01T00:00:00Z",
        "2099-01-01T00:00:00Z",
        None,
        {"auroc": auroc},
    )


def test_a_certified_judge_is_tested_again_on_the_anchors(store: Store) -> None:
    fill_people(store, ("en", "ja"), anchors=40)
    store.judging.add_certificates([a_certificate("en", [0.6, 0.5, 0.7]), a_certificate("ar", [0.9, 0.8, 0.95])])
    [found] = as_json("retest", "grounded")
    assert (found["certificate_id"], found["reason"]) == ("certificate-en", None)
    assert found["n"] >= load_terms().min_anchors
    assert found["measures"]["anchors"]
    text = " ".join(judge("retest", "grounded").output.split())
    assert "Not tested: ar: 0 anchors that people decided" in text
    store.judging.add_certificates([replace(a_certificate("ja", [1.0, 1.0, 1.0]), created_at="2026-01-02T00:00:00Z")])
    assert any("its AUROC on the anchors is at most" in (row["reason"] or "") for row in as_json("retest", "grounded"))
    assert "suspended on" in {row["language"]: row["reason"] for row in as_json("certificates")}["ja"]


def test_a_jury_is_fitted_kept_and_scores_a_run(store: Store, tmp_path: Path) -> None:
    for run in [run for feature in ("highlights", "assistant") for run in store.runs.runs(feature)]:
        rows = [row for row in store.runs.scores(run.run_id, "grounded", "claim") if row.value is not None]
        store.runs.add_scores(
            Score(run.run_id, row.case_id, "claim", row.subject_id, "other", "v:1", "model", 0.2 + 0.6 * row.value) for row in rows
        )
    found = as_json("fit-jury", "grounded", "other")
    assert set(found["measures"]) == {"grounded", "other", "jury"}
    assert (tmp_path / "models" / "jury.json").exists()
    run = store.runs.runs("highlights")[0]
    assert "claims scored by the jury" in judge("jury", run.run_id).output
    assert any(row.value is not None for row in store.runs.scores(run.run_id, "jury"))
    assert {row["judge"] for row in as_json("certify", "jury")} == {"jury"}
    with pytest.raises(InputError, match="different judges"):
        judge("fit-jury", "grounded")


def test_pairs_are_compared_once_and_the_bias_card_says_what_cannot_be_measured(store: Store, tmp_path: Path) -> None:
    def answer(request: dict):
        shown = {(piece.kind, piece.number): piece.text for piece in unfenced(request["messages"][1]["content"])}
        return completion({"better": 1 if shown["text", 1] >= shown["text", 2] else 2, "confidence": 90})

    with serving(answer) as (url, script):
        judges = tmp_path / "judges.yaml"
        judges.write_text(f"judges:\n  mine:\n    base_url: {url}\n    model: acme/judge-1\n", encoding="utf-8")
        asking = ("pairs", "champion", "candidate", "--judge", "mine", "--judges", str(judges))
        found = as_json(*asking)
        asked = len(script.requests)
        assert as_json(*asking) == found
        assert len(script.requests) == asked > 0
    assert {row["language"] for row in found} == {"en", "ja", "ar"}
    assert all(row["candidate"] + row["champion"] + row["ties"] == 3 for row in found)
    [spent] = store.judging.spent()
    assert (spent.judge, spent.purpose, spent.calls) == ("mine", "judge_pairs", asked)
    cards = as_json("bias", "--judge", "mine", "--judges", str(judges))
    assert all("not measurable" in card["agreement"]["reason"] for card in cards)
    assert "Bias of mine" in judge("bias", "--judge", "mine", "--judges", str(judges)).output
    with pytest.raises(MoreNeededError, match="has compared nothing yet"):
        judge("bias", "--judge", "lexical")


@pytest.mark.parametrize(
    ("n", "positives", "measures", "missing"),
    [
        (40, 20, {"auroc": [0.9, 0.8, 0.95]}, 60),
        (150, 148, {"auroc": [0.9, 0.6, 0.95]}, 1088),
        (200, 100, {"auroc": [0.8, 0.6, 0.9]}, 600),
        (200, 100, {"auroc": [0.65, 0.6, 0.7]}, None),
        (200, 100, {"auroc": [0.9, 0.8, 0.95], "calibration_error": [0.3, 0.2, 0.4]}, None),
    ],
)
def test_how_many_more_labels_would_certify(n: int, positives: int, measures: dict, missing: int | None) -> None:
    one = replace(a_certificate("en", [0.5, 0.4, 0.6]), n=n, positives=positives, measures=measures, reason="not yet")
    assert labels_missing(one, load_terms()) == missing
    assert labels_missing(replace(one, reason=None), load_terms()) == 0
