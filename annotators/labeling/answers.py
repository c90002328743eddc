"""What an annotation says, read from what Label Studio stores: it accepts anything, so nothing is believed unread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evals.text import visible

MAX_COMMENT = 10_000


@dataclass(frozen=True)
class Answer:
    """`verdict`: language-neutral, as in `Annotation`; `problem` says why there is none."""

    verdict: str | None
    comment: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None


def chosen(result: Iterable[Mapping[str, Any]], name: str, scale: Iterable[str]) -> tuple[list[str], str | None]:
    """The values ticked of a question, in the order of its scale; or none, and what is wrong."""
    scale = list(scale)
    found = values(result, name, "choices")
    strange = [value for value in found if value not in scale]
    if strange or not found:
        return [], f"{name} {visible(repr(strange or found))[:100]} is not one of {', '.join(scale)}"
    return [value for value in scale if value in found], None


def texts(result: Iterable[Mapping[str, Any]], name: str) -> str | None:
    """What was written in a box, hidden characters made visible."""
    return visible("\n".join(str(line) for line in values(result, name, "text")))[:MAX_COMMENT].strip() or None


def marked(result: Iterable[Mapping[str, Any]], name: str, length: int) -> list[list[int]]:
    """(start, end) of the words marked, in code points of the text shown; what lies outside it is left out."""
    found = []
    for value in _regions(result, name):
        start, end = value.get("start"), value.get("end")
        if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= length:
            found.append([start, end])
    return sorted(found)


def values(result: Iterable[Mapping[str, Any]], name: str, key: str) -> list[Any]:
    """Everything a control said under `key`."""
    found: list[Any] = []
    for value in _regions(result, name):
        listed = value.get(key)
        found += listed if isinstance(listed, list) else [listed] if listed is not None else []
    return found


def _regions(result: Iterable[Mapping[str, Any]], name: str) -> Iterable[Mapping[str, Any]]:
    for region in result:
        value = region.get("value") if isinstance(region, dict) and region.get("from_name") == name else None
        if isinstance(value, dict):
            yield value
