"""Language packs: everything a language needs beyond its row, written by us in ``data/languages/<tag>.yaml``.

One file serves five readers: the template variant (patterns), the aspect and sentiment models (sentences), the training of the
small model, the scorers (words), and the labelling pages (annotator texts). See ``data/languages/README.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from evals.errors import InputError
from evals.languages import language
from evals.paths import DATA

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class AspectPack:
    """`name` as a shopper sees it; `terms`: words or stems that mention it; example sentences by sentiment."""

    name: str
    terms: tuple[str, ...]
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    neutral: tuple[str, ...]


@dataclass(frozen=True)
class LanguagePack:
    """One language. `summary`, `answer`, `ask`: pattern name to variants with ``{placeholders}``; `words`: class to words or stems."""

    tag: str
    autonym: str
    annotator: Mapping[str, str]
    summary: Mapping[str, tuple[str, ...]]
    answer: Mapping[str, tuple[str, ...]]
    ask: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, str]
    words: Mapping[str, tuple[str, ...]]
    openers: Mapping[str, tuple[str, ...]]
    closers: Mapping[str, tuple[str, ...]]
    fallback: str
    aspects: Mapping[str, AspectPack]


@cache
def pack(tag: str) -> LanguagePack:
    """The pack of `tag`; raises UnknownIdError for a language that is not ours and InputError for a broken file."""
    path = DATA / "languages" / f"{language(tag).tag}.yaml"
    try:
        return _read(yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER))  # noqa: S506 (it is a safe loader)
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a language pack: {error!r}") from error


def _read(raw: dict[str, Any]) -> LanguagePack:
    tuples = {key: {k: tuple(v) for k, v in raw[key].items()} for key in ("summary", "answer", "ask", "words", "openers", "closers")}
    aspects = {
        aspect: AspectPack(row["name"], *(tuple(row[key]) for key in ("terms", "positive", "negative", "neutral")))
        for aspect, row in raw["aspects"].items()
    }
    return LanguagePack(
        tag=raw["tag"],
        autonym=raw["autonym"],
        annotator=raw["annotator"],
        attributes=raw["attributes"],
        fallback=raw["fallback"][0],
        aspects=aspects,
        **tuples,
    )
