"""Two small linear models: one tells a piece of a text written for an assistant (a task, a question about the world) from what is written
for readers; the other tells a whole question that would turn the assistant (jailbreak, hijacking, prompt leaking) from a shopper's.

Features are hashed words, pairs of words, beginnings and endings of words and the edges of the piece; nothing in them is of one language,
so a language without attacks among the training texts gets hits by rules only. Trained by ``benchmarks.quality.injection_train``, described
in ``docs/models/injection.md``.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import regex

from evals.errors import InputError
from evals.paths import DATA
from evals.text import fold, sentences
from guardrails.base import Span

FOLDER = DATA / "models" / "injection"
PLANTED, DIRECT = "planted", "direct"  # the models: of pieces of evidence, and of whole questions
BITS = 16
COLUMNS = 1 << BITS
MOST = 24  # words of a piece; what is longer is read through a window that moves by half of it
REACH = 120  # characters read from a beginning without a full stop before it
LONG = 6  # letters from which a word's beginning and ending are features of their own
WHOLE = 400  # words of a question that are read
MARK_BYTES = 5  # of the hash that stands for a group of training texts

_WIDE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}ー々"
_TOKEN = regex.compile(rf"(?V1)[{_WIDE}]|[[\p{{L}}\p{{M}}\p{{N}}]--[{_WIDE}]]{{1,40}}+(?:'\p{{L}}{{1,20}}+)?|[^\s\p{{L}}\p{{M}}\p{{N}}]")
_OTHER_SCRIPT = regex.compile(r"(?V1)[[\p{L}]--[\p{Latin}\p{Common}]]")
_LATIN_RUN = regex.compile(r"(?V1)(?:\p{Latin}[\p{Latin}\p{M}']{0,30}+[\s,]{1,3}+){3}\p{Latin}[^[\p{L}--[\p{Latin}\p{Common}]]]*+")


_BEGINNING = regex.compile(r"\p{Ll}{2}\s{1,3}(?=\p{Lu}\p{Ll}+\s\p{Ll})")


@lru_cache(maxsize=1 << 16)
def _columns_of(word: str) -> tuple[int, ...]:
    """The columns of one word; the first is the word's own."""
    word = fold(word)
    names = [word] if len(word) < LONG else [word, f"<{word[:4]}", f">{word[-3:]}"]
    return tuple(_column(name) for name in names)


def _column(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogatepass")) & (COLUMNS - 1)


def columns(words: Sequence[str]) -> tuple[list[int], list[int]]:
    """The columns of a piece: those whose values are 1 / √words (one for each occurrence), and those whose values are 1.

    `words` is not empty.
    """
    own = [_columns_of(word) for word in words]
    bag = [column for parts in own for column in parts]
    bag += [(31 * left[0] + 7 * right[0]) & (COLUMNS - 1) for left, right in itertools.pairwise(own)]
    second = words[1] if len(words) > 1 else ""
    edges = [f"^{words[0]}", f"^{words[0]} {second}", f"{words[-1]}$", f"#{min(8, len(words) // 3)}"]
    return bag, [*map(_column, edges)]


def pieces(text: str) -> Iterator[tuple[int, int, list[str]]]:
    """Stretches of a text and windows on the long ones, with offsets and words.

    >>> [(start, end) for start, end, _ in pieces("good. so good How do solar panels work?")]
    [(0, 5), (6, 39), (14, 39)]
    """
    for start, end in _stretches(text):
        found = list(_TOKEN.finditer(text, start, end))
        for at in range(0, max(1, len(found) - MOST // 2), MOST // 2):
            some = found[at : at + MOST]
            if some:
                yield some[0].start(), some[-1].end(), [match.group() for match in some]


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """Sentences; where one has runs of Latin words among another script, the runs and what is between them; and what follows a word
    that begins like a sentence though no full stop stands before it."""
    for sentence in sentences(text, "und"):
        at = sentence.start
        mixed = not sentence.text.isascii() and _OTHER_SCRIPT.search(sentence.text)
        for run in _LATIN_RUN.finditer(text, sentence.start, sentence.end) if mixed else ():
            yield at, run.start()
            yield run.span()
            at = run.end()
        yield at, sentence.end
        for begun in _BEGINNING.finditer(text, at, sentence.end):
            yield begun.end(), min(sentence.end, begun.end() + REACH)


@dataclass(frozen=True)
class Model:
    """`weights` are whole numbers of `scale` each; a text is a find where its score is above 0 (the threshold is in the bias)."""

    weights: array[int]
    scale: float
    bias: float

    def score(self, words: Sequence[str]) -> float:
        """The log odds above the threshold; `words` is not empty."""
        bag, edges = columns(words)
        of = self.weights.__getitem__
        return self.bias + self.scale * (sum(map(of, bag)) / math.sqrt(len(words)) + sum(map(of, edges)))


def planted(text: str, model: Model) -> Iterator[Span]:
    """Pieces that were written for an assistant."""
    for start, end, words in pieces(text):
        if model.score(words) > 0:
            yield start, end, "reads like a task for an assistant"


def direct(text: str, model: Model) -> Iterator[Span]:
    """The whole text, where it would turn the assistant from its job."""
    words = whole(text)
    if words and model.score(words) > 0:
        yield 0, len(text), "reads like an attack on an assistant"


def whole(text: str) -> list[str]:
    """The first words of a text as one piece."""
    return [match.group() for match, _ in zip(_TOKEN.finditer(text), range(WHOLE), strict=False)]


def mark(group: str) -> str:
    """What stands for a group in a model's file: names of groups of some sets are texts."""
    return hashlib.sha256(group.encode()).hexdigest()[: 2 * MARK_BYTES]


def write(name: str, model: Model, groups: Iterable[str]) -> Path:
    """`groups`: of the texts that it was trained on."""
    marks = b"".join(bytes.fromhex(found) for found in sorted(set(map(mark, groups))))
    row = {
        "bits": BITS,
        "scale": model.scale,
        "bias": model.bias,
        "weights": base64.b64encode(zlib.compress(model.weights.tobytes(), 9)).decode(),
        "groups": base64.b64encode(marks).decode(),
    }
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(row, indent=0) + "\n", encoding="utf-8")
    return path


@cache
def read(name: str, folder: Path = FOLDER) -> Model:
    """Raises InputError naming the file."""
    path = folder / f"{name}.json"
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        model = Model(array("b", zlib.decompress(base64.b64decode(row["weights"]))), float(row["scale"]), float(row["bias"]))
    except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise InputError(f"{path}: not a model of injections: {error}") from error
    if row.get("bits") != BITS or len(model.weights) != COLUMNS:
        raise InputError(f"{path}: a model of {len(model.weights)} columns, not {COLUMNS}")
    return model


@cache
def trained_on(name: str) -> frozenset[str]:
    """Marks of the groups whose texts the shipped model has seen."""
    marks = base64.b64decode(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["groups"])
    return frozenset(marks[at : at + MARK_BYTES].hex() for at in range(0, len(marks), MARK_BYTES))
