"""What generated tokens cost, by the formula AWS uses in its own Neuron tables: (1e6 / tokens per second) x dollars per hour / 3600.

Prices are dated facts of ``data/prices.yaml``, never constants of the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from evals.errors import InputError, UnknownIdError
from evals.paths import DATA

PRICES = DATA / "prices.yaml"


@dataclass(frozen=True)
class Price:
    """An hour of a machine; `kind`: ``reserved`` | ``on-demand`` | ``illustrative``; `source` and `date`: who said so, read when."""

    usd_per_hour: float
    kind: str
    source: str
    date: str


def usd_per_million_tokens(generated_tokens: int, seconds: float, usd_per_hour: float) -> float | None:
    """Dollars for a million *generated* tokens at the pace of `generated_tokens` in `seconds` on a machine of that price.

    None where nothing was generated or no time passed: there is no pace then. Formula: aws-neuron-sdk, inf2-performance.rst.

    >>> usd_per_million_tokens(3600, 3600.0, 0.36)
    100.0
    >>> usd_per_million_tokens(0, 10.0, 0.36) is None
    True
    """
    if generated_tokens < 0 or seconds < 0 or usd_per_hour < 0:
        raise InputError(f"tokens, seconds and price must not be negative: {generated_tokens}, {seconds}, {usd_per_hour}")
    if generated_tokens == 0 or seconds == 0:
        return None
    return 1e6 / (generated_tokens / seconds) * usd_per_hour / 3600


@cache
def prices(path: Path = PRICES) -> Mapping[str, Price]:
    """Every machine of the file by name. Raises InputError for a broken file."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))["machines"]
        return {
            name: Price(float(row["usd_per_hour"]), str(row["kind"]), str(row["source"]), str(row["date"])) for name, row in raw.items()
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: not a price list: {error!r}") from error


def price(machine: str) -> Price:
    """The price of `machine`; raises UnknownIdError with those there are."""
    known = prices()
    if machine not in known:
        raise UnknownIdError(f"no price for machine {machine!r} in {PRICES.name}: {', '.join(known)}")
    return known[machine]
