"""When a judge is certified: ``data/policies/judges.yaml``, checked against its JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from evals.paths import DATA
from evals.yaml_files import read_checked

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
    return Terms(**read_checked(path, PATH.with_suffix(".schema.json"))["terms"])
