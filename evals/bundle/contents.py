"""What a bundle holds: the decision, the policy's text, the rows it rests on, and a manifest with the hash of each."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib import metadata
from typing import Any

from evals.bundle.archive import DECISION, MANIFEST, POLICY, ROWS, WAIVERS, json_bytes, lines
from evals.identity import content_id, file_sha256, sha256
from evals.paths import ROOT
from evals.records import Decision
from evals.store import HEAD
from evals.store.snapshot import Rows

FORMAT = 1
LEFT_OUT = "texts of reviews, products and evidence; what annotators saw and commented; reports of customers; names of people"


def files_of(decision: Decision, policy_text: str, waivers: Sequence[Mapping[str, Any]], rows: Rows) -> dict[str, bytes]:
    """Every file of the bundle by name, the manifest among them."""
    files = {DECISION: json_bytes(asdict(decision)), POLICY: policy_text.encode("utf-8"), WAIVERS: json_bytes(list(waivers))}
    files |= {name: lines(rows[table]) for name, table in ROWS.items()}
    return files | {MANIFEST: json_bytes(manifest_of(decision, files))}


def manifest_of(decision: Decision, files: Mapping[str, bytes]) -> dict[str, Any]:
    """What the manifest of these files must say (but for the versions, which are those of whoever made it)."""
    body = decision.body
    listed: dict[str, dict[str, Any]] = {
        name: {"sha256": sha256(data), "bytes": len(data)} for name, data in sorted(files.items()) if name != MANIFEST
    }
    for name in ROWS:
        listed[name]["rows"] = files[name].count(b"\n")
    certificates = [listed[name]["sha256"] for name, table in sorted(ROWS.items()) if table in ("certificate", "retest")]
    return {
        "format": FORMAT,
        "decision_id": decision.decision_id,
        "outcome": decision.outcome,
        "seed": body["policy"]["seed"],
        "hashes": {
            "policy": decision.policy_sha256,
            "dataset": body["dataset"]["dataset_id"],
            "runs": {"champion": decision.champion_run_id, "candidate": decision.candidate_run_id},
            "labels": body["evidence"]["labels"],
            "certificates": content_id("certificates", *certificates),
        },
        "files": listed,
        "made_with": made_with(),
        "left_out": LEFT_OUT,
    }


def made_with() -> dict[str, str]:
    """Whatever could make a number differ, by name. `code` is the hash of all that decides."""
    versions = {name: metadata.version(name) for name in ("numpy", "scipy")}
    return {"plumbline": _own_version(), "schema": HEAD, "code": code_sha256(), "python": platform.python_version(), **versions}


def _own_version() -> str:
    try:
        return metadata.version("plumbline")
    except metadata.PackageNotFoundError:
        return "not installed"


@cache
def code_sha256() -> str:
    """Hash of every source file under ``evals/``."""
    return content_id("code", [[str(path.relative_to(ROOT)), file_sha256(path)] for path in sorted((ROOT / "evals").rglob("*.py"))])


def misnamed(rows: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Cases, datasets and runs whose content is not the one their name is made of: each hash of the decision reaches down to the inputs."""
    order: dict[str, list[str]] = {}
    for row in sorted(rows["dataset_case"], key=lambda row: int(row["position"])):
        order.setdefault(row["dataset_id"], []).append(row["case_id"])
    for row in rows["eval_case"]:
        what = [row[name] for name in ("feature", "product_id", "language", "category", "inputs")]
        if row["case_id"] != content_id("case", *what):
            yield f"case {row['case_id']} is not what its name is made of"
    for row in rows["dataset"]:
        if row["dataset_id"] != content_id("dataset", row["feature"], order.get(row["dataset_id"], [])):
            yield f"dataset {row['dataset_id']} is not what its name is made of"
    for row in rows["run"]:
        if row["run_id"] != content_id("run", row["variant_id"], row["dataset_id"]):
            yield f"run {row['run_id']} is not what its name is made of"
    for row in rows["output"]:
        if row["output_id"] != content_id("output", row["run_id"], row["case_id"]):
            yield f"output {row['output_id']} is not what its name is made of"
