"""Bundles against somebody who knows how they are made, against time, on both databases, and as another machine would verify them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from bundles import FLIP_LABEL, FLIP_SCORE, changed, decided_store, in_decision, row, rows, swap
from filled_store import fill_from_sample
from sqlalchemy import text
from support import NOW

from evals import bundle, gate
from evals.bundle import archive
from evals.bundle.archive import POLICY
from evals.errors import InputError
from evals.gate.policy import Waiver
from evals.gate.waivers import sign
from evals.paths import DATA, ROOT
from evals.records import FEATURES, Annotation, Annotator, Escalation
from evals.store import Store

LATER = "2026-11-29T12:00:00Z"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, store = tmp_path_factory.mktemp("bundle") / "whole.zip", decided_store()
    bundle.write(store, store.ledger.decisions("highlights")[0].decision_id, path, actor="ada", now=NOW)
    return path


# ---------------------------------------------------------------------------------------------- what came after the decision


@pytest.fixture
def own() -> Store:
    """A small decided store of the test's own."""
    return decided_store(("en",), products=2, reported=False)


def test_labels_and_reports_that_came_later_are_left_out(own: Store, tmp_path: Path) -> None:
    (decided,) = own.ledger.decisions()
    bundle.write(own, decided.decision_id, tmp_path / "before.zip", actor="a", now=NOW)
    first, second, third, *_ = own.labels.annotations()
    own.labels.put_annotations([replace(first, verdict="unsupported", updated_at=LATER), replace(second, comment="hm", updated_at=LATER)])
    own.labels.put_annotators([Annotator("annotator-new", "new@example.org", "New", ("en",))])
    own.labels.put_annotations([Annotation("annotation-new", third.item_id, "annotator-new", "contradicted", None, LATER, LATER)])
    output = own.runs.output(own.queue.item(first.item_id).output_id or "")
    own.escalations.add(Escalation("escalation-2", "highlights", output.case_id, output.output_id, "wrong", "c", LATER))
    gate.decide(own, gate.load_policy(DATA / "policies" / "highlights.yaml"), decided.champion_run_id, decided.candidate_run_id, now=LATER)
    bundle.write(own, decided.decision_id, tmp_path / "after.zip", actor="a", now=LATER)
    assert (tmp_path / "after.zip").read_bytes() == (tmp_path / "before.zip").read_bytes()


def test_a_second_look_is_the_second_look_again(own: Store, tmp_path: Path) -> None:
    (first,) = own.ledger.decisions()
    note = own.labels.annotations()[0]
    own.labels.put_annotations([replace(note, verdict="unsupported", updated_at=LATER)])
    policy = gate.load_policy(DATA / "policies" / "highlights.yaml")
    second = gate.decide(own, policy, first.champion_run_id, first.candidate_run_id, now=LATER)
    assert second.body["policy"]["look"] == 2
    bundle.write(own, second.decision_id, tmp_path / "second.zip", actor="a", now=LATER)
    assert bundle.verify(tmp_path / "second.zip").difference is None
    assert len(archive.read(tmp_path / "second.zip")["rows/decision.jsonl"].splitlines()) == 1


def test_what_can_no_longer_be_computed_is_not_written(own: Store, tmp_path: Path) -> None:
    (decided,) = own.ledger.decisions()
    with own.engine.begin() as connection:
        connection.execute(text("UPDATE queue_item SET probability = probability / 2"))
    with pytest.raises(InputError, match="cannot be computed again from what is stored now"):
        bundle.write(own, decided.decision_id, tmp_path / "x.zip", actor="a", now=NOW)
    assert not (tmp_path / "x.zip").exists() and "bundle" not in {event.action for event in own.ledger.events()}


def test_a_decision_changed_in_the_store_is_not_bundled(own: Store, tmp_path: Path) -> None:
    (decided,) = own.ledger.decisions()
    with own.engine.begin() as connection:
        connection.execute(text("UPDATE decision SET outcome = 'promote'"))
    with pytest.raises(InputError, match="was changed after it was made"):
        bundle.write(own, decided.decision_id, tmp_path / "x.zip", actor="a", now=NOW)


