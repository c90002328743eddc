"""What every peer's file comes down to: answers with values, in our words. Texts are hostile and are made storable here, nowhere else."""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from evals.identity import content_id
from evals.languages import UNDETERMINED
from evals.text import shortened

Source = Literal["code", "model"]
Labels = Mapping[str, str]

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LABELS: dict[str, tuple[str, ...]] = {
    "language": ("language", "lang", "locale"),
    "product": ("product", "product_id", "cluster", "group"),
    "category": ("category",),
}
_QUESTIONS = ("question", "query", "input", "inputs", "prompt", "user_input", "text", "problem", "goal")
_SAID: dict[str, float] = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
_LEGACY = {"nb": "no", "nn": "no", "iw": "he", "in": "id"}
MOST_NAME = 100  # characters of a name that the store keeps


@dataclass(frozen=True)
class Value:
    """What a peer's metric says of one answer: a finite number, or None and why. `source`: a model or code made it, never people;
    `by`: the model that judged."""

    value: float | None
    reason: str | None = None
    source: Source = "code"
    by: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One answer of an arm. `where`: its place in the file, for messages. `case`: the peer's name of the case, where another file of the
    same cases would repeat it. `repeat`: which asking of the case this is, from 1. `error`: why there is no answer."""

    where: str
    question: str
    text: str
    values: Mapping[str, Value]
    case: str | None = None
    repeat: int = 1
    reference: str | None = None
    labels: Labels = field(default_factory=dict)
    contexts: tuple[str, ...] = ()
    error: str | None = None
    prompt_tokens: int = 0
    generated_tokens: int = 0
    first_token_s: float | None = None
    total_s: float | None = None


@dataclass(frozen=True)
class Results:
    """All answers of one arm. `settings`: what else the file says of it; `notes`: what was not taken over, a sentence each."""

    peer: str
    version: str | None
    variant: str
    answers: tuple[Answer, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


# ---------------------------------------------------------------------------------------------- from anything to text and numbers


def text_of(value: Any) -> str:
    """Any JSON value as text that every store can hold: NUL and lone surrogates become ``�``, objects their JSON.

    >>> text_of(None), text_of("a\\x00b"), text_of({"b": 1}), text_of(True)
    ('', 'a\ufffdb', '{"b": 1}', 'true')
    """
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return _UNSTORABLE.sub("\ufffd", text)


def conversation(value: Any) -> str:
    """A prompt that may be a list of messages (``role``, ``content``): what they say, a paragraph each."""
    if isinstance(value, list) and value and all(isinstance(item, Mapping) and "content" in item for item in value):
        return "\n\n".join(_content(item["content"]) for item in value)
    return text_of(value)


def _content(content: Any) -> str:
    parts = content if isinstance(content, list) else [content]
    return "\n".join(text_of(part["text"] if isinstance(part, Mapping) and "text" in part else part) for part in parts)


def value_of(value: Any, reason: str = "", **more: Any) -> Value:
    """A number, a truth value, yes or no, or their spelling; else None with the reason (`reason`, where the file gives one).

    >>> value_of("0.5").value, value_of(True).value, value_of("no").value, value_of(None).reason, value_of("n/a").reason
    (0.5, 1.0, 0.0, 'not measured: the file has no value', "not measured: 'n/a' is no number")
    """
    number = number_of(value)
    if number is not None:
        return Value(number, None, **more)
    said = reason or (f"{shortened(text_of(value), 80)!r} is no number" if value not in (None, "") else "the file has no value")
    return Value(None, f"not measured: {shortened(text_of(said), 500)}", **more)


def number_of(value: Any) -> float | None:
    """A finite number, or None for what is none."""
    if isinstance(value, str):
        value = _SAID.get(value.strip().lower(), value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def count_of(value: Any) -> int:
    """A count, 0 for what is none."""
    number = number_of(value)
    return int(number) if number is not None and 0 <= number < 1e12 else 0


def seconds_of(value: Any, per_second: float = 1.0) -> float | None:
    """A positive time; None where none was taken (0 is none)."""
    number = number_of(value)
    return number / per_second if number is not None and number > 0 else None


def object_of(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def name_of(text: str) -> str:
    """A name on one line, short enough for the store; two long names that differ stay different.

    >>> name_of("a  b"), len(name_of("x" * 1000)), name_of("x" * 1000) == name_of("x" * 999)
    ('a b', 100, False)
    """
    line = " ".join(text_of(text).split())
    return line if len(line) <= MOST_NAME else f"{line[: MOST_NAME - 9]}~{content_id('name', line)[-8:]}"


# ---------------------------------------------------------------------------------------------- what files say beside


def labels_of(*places: Any) -> Labels:
    """Language (its primary tag), product and category, where one of the mappings states them; the first that does counts."""
    found: dict[str, str] = {}
    for label, names in _LABELS.items():
        stated = (text_of(place[name]).strip() for place in places if isinstance(place, Mapping) for name in names if place.get(name))
        if value := next(filter(None, stated), ""):
            found[label] = value
    if "language" in found:
        found["language"] = language_of(found["language"])
    return {label: value for label, value in found.items() if value}


def language_of(tag: str) -> str:
    """The primary tag of ``pt-BR``, ``zh_CN``; empty for what is no tag.

    >>> language_of("pt_BR"), language_of("Norwegian"), language_of("nb")
    ('pt', '', 'no')
    """
    primary = tag.strip().replace("_", "-").lower().partition("-")[0]
    primary = _LEGACY.get(primary, primary)
    return primary if re.fullmatch("[a-z]{2,3}", primary) and primary != UNDETERMINED else ""


def question_of(values: Mapping[str, Any]) -> str:
    """The variable that holds what was asked, by its usual names; else the longest text; else all of them."""
    named = next((values[name] for name in _QUESTIONS if values.get(name)), None)
    if named is not None:
        return question_of(named) if isinstance(named, Mapping) else conversation(named)
    known = {name for names in _LABELS.values() for name in names}
    texts = [text_of(value) for name, value in values.items() if isinstance(value, str) and name not in known]
    return max(texts, key=len, default="") or text_of(dict(values))


def parsed(text: str) -> Any:
    """What a table's cell holds, written as JSON or as Python writes lists and objects; the text itself where it is neither.

    >>> parsed('{"a": 1}'), parsed("['b']"), parsed("How heavy?")
    ({'a': 1}, ['b'], 'How heavy?')
    """
    for read in (json.loads, ast.literal_eval) if text.lstrip()[:1] in ("[", "{", "(") else ():
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of strange escapes in somebody's text
            return read(text)
    return text


class MisreadError(ValueError):
    """An entry of the file is not as its tool writes it; the message says which."""


def read_each(entries: Iterable[tuple[str, Any]], read: Callable[[str, Any], Answer]) -> list[Answer]:
    """Each entry (its place, itself) as an answer. Raises MisreadError naming the first that cannot be read."""
    found = []
    for where, entry in entries:
        try:
            found.append(read(where, entry))
        except (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError) as error:
            raise MisreadError(f"{where}: {type(error).__name__}: {error}") from error
    return found


def numbered(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """Answers to the same case numbered in their order, for peers that ask a case again without saying so."""
    seen: dict[tuple[Any, ...], int] = {}
    result = []
    for answer in answers:
        key = (answer.case, answer.question, answer.reference, tuple(sorted(answer.labels.items())))
        seen[key] = seen.get(key, 0) + 1
        result.append(replace(answer, repeat=seen[key]))
    return tuple(result)
