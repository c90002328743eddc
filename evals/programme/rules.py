"""The programme's rules: ``data/programme.yaml``, checked against its JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from evals.errors import PolicyError
from evals.paths import DATA
from evals.yaml_files import read_checked

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
    raw = read_checked(path, PATH.with_suffix(".schema.json"))
    least, most = raw["cadence"]
    if least > most:
        raise PolicyError(f"{path}: cadence: from {least} to {most} is no range")
    return Rules((least, most), **raw["online"], **raw["exposure"])
