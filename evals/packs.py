"""Language packs: everything a language needs beyond its row, written by us in ``data/languages/<tag>.yaml``.

One file serves its readers: the template variant (patterns), the aspect and sentiment models (sentences), the training of the
small model, the scorers (words), the labelling pages (annotator and rubric texts) and the annotator's own page. See
``data/languages/README.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from evals.errors import InputError
from evals.languages import language
from evals.paths import DATA

_LISTS = ("summary", "answer", "ask", "words", "openers", "closers", "clauses", "quantities", "opinions", "people")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What annotators read, by group. A language that lacks one of these is not read at all.
_TOLD = "title instructions "
RUBRIC_TEXTS: dict[str, tuple[str, ...]] = {
    group: tuple(keys.split())
    for group, keys in {
        "claims": "span_question span_label",
        "failures": _TOLD + "question none unnatural_wording irrelevant_aspect not_helpful wrong_about_review wrong_about_reviewer "
        "wrong_about_fact wrong_sentiment unsafe wrong_language",
        "preference": _TOLD + "question text_a text_b a_much_better a_better tie b_better b_much_better",
        "citations": _TOLD + "question sentence passage supports partly does_not_support cannot_tell",
        "rewrite": _TOLD + "question original rewritten",
        "adjudication": _TOLD + "votes",
        "guideline": "claims failures preference citations rewrite",
        "ui": "my_work open_next waiting done_today my_languages guideline nothing_to_do conflicts sign_in_hint who reserved_until "
        "limit_reached paused practice open_in_label_studio next_comes thanks skip not_running",
    }.items()
}


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
    """One language. `summary`, `answer`, `ask`: pattern name to variants with ``{placeholders}``; `words`: class to words or stems.

    `rubrics`: group to key to text, every one of `RUBRIC_TEXTS`; what annotators read in rubrics other than the claim verdict.
    `clauses`: words between two statements of one sentence (``x-``: joined to the word behind, ``-x``: ends the first statement);
    `quantities`: shares in words, what changes a number ("over", with ``-x``: stands behind it), numbers 1 to 10 (forms by ``|``), ratios;
    `opinions`: more words of praise and complaint, for scorers only (`words` also feed trained models); `people`: what reviewers are
    called (`others`: "many", "the rest"), and who they may be said to be; `examples`: sentences that scorers must read right.
    """

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
    rubrics: Mapping[str, Mapping[str, str]]
    clauses: Mapping[str, tuple[str, ...]]
    quantities: Mapping[str, tuple[str, ...]]
    opinions: Mapping[str, tuple[str, ...]]
    people: Mapping[str, tuple[str, ...]]
    examples: Mapping[str, Any]


@cache
def pack(tag: str) -> LanguagePack:
    """The pack of `tag`; raises UnknownIdError for a language that is not ours and InputError for a broken file."""
    path = DATA / "languages" / f"{language(tag).tag}.yaml"
    try:
        return _read(yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER), path)  # noqa: S506 (it is a safe loader)
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a language pack: {error!r}") from error


def _read(raw: dict[str, Any], path: Path) -> LanguagePack:
    tuples = {key: {k: tuple(v) for k, v in raw[key].items()} for key in _LISTS}
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
        rubrics=_rubrics(raw.get("rubrics"), path),
        examples=raw["examples"],
        **tuples,
    )


def _rubrics(raw: object, path: Path) -> dict[str, dict[str, str]]:
    """The texts of `RUBRIC_TEXTS` out of the block `raw`; raises InputError naming file, group and key of the first one missing."""
    groups = raw if isinstance(raw, dict) else {}
    return {
        group: {key: _text(groups.get(group), key, f"{path}: rubrics.{group}.{key}") for key in keys}
        for group, keys in RUBRIC_TEXTS.items()
    }


def _text(group: object, key: str, where: str) -> str:
    value = group.get(key) if isinstance(group, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: expected a text, found {value!r}")
    return value
