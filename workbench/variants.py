"""Variants by name: ``data/variants.yaml``, or a file of the same shape. Adding one is one row there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from evals.errors import InputError, UnknownIdError
from evals.identity import content_id
from evals.paths import DATA, ROOT
from evals.records import Feature, Variant

VARIANTS = DATA / "variants.yaml"


def settings_of(feature: Feature, name: str, path: Path = VARIANTS) -> dict[str, Any]:
    """The row as written. Raises InputError for a file without such a table, UnknownIdError for a name that is not in it."""
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))[feature]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no table of variants for {feature}: {error!r}") from error
    if name not in table:
        raise UnknownIdError(f"{path}: no variant {name!r} for {feature} (there are: {', '.join(sorted(table))})")
    return dict(table[name])


def names(feature: Feature, path: Path = VARIANTS) -> list[str]:
    return sorted(yaml.safe_load(path.read_text(encoding="utf-8"))[feature])


def variant_of(feature: Feature, name: str, settings: Mapping[str, Any]) -> Variant:
    """The variant with everything that identifies it: for a model also its weights' hash, backend and hardware, asked from the backend."""
    full = dict(settings)
    if settings.get("kind") == "lm":
        from runner import backends  # loads the model: only when one is run

        full |= backends.load(settings).identity()
    portable = {key: _portable(value) for key, value in full.items()}
    return Variant(content_id("variant", feature, portable), name, feature, portable)


def _portable(value: Any) -> Any:
    """A path inside the project is named relative to it, so that the same model has the same name on another machine."""
    if isinstance(value, str) and value.startswith(str(ROOT)):
        return str(Path(value).relative_to(ROOT))
    return value
