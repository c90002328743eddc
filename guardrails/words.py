"""The words of a rail in 28 languages: ``data/guardrails/<rail>.yaml``, checked against one schema, as patterns for one language at a time.

A text is searched for the words of its language and for the English ones, which turn up everywhere; those of the other 26 would find what
nobody said: "die" is an article in German.
"""

from __future__ import annotations

import base64
import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache

import jsonschema
import yaml

from evals.errors import InputError
from evals.languages import LANGUAGES
from evals.paths import DATA
from guardrails.phrases import Folded, Phrases, folded

WINDOW = 60  # characters within which two words belong together
WINDOW_WIDE = 20  # ... in Chinese and Japanese
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ENCODED = "base64:"


@cache
def table(rail: str) -> dict[str, dict[str, list[str]]]:
    """Language to key to phrases or stems. Raises InputError naming the file."""
    path = DATA / "guardrails" / f"{rail}.yaml"
    try:
        raw: dict[str, dict[str, list[str]]] = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 (it is a safe loader)
        jsonschema.validate(raw, json.loads(path.with_suffix(".schema.json").read_text(encoding="utf-8")))
        return {tag: {key: [_plain(word) for word in words] for key, words in row.items()} for tag, row in raw.items()}
    except (OSError, ValueError, yaml.YAMLError, jsonschema.ValidationError) as error:
        raise InputError(f"{path}: not a table of words: {error}") from error


def _plain(word: str) -> str:
    return base64.b64decode(word.removeprefix(_ENCODED), validate=True).decode() if word.startswith(_ENCODED) else word


@cache
def phrases(rail: str, key: str, language: str) -> Phrases:
    """The words of `key` in `language` and in English."""
    tags = {language, "en"} & set(LANGUAGES)
    return Phrases((tag, folded(word).text) for tag in sorted(tags) for word in table(rail)[tag][key])


def found(rail: str, key: str, language: str, text: Folded) -> list[tuple[int, int]]:
    """Where `text` has words of `key`: spans of the folded text, in order."""
    return phrases(rail, key, language).find(text.text)


def together(first: Sequence[tuple[int, int]], second: Sequence[tuple[int, int]], language: str) -> Iterator[tuple[int, int]]:
    """Each span of `first` that has one of `second` near it on either side, widened to the nearest.

    >>> list(together([(0, 4), (200, 204)], [(10, 15)], "en"))
    [(0, 15)]
    """
    reach = WINDOW if language not in LANGUAGES or LANGUAGES[language].words == "spaces" else WINDOW_WIDE
    starts = [start for start, _ in second]
    for start, end in first:
        index = bisect_left(starts, start)
        gaps = [(max(start - b, a - end), a, b) for a, b in second[max(0, index - 1) : index + 2] if b <= start or a >= end]
        gap, a, b = min(gaps, default=(reach + 1, 0, 0))
        if gap <= reach:
            yield min(start, a), max(end, b)
