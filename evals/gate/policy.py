"""The gate's file: what must hold before a candidate may serve, at which error rate, read how often. YAML in, frozen dataclasses out.

`schema()` is the JSON Schema of the file; a key that is not in it is an error that names file, key and line. Beyond the schema the
validator refuses what could not hold: a `min_labels` so small that a sample without a single loss would still prove nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from jsonschema import Draft202012Validator, ValidationError

from evals.errors import PolicyError
from evals.identity import canonical_json, sha256
from evals.records import FEATURES, Feature
from evals.statistics.power import labels_without_a_loss

Kind = Literal["non_inferiority", "floor", "ceiling", "tail_latency", "cost", "regression"]
KINDS: tuple[Kind, ...] = ("non_inferiority", "floor", "ceiling", "tail_latency", "cost", "regression")
SLICES = ("language", "category")
EVENTS = r"^(blocked|error|finding(:[a-z_]+)?)$"


@dataclass(frozen=True)
class Requirement:
    """One line of a policy. Which fields a kind needs: `schema()`. Margins, floors and ceilings are in the metric's own unit."""

    name: str
    kind: Kind
    critical: bool = True
    metric: str | None = None
    source: Literal["human", "code", "model"] = "human"
    margin: float | None = None
    slice_margin: float | None = None
    slices: tuple[str, ...] = ()
    min_labels: int = 2
    slice_min_labels: int = 2
    superiority_guard: bool = False
    floor: float | None = None
    event: str | None = None
    ceiling: float | None = None
    quantile: float | None = None
    seconds: float | None = None
    confidence: float = 0.95
    max_ratio: float | None = None
    usd_per_hour: float | None = None


@dataclass(frozen=True)
class Labelling:
    """What a label plan assumes: both arms of a case are labelled, each claim by `overlap` people."""

    minutes_per_claim: float = 0.5
    usd_per_hour: float = 25.0
    claims_per_case: float = 7.0
    overlap: float = 1.0


@dataclass(frozen=True)
class Policy:
    """A policy as read. `alpha` is one-sided; `looks` is how many times accumulating labels may be read; `sha256` names its content."""

    feature: Feature
    requirements: tuple[Requirement, ...]
    sha256: str
    alpha: float = 0.05
    seed: int = 0
    looks: int = 1
    labelling: Labelling = field(default_factory=Labelling)
    languages: tuple[str, ...] = ()

    @property
    def look_alpha(self) -> float:
        """Level of one look. α/K is valid for K looks whatever their dependence (Bonferroni)."""
        return self.alpha / self.looks


def load_policy(path: Path) -> Policy:
    """The policy in a YAML file. Raises PolicyError naming file, line and key."""
    try:
        text = path.read_text(encoding="utf-8")
        raw = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise PolicyError(f"{path}: not YAML: {error}") from error
    problems = list(_problems(raw, text))
    if problems:
        raise PolicyError("\n".join(f"{path}{problem}" for problem in problems))
    return parse_policy(raw)


def parse_policy(raw: Mapping[str, Any]) -> Policy:
    """The policy in a mapping of the shape of `schema()`. Raises PolicyError."""
    for problem in _problems(raw, ""):
        raise PolicyError(f"policy{problem}")
    return Policy(
        feature=raw["feature"],
        requirements=tuple(_requirement(row) for row in raw["requirements"]),
        sha256=sha256(canonical_json(raw)),
        alpha=float(raw.get("alpha", 0.05)),
        seed=raw.get("seed", 0),
        looks=raw.get("looks", 1),
        labelling=Labelling(**raw.get("labelling", {})),
        languages=tuple(raw.get("languages", ())),
    )


def _requirement(row: Mapping[str, Any]) -> Requirement:
    return Requirement(**{**row, "slices": tuple(row.get("slices", ()))})


# ---------------------------------------------------------------------------------------------- what may stand in the file

_SHARE = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
_POSITIVE = {"type": "number", "exclusiveMinimum": 0}
_COUNT = {"type": "integer", "minimum": 2}
_SLICED: dict[str, Any] = {
    "metric": {"type": "string", "minLength": 1, "description": "a metric's name; grounded with source human is what people said"},
    "source": {"enum": ["human", "code", "model"], "description": "who measured: human labels, or a metric over every output"},
    "slices": {"type": "array", "items": {"enum": list(SLICES)}, "uniqueItems": True},
    "min_labels": _COUNT | {"description": "labelled cases below which the verdict is inconclusive"},
    "slice_min_labels": _COUNT,
}
_KEYS: dict[Kind, tuple[dict[str, Any], list[str]]] = {
    "non_inferiority": (
        _SLICED
        | {
            "margin": _SHARE | {"description": "largest acceptable loss against the champion"},
            "slice_margin": _SHARE,
            "superiority_guard": {"type": "boolean", "description": "also fail when significantly worse, even within the margin"},
        },
        ["metric", "margin"],
    ),
    "floor": (_SLICED | {"floor": _SHARE | {"description": "smallest acceptable mean of the candidate"}}, ["metric", "floor"]),
    "ceiling": (
        {
            "event": {"type": "string", "pattern": EVENTS, "description": "blocked, error, finding or finding:<rail>"},
            "ceiling": _SHARE | {"description": "largest acceptable share of outputs"},
            "slices": _SLICED["slices"],
        },
        ["event", "ceiling"],
    ),
    "tail_latency": (
        {"quantile": _SHARE, "seconds": _POSITIVE, "confidence": {"type": "number", "minimum": 0.5, "exclusiveMaximum": 1}},
        ["quantile", "seconds"],
    ),
    "cost": (
        {
            "max_ratio": _POSITIVE | {"description": "largest acceptable candidate / champion"},
            "usd_per_hour": _POSITIVE | {"description": "price of the machine both ran on; shown, it cancels in the ratio"},
        },
        ["max_ratio"],
    ),
    "regression": ({}, []),  # nothing to choose: every case that customers ever reported must hold
}


