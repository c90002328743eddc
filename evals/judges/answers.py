"""What a judge answered: read as JSON, held against its schema, and kept on disk, a file an answer."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.judges.material import mended
from evals.judges.transport import JudgeError


def parsed(text: str) -> Any:
    """The JSON value of an answer, which may stand in a code fence. Raises JudgeError.

    >>> parsed('```json\\n{"verdict": 1}\\n```')
    {'verdict': 1}
    """
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text[:-3].partition("\n")[2]
    try:
        return _clean(json.loads(text, parse_constant=_constant))
    except (ValueError, RecursionError):
        raise JudgeError("the judge's answer is not JSON") from None


def fitting(value: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """`value`, if it is an object that fits; raises JudgeError that names the place and the rule, never the text."""
    from jsonschema import Draft202012Validator

    if not isinstance(value, dict):
        raise JudgeError("the judge's answer is not a JSON object")
    wrong = next(Draft202012Validator(dict(schema)).iter_errors(value), None)
    if wrong is not None:
        where = ".".join(map(str, wrong.absolute_path))[:80] or "its top level"
        raise JudgeError(f"the judge's answer does not match the schema: {where} ({wrong.validator})")
    return value


def _constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _clean(value: Any) -> Any:
    """Without lone surrogates, which ``\\ud800`` makes and no database takes."""
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


# ---------------------------------------------------------------------------------------------- on disk


def write(folder: Path, key: str, row: Mapping[str, Any]) -> None:
    """Keep `row` under `key`; a writer that dies leaves no half file."""
    path = _path(folder, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        json.dump(row, file, ensure_ascii=True)
    os.replace(file.name, path)


def read(folder: Path, key: str) -> dict[str, Any] | None:
    """What was kept under `key`; None where nothing was, or nothing whole."""
    try:
        row = json.loads(_path(folder, key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return row if isinstance(row, dict) else None


def _path(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.json"
