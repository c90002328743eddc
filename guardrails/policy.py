"""Which rail runs on what, and what its finding leads to: ``data/guardrails/policy.yaml``, checked against its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import jsonschema
import yaml

from evals.errors import PolicyError
from evals.paths import DATA
from evals.records import Action, Feature
from guardrails.base import Target

PATH = DATA / "guardrails" / "policy.yaml"
Policy = Mapping[Feature, Mapping[Target, Mapping[str, Action]]]


@cache
def load(path: Path = PATH) -> Policy:
    """Feature to target to rail to action. Raises PolicyError naming the file and the value."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        jsonschema.validate(raw, json.loads((PATH.parent / "policy.schema.json").read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    except jsonschema.ValidationError as error:
        raise PolicyError(f"{path}: {'.'.join(map(str, error.absolute_path)) or 'top level'}: {error.message}") from error
    features: Policy = raw["features"]
    return features


def actions(feature: Feature, target: Target) -> Mapping[str, Action]:
    """Rail name to action, in the policy's order."""
    return load()[feature][target]
