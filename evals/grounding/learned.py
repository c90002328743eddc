"""What was learned from labels: weights of words, two forests, calibration; and the file it lies in.

A text is a claim or a whole output (its claims together). The first forest looks at claims; the second at texts, by what the first says
of their claims and by what they copy. The file holds one model a fold: a group of the training data is judged by the one model that never
saw it, everything else by the mean of all.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from evals.errors import InputError
from evals.grounding.features import FEATURES, RARITY, VERSION, Look
from evals.grounding.trees import Floats, Forest
from evals.identity import sha256

Level = Literal["claims", "outputs"]
ANY = "*"  # the linear part of a language nobody labelled
BUCKETS = 1 << 16  # of words apart, each with a weight
BACKGROUND = 1 << 17  # of words, each with a rarity
CLIP = 4.0  # standard deviations
NAMES = tuple(FEATURES)
_AT = {name: at for at, name in enumerate(NAMES)}
_MEANS = (
    "words",
    "pairs",
    "triples",
    "pieces",
    "stretches",
    "weighted",
    "best",
    "around",
    "two",
    "run",
    "repeated",
    "best_pairs",
    "joint",
    "stems",
)
_LEAST = ("best", "pairs", "pieces", "stretches", "stems")
_MOST = ("numbers_lost", "names_lost", "refused", "lost_share", "seams", "seam_share", "far_share")
# Of a text, and how each may move its probability.
TEXT: dict[str, int] = {
    **dict.fromkeys(("tree", "tree_least", "linear", "linear_least", "all"), 1),
    **dict.fromkeys((f"mean_{name}" for name in _MEANS), 1),
    **dict.fromkeys((f"least_{name}" for name in _LEAST), 1),
    **dict.fromkeys((f"mean_{name}" for name in _MOST), -1),
    **dict.fromkeys((f"most_{name}" for name in _MOST), -1),
    **dict.fromkeys(("claims", "length"), 0),
}


@dataclass(frozen=True)
class Fold:
    """`words`: the weight of each bucket of words apart; `lines` and `text_lines`: language (or `ANY`) → weights of standardised
    features of claims, of standardised columns of texts; the two forests; `centre`: means and deviations of those columns."""

    words: NDArray[np.float32]
    lines: Mapping[str, Floats]
    claims: Forest
    texts: Forest
    text_lines: Mapping[str, Floats]
    centre: Floats

    def judge(self, rows: Floats, tag: str) -> Floats:
        """The logits of texts in one language by their columns `TEXT`."""
        line = self.text_lines.get(tag, self.text_lines[ANY])
        return np.asarray(self.texts(rows) + standard(rows, self.centre[0], self.centre[1]) @ line)


@dataclass(frozen=True)
class Curve:
    """Platt's: p = σ(slope · logit + offset), fitted out of fold on `n` labels."""

    slope: float
    offset: float
    n: int

    def __call__(self, logits: Floats) -> Floats:
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * logits + self.offset, -30, 30))))


@dataclass(frozen=True)
class Learned:
    """`curves`: (language, level) → calibration; what is not there takes that of `ANY` and is not calibrated.

    `groups`: hash of a training group → its fold. `background`: rarity of words by bucket, in 255ths of `RARITY`, 255 for unknown.
    """

    folds: tuple[Fold, ...]
    mean: Floats
    deviation: Floats
    background: NDArray[np.uint8]
    curves: Mapping[tuple[str, Level], Curve]
    groups: Mapping[int, int] = field(default_factory=dict)

    def rarity(self, tag: str) -> Callable[[str], float]:
        table = self.background

        @lru_cache(maxsize=1 << 16)
        def found(word: str) -> float:
            return float(table[bucket(tag, word, BACKGROUND)]) / 255 * RARITY

        return found

    def logits(self, texts: Sequence[Sequence[Look]], tag: str, folds: Sequence[Fold] | None = None) -> Floats:
        """Of texts given as the looks of their claims, at least one each, in one language: mean over `folds` (default all)."""
        looks = [one for text in texts for one in text]
        rows = np.array([one.row for one in looks])
        columns = standard(rows, self.mean, self.deviation)
        buckets = [buckets_of(one.apart, tag) for one in looks]
        sizes = np.array([len(text) for text in texts])
        words = np.array([one.words for one in looks], dtype=float)
        found = [self._fold(fold, tag, rows, columns, buckets, words, sizes) for fold in folds or self.folds]
        return np.asarray(np.mean(found, axis=0))

    @staticmethod
    def _fold(
        fold: Fold, tag: str, rows: Floats, columns: Floats, buckets: list[NDArray[np.int64]], words: Floats, sizes: NDArray[np.int64]
    ) -> Floats:
        known = tag in fold.lines
        apart = weigh(fold.words, buckets, words) if known else np.zeros(len(rows))
        linear = columns @ fold.lines[tag if known else ANY] + apart
        tree = fold.claims(rows) + apart
        return fold.judge(text_rows(rows, words, tree, linear, sizes), tag)

    def fold_of(self, group: str) -> int | None:
        """The fold that never saw this group of the training data; None for a group that none saw."""
        return self.groups.get(group_hash(group))

    def curve(self, tag: str, level: Level) -> tuple[Curve, bool]:
        """And whether it was fitted on labels of this language."""
        own = self.curves.get((tag, level))
        return (own, True) if own else (self.curves[ANY, level], False)


