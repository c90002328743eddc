"""Settings in YAML files: read strictly, with errors that name file and place."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from evals.errors import InputError, PolicyError


class UniqueKeys(yaml.SafeLoader):
    """A mapping that says one key twice is refused: the second would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, (at, _) in zip(keys, node.value, strict=True):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", at.start_mark)
        return super().construct_mapping(node, deep=deep)


def read_checked(path: Path, schema: Path, wrong: type[InputError] = PolicyError) -> Any:
    """What a YAML file says, checked against a JSON Schema in another. Raises `wrong` naming the file, the place in it and the value."""
    import jsonschema  # slow to import, and most commands read no such file

    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        jsonschema.validate(raw, json.loads(schema.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise wrong(f"{path}: cannot be read: {error}") from error
    except jsonschema.ValidationError as error:
        raise wrong(f"{path}: {'.'.join(map(str, error.absolute_path)) or 'top level'}: {error.message}") from error
    return raw
