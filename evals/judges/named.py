"""Judges by name: ``data/judges.yaml``, checked against its JSON Schema. Secrets stand in the environment alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from evals import paths
from evals.errors import InputError, SetupError, UnknownIdError
from evals.judges.endpoint import SETTINGS, Judge
from evals.judges.ledger import Ledger, Prices
from evals.yaml_files import read_checked

PATH = paths.DATA / "judges.yaml"
_SCHEMA = paths.DATA / "judges.schema.json"


@dataclass(frozen=True)
class NamedJudge:
    """A row of the file. `serves`: a judge that is started by whoever asks it, else None and `base_url` is its address; `key`: the
    environment variable with its secret."""

    name: str
    model: str
    base_url: str | None = None
    serves: str | None = None
    key: str | None = None
    key_optional: bool = False
    concurrency: int = 4
    timeout_s: float = 60.0
    prices: Prices | None = None
    settings: Mapping[str, Any] = field(default_factory=lambda: SETTINGS)

    @property
    def secret(self) -> str | None:
        """The key, if it is set."""
        return paths.inherited(self.key).get(self.key) or None if self.key else None

    def judge(self, base_url: str | None = None, *, ledger: Ledger | None = None, cache_at: Path | None = None) -> Judge:
        """Ready to be asked, with the shared cache unless another is named; `base_url`: where what it serves was started.

        Raises SetupError where its key is not in the environment.
        """
        secret, address = self.secret, base_url or self.base_url
        if self.key and not secret and not self.key_optional:
            raise SetupError(f"the judge {self.name!r} needs its key in the environment: set {self.key}")
        if address is None:
            raise InputError(f"the judge {self.name!r} is served by this machine: start {self.serves} and say where")
        return Judge(
            address,
            self.model,
            secret,
            self.timeout_s,
            self.concurrency,
            paths.cache() / "judge" if cache_at is None else cache_at,
            settings=self.settings,
            address=f"plumb:{self.serves}" if self.serves else None,
            name=self.name,
            ledger=ledger,
        )


@cache
def judges(path: Path = PATH) -> Mapping[str, NamedJudge]:
    """All judges of a file by name. Raises InputError naming file, judge and key."""
    raw = read_checked(path, _SCHEMA, InputError)
    return {name: _judge(name, row) for name, row in raw["judges"].items()}


def judge_named(name: str, path: Path = PATH) -> NamedJudge:
    """Raises UnknownIdError with those there are."""
    known = judges(path)
    if name not in known:
        raise UnknownIdError(f"no judge {name!r} in {path.name}: {', '.join(known)}")
    return known[name]


def _judge(name: str, row: Mapping[str, Any]) -> NamedJudge:
    price = row.get("usd_per_million_tokens")
    prices = Prices(float(price["prompt"]), float(price["completion"])) if price else None
    rest = {key: value for key, value in row.items() if key != "usd_per_million_tokens"}
    return NamedJudge(name, prices=prices, **rest)
