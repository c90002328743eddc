"""What people are asked, as a thing of its own: a page, a scale, and how an answer is read. One file a rubric beside this one.

A rubric's id carries its version. Once annotators have answered under it, nothing they are asked may change (`asked_sha256` is compared
before every push): a change makes a new version, and a bridge set labelled under both shows how far the scale moved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

from annotators.labeling import answers, page
from annotators.labeling.answers import Answer
from evals.errors import InputError
from evals.identity import canonical_json, sha256
from evals.languages import language as language_row
from evals.packs import pack
from evals.records import FEATURES, Arm, Feature

MAX_TITLE = 50  # Label Studio's
Subject = Literal["claim", "output", "pair", "citation"]


@dataclass(frozen=True)
class Rubric:
    """`name`: id with version. `subject`: what one item is about. `scale`: the values stored, language-neutral, best last where `ordinal`.
    `keys`: what a task shows. `lines` draws the page, `title` and `guidance` (what is read first, by paragraph) speak the language.
    `read` understands an answer to a task (its data, who was shown first)."""

    name: str
    subject: Subject
    scale: tuple[str, ...]
    keys: Mapping[Feature, tuple[str, ...]]
    lines: Callable[[Feature, str], Sequence[str]]
    title: Callable[[Feature, str], str]
    guidance: Callable[[Feature, str], Sequence[str]]
    read: Callable[[Sequence[Mapping[str, Any]], Mapping[str, Any], Arm | None], Answer]
    ordinal: bool = False
    many: bool = False
    features: tuple[Feature, ...] = FEATURES


def told(group: str, guideline: str | None = None) -> tuple[Callable[[Feature, str], str], Callable[[Feature, str], Sequence[str]]]:
    """Title and guidance of a rubric whose texts are a group of their own in the language packs."""

    def title(feature: Feature, language: str) -> str:
        del feature
        return pack(language).rubrics[group]["title"]

    def guidance(feature: Feature, language: str) -> Sequence[str]:
        del feature
        words = pack(language).rubrics
        return [words[group]["instructions"], words["guideline"][guideline or group]]

    return title, guidance


def queue_name(feature: Feature, language: str, rubric: str) -> str:
    """``feature/language/rubric``: one labelling project each."""
    return f"{feature}/{language}/{rubric}"


def queue_parts(queue: str) -> tuple[Feature, str, str]:
    """Feature, language and rubric of a queue's name; raises InputError for what `queue_name` did not write."""
    feature, *rest = queue.split("/")
    known = next((one for one in FEATURES if one == feature), None)
    if known is None or len(rest) != 2:
        raise InputError(f"{queue!r} is no queue: feature/language/rubric")
    return known, rest[0], rest[1]


def config_xml(rubric: Rubric, feature: Feature, language: str) -> str:
    """The labelling page; it reads the data keys `rubric.keys` (and shows none of the others)."""
    return page.page(language, rubric.lines(feature, language))


def instructions(rubric: Rubric, feature: Feature, language: str) -> str:
    """What the annotator reads first, as HTML: Label Studio renders it."""
    direction = language_row(language).direction
    return "".join(f'<p dir="{direction}">{escape(paragraph)}</p>' for paragraph in rubric.guidance(feature, language))


def project_title(rubric: Rubric, feature: Feature, language: str) -> str:
    """``ja ハイライト：主張``: at most 50 characters; not unique, the key in the description is."""
    return f"{language} {rubric.title(feature, language)}"[:MAX_TITLE].strip()


def asked_sha256(rubric: Rubric, feature: Feature, language: str) -> str:
    """Changes when anything the annotator is asked or told changes; how the page is styled does not count."""
    return sha256(canonical_json([rubric.name, list(rubric.lines(feature, language)), instructions(rubric, feature, language)]))


def read_one(question: str, scale: Sequence[str], result: Sequence[Mapping[str, Any]]) -> Answer:
    """An answer with exactly one value of a scale, and maybe a remark."""
    ticked, problem = answers.chosen(result, question, scale)
    if problem is None and len(ticked) != 1:
        problem = f"{question} has {len(ticked)} values: {', '.join(ticked)}"
    return Answer(None if problem else ticked[0], answers.texts(result, page.COMMENT), problem=problem)
