"""A linear model over hashed character n-grams: small, one file for all scripts and languages, no pickle, linear time.

A piece of text is judged by the weights of its distinct character n-grams. The file also holds hashes of the groups it was trained on, so
that whoever measures it can tell a text that the model has seen from a new one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import regex

from evals.errors import InputError
from evals.paths import DATA
from evals.text import fold, sentences

BUCKETS = 2**18
LONGEST = 5  # characters of the longest n-gram: a word in Chinese, half of one in German
LEAST, MOST = 40, 400  # code points of a piece: "They stink." says nothing alone, and in a page one bad sentence drowns
_MIX, _STEP = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x100000001B3)
_SHIFTS = np.uint64(29), np.uint64(64 - 18)
_BLANK = regex.compile(r"[^\p{L}\p{M}\p{N}]+")


@dataclass(frozen=True)
class Linear:
    """`weights`: one per bucket; `cuts`: language to the score from which a piece is objected to; `groups`: hashes of the training groups'
    names. A language without a cut of its own has the strictest: nothing was measured there.
    """

    weights: npt.NDArray[np.float32]
    bias: float
    cuts: Mapping[str, float]
    groups: frozenset[int] = frozenset()

    def score(self, piece: str) -> float:
        """The margin: above 0 rather yes than no, in no unit."""
        found = buckets(piece)
        return float(self.weights[found].sum() / len(found) ** 0.5) + self.bias

    def cut(self, language: str) -> float:
        return self.cuts.get(language, max(self.cuts.values()))

    def spans(self, text: str, language: str) -> Iterator[tuple[int, int]]:
        """The pieces of `text` that reach the language's cut."""
        cut = self.cut(language)
        return ((start, end) for start, end in pieces(text, language) if self.score(text[start:end]) >= cut)

    def knows(self, group: str) -> bool:
        """Was something of this group trained on?"""
        return group_hash(group) in self.groups

    def save(self, path: Path) -> None:
        """As compressed NumPy arrays, weights in half precision."""
        arrays = {
            "weights": self.weights.astype(np.float16),
            "bias": np.array(self.bias),
            "languages": np.array(list(self.cuts)),
            "cuts": np.array(list(self.cuts.values())),
            "groups": np.array(sorted(self.groups), dtype=np.uint32),
        }
        np.savez_compressed(path, allow_pickle=False, **arrays)


@cache
def load(name: str) -> Linear:
    """``data/models/<name>/model.npz``. Raises InputError naming the file."""
    path = DATA / "models" / name / "model.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            weights = file["weights"].astype(np.float32)
            if weights.shape != (BUCKETS,):
                raise ValueError(f"{weights.shape} weights, not {BUCKETS}")
            cuts = dict(zip(file["languages"].tolist(), file["cuts"].tolist(), strict=True))
            return Linear(weights, float(file["bias"]), cuts, frozenset(file["groups"].tolist()))
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a linear model: {error}") from error


def group_hash(group: str) -> int:
    return zlib.crc32(group.encode())


def pieces(text: str, language: str) -> Iterator[tuple[int, int]]:
    """Sentences; short ones together with the next until LEAST is reached, long ones cut at MOST.

    >>> text = "Fine. " + "It is a good bag for the money, all in all. " * 2
    >>> [text[start:end][:9] for start, end in pieces(text, "en")]
    ['Fine. It ', 'It is a g']
    """
    begin: int | None = None
    end = 0
    for sentence in sentences(text, language):
        begin, end = (sentence.start if begin is None else begin), sentence.end
        if end - begin >= LEAST:
            yield from ((at, min(at + MOST, end)) for at in range(begin, end, MOST))
            begin = None
    if begin is not None:
        yield begin, end


def buckets(piece: str) -> npt.NDArray[np.int64]:
    """The distinct buckets of a text's character n-grams, 1 to LONGEST long, folded; whatever is no letter and no digit is one blank.

    >>> len(buckets("A b!")), len(buckets(""))
    (13, 1)
    """
    plain = f" {_BLANK.sub(' ', fold(piece)).strip()} " if piece else " "
    codes = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    rolling = np.zeros_like(codes)
    found = []
    for order in range(1, min(LONGEST, len(codes)) + 1):
        rolling = rolling[: len(codes) - order + 1] * _STEP + codes[order - 1 :]
        mixed = (rolling ^ np.uint64(order)) * _MIX
        found.append(((mixed ^ (mixed >> _SHIFTS[0])) * _MIX) >> _SHIFTS[1])
    distinct: npt.NDArray[np.int64] = np.unique(np.concatenate(found)).astype(np.int64)
    return distinct
