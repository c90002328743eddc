"""From a file to a policy. A key that is not in the schema is an error that names file, line and key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

from evals.errors import PolicyError
from evals.gate.looks import planned_levels
from evals.gate.policy import validation
from evals.gate.policy.criteria import read_criteria
from evals.gate.policy.records import KINDS, Labelling, Policy, Requirement, Waiver
from evals.gate.policy.schema import PERCENTILES, head, kind_schema
from evals.identity import canonical_json, sha256
from evals.yaml_files import UniqueKeys

Row = dict[str, Any]


def load_policy(path: Path) -> Policy:
    """The policy in a YAML file. Raises PolicyError naming file, line and key."""
    raw, text = _load(path)
    problems = list(_problems(raw, text))
    if problems:
        raise PolicyError("\n".join(f"{path}{problem}" for problem in problems))
    return _policy(raw)


def with_waiver(path: Path, waiver: Waiver) -> dict[str, Any]:
    """What the policy file would say with one waiver more. Raises PolicyError where that would be no policy."""
    load_policy(path)
    raw, _ = _load(path)
    row = {key: value for key, value in asdict(waiver).items() if value not in (None, False)}
    more: dict[str, Any] = raw | {"waivers": [*raw.get("waivers", ()), row]}
    parse_policy(more)
    return more


def _load(path: Path) -> tuple[Any, str]:
    try:
        text = path.read_text(encoding="utf-8")
        return yaml.load(text, Loader=_Loader), text  # noqa: S506 (it is a safe loader)
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise PolicyError(f"{path}: not YAML: {error}") from error


def parse_policy(raw: Mapping[str, Any]) -> Policy:
    """The policy in a mapping of the shape of `schema.schema`. Raises PolicyError."""
    for problem in _problems(raw, ""):
        raise PolicyError(f"policy{problem}")
    return _policy(raw)


def _policy(raw: Mapping[str, Any]) -> Policy:
    return Policy(
        feature=raw["feature"],
        requirements=tuple(_requirement(row) for row in _rows(raw)),
        sha256=sha256(canonical_json(raw)),
        alpha=float(raw.get("alpha", 0.05)),
        seed=raw.get("seed", 0),
        looks=raw.get("looks", 1),
        spending=raw.get("spending", "obrien_fleming"),
        planned=tuple(raw.get("planned", ())),
        planned_labels=raw.get("planned_labels"),
        labelling=Labelling(**raw.get("labelling", {})),
        languages=tuple(raw.get("languages", ())),
        waivers=tuple(Waiver(**row) for row in raw.get("waivers", ())),
        waiver_owners=tuple(raw.get("waiver_owners", ())),
    )


def _requirement(row: Row) -> Requirement:
    return Requirement(**{**row, "slices": tuple(row.get("slices", ()))})


class _Loader(UniqueKeys):
    """Dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


# ---------------------------------------------------------------------------------------------- sugar


def _rows(raw: Mapping[str, Any]) -> list[Row]:
    """Every requirement in its long form: the one-line criteria, percentiles, and the row that parity has about length."""
    stated = [row for given in raw.get("requirements", ()) for row in _expanded(given, raw)]
    return stated + [row for given in _criteria(raw) for row in _expanded(given, raw)]


def _criteria(raw: Mapping[str, Any]) -> list[Row]:
    return read_criteria(raw["criteria"], _last_level(raw)) if "criteria" in raw else []


def _expanded(given: Row, raw: Mapping[str, Any]) -> Iterator[Row]:
    row = dict(given)
    for name, quantile in PERCENTILES.items():
        if name in row:
            row |= {"quantile": quantile, "seconds": row.pop(name)}
    if "most" in row:
        row |= {"floor": 1 - row.pop("most"), "direction": "lower"}
    if row["kind"] == "cost" and "usd_per_hour" in raw:
        row.setdefault("usd_per_hour", raw["usd_per_hour"])
    length = row.pop("min_length", None)
    yield row
    if length is not None:
        shared = {key: row[key] for key in ("critical", "on_unverified", "level") if key in row}
        yield {"name": f"{row['name']}, length", "kind": "length", "share": length} | shared


def _last_level(raw: Mapping[str, Any]) -> float:
    """The largest level any look is read at: what no minimum of labels can do without."""
    looks, alpha = raw.get("looks", 1), float(raw.get("alpha", 0.05))
    if looks in (1, "any"):
        return alpha
    return max(planned_levels(looks, raw.get("spending", "obrien_fleming"), tuple(raw.get("planned", ())), alpha))


# ---------------------------------------------------------------------------------------------- what is wrong with a file


def _problems(raw: Any, text: str) -> Iterator[str]:
    """Everything wrong with the file, one ``:line: message`` each; what rests on other things being right comes last."""
    try:
        canonical_json(raw)
    except (ValueError, TypeError) as error:  # .nan, .inf, a key that is no text
        yield f": not plain JSON values: {error}"
        return
    errors = list(Draft202012Validator(head()).iter_errors(raw))
    yield from (_located(error.message, _last(error, ()), text) for error in errors)
    if errors:
        return
    found = [_located(message, key, text) for key, message in validation.problems_of_looks(raw)]
    found += [problem for number, row in enumerate(raw.get("requirements", ())) for problem in _row_problems(number, row, text)]
    yield from found
    if found:
        return
    try:
        yield from (_located(message, key, text) for key, message in validation.problems(raw, _rows(raw), _last_level(raw)))
    except PolicyError as error:  # the one-line criteria
        yield _located(str(error), "criteria", text)


def _row_problems(number: int, row: Row, text: str) -> Iterator[str]:
    where = f"requirement {number + 1} ({row.get('name', 'without a name')}): "
    if row.get("kind") not in KINDS:
        yield _located(f"{where}kind {row.get('kind')!r} is not one of {', '.join(KINDS)}", row.get("name"), text)
        return
    errors = list(Draft202012Validator(kind_schema(row["kind"])).iter_errors(row))
    yield from (_located(where + _message(error, row), _last(error, row.get("name")), text) for error in errors)


def _message(error: ValidationError, row: Row) -> str:
    """Of ``oneOf`` the schema's own message would be the whole row."""
    if error.validator != "oneOf" or error.instance is not row:
        return error.message
    keys = [option["required"][0] for option in kind_schema(row["kind"])["oneOf"]]
    return f"needs exactly one of {', '.join(keys)}"


def _last(error: ValidationError, fallback: Any) -> Any:
    """The key the message is about: an unexpected one stands in the message, another in the path."""
    unexpected = (
        re.search(r"\('([^']+)' was unexpected\)|\('([^']+)',", error.message) if error.validator == "additionalProperties" else None
    )
    if unexpected:
        return unexpected.group(1) or unexpected.group(2)
    words = [part for part in error.absolute_path if isinstance(part, str)]
    return words[-1] if words else fallback


def _located(message: str, key: Any, text: str) -> str:
    """``:12: message`` where the key stands in the file once or more (the first), ``: message`` else."""
    if isinstance(key, str) and key:
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(rf"(^|[\s{{,]){re.escape(key)}\b", line.split("#")[0]):
                return f":{number}: {message}"
    return f": {message}"
