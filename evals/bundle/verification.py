"""Reading a bundle from a stranger and computing its decision again.

The order is from cheap to dear, and the first difference ends it: is it a bundle at all; are the files those that the manifest names; does
the decision have the hash it is named by; are cases, dataset, runs and outputs named by their content; is the policy the one the decision
names; and does the gate, given these rows, say the same again in every byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from evals import gate
from evals.bundle import archive, policies
from evals.bundle.archive import DECISION, MANIFEST, NAMES, POLICY, ROWS, WAIVERS
from evals.bundle.contents import FORMAT, made_with, manifest_of, misnamed
from evals.errors import InputError, PlumblineError
from evals.gate import Policy
from evals.gate.named import damage
from evals.gate.policy import Waiver
from evals.gate.waivers import admitted
from evals.identity import canonical_json, sha256
from evals.records import Decision
from evals.store import Store
from evals.store.snapshot import fill

SHOWN = 80  # characters of a value in a difference
MOST_REPETITIONS = 10_000  # of a self-test: more would be a bundle made to keep us busy


@dataclass(frozen=True)
class Checked:
    """What came of it. `difference`: the first, None where the decision was computed again byte for byte. `sha256`: of the manifest, to be
    held against the one that was noted when the bundle was made. `notes`: what was not checked, or is not as it was."""

    decision_id: str
    outcome: str
    reason: str
    sha256: str
    difference: str | None
    notes: tuple[str, ...] = ()


class _Differs(Exception):
    """Ends the check; the text names the first difference."""


def verify(path: Path, *, expected: str | None = None, waiver_key: str | None = None) -> Checked:
    """Check the bundle in a file. `expected`: the manifest's hash as noted before. `waiver_key`: checks signatures of waivers too.

    Raises InputError for what is no bundle, or one of a format that this version does not know.
    """
    checked = check(archive.read(path), waiver_key=waiver_key)
    if expected is not None and expected != checked.sha256:
        return replace(checked, difference=f"{MANIFEST} has the hash {checked.sha256}, not {expected[:SHOWN]}: another bundle")
    return checked


def check(files: Mapping[str, bytes], *, waiver_key: str | None = None) -> Checked:
    """As `verify`, of the files of a bundle."""
    if missing := sorted(NAMES - files.keys()):
        raise InputError(f"not a whole bundle: it lacks {', '.join(missing[:3])}")
    manifest, decision = _manifest(files[MANIFEST]), _decision(files[DECISION])
    found = Checked(decision.decision_id, decision.outcome, decision.reason, sha256(files[MANIFEST]), None)
    try:
        return replace(found, notes=tuple(_check(files, manifest, decision, waiver_key) + _other_versions(manifest)))
    except _Differs as difference:
        return replace(found, difference=str(difference), notes=tuple(_other_versions(manifest)))
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise InputError(f"the bundle holds what no gate writes: {type(error).__name__}: {str(error)[:200]}") from error


def _check(files: Mapping[str, bytes], manifest: Mapping[str, Any], decision: Decision, waiver_key: str | None) -> list[str]:
    given = {name: manifest[name] for name in ("made_with", "left_out")}
    _same(manifest_of(decision, files) | given, manifest, "the files", MANIFEST)
    if broken := damage(decision):
        raise _Differs(f"{DECISION}: {broken}")
    policy, waivers = policies.read(files[POLICY]), _waivers(files[WAIVERS])
    if policy.sha256 != decision.policy_sha256:
        raise _Differs(f"{POLICY}: has the hash {policy.sha256}, the decision names {decision.policy_sha256}")
    rows = {table: list(archive.parsed_lines(files[name], name)) for name, table in ROWS.items()}
    with closing(Store.open("sqlite://")) as store:
        fill(store.engine, rows)
        for problem in misnamed(rows):
            raise _Differs(problem)
        _decides_the_same(store, policy, waivers, decision)
    return _signatures(policy, waivers, waiver_key)


def _decides_the_same(store: Store, policy: Policy, waivers: list[Waiver], decision: Decision) -> None:
    """Signatures are left out on both sides: who may check them has a key, and `_signatures` does."""
    body = decision.body
    seed, repetitions = body["policy"]["seed"], body["self_test"]["repetitions"]
    if not isinstance(repetitions, int) or not 0 < repetitions <= MOST_REPETITIONS:
        raise InputError(f"{DECISION}: {str(repetitions)[:SHOWN]} repetitions of a self-test")
    try:
        again = gate.decide(
            store,
            replace(policy, waivers=tuple(replace(waiver, signature=None) for waiver in policy.waivers)),
            decision.champion_run_id,
            decision.candidate_run_id,
            now=decision.created_at,
            seed=seed,
            record=False,
            repetitions=repetitions,
            more_waivers=[replace(waiver, signature=None) for waiver in waivers],
        )
    except PlumblineError as error:
        raise _Differs(f"the gate does not decide by what the bundle holds: {error}") from error
    _same(_unsigned(again.body), _unsigned(body), "computed again", DECISION)


def _unsigned(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "waivers": [row | {"signature": None} for row in body["waivers"]]}


def _signatures(policy: Policy, waivers: list[Waiver], waiver_key: str | None) -> list[str]:
    if not any(waiver.signature for waiver in (*policy.waivers, *waivers)):
        return []
    if waiver_key is None:
        return ["signatures of waivers were not checked: no key was given"]
    try:
        admitted(policy, waivers, waiver_key)
    except InputError as error:
        raise _Differs(str(error)) from error
    return []


# ---------------------------------------------------------------------------------------------- what a stranger sent


def _manifest(data: bytes) -> dict[str, Any]:
    found = archive.parsed(data, MANIFEST)
    if not isinstance(found, dict) or not isinstance(found.get("made_with"), dict) or not isinstance(found.get("left_out"), str):
        raise InputError(f"{MANIFEST}: not the manifest of a bundle")
    if found.get("format") != FORMAT:
        made = str(found["made_with"].get("plumbline"))[:SHOWN]
        raise InputError(f"{MANIFEST}: format {str(found.get('format'))[:SHOWN]}, made by Plumbline {made}; this one reads format {FORMAT}")
    return found


def _decision(data: bytes) -> Decision:
    found = archive.parsed(data, DECISION)
    names = {field.name for field in fields(Decision)}
    texts = names - {"body"}
    if not isinstance(found, dict) or found.keys() != names or not isinstance(found["body"], dict):
        raise InputError(f"{DECISION}: not a decision")
    if not all(isinstance(found[name], str) for name in texts):
        raise InputError(f"{DECISION}: something other than text where a decision has text")
    return Decision(**found)


def _waivers(data: bytes) -> list[Waiver]:
    found = archive.parsed(data, WAIVERS)
    if not isinstance(found, list):
        raise InputError(f"{WAIVERS}: not a list of waivers")
    try:
        return [Waiver(**row) for row in found]
    except TypeError as error:
        raise InputError(f"{WAIVERS}: not a list of waivers: {error}") from None


# ---------------------------------------------------------------------------------------------- differences


def _same(ours: Mapping[str, Any], theirs: Mapping[str, Any], who: str, where: str) -> None:
    """Raises _Differs naming the first place in which two JSON values are not the same byte for byte."""
    if canonical_json(ours) != canonical_json(theirs):
        place, one, other = _first(json.loads(canonical_json(ours)), json.loads(canonical_json(theirs)), "")
        raise _Differs(f"{where}, {place}: says {_shown(other)}, {who} say{'s' * (who != 'the files')} {_shown(one)}")


class _Absent:
    """Where only one of two has something."""


def _first(one: Any, other: Any, place: str) -> tuple[str, Any, Any]:
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = [
            (f"{place}.{key}".lstrip("."), one.get(key, _Absent), other.get(key, _Absent)) for key in sorted(one.keys() | other.keys())
        ]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(f"{place}[{number}]", *pair) for number, pair in enumerate(zip(one, other, strict=True))]
    else:
        return place, one, other
    return next(_first(mine, theirs, where) for where, mine, theirs in pairs if _text(mine) != _text(theirs))


def _text(value: Any) -> str | None:
    return None if value is _Absent else canonical_json(value)


def _shown(value: Any) -> str:
    text = "nothing" if value is _Absent else canonical_json(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _other_versions(manifest: Mapping[str, Any]) -> list[str]:
    """What may be why a number differs."""
    here, there = made_with(), manifest["made_with"]
    others = [f"{name} {str(there.get(name))[:SHOWN]} (here {here[name]})" for name in sorted(here) if there.get(name) != here[name]]
    return [f"made with {', '.join(others)}"] if others else []