@cache
def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a policy file."""
    labelling = dict.fromkeys(("minutes_per_claim", "usd_per_hour", "claims_per_case", "overlap"), _POSITIVE)
    kinds = {"oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in KINDS]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plumbline policy",
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "feature", "requirements"],
        "properties": {
            "version": {"const": 1},
            "feature": {"enum": list(FEATURES)},
            "alpha": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5, "description": "one-sided error rate of each verdict"},
            "seed": {"type": "integer", "minimum": 0},
            "looks": {"type": "integer", "minimum": 1, "maximum": 50, "description": "how often accumulating labels may be read"},
            "languages": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "labelling": {"type": "object", "additionalProperties": False, "properties": labelling},
            "requirements": {"type": "array", "minItems": 1, "items": kinds},
        },
        "$defs": {kind: _kind_schema(kind) for kind in KINDS},
    }


def _kind_schema(kind: Kind) -> dict[str, Any]:
    properties, required = _KEYS[kind]
    shared = {"name": {"type": "string", "minLength": 1}, "kind": {"const": kind}, "critical": {"type": "boolean"}}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "kind", *required],
        "properties": {**shared, **properties},
    }


def _problems(raw: Any, text: str) -> Iterator[str]:
    """Everything wrong with the file, one ``:line: message`` each."""
    try:
        canonical_json(raw)
    except (ValueError, TypeError) as error:  # .nan, .inf, a date, a key that is no text
        yield f": not plain JSON values: {error}"
        return
    body = {key: value for key, value in schema().items() if key != "$defs"}
    body["properties"] = {**body["properties"], "requirements": {"type": "array", "minItems": 1, "items": {"type": "object"}}}
    errors = list(Draft202012Validator(body).iter_errors(raw))
    yield from (_located(error.message, _last(error, ()), text) for error in errors)
    if errors:
        return
    for number, row in enumerate(raw["requirements"]):
        yield from _row_problems(number, row, raw, text)
    names = [row.get("name") for row in raw["requirements"]]
    yield from (_located(f"two requirements are named {name!r}", name, text) for name in sorted({n for n in names if names.count(n) > 1}))


def _row_problems(number: int, row: dict[str, Any], raw: Mapping[str, Any], text: str) -> Iterator[str]:
    where = f"requirement {number + 1} ({row.get('name', 'without a name')}): "
    if row.get("kind") not in KINDS:
        yield _located(f"{where}kind {row.get('kind')!r} is not one of {', '.join(KINDS)}", row.get("name"), text)
        return
    errors = list(Draft202012Validator(_kind_schema(row["kind"])).iter_errors(row))
    yield from (_located(where + error.message, _last(error, row.get("name")), text) for error in errors)
    if not errors and row["kind"] == "non_inferiority":
        yield from (_located(where + message, row["name"], text) for message in _too_few(row, raw))


def _too_few(row: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[str]:
    """Minima below which the verdict could not be right at the stated level."""
    alpha = raw.get("alpha", 0.05) / raw.get("looks", 1)
    pairs = [("margin", "min_labels")] + ([("slice_margin", "slice_min_labels")] if row.get("slices") else [])
    for margin, minimum in pairs:
        if margin not in row:
            yield f"{margin} is missing: it goes with slices"
        elif row.get("source", "human") == "human" and row.get(minimum, 2) < (least := labels_without_a_loss(row[margin], alpha)):
            yield (
                f"{minimum} must be at least {least}: fewer labels cannot show a loss below {row[margin]:g} "
                f"at level {alpha:g}, even without a single loss among them"
            )


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


def required_labels(requirement: Requirement, alpha: float, sliced: bool) -> int:
    """The stated minimum, never below what could settle anything (see `labels_without_a_loss`)."""
    margin = requirement.slice_margin if sliced else requirement.margin
    stated = requirement.slice_min_labels if sliced else requirement.min_labels
    return max(stated, labels_without_a_loss(margin, alpha)) if margin and requirement.source == "human" else math.ceil(stated)
