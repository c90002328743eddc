"""What may stand in a policy file: JSON Schema (2020-12), one definition a requirement kind. Kept beside the policies for editors, as
``data/policies/policy.schema.json``, which a test compares with this."""

from __future__ import annotations

from functools import cache
from typing import Any

from evals.gate.policy.records import KINDS, Kind
from evals.records import FEATURES

SLICES = ("language", "category")
EVENTS = r"^(blocked|error|finding(:[a-z_]+)?)$"
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}

_TEXT = {"type": "string", "minLength": 1}
_SHARE = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
_POSITIVE = {"type": "number", "exclusiveMinimum": 0}
_COUNT = {"type": "integer", "minimum": 2}
_LEVEL = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5}

_MEASURED: dict[str, Any] = {
    "metric": _TEXT | {"description": "a metric's name; grounded with source human is what people said"},
    "judge": _TEXT | {"description": "a metric of claims that narrows the interval of what people said; it can never move it"},
    "source": {"enum": ["human", "code", "model"], "description": "who measured: human labels, or a metric over every output"},
    "slices": {"type": "array", "items": {"enum": list(SLICES)}, "uniqueItems": True},
    "min_labels": _COUNT | {"description": "labelled cases below which the verdict is inconclusive"},
    "slice_min_labels": _COUNT,
    "level": _LEVEL | {"description": "one-sided error rate of this requirement, in place of the policy's alpha"},
}
_DIRECTION = {"enum": ["higher", "lower"], "description": "which way is better; lower: 1 − value is held against margin or floor"}
_KEYS: dict[Kind, tuple[dict[str, Any], list[str]]] = {
    "non_inferiority": (
        _MEASURED
        | {
            "direction": _DIRECTION,
            "margin": _SHARE | {"description": "largest acceptable loss against the champion"},
            "slice_margin": _SHARE,
            "superiority_guard": {"type": "boolean", "description": "also fail when significantly worse, even within the margin"},
        },
        ["metric", "margin"],
    ),
    "floor": (
        _MEASURED
        | {
            "floor": _SHARE | {"description": "smallest acceptable mean of the candidate"},
            "most": _SHARE | {"description": "in place of floor: largest acceptable mean of a metric that counts what is bad"},
        },
        ["metric"],
    ),
    "parity": (
        _MEASURED
        | {
            "share": _SHARE | {"description": "smallest acceptable share of the champion's mean: 0.99, or 0.999 (MLPerf's two rules)"},
            "min_length": _SHARE | {"description": "smallest acceptable share of the champion's generated tokens: 0.9; a row of its own"},
        },
        ["metric", "share"],
    ),
    "length": (
        {"share": _SHARE | {"description": "smallest acceptable share of the champion's generated tokens"}, "level": _LEVEL},
        ["share"],
    ),
    "ceiling": (
        {
            "event": {"type": "string", "pattern": EVENTS, "description": "blocked, error, finding or finding:<rail>"},
            "ceiling": _SHARE | {"description": "largest acceptable share of outputs"},
            "slices": _MEASURED["slices"],
            "level": _LEVEL,
        },
        ["event", "ceiling"],
    ),
    "tail_latency": (
        {
            "time": {"enum": ["first_token", "total"], "description": "until the first token, or until the answer is complete"},
            "quantile": _SHARE,
            "seconds": _POSITIVE,
            "confidence": {"type": "number", "minimum": 0.5, "exclusiveMaximum": 1},
            **{name: _POSITIVE | {"description": f"seconds: short for quantile {q:g}"} for name, q in PERCENTILES.items()},
        },
        [],
    ),
    "cost": (
        {
            "max_ratio": _POSITIVE | {"description": "largest acceptable candidate / champion"},
            "max_usd_per_million_tokens": _POSITIVE | {"description": "largest acceptable price of generated tokens; needs usd_per_hour"},
            "usd_per_hour": _POSITIVE | {"description": "price of the machine both ran on; it cancels in the ratio"},
            "level": _LEVEL,
        },
        [],
    ),
    "regression": ({}, []),  # nothing to choose: every case that customers ever reported must hold
}
_EITHER = {"floor": ("floor", "most"), "cost": ("max_ratio", "max_usd_per_million_tokens"), "tail_latency": ("quantile", *PERCENTILES)}