def standard(rows: Floats, mean: Floats, deviation: Floats) -> Floats:
    return np.asarray(np.clip((rows - mean) / deviation, -CLIP, CLIP))


def bucket(tag: str, word: str, size: int) -> int:
    """Lone surrogates count as what they are."""
    return zlib.crc32(f"{tag} {word}".encode("utf-8", "surrogatepass")) % size


def buckets_of(words: Sequence[str], tag: str) -> NDArray[np.int64]:
    return np.array([bucket(tag, word, BUCKETS) for word in words], dtype=np.int64)


def scale(words: Floats) -> Floats:
    """What one word apart counts in a claim of so many words: a long claim has more of them."""
    return np.asarray(3 / np.sqrt(np.maximum(1, words)))


def weigh(weights: NDArray[np.float32], buckets: Sequence[NDArray[np.int64]], words: Floats) -> Floats:
    """The summed weights of the words apart of each claim."""
    return np.array([float(weights[at].sum()) for at in buckets]) * scale(words)


def group_hash(group: str) -> int:
    return int(sha256(f"group {group}")[:8], 16)


def text_rows(rows: Floats, words: Floats, tree: Floats, linear: Floats, sizes: NDArray[np.int64]) -> Floats:
    """The columns `TEXT` of texts whose claims lie behind each other, `sizes` of them each; means are weighted by words."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    weight = words + 0.1
    total = np.add.reduceat(weight, starts)

    def mean(values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values * weight, starts) / total)

    def column(name: str) -> Floats:
        return rows[:, _AT[name]]

    both = 0.6 * tree + 0.4 * linear
    found = [mean(tree), np.minimum.reduceat(tree, starts), mean(linear), np.minimum.reduceat(linear, starts)]
    found.append(np.add.reduceat(-np.logaddexp(0, -both), starts))
    found += [mean(column(name)) for name in _MEANS]
    found += [np.minimum.reduceat(column(name), starts) for name in _LEAST]
    found += [mean(column(name)) for name in _MOST]
    found += [np.maximum.reduceat(column(name), starts) for name in _MOST]
    return np.column_stack([*found, np.log(sizes), np.log1p(np.add.reduceat(words, starts))])


def saved(learned: Learned) -> bytes:
    """The model file (npz): the same bytes for the same figures. Weights of words are kept in 127ths of the largest."""
    arrays: dict[str, NDArray[Any]] = {"mean": learned.mean, "deviation": learned.deviation, "background": learned.background}
    for at, fold in enumerate(learned.folds):
        most = max(float(np.abs(fold.words).max()), 1e-9)
        arrays |= {f"{at}/words": np.round(fold.words / most * 127).astype(np.int8), f"{at}/most": np.array(most)}
        arrays |= fold.claims.arrays(f"{at}/claims") | fold.texts.arrays(f"{at}/texts")
        arrays |= {f"{at}/line/{tag}": weights for tag, weights in fold.lines.items()} | {f"{at}/centre": fold.centre}
        arrays |= {f"{at}/text_line/{tag}": weights for tag, weights in fold.text_lines.items()}
    arrays["groups"] = np.array(sorted(learned.groups), dtype=np.uint32)
    arrays["group_folds"] = np.array([learned.groups[group] for group in sorted(learned.groups)], dtype=np.uint8)
    curves = [[tag, level, curve.slope, curve.offset, curve.n] for (tag, level), curve in sorted(learned.curves.items())]
    about = {"version": VERSION, "features": NAMES, "texts": tuple(TEXT), "folds": len(learned.folds), "curves": curves}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def loaded(path: Path) -> Learned:
    """Raises InputError for a file that is not one, or was made for other features."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = dict(file)
        about = json.loads(arrays["about"].tobytes())
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: not a verifier's file: {type(error).__name__}") from None
    if (about["version"], tuple(about["features"]), tuple(about["texts"])) != (VERSION, NAMES, tuple(TEXT)):
        raise InputError(f"{path}: made for other features (version {about['version']}, this is {VERSION}): fit it again")
    return Learned(
        folds=tuple(_fold(f"{at}", arrays) for at in range(about["folds"])),
        mean=arrays["mean"],
        deviation=arrays["deviation"],
        background=arrays["background"],
        curves={(tag, level): Curve(slope, offset, n) for tag, level, slope, offset, n in about["curves"]},
        groups=dict(zip(arrays["groups"].tolist(), arrays["group_folds"].tolist(), strict=True)),
    )


def _fold(at: str, arrays: Mapping[str, NDArray[Any]]) -> Fold:
    words = arrays[f"{at}/words"].astype(np.float32) * np.float32(arrays[f"{at}/most"] / 127)
    lines, text_lines = (
        {name.removeprefix(f"{at}/{kind}/"): weights for name, weights in arrays.items() if name.startswith(f"{at}/{kind}/")}
        for kind in ("line", "text_line")
    )
    claims, texts = (Forest.from_arrays(f"{at}/{part}", arrays) for part in ("claims", "texts"))
    return Fold(words, lines, claims, texts, text_lines, arrays[f"{at}/centre"])
