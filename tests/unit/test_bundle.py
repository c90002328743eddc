"""A decision in one file: what is in it, what is not, and what is refused as no bundle at all."""

from __future__ import annotations

import json
import struct
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from bundles import FLIP_LABEL, FLIP_SCORE, changed, decided_store, in_decision, row, swap
from support import NOW

from evals import bundle
from evals.bundle import archive
from evals.bundle.archive import DECISION, MANIFEST, POLICY
from evals.errors import InputError, PolicyError, UnknownIdError
from evals.paths import DATA
from evals.records import Decision
from evals.store import Store


@pytest.fixture(scope="module")
def store() -> Store:
    return decided_store()


@pytest.fixture(scope="module")
def decision(store: Store) -> Decision:
    (found,) = store.ledger.decisions("highlights")
    return found


@pytest.fixture(scope="module")
def whole(store: Store, decision: Decision, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "whole.zip"
    bundle.write(store, decision.decision_id, path, actor="ada", now=NOW)
    return path


# ---------------------------------------------------------------------------------------------- whole


def test_a_decision_is_computed_again_byte_for_byte_from_the_file_alone(whole: Path, decision: Decision) -> None:
    checked = bundle.verify(whole)
    assert (checked.difference, checked.notes, checked.decision_id) == (None, (), decision.decision_id)
    assert bundle.verify(whole, expected=checked.sha256).difference is None
    assert "another bundle" in str(bundle.verify(whole, expected="0" * 64).difference)


def test_the_same_decision_gives_the_same_bytes_and_each_making_is_in_the_audit_log(store: Store, whole: Path, tmp_path: Path) -> None:
    made = bundle.write(store, bundle.verify(whole).decision_id, tmp_path / "again.zip", actor="bob", now="2026-11-29T12:00:00Z")
    assert (tmp_path / "again.zip").read_bytes() == whole.read_bytes()
    event = store.ledger.events()[0]
    assert (event.actor, event.action, event.subject, event.detail) == ("bob", "bundle", made.decision.decision_id, {"sha256": made.sha256})


def test_the_manifest_names_every_file_hash_seed_and_version(whole: Path, decision: Decision) -> None:
    manifest = json.loads(archive.read(whole)[MANIFEST])
    assert manifest["files"].keys() == archive.NAMES - {MANIFEST}
    assert manifest["hashes"]["policy"] == decision.policy_sha256 and manifest["hashes"]["labels"] == decision.body["evidence"]["labels"]
    assert manifest["hashes"].keys() == {"policy", "dataset", "runs", "labels", "certificates"} and manifest["seed"] == 0
    assert manifest["made_with"].keys() == {"plumbline", "schema", "code", "python", "numpy", "scipy"}


def test_texts_nobody_needs_and_names_of_people_stay_behind(store: Store, whole: Path) -> None:
    held = b"".join(archive.read(whole).values())
    people = [word for person in store.labels.annotators() for word in (person.email, person.name, person.annotator_id)]
    notes = [note.annotation_id for note in store.labels.annotations()]
    products = [product.title for product in store.catalog.products()]
    evidence = [passage.text for run in store.runs.runs() for output in store.runs.outputs(run.run_id) for passage in output.passages]
    assert people and notes and evidence
    for secret in (*people, *notes, *products, "the report of a customer", "customer@example.org", "escalation-1"):
        assert json.dumps(secret)[1:-1].encode() not in held
    assert all(not json.loads(line)["passages"] for line in archive.read(whole)["rows/output.jsonl"].splitlines())


def test_a_bundle_of_nothing_is_an_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnknownIdError, match="nope"):
        bundle.write(store, "nope", tmp_path / "x.zip", actor="a", now=NOW)


def test_another_policy_than_the_decisions_is_refused(store: Store, decision: Decision, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text((DATA / "policies" / "highlights.yaml").read_text(encoding="utf-8") + "\nlanguages: [ja]\n", encoding="utf-8")
    with pytest.raises(InputError, match="name the file as it was then with --policy"):
        bundle.write(store, decision.decision_id, tmp_path / "x.zip", actor="a", now=NOW, policy=other)
    assert not (tmp_path / "x.zip").exists()


# ---------------------------------------------------------------------------------------------- tampered with


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (FLIP_LABEL, "files.rows/annotation.jsonl"),
        (FLIP_SCORE, "files.rows/score.jsonl.sha256"),
        (row("output", lambda one: one.update(text="")), "files.rows/output.jsonl"),
        (lambda files: files.update({"rows/claim.jsonl": b""}), "files.rows/claim.jsonl.bytes"),
        (swap(POLICY, b"margin: 0.10", b"margin: 0.90"), "files.policy.yaml.sha256"),
        (swap(POLICY, b"# When", b"# when"), "files.policy.yaml.sha256"),
        (swap(MANIFEST, b'"seed":0', b'"seed":1'), "seed: says 1"),
        (swap(MANIFEST, b'"sha256":"', b'"sha256":"f'), "sha256"),
        (in_decision(lambda one: one.update(reason="Promote: trust me.")), "files.decision.json"),
    ],
)
def test_whatever_is_changed_the_first_difference_is_named(whole: Path, tmp_path: Path, change: Any, named: str) -> None:
    checked = bundle.verify(changed(whole, tmp_path, change))
    assert checked.difference is not None and checked.difference.startswith(MANIFEST) and named in checked.difference


