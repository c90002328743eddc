"""The programme's rules: ``data/programme.yaml``, checked against its JSON Schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import jsonschema
import yaml

from evals.errors import PolicyError
from evals.paths import DATA

PATH = DATA / "programme.yaml"


@dataclass(frozen=True)
class Rules:
    """`cadence`: experiments a month, from and to. `method`, `alpha`, `initial`, `exponent`: see `evals.statistics.online`. `comparisons`
    may read the labels of one dataset version; from `warn` on pages say so."""

    cadence: tuple[int, int]
    method: Literal["lord", "spending"]
    alpha: float
    initial: float
    exponent: float
    comparisons: int
    warn: int


@cache
def load_rules(path: Path = PATH) -> Rules:
    """Raises PolicyError naming the file and the value."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        jsonschema.validate(raw, json.loads(PATH.with_suffix(".schema.json").read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    except jsonschema.ValidationError as error:
        raise PolicyError(f"{path}: {'.'.join(map(str, error.absolute_path)) or 'top level'}: {error.message}") from error
    least, most = raw["cadence"]
    if least > most:
        raise PolicyError(f"{path}: cadence: from {least} to {most} is no range")
    return Rules((least, most), **raw["online"], **raw["exposure"])
