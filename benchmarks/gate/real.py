"""Decisions on data where people labelled everything: the labels are hidden, the loop draws some at a time and stops by itself.

For every ordered pair of systems of a set (MEMERAG names no systems: each language's rate against two floors) the gate's rule is read at
up to ten looks (O'Brien–Fleming by information: the plan's is what 90 % power at the margin needs), with the judge, drawing as the queue
draws; beside it the same looks over a uniform sample without a judge. The truth is the comparison over all labels; promoting what is
truly worse by the margin or more is a wrong promotion.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.gate.model import Stream
from benchmarks.quality.data import Row, Sets
from evals.claims import claims_of
from evals.grounding.base import Item
from evals.grounding.verifier import Verifier
from evals.records import Case, Output, Passage
from evals.statistics.paired import Weighed, weighed
from evals.statistics.power import labels_without_a_loss
from evals.statistics.sequential import spent_levels

ALPHA, POWER, LOOKS, REPETITIONS = 0.05, 0.9, 10, 10
LEAST = 10  # labels before the first look
FLOOR_MARGIN = 0.10  # of a rate against a floor
AUDIT = 0.7  # share of the chance to be drawn that is the same for every case, as shipped
Floats = NDArray[np.float64]
Values = Mapping[str, Mapping[str, tuple[float, float | None]]]  # system → case → what people say, what the judge says


@dataclass(frozen=True)
class Source:
    """A set: what people said of a row in [0, 1], what a judge says of it (None: nothing), the margin in that scale; which rows to keep."""

    set: str
    margin: float
    human: Callable[[Row], float]
    judge: Callable[[Row], float | None]
    part: Callable[[Row], str] = lambda _row: ""
    keep: Callable[[Row], bool] = lambda _row: True


class Task(NamedTuple):
    """One comparison with all labels: differences and the judge's, one row a case."""

    value: Floats
    judge: Floats
    lowest: float
    line: float

    @property
    def acceptable(self) -> bool:
        return float(self.value.mean()) > self.line


class Outcome(NamedTuple):
    """Where the loop ended: ``pass``, ``fail`` or nothing, after so many labels."""

    verdict: str | None
    labels: int


