"""Does this policy, on evidence of this shape, decide as it says? Simulated before it may gate: a policy that failed may not.

Per requirement on a mean, from the labelled rows there are (their values, products, weights and the judge's scores) or, while they are
fewer than its minimum, from rows such as the label plan assumes:

- **A/A**: the candidate is the champion. Each product's differences change sign by a coin, together with the judge's: their mean is 0. It
  must almost never be rejected: at most 1 % of the time (at a guard's level where the policy says `superiority_guard`).
- **A planted regression**: the true value lies exactly on the line, by making rows chosen at random as bad as they can be (rare and large
  losses are the hardest to see, and no judge sees these). It may pass with the stated level.
- **A known-bad candidate**: the loss is three times what is allowed. It may hardly ever pass, and with enough labels it must fail.

A count fails when a policy that just keeps its promise would give it less than once in 10,000 times, so a policy that is right is
refused about that often. Ceilings and tails are exact by construction and not simulated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from evals.errors import PolicyError
from evals.gate.measure import Measured
from evals.gate.policy import Requirement
from evals.gate.verdicts import REJECT_LEVEL, Cell, mean_cell
from evals.records import Verdict
from evals.statistics.clusters import Floats, Ints, codes, effective_n
from evals.statistics.paired import Sample
from evals.statistics.power import labels_needed

QUICK, FULL = 40, 300  # repetitions when a decision is made, and when one asks for the self-test itself
SLICE_CALLS = 80  # of the quick one, over all slices of a requirement: they are pooled
MOST_ROWS = 1500  # of a shape: more say nothing new and take time
SELDOM = 0.01  # how often an equal candidate may be rejected, a known-bad one promoted
REJECTED = 0.9  # how often a known-bad one must be rejected where the labels are planned for 99 %
BAD_MARGINS = 3.0
DOUBLINGS = 3
MOST_LABELS = 10_000  # of a known-bad candidate
BAD_ROWS, FEWEST = 60_000, 5  # rows simulated for it in the quick test, and repetitions at least
SURE = 1e-4
_SPREAD = (0.1, 0.8, 0.1)  # of differences −1, 0, 1 where nobody has labelled yet

Random = np.random.Generator


@dataclass(frozen=True)
class Tested:
    """A requirement as measured, for its self-test: the whole and its slices, with the line each is held against and the labels below which
    nothing is said."""

    requirement: Requirement
    alpha: float
    measured: Mapping[str, Measured]
    lines: Mapping[str, float]
    minima: Mapping[str, int]


@dataclass(frozen=True)
class Count:
    """`happened` of `times`; `limit`: the most (for `at_least`: the fewest) that the promise allows."""

    what: str
    happened: int
    times: int
    limit: int
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.happened >= self.limit if self.at_least else self.happened <= self.limit


def self_test(tested: Sequence[Tested], *, seed: int, repetitions: int) -> dict[str, Any]:
    """What a decision's body says of it: per requirement the shape, every count with its limit, and whether all of them hold."""
    rows = [_one(one, np.random.default_rng([seed, number]), repetitions) for number, one in enumerate(tested)]
    return {"passed": all(row["passed"] for row in rows), "repetitions": repetitions, "seed": seed, "requirements": rows}


def refuse_if_failed(found: Mapping[str, Any]) -> None:
    """Raises PolicyError naming the requirement and the numbers."""
    for row in found["requirements"]:
        for count in row["counts"]:
            if not count["holds"]:
                sign = "at least" if count["at_least"] else "at most"
                raise PolicyError(
                    f"the policy failed its self-test, so it may not gate: requirement {row['name']!r}, {count['what']} "
                    f"{count['happened']} of {count['times']} times, {sign} {count['limit']} allowed "
                    f"({row['labels']} labels of {row['products']} products, level {row['level']:.3g}, line {row['line']:g})"
                )


def _one(one: Tested, rng: Random, repetitions: int) -> dict[str, Any]:
    sample, seen = _shape(one, "overall", rng)
    counts = [*_whole(one, sample, rng, repetitions), *_sliced(one, rng, repetitions)]
    return {
        "name": one.requirement.name,
        "shape": "the labels there are" if seen else "as the label plan assumes: too few labels yet",
        "labels": sample.n,
        "products": sample.clusters,
        "level": round(one.alpha, 9),
        "line": one.lines["overall"],
        "passed": all(count.holds for count in counts),
        "counts": [
            {"what": c.what, "happened": c.happened, "times": c.times, "limit": c.limit, "at_least": c.at_least, "holds": c.holds}
            for c in counts
        ],
    }


