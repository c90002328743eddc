"""Which rail runs on what, and what its finding leads to: ``data/guardrails/policy.yaml``, per feature and target, with what a marketplace
does otherwise laid over it. Checked against its JSON Schema and against the rails that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evals.errors import PolicyError
from evals.languages import LANGUAGES
from evals.paths import DATA
from evals.records import Action, Feature
from evals.yaml_files import read_checked
from guardrails.base import Rail, Target

PATH = DATA / "guardrails" / "policy.yaml"
MARKETPLACES = sorted({code for language in LANGUAGES.values() for code in language.marketplaces})
Actions = Mapping[str, Action]  # rail name to action, in the policy's order
Places = Mapping[Feature, Mapping[Target, Actions]]


@dataclass(frozen=True)
class Policy:
    """`features`: what holds everywhere; `marketplaces`: what one of them does otherwise."""

    features: Places
    marketplaces: Mapping[str, Places]

    def actions(self, feature: Feature, target: Target, marketplace: str | None = None) -> Actions:
        """What runs there. A marketplace that the policy does not name does as the others."""
        own = self.marketplaces.get(marketplace or "", {}).get(feature, {}).get(target, {})
        return {**self.features[feature][target], **own}


@cache
def load(rails: tuple[Rail, ...], path: Path = PATH) -> Policy:
    """Raises PolicyError naming the file, the place in it and the value."""
    raw = read_checked(path, PATH.with_suffix(".schema.json"))
    for problem in _problems(raw, {rail.name: rail for rail in rails}):
        raise PolicyError(f"{path}: {problem}")
    return Policy(raw["features"], raw.get("marketplaces", {}))


def _problems(raw: Mapping[str, Any], rails: Mapping[str, Rail]) -> Iterator[str]:
    """What a schema cannot know: the marketplaces there are, the rails there are, and where each of them can run."""
    own: Mapping[str, Any] = raw.get("marketplaces", {})
    for code in own:
        if code not in MARKETPLACES:
            yield f"marketplaces.{code}: no marketplace of that code: {' '.join(MARKETPLACES)}"
    for place, features in [("features", raw["features"]), *((f"marketplaces.{code}", row) for code, row in own.items())]:
        for feature, targets in features.items():
            for target, actions in targets.items():
                for name in actions:
                    where = f"{place}.{feature}.{target}.{name}"
                    if name not in rails:
                        yield f"{where}: there is no rail {name!r}: {' '.join(rails)}"
                    elif target not in rails[name].targets:
                        yield f"{where}: this rail checks {' and '.join(sorted(rails[name].targets))}, not {target}"