def figures(part: str) -> str:
    """Markdown: a row a set."""
    sets = Sets(part)
    head = (
        "set",
        "comparisons",
        "judge's correlation",
        "decided: the loop",
        "uniform",
        "wrong promotions: the loop",
        "uniform",
        "labels ÷ uniform",
    )
    lines = ["| " + " | ".join(head) + " |", "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for source in sources(Verifier.load()):
        if sets.has(source.set):
            lines += [row for name, tasks in by_part(source, sets.rows(source.set, source.keep)).items() if (row := _row(name, tasks))]
    return "\n".join(lines)


def sources(verifier: Verifier) -> Iterator[Source]:
    def support(row: Row) -> float | None:
        return said_by(verifier, row)

    yield Source("summqual_opinion", 0.15, lambda row: (row["human"]["faithfulness"] - 1) / 4, support)
    yield Source("grounding_summeval", 0.10, lambda row: (row["human"]["consistency"] - 1) / 4, support)
    yield Source(
        "judge_frank",
        0.10,
        lambda row: row["human"]["factuality"],
        lambda row: row["metrics"]["BertScore P Art"],
        lambda row: row["origin"],
    )
    yield Source("grounding_ragtruth", 0.10, lambda row: float(row["label"]), support)
    for question in ("focus", "coverage"):
        yield Source("summqual_multilingual", 0.05, _graded(question), _overlap, lambda row, q=question: f"{row['lang']} {q}")
        yield Source("summqual_multilingual", 0.05, _graded(question), _overlap, lambda _row, q=question: f"all {q}")
    yield Source(
        "grounding_memerag", 0.10, lambda row: float(row["label"]), support, lambda row: row["lang"], lambda row: row["label"] is not None
    )


def _graded(question: str) -> Callable[[Row], float]:
    """Standardised grades, mapped from −3 … 5 (none lies outside) to [0, 1]."""
    return lambda row: float(np.clip((row["human"][question] + 3) / 8, 0, 1))


def _overlap(row: Row) -> float:
    from sacrebleu import sentence_chrf

    return float(sentence_chrf(row["output"], [row["reference"]]).score) / 100


def said_by(verifier: Verifier, row: Row) -> float | None:
    """The verifier's word on a whole output, by models that never saw its group."""
    texts = row["reviews"] if "reviews" in row else [row["source"]]
    passages = tuple(Passage(n, "qa", f"p-{n}", row["lang"], text, 0, len(text)) for n, text in enumerate(texts, 1))
    case = Case(row["id"], "assistant", row["group"], row["lang"], "real", {"question": row.get("question") or ""})
    output = Output(row["id"], "r", row["id"], row["output"], "ok", "now", passages)
    items = tuple(Item(case, output, claim) for claim in claims_of(output, row["lang"]))
    return verifier.apart_from(row["group"]).whole(items) if items else None


# ---------------------------------------------------------------------------------------------- comparisons


def by_part(source: Source, rows: Sequence[Row]) -> dict[str, list[Task]]:
    """Comparisons of a set by part: all ordered pairs of systems over the cases that both answered, or one rate against two floors."""
    found: dict[str, dict[str, dict[str, tuple[float, float | None]]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        name = f"{source.set.split('_', 1)[1]} {source.part(row)}".strip()
        key = row["group"] if "model" in row else row["id"]
        found[name][row.get("model") or ""][key] = source.human(row), source.judge(row)
    return {
        name: list(_pairs(systems, source.margin) if len(systems) > 1 else _floors(systems, source.margin))
        for name, systems in found.items()
    }


def _pairs(systems: Values, margin: float) -> Iterator[Task]:
    for champion, candidate in itertools.permutations(sorted(systems), 2):
        shared = sorted(systems[champion].keys() & systems[candidate].keys())
        if len(shared) >= labels_without_a_loss(margin, ALPHA):
            both = [(systems[candidate][case], systems[champion][case]) for case in shared]
            value = np.array([ours[0] - theirs[0] for ours, theirs in both])
            judge = np.array([0.0 if ours[1] is None or theirs[1] is None else ours[1] - theirs[1] for ours, theirs in both])
            yield Task(value, judge, -1.0, -margin)


def _floors(systems: Values, margin: float) -> Iterator[Task]:
    (rows,) = systems.values()
    value = np.array([said for said, _ in rows.values()])
    judge = np.array([said for _, said in rows.values()], dtype=float)
    judge = np.where(np.isnan(judge), np.nanmean(judge), judge)
    for line in (float(value.mean()) - margin, float(value.mean()) + margin / 2):
        yield Task(value, judge, 0.0, line)


# ---------------------------------------------------------------------------------------------- the loop


def loop(task: Task, rng: np.random.Generator, *, assisted: bool) -> Outcome:
    """Draw, label, read; stop at a verdict, when the planned information is there, or when every case is labelled. `assisted`: judge and
    uneven chances, else neither."""
    n = len(task.value)
    doubt = np.abs(task.judge - np.median(task.judge))
    pace = AUDIT + (1 - AUDIT) * doubt / doubt.mean() if assisted and doubt.mean() > 0 else np.ones(n)
    stream = Stream(task.value, task.judge, np.arange(n), rng.exponential(size=n) / pace, pace, task.lowest)
    looks: tuple[float, ...] = ()
    for look in range(1, LOOKS + 1):
        sample = stream.at(stream.time_of(round(n * look / LOOKS)) if look < LOOKS else np.inf)
        if sample.n < LEAST:
            continue
        known = weighed(sample, lam=None if assisted else 0.0)
        fraction = 1.0 if look == LOOKS else min(1.0, round(_information(known, task.line), 2))
        if fraction <= max(looks, default=0.0):
            continue
        looks = (*looks, fraction)
        verdict = _verdict(known, task.line, _level(looks))
        if verdict or fraction == 1:
            return Outcome(verdict, sample.n)
    return Outcome(None, n)


def _information(known: Weighed, line: float) -> float:
    """1/variance over what the plan needs: ((z_α + z_power) / margin)². The variance as the gate's interval has it."""
    interval, z = known.at(ALPHA, line).interval, float(stats.norm.isf(ALPHA))
    if interval.low is None or interval.high is None or interval.low == interval.high:
        return 1.0
    error = (interval.high - interval.low) / 2 / z
    margin = -line if line < 0 else FLOOR_MARGIN
    return (margin / error / (z + float(stats.norm.ppf(POWER)))) ** 2


@cache
def _level(looks: tuple[float, ...]) -> float:
    return spent_levels(looks, ALPHA, "obrien_fleming")[-1]


def _verdict(known: Weighed, line: float, level: float) -> str | None:
    if level <= 0:
        return None
    found = known.at(level, line).interval
    if found.low is not None and found.low > line:
        return "pass"
    return "fail" if found.high is not None and found.high < line else None


def _row(name: str, tasks: Sequence[Task]) -> str | None:
    if not tasks:
        return None
    rng = np.random.default_rng(0)
    pairs = [(task, loop(task, rng, assisted=True), loop(task, rng, assisted=False)) for task in tasks for _ in range(REPETITIONS)]
    ours, theirs = [one for _, one, _ in pairs], [one for _, _, one in pairs]
    ratio = sum(one.labels for one in ours) / sum(one.labels for one in theirs)
    cells = [
        name,
        f"{len(tasks)} × {REPETITIONS}",
        f"{np.mean([correlation(task) for task in tasks]):.2f}",
        *(f"{np.mean([one.verdict is not None for one in some]):.0%}" for some in (ours, theirs)),
        *(_wrong([(task, one) for (task, *_), one in zip(pairs, some, strict=True)]) for some in (ours, theirs)),
        f"{ratio:.2f}",
    ]
    return "| " + " | ".join(cells) + " |"


def correlation(task: Task) -> float:
    return float(stats.pearsonr(task.value, task.judge)[0]) if np.ptp(task.value) > 0 and np.ptp(task.judge) > 0 else 0.0


def _wrong(outcomes: Sequence[tuple[Task, Outcome]]) -> str:
    """Promotions among runs of comparisons whose truth is worse than the margin."""
    bad = [one.verdict == "pass" for task, one in outcomes if not task.acceptable]
    return f"{np.mean(bad):.1%} of {len(bad)}" if bad else "none is worse"