def test_other_versions_are_named(whole: Path, tmp_path: Path) -> None:
    def older(files: dict[str, bytes]) -> None:
        manifest = json.loads(files[MANIFEST])
        manifest["made_with"] |= {"numpy": "1.0"}
        files[MANIFEST] = archive.json_bytes(manifest)

    checked = bundle.verify(changed(whole, tmp_path, older))
    assert checked.difference is None and "numpy 1.0 (here " in checked.notes[0]


# ---------------------------------------------------------------------------------------------- what is no bundle


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (swap(MANIFEST, b'"format":1', b'"format":2'), "format 2, made by Plumbline .*; this one reads format 1"),
        (lambda files: files.pop(POLICY), "it lacks policy.yaml"),
        (lambda files: files.update({MANIFEST: b"[]"}), "not the manifest of a bundle"),
        (lambda files: files.update({MANIFEST: b"{" * 100_000}), "not JSON that can be read"),
        (lambda files: files.update({DECISION: b'{"a":' * 50_000}), "not JSON that can be read"),
        (lambda files: files.update({DECISION: b"\xff\xfe"}), "not JSON that can be read"),
        (lambda files: files.update({DECISION: b'{"body": NaN}'}), "NaN is no number"),
        (lambda files: files.update({DECISION: b'{"body": 1e999}'}), "1e999 is no number"),
        (lambda files: files.update({DECISION: b'{"body": ' + b"9" * 5000 + b"}"}), "not JSON that can be read"),
        (in_decision(lambda one: one.update(feature=3)), "other than text"),
        (in_decision(lambda one: one.pop("body")), "not a decision"),
    ],
)
def test_what_is_no_bundle_is_refused_in_a_sentence(whole: Path, tmp_path: Path, change: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        bundle.verify(changed(whole, tmp_path, change))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (row("score", lambda one: one.update(value="1")), "score, row 1: value cannot be '1'"),
        (row("score", lambda one: one.update(value=True)), "value cannot be 'True'"),
        (row("claim", lambda one: one.update(ordinal=2**70)), "ordinal cannot be '1180591620717411303424'"),
        (row("claim", lambda one: one.update(other="x")), "columns differ from ours"),
        (row("output", lambda one: one.update(text="\ud800")), "cannot be stored"),
        (lambda files: files.update({"rows/run.jsonl": files["rows/run.jsonl"] * 2}), "cannot be stored"),
        (lambda files: files.update({"rows/run.jsonl": b"[]\n"}), "run, row 1: columns differ"),
        (lambda files: files.update({"waivers.json": b"{}\n"}), "not a list of waivers"),
        (lambda files: files.update({"waivers.json": b'[{"owner":"eve"}]\n'}), "not a list of waivers"),
        (in_decision(lambda one: one["body"].update(waivers=3), rename=True), "holds what no gate writes"),
        (in_decision(lambda one: one["body"]["self_test"].update(repetitions=10**9), rename=True), "repetitions of a self-test"),
    ],
)
def test_rows_that_no_store_has_are_refused_in_a_sentence(whole: Path, tmp_path: Path, change: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        bundle.verify(changed(whole, tmp_path, change, cover_up=True))


NAMES = "abcdefghi"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in pairwise(NAMES)
)


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        (LAUGHS, "values once"),
        ("a: &a [*a]\n", "values once"),
        ("[" * 5000, "cannot be read"),
        ("a: b: c\n", "cannot be read"),
        ("version: 1\n", "policy.yaml"),
        ("#" + "".join(str(n * 7919) for n in range(150_000)), "bytes, at most"),
    ],
)
def test_a_hostile_policy_is_refused(whole: Path, tmp_path: Path, policy: str, complaint: str) -> None:
    with pytest.raises(PolicyError, match=complaint) as raised:
        bundle.verify(changed(whole, tmp_path, lambda files: files.update({POLICY: policy.encode()}), cover_up=True))
    assert "/tmp" not in str(raised.value)


def zipped(path: Path, *entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for name, data in entries:
            made.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "rows/../../x.jsonl", "rows/studio_task.jsonl", "C:\\x", "MANIFEST.JSON"]
)
def test_a_name_that_no_bundle_has_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="which is no file of a bundle"):
        bundle.verify(zipped(tmp_path / "x.zip", (name, b"{}")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds MANIFEST\.json twice"):
        bundle.verify(zipped(tmp_path / "x.zip", (MANIFEST, b"{}"), (MANIFEST, b"{}")))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "x.zip", (MANIFEST, b" " * 60_000_000))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"MANIFEST.json unpacks to more than"):
        bundle.verify(bomb)


def test_sizes_that_lie_are_not_believed(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "x.zip", (MANIFEST, b" " * 60_000_000))
    data = bytearray(bomb.read_bytes())
    for at in (22, data.rindex(b"PK\x01\x02") + 24):
        data[at : at + 4] = struct.pack("<I", 10)
    bomb.write_bytes(bytes(data))
    with pytest.raises(InputError):
        bundle.verify(bomb)


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x03\x04" + bytes(100), b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(InputError):
        bundle.verify(tmp_path / "x.zip")
    with pytest.raises(InputError, match=r"missing\.zip"):
        bundle.verify(tmp_path / "missing.zip")


def test_a_truncated_bundle_is_refused_wherever_it_ends(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    for end in range(0, len(data), max(len(data) // 40, 1)):
        (tmp_path / "x.zip").write_bytes(data[:end])
        with pytest.raises(InputError):
            bundle.verify(tmp_path / "x.zip")