_WAIVER: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["requirement", "owner", "reason", "expires", "max_loss"],
    "properties": {
        "requirement": _TEXT | {"description": "a requirement's name"},
        "slice": _TEXT | {"description": "all, overall, language=ja …"},
        "owner": _TEXT | {"description": "one of waiver_owners"},
        "reason": _TEXT,
        "expires": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$", "description": "last day, UTC"},
        "max_loss": {"type": "number", "minimum": 0, "description": "largest loss still let go, in the requirement's unit"},
        "unmeasured": {"type": "boolean", "description": "also where nothing was measured"},
        "signature": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "HMAC-SHA256 under PLUMBLINE_WAIVER_KEY"},
    },
}


@cache
def schema() -> dict[str, Any]:
    """JSON Schema of a policy file."""
    body = head()
    body["properties"] = {**body["properties"], "requirements": rows({"oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in KINDS]})}
    return body | {"$defs": {kind: kind_schema(kind) for kind in KINDS}}


def rows(item: dict[str, Any]) -> dict[str, Any]:
    """A list of requirements, each of that form."""
    return {"type": "array", "minItems": 1, "items": item}


def head() -> dict[str, Any]:
    """Everything but the requirements, of which it only says that they are mappings."""
    labelling = dict.fromkeys(("minutes_per_claim", "usd_per_hour", "claims_per_case", "overlap"), _POSITIVE)
    looks = [{"type": "integer", "minimum": 1, "maximum": 50}, {"const": "any"}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plumbline policy",
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "feature"],
        "anyOf": [{"required": ["requirements"]}, {"required": ["criteria"]}],
        "properties": {
            "version": {"const": 1},
            "feature": {"enum": list(FEATURES)},
            "alpha": _LEVEL | {"description": "one-sided error rate of each verdict"},
            "seed": {"type": "integer", "minimum": 0},
            "looks": {"oneOf": looks, "description": "how often accumulating labels may be read: 1, K, or any"},
            "spending": {"enum": ["obrien_fleming", "pocock"], "description": "how K looks share alpha: late, or about evenly"},
            "planned": {"type": "array", "minItems": 1, "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}},
            "planned_labels": _COUNT | {"description": "labelled cases when the plan is complete"},
            "usd_per_hour": _POSITIVE | {"description": "price of the machine both ran on, for requirements about cost"},
            "languages": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "labelling": {"type": "object", "additionalProperties": False, "properties": labelling},
            "criteria": _TEXT | {"description": "requirements in a line: grounded >= 0.97 and first_token/p99 < 1s"},
            "requirements": rows({"type": "object"}),
            "waivers": {"type": "array", "items": _WAIVER},
            "waiver_owners": {"type": "array", "items": _TEXT, "uniqueItems": True},
        },
    }


def kind_schema(kind: Kind) -> dict[str, Any]:
    """JSON Schema of one requirement kind."""
    properties, required = _KEYS[kind]
    shared = {
        "name": _TEXT,
        "kind": {"const": kind},
        "critical": {"type": "boolean", "description": "only critical requirements decide; the others are shown"},
        "on_unverified": {"enum": ["hold", "ignore", "fail"], "description": "what follows where nothing was measured"},
    }
    either = {"oneOf": [{"required": [key]} for key in _EITHER[kind]]} if kind in _EITHER else {}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "kind", *required],
        "properties": {**shared, **properties},
        **either,
    }


def keys_of(kind: Kind) -> frozenset[str]:
    """What a requirement of this kind may say besides its name and kind."""
    return frozenset(_KEYS[kind][0])
