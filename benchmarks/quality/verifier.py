"""The verifier against people's verdicts and against the lexical floor, set by set: ``python -m benchmarks.quality --only verifier``.

Each row is judged by a model that never saw its group: the shipped file remembers which groups each of its five models was trained on, and
rows of unseen groups (MEMERAG, and every row of another part) are judged by all five together.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmarks.quality.data import LEVEL, Sets, area, share, shown
from benchmarks.quality.verifier_rows import NEVER, TRAINED, Labelled, rows_of
from evals.grounding.verifier import Verifier
from evals.metrics.length import length
from evals.statistics.bootstrap import groups_of, interval
from evals.statistics.partial import spearman
from evals.text import words

BINS = 10
QA = "ragtruth QA"


@dataclass(frozen=True)
class Judged:
    """A row with what the verifier and the floor say of it, both in [0, 1]."""

    row: Labelled
    said: float
    floor: float

    @property
    def right(self) -> bool:
        return bool(self.row.label)


def figures(sets: Sets) -> str:
    """Markdown: ranking by set, calibration by language, the lowest-risk half, speed."""
    rows = [row for name in (*TRAINED, *NEVER) if sets.has(f"grounding_{name}") for row in rows_of(sets, name) if row.label is not None]
    began = time.process_time()
    verifier = Verifier.load()
    judged = [one for row in rows if (one := _judged(verifier, row)) is not None]
    seconds = time.process_time() - began
    claims = sum(len(one.row.items) for one in judged)
    speed = f"{claims:,} claims of {len(judged):,} outputs in {seconds:.0f} s of one core, reading of evidence included."
    tables = (_ranking(judged), _domains(judged), _calibration(judged, verifier), _half(judged))
    return "\n\n".join(["\n".join(table) for table in tables] + [speed, _left_out(len(rows) - len(judged))])


def _judged(verifier: Verifier, row: Labelled) -> Judged | None:
    said = verifier.apart_from(row.group).whole(row.items)
    return None if said is None else Judged(row, said, floor(row.row["output"], row.row["source"], row.row["lang"]))


def floor(said: str, source: str, language: str) -> float:
    """The lexical floor: half the share of the words, half that of the pairs of words, that stand in the source."""
    mine, theirs = words(said, language), words(source, language)
    singles, pairs = set(theirs), set(pairwise(theirs))
    own = list(pairwise(mine))
    one = sum(word in singles for word in mine) / len(mine) if mine else 0.0
    return 0.5 * one + 0.5 * (sum(pair in pairs for pair in own) / len(own) if own else 0.0)


def _ranking(judged: Sequence[Judged]) -> Iterator[str]:
    yield "| set | outputs | supported | AUROC | floor | ahead | with length held still |\n|---|--:|--:|---|--:|--:|---|"
    ahead: dict[bool, list[float]] = defaultdict(list)
    for part, some in _by_part(judged).items():
        right, groups = [one.right for one in some], [one.row.group for one in some]
        found, lexical = (area(said, right, groups) for said in ([one.said for one in some], [one.floor for one in some]))
        if found.estimate is None or lexical.estimate is None:
            continue
        gain = found.estimate - lexical.estimate
        ahead[part.startswith("memerag")].append(gain)
        share_right = sum(right) / len(right)
        yield f"| {part} | {len(some)} | {share_right:.2f} | {shown(found)} | {lexical.estimate:.3f} | {gain:+.3f} | {_held(some)} |"
    for never, gains in sorted(ahead.items()):
        name = "**MEMERAG, never trained on**" if never else "**mean**"
        yield f"| {name} | | | | | **{np.mean(gains):+.3f}** (least {min(gains):+.3f}) | |"


def _held(some: Sequence[Judged]) -> str:
    """Partial Spearman correlation with the label, the output's length held still."""
    x, y = np.array([one.said for one in some]), np.array([float(one.right) for one in some])
    z = np.array([length(one.row.row["output"], one.row.row["lang"]) for one in some], dtype=float)
    groups = groups_of({str(i): one.row.group for i, one in enumerate(some)})
    return shown(interval(spearman(x, y, groups, given=z), n=len(some), level=LEVEL), 2)


def _domains(judged: Sequence[Judged]) -> Iterator[str]:
    yield "| SummEdits domain | outputs | AUROC | floor |\n|---|--:|---|--:|"
    mine: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        if one.row.part == "summedits":
            mine[one.row.row["domain"]].append(one)
    for domain, some in sorted(mine.items()):
        right, groups = [one.right for one in some], [one.row.group for one in some]
        lexical = area([one.floor for one in some], right, groups).estimate
        yield f"| {domain} | {len(some)} | {shown(area([one.said for one in some], right, groups))} | {lexical or 0:.3f} |"


def _calibration(judged: Sequence[Judged], verifier: Verifier) -> Iterator[str]:
    yield f"| language | outputs | calibrated | expected calibration error ({BINS} bins of equal mass) |\n|---|--:|---|--:|"
    by_language: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        by_language[one.row.row["lang"]].append(one)
    for tag, some in sorted(by_language.items()):
        claimed = verifier.learned is not None and verifier.learned.curve(tag, "outputs")[1]
        mine = [one for one in some if not one.row.part.startswith("memerag")] if claimed else some
        state = "yes" if claimed else "*unverified*: no labels to calibrate on, it only ranks"
        yield f"| {tag} | {len(mine)} | {state} | {error([one.said for one in mine], [one.right for one in mine]):.3f} |"


def error(said: Sequence[float], right: Sequence[bool]) -> float:
    """Σ over bins of equal mass of |said − found| · share (Naeini et al. 2015)."""
    order = np.argsort(said, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    x, y = np.array(said), np.array(right, dtype=float)
    return float(sum(abs(x[part].mean() - y[part].mean()) * len(part) for part in parts) / len(x))


def _half(judged: Sequence[Judged]) -> Iterator[str]:
    some = sorted((one for one in judged if one.row.part == QA), key=lambda one: -one.said)
    yield f"| {QA}, by risk | outputs | hallucinated |\n|---|--:|---|"
    for name, part in (("lowest third", some[: len(some) // 3]), ("lowest half", some[: len(some) // 2]), ("all", some)):
        if part:
            found = share([float(not one.right) for one in part], [one.row.group for one in part])
            yield f"| {name} | {len(part)} | {shown(found)} |"


def _by_part(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    parts: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        parts[one.row.part].append(one)
    return dict(sorted(parts.items(), key=lambda item: (item[0].startswith("memerag"), item[0])))


def _left_out(count: int) -> str:
    return f"{count} outputs had no claim that could be checked and are left out."
