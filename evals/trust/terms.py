"""When a judge is certified: ``data/policies/judges.yaml``, checked against its JSON Schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jsonschema
import yaml

from evals.errors import PolicyError
from evals.paths import DATA

PATH = DATA / "policies" / "judges.yaml"


@dataclass(frozen=True)
class Terms:
    """At least `min_labels` claims, `min_rare` of the rarer answer; AUROC's lower bound from `min_auroc`, calibration error up to
    `max_calibration_error`; for `days`; retests from `min_anchors` anchors."""

    min_labels: int
    min_rare: int
    min_auroc: float
    max_calibration_error: float
    days: int
    min_anchors: int


def is_terms(path: Path) -> bool:
    """Whether a file holds terms for judges, by its own words; False for what cannot be read."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(raw, dict) and "terms" in raw


@cache
def load_terms(path: Path = PATH) -> Terms:
    """Raises PolicyError naming the file and the value."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        jsonschema.validate(raw, json.loads(PATH.with_suffix(".schema.json").read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    except jsonschema.ValidationError as error:
        raise PolicyError(f"{path}: {'.'.join(map(str, error.absolute_path)) or 'top level'}: {error.message}") from error
    return Terms(**raw["terms"])