# ---------------------------------------------------------------------------------------------- tampered with


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (FLIP_LABEL, "decision.json, evidence.labels"),
        (FLIP_SCORE, "decision.json, requirements"),
        (row("annotation", lambda one: one.update(deleted=True)), "decision.json, evidence"),
        (row("annotator", lambda one: one.update(simulated=False)), "evidence.simulated_annotators"),
        (rows("queue_item", lambda one: one.update(probability=0.5)), "decision.json, evidence.labels"),
        (row("output", lambda one: one.update(status="blocked")), "decision.json, "),
        (lambda files: files.update({"rows/escalation.jsonl": b""}), "decision.json, "),
        (row("eval_case", lambda one: one.update(language="de")), "is not what its name is made of"),
        (row("dataset_case", lambda one: one.update(position=77)), "is not what its name is made of"),
        (row("run", lambda one: one.update(finished_at=None)), "does not decide by what the bundle holds"),
        (lambda files: files.update({"rows/annotation.jsonl": b""}), "decision.json, evidence"),
        (swap(POLICY, b"margin: 0.10", b"margin: 0.11"), "policy.yaml: has the hash"),
        (in_decision(lambda one: one.update(outcome="promote")), "its outcome, reason or feature is not the one in its body"),
        (in_decision(lambda one: one["body"].update(outcome="promote")), "no longer has the hash it is named by"),
        (in_decision(lambda one: one["body"]["requirements"][0]["cells"][0].update(low=0.5), rename=True), "requirements[0].cells[0].low"),
        (in_decision(lambda one: one["body"]["policy"].update(seed=7), rename=True), "decision.json, "),
        (in_decision(lambda one: one["body"].update(extra="x"), rename=True), 'extra: says "x", computed again says nothing'),
        (in_decision(lambda one: one.update(created_at="2020-01-01T00:00:00Z")), ""),
    ],
)
def test_who_writes_the_hashes_anew_is_found_by_the_gate_itself(whole: Path, tmp_path: Path, change: Any, named: str) -> None:
    path = changed(whole, tmp_path, change, cover_up=True)
    checked = bundle.verify(path)
    noted = bundle.verify(whole).sha256
    if named:
        assert checked.difference is not None and named in checked.difference
    assert bundle.verify(path, expected=noted).difference is not None


ANYTHING = (None, True, 0, -1, 2**63, 1e308, -0.0, "", "x", "\0", "\u202e", [], {}, [[[]]], {"": None}, "2026-13-99")


@pytest.mark.slow
def test_whatever_stands_wherever_a_bundle_is_verified_or_not_and_nothing_else_happens(whole: Path, tmp_path: Path) -> None:
    rng = random.Random(0)
    for _ in range(60):
        files = archive.read(whole)
        name = rng.choice([name for name, data in sorted(files.items()) if data.strip() and ".json" in name and name != archive.MANIFEST])
        lines = [json.loads(line) for line in files[name].splitlines()]
        at = rng.choice(list(_places(lines)))
        _put(lines, at, rng.choice(ANYTHING))
        try:
            path = changed(whole, tmp_path, partial(_replaced, name=name, data=archive.lines(lines)), cover_up=name != archive.DECISION)
            bundle.verify(path)
        except InputError:
            continue


def _replaced(files: dict[str, bytes], name: str, data: bytes) -> None:
    files[name] = data


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from _places(value[key], (*path, key))


def _put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