# ---------------------------------------------------------------------------------------------- the whole


def _whole(one: Tested, sample: Sample, rng: Random, repetitions: int) -> Iterator[Count]:
    requirement, line = one.requirement, one.lines["overall"]
    if requirement.kind == "non_inferiority":
        equal = [_verdict(one, "overall", _flipped(sample, rng), rng) for _ in range(repetitions)]
        guard = one.alpha if requirement.superiority_guard else SELDOM
        yield _at_most("an equal candidate was rejected", equal, "fail", max(guard, SELDOM))
    planted = [_verdict(one, "overall", _planted(one, sample, line, rng), rng) for _ in range(repetitions)]
    yield _at_most("a regression of the margin's size passed", planted, "pass", one.alpha)
    yield from _known_bad(one, sample, rng, max(repetitions // 2, 2))


def _known_bad(one: Tested, sample: Sample, rng: Random, times: int) -> Iterator[Count]:
    """With labels enough by the normal formula, then twice as many and so on. Where that is more than anybody would collect nothing is
    promised but that it does not pass."""
    line = one.lines["overall"]
    worse = max(line - (BAD_MARGINS - 1) * _allowed(one.requirement, line), (line + sample.lowest) / 2)
    start = max(sample.n, _enough(one, sample, worse, rng))
    sizes = [start * 2**k for k in range(DOUBLINGS) if start * 2**k <= MOST_LABELS] or [MOST_LABELS]
    passed = tried = failed = least = now = n = 0
    for n in sizes:
        now = max(FEWEST, min(times, round(BAD_ROWS * times / QUICK / n)))
        said = [_verdict(one, "overall", _planted(one, _resampled(sample, n, rng), worse, rng), rng) for _ in range(now)]
        passed, failed, tried, least = (
            passed + said.count("pass"),
            said.count("fail"),
            tried + now,
            int(stats.binom.ppf(SURE, now, REJECTED)),
        )
        if failed >= least:
            break
    yield Count("a candidate known to be bad passed", passed, tried, int(stats.binom.ppf(1 - SURE, tried, SELDOM)))
    promised = least if len(sizes) == DOUBLINGS else 0
    yield Count(f"with {n} labels a candidate known to be bad was rejected", failed, now, promised, at_least=True)


def _sliced(one: Tested, rng: Random, repetitions: int) -> Iterator[Count]:
    names = [name for name in one.measured if name != "overall"]
    if not names:
        return
    times = max(1, round(SLICE_CALLS * repetitions / QUICK / len(names) / 2))
    shapes = {name: _shape(one, name, rng)[0] for name in names}
    planted = [_verdict(one, name, _planted(one, shapes[name], one.lines[name], rng), rng) for name in names for _ in range(times)]
    yield _at_most("in a slice a regression of its margin's size passed", planted, "pass", one.alpha)
    if one.requirement.kind == "non_inferiority":
        equal = [_verdict(one, name, _flipped(shapes[name], rng), rng) for name in names for _ in range(times)]
        yield _at_most("in a slice an equal candidate was rejected", equal, "fail", SELDOM)


def _verdict(one: Tested, name: str, sample: Sample, rng: Random) -> Verdict:
    """By the same function that decides."""
    requirement, sliced = one.requirement, name != "overall"
    measured = replace(one.measured["overall"], sample=sample, missing=None, broken=None, counts={})
    cell: Cell = mean_cell(
        measured,
        line=one.lines[name],
        minimum=one.minima[name],
        alpha=one.alpha,
        seed=int(rng.integers(2**31)),
        guard=requirement.superiority_guard and not sliced,
    )
    if sliced and cell.verdict == "fail" and (cell.p_fail or 0.0) > min(one.alpha, REJECT_LEVEL):
        return "inconclusive"  # the most that a fail after Holm can be
    return cell.verdict


def _at_most(what: str, verdicts: list[Verdict], which: Verdict, rate: float) -> Count:
    return Count(what, verdicts.count(which), len(verdicts), int(stats.binom.ppf(1 - SURE, len(verdicts), rate)))


# ---------------------------------------------------------------------------------------------- worlds


def _shape(one: Tested, name: str, rng: Random) -> tuple[Sample, bool]:
    """The rows to simulate from, and whether they are those there are."""
    sample = one.measured[name].sample
    least = max(one.minima[name], 2)
    if one.measured[name].missing or one.measured[name].broken or sample.n < least or sample.clusters < 2:
        return _assumed(one.requirement, least, rng), False
    labelled = _rows(sample, np.flatnonzero(sample.labelled))
    return (labelled if labelled.n <= MOST_ROWS else _rows(labelled, np.sort(rng.permutation(labelled.n)[:MOST_ROWS]))), True


def _assumed(requirement: Requirement, n: int, rng: Random) -> Sample:
    """Nobody has labelled yet: one case a product, no judge; most differences 0, or most values 1."""
    if requirement.kind == "floor":
        value = (rng.random(n) < (1 + (requirement.floor or 0.0)) / 2).astype(float)
    else:
        value = rng.choice([-1.0, 0.0, 1.0], n, p=_SPREAD)
    lowest = 0.0 if requirement.kind == "floor" else -(requirement.share or 1.0)
    return Sample(np.maximum(value, lowest), np.ones(n, bool), np.ones(n), np.zeros(n), np.arange(n), lowest=lowest)


def _rows(sample: Sample, at: Ints) -> Sample:
    columns = {name: getattr(sample, name)[at] for name in ("value", "labelled", "probability", "judge")}
    return replace(sample, **columns, cluster=codes(sample.cluster[at])[0])


def _flipped(sample: Sample, rng: Random) -> Sample:
    signs = rng.choice([-1.0, 1.0], int(sample.cluster.max()) + 1)[sample.cluster]
    return replace(sample, value=sample.value * signs, judge=sample.judge * signs)


def _planted(one: Tested, sample: Sample, line: float, rng: Random) -> Sample:
    """True mean on the line: rows chosen at random take the lowest value (or, where the mean lies below the line, the highest).

    With mean m and share r replaced by b the mean is m(1 − r) + r·b, so r = (m − line)/(m − b). Differences lose their direction first, so
    that their mean is 0.
    """
    difference = one.requirement.kind == "non_inferiority"
    sample = _flipped(sample, rng) if difference else sample
    mean = 0.0 if difference else float(np.average(sample.value, weights=1 / sample.probability))
    end = sample.lowest if mean >= line else sample.highest
    share = (mean - line) / (mean - end) if mean != end else 0.0
    return replace(sample, value=np.where(rng.random(len(sample.value)) < share, end, sample.value))


def _resampled(sample: Sample, n: int, rng: Random) -> Sample:
    """Products drawn with replacement, each copy a product of its own, until there are about `n` rows."""
    groups = int(sample.cluster.max()) + 1
    members = np.split(np.argsort(sample.cluster, kind="stable"), np.cumsum(np.bincount(sample.cluster))[:-1])
    chosen = rng.integers(groups, size=max(2, math.ceil(n * groups / len(sample.value))))
    at = np.concatenate([members[g] for g in chosen])
    return replace(_rows(sample, at), cluster=np.repeat(np.arange(len(chosen)), [len(members[g]) for g in chosen]))


def _allowed(requirement: Requirement, line: float) -> float:
    """What may be lost: the margin, or what floor and share leave."""
    if requirement.kind == "non_inferiority":
        return -line
    return 1 - (line if requirement.kind == "floor" else requirement.share or 0.0)


def _enough(one: Tested, sample: Sample, worse: float, rng: Random) -> int:
    """Labels that show this loss 99 % of the time if the normal formula held for rows of this shape."""
    bad = _planted(one, sample, worse, rng)
    values: Floats = np.append(bad.value, [sample.lowest, sample.highest])
    worth = effective_n(bad.value, bad.cluster, one.alpha, 1 / bad.probability)
    needed = labels_needed(float(values.std()), one.lines["overall"] - worse, one.alpha, power=0.99, extra=sample.highest - sample.lowest)
    return math.ceil(needed * sample.n / max(worth, 1.0))