# ---------------------------------------------------------------------------------------------- the whole way


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The sample pipeline, decided twice: once before and once after more people had labelled."""
    sqlite = f"sqlite:///{tmp_path / 'plumbline.sqlite3'}"
    store = Store.open(str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else sqlite)
    fill_from_sample(store)
    for feature in FEATURES:
        (first,) = store.ledger.decisions(feature)
        policy = gate.load_policy(DATA / "policies" / f"{feature}.yaml")
        gate.decide(store, policy, first.champion_run_id, first.candidate_run_id, now=LATER)
    yield store
    store.close()


def test_decisions_on_the_sample_are_computed_again_by_a_process_without_store_home_or_network(sample: Store, tmp_path: Path) -> None:
    offline = (
        "import socket, sys\n"
        "def closed(*_, **__): raise AssertionError('a network was asked for')\n"
        "socket.socket.connect = socket.getaddrinfo = closed\n"
        "from workbench.cli import main\n"
        "main()"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "PLUMBLINE_HOME": "/nonexistent/home",
        "PLUMBLINE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x",
    }
    for feature in FEATURES:
        decision = sample.ledger.decisions(feature)[0]
        path = tmp_path / f"{feature}.zip"
        made = bundle.write(sample, decision.decision_id, path, actor="ada", now=LATER)
        done = subprocess.run(
            [sys.executable, "-c", offline, "verify", str(path), "--sha256", made.sha256, "--json"],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["decision_id"], told["difference"], told["sha256"]) == (decision.decision_id, None, made.sha256)


def test_labels_that_came_in_late_though_made_before_are_noticed(sample: Store, tmp_path: Path) -> None:
    first = sample.ledger.decisions("highlights")[1]
    with pytest.raises(InputError, match=r"cannot be computed again .*evidence"):
        bundle.write(sample, first.decision_id, tmp_path / "x.zip", actor="ada", now=LATER)


def test_one_store_gives_the_same_rows_from_both_databases(postgres_url: str, tmp_path: Path) -> None:
    written = []
    for place, url in (("s", f"sqlite:///{tmp_path / 'x.sqlite3'}"), ("p", postgres_url)):
        store = Store.open(url)
        decided_store(store=store)
        bundle.write(store, store.ledger.decisions("highlights")[0].decision_id, tmp_path / place, actor="a", now=NOW)
        written.append((tmp_path / place).read_bytes())
        store.close()
    assert written[0] == written[1]


def plumb(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PLUMBLINE_HOME": str(home), "PATH": os.environ["PATH"], "COLUMNS": "300"}
    return subprocess.run(
        [sys.executable, "-m", "workbench", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_by_command_a_bundle_is_made_verified_tampered_with_and_refused(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'plumbline.sqlite3'}")
    decided_store(store=store)
    decision = store.ledger.decisions("highlights")[0].decision_id
    store.close()
    file = tmp_path / "decision.zip"
    made = plumb("bundle", decision, "-o", str(file), "--actor", "ada", "--json", home=tmp_path)
    assert made.returncode == 0, made.stderr
    noted = json.loads(made.stdout)["sha256"]
    verified = plumb("verify", str(file), "--sha256", noted, home=tmp_path)
    assert verified.returncode == 0 and "computed again, the same in every byte" in verified.stdout
    tampered = plumb("verify", str(changed(file, tmp_path, FLIP_LABEL, cover_up=True)), home=tmp_path)
    assert tampered.returncode == 1 and "NOT verified: decision.json, evidence.labels" in tampered.stdout
    (tmp_path / "nonsense.zip").write_bytes(b"nonsense")
    refused = plumb("verify", str(tmp_path / "nonsense.zip"), home=tmp_path)
    assert refused.returncode == 2 and "not a bundle that can be read" in refused.stderr


def test_signatures_of_waivers_are_checked_by_those_who_have_the_key_and_the_numbers_by_everybody(own: Store, tmp_path: Path) -> None:
    plain = (DATA / "policies" / "highlights.yaml").read_text(encoding="utf-8")
    waiver = Waiver("grounded", "ann@example.org", "labels come next week", "2027-01-31", 1.0, unmeasured=True)
    rows = "".join(
        f"\n   {name}: {json.dumps(value)}" for name, value in asdict(replace(waiver, signature=sign(waiver, "highlights", "key"))).items()
    )
    policy = tmp_path / "waived.yaml"
    policy.write_text(f"{plain}\nwaivers:\n - {rows.strip()}\n", encoding="utf-8")
    (first,) = own.ledger.decisions()
    decision = gate.decide(own, gate.load_policy(policy), first.champion_run_id, first.candidate_run_id, now=LATER, waiver_key="key")
    assert decision.body["waivers"]
    file = tmp_path / "waived.zip"
    with pytest.raises(InputError, match="--policy"):
        bundle.write(own, decision.decision_id, file, actor="ada", now=LATER)
    bundle.write(own, decision.decision_id, file, actor="ada", now=LATER, policy=policy)
    checked = bundle.verify(file)
    assert checked.difference is None and checked.notes == ("signatures of waivers were not checked: no key was given",)
    assert bundle.verify(file, waiver_key="key").notes == () == bundle.verify(file, waiver_key="key").notes
    assert "wrong signature" in str(bundle.verify(file, waiver_key="another").difference)
