"""How well each person labels: on gold, on pairs with a known order, beside their peers, in time, and how fast.

Every figure has an exact interval or test and a count; with too few labels it is None and says so. `standings` puts them together:
**pause** only for what gold or controls have *shown*, **watch** for everything that needs a person's eyes (peers may be wrong, speed may be
skill), **ok** only where gold or controls were enough to say so.

>>> gold = {f"g{n}": "yes" for n in range(20)}
>>> said = [Judgement("Ann", item, "yes" if n < 19 else "no", "highlights/ja/claims", f"2026-11-{n + 1:02}") for n, item in enumerate(gold)]
>>> standing = standings(said, gold)["Ann"]
>>> standing.verdict, standing.gold.estimate, standing.reasons
('ok', 0.95, ('19 of 20 gold items right',))
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from evals.errors import InputError
from evals.statistics.intervals import Interval, clopper_pearson
from evals.statistics.multiplicity import holm

Verdict = Literal["ok", "watch", "pause"]

_NO_TIME = "no time was measured"


class Judgement(NamedTuple):
    """One label of one annotator: which item of which queue, when (ISO 8601), and how many seconds it took (None: not measured)."""

    annotator: str
    item: str
    label: str
    queue: str
    at: str
    lead_time_s: float | None = None


@dataclass(frozen=True)
class Limits:
    """From when on something is said, and what. `level`: of the intervals; `alarm`: p under which drift and peers are worth a look."""

    gold_floor: float = 0.75
    control_floor: float = 0.75
    min_gold: int = 10
    min_controls: int = 10
    level: float = 0.95
    alarm: float = 0.01
    window: int = 20
    min_earlier: int = 20
    min_shared: int = 20
    min_times: int = 10
    min_other_times: int = 30
    fast_spreads: float = 3.0
    fast_share: float = 0.05


@dataclass(frozen=True)
class Peers:
    """Agreement with what most of the others said, in one queue. `p`: Fisher's exact test, one-sided, against everybody else's agreement
    with *their* others in that queue, Holm-adjusted over all annotators and queues; None with a reason where too few items are shared."""

    queue: str
    share: Interval
    others: float | None
    p: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Speed:
    """Times in one queue. `fast`: share of answers under `floor_s`; the floor lies `fast_spreads` robust spreads (1.4826 · median absolute
    deviation of ln seconds) under the median of the *others*. `too_fast`: the share's lower bound is above `fast_share`."""

    queue: str
    median_s: float | None
    floor_s: float | None
    fast: Interval
    too_fast: bool | None
    reason: str | None = None


@dataclass(frozen=True)
class Drift:
    """Accuracy on gold in the last `window` items against all earlier ones. `p`: Fisher's exact test that it fell. `rolling`: (time,
    accuracy over the window that ends there), for a chart."""

    earlier: Interval
    recent: Interval
    p: float | None
    rolling: tuple[tuple[str, float], ...]
    reason: str | None = None


@dataclass(frozen=True)
class Standing:
    """What is known about an annotator. `verdict` is None where neither gold nor controls suffice and nothing is conspicuous."""

    annotator: str
    verdict: Verdict | None
    reasons: tuple[str, ...]
    gold: Interval
    controls: Interval
    peers: tuple[Peers, ...]
    speed: tuple[Speed, ...]
    drift: Drift


def standings(
    judgements: Sequence[Judgement],
    gold: Mapping[str, str],
    *,
    controls: Sequence[tuple[str, str]] = (),
    worth: Mapping[str, float] | None = None,
    limits: Limits | None = None,
) -> dict[str, Standing]:
    """Everybody's standing. `gold`: item → expert's label. `controls`: (item of the original, item of its injected degraded copy);
    `worth`: how good a label says the output is, needed with controls; labels without a worth are no answer to a pair.

    Raises InputError where an annotator labelled an item twice, or controls come without worths.
    """
    limits = limits or Limits()
    by_annotator = _by_annotator(judgements)
    if controls and not worth:
        raise InputError("paired controls need to know what a label is worth")
    peers, speed = peer_agreement(judgements, limits), speeds(judgements, limits)
    return {
        name: _standing(
            name,
            on_gold(mine, gold, limits.level),
            on_controls(mine, controls, worth or {}, limits.level),
            peers.get(name, ()),
            speed.get(name, ()),
            drift([(one.at, one.label == gold[one.item]) for one in mine if one.item in gold], limits),
            limits,
        )
        for name, mine in by_annotator.items()
    }


# ---------------------------------------------------------------------------------------------- what is known to be right


def on_gold(judgements: Iterable[Judgement], gold: Mapping[str, str], level: float = 0.95) -> Interval:
    """Share of the gold items labelled as the expert did, Clopper–Pearson."""
    right = [one.label == gold[one.item] for one in judgements if one.item in gold]
    return clopper_pearson(sum(right), len(right), level)


def on_controls(
    judgements: Iterable[Judgement], controls: Sequence[tuple[str, str]], worth: Mapping[str, float], level: float = 0.95
) -> Interval:
    """Share of the pairs in which the original got the better label than its degraded copy; the same label is not right. Clopper–Pearson.

    >>> said = [Judgement("Ann", "a", "good", "q", "1"), Judgement("Ann", "a-worse", "bad", "q", "2")]
    >>> on_controls(said, [("a", "a-worse")], {"good": 1, "bad": 0}).estimate
    1.0
    """
    value = {one.item: worth[one.label] for one in judgements if one.label in worth}
    right = [value[original] > value[degraded] for original, degraded in controls if original in value and degraded in value]
    return clopper_pearson(sum(right), len(right), level)


def drift(outcomes: Sequence[tuple[str, bool]], limits: Limits | None = None) -> Drift:
    """Did accuracy fall? `outcomes`: (time, right) on gold. One look at the last window; looking every day makes more false alarms."""
    limits = limits or Limits()
    ordered = sorted(outcomes)
    right = [one for _, one in ordered]
    recent, earlier = right[-limits.window :], right[: -limits.window]
    rolling = tuple(
        (ordered[end - 1][0], sum(right[end - limits.window : end]) / limits.window) for end in range(limits.window, len(right) + 1)
    )
    before, now = (clopper_pearson(sum(part), len(part), limits.level) for part in (earlier, recent))
    if len(recent) < limits.window or len(earlier) < limits.min_earlier:
        needed = limits.window + limits.min_earlier
        return Drift(before, now, None, rolling, f"{len(right)} of {needed} gold items")
    return Drift(before, now, _fell(sum(recent), len(recent), sum(earlier), len(earlier)), rolling)


# ---------------------------------------------------------------------------------------------- beside the others


def peer_agreement(judgements: Sequence[Judgement], limits: Limits | None = None) -> dict[str, tuple[Peers, ...]]:
    """Each annotator against the majority of the others, item by item, leaving their own vote out. Items on which the others are tied
    say nothing. Being alone is no proof of being wrong: the result never does more than ask for a look."""
    limits = limits or Limits()
    agreed = _leave_one_out(judgements)
    in_queue: dict[str, list[bool]] = defaultdict(list)
    for (_, queue), outcomes in agreed.items():
        in_queue[queue] += outcomes
    found = {key: _peers(key[1], outcomes, in_queue[key[1]], limits) for key, outcomes in agreed.items()}
    tested = [key for key, one in found.items() if one.p is not None]
    adjusted = dict(zip(tested, holm([found[key].p or 0.0 for key in tested]), strict=True)) if tested else {}
    result: dict[str, tuple[Peers, ...]] = defaultdict(tuple)
    for key, one in found.items():
        result[key[0]] += (Peers(one.queue, one.share, one.others, adjusted.get(key), one.reason),)
    return dict(result)


def _leave_one_out(judgements: Sequence[Judgement]) -> dict[tuple[str, str], list[bool]]:
    by_item: dict[str, list[Judgement]] = defaultdict(list)
    for one in judgements:
        by_item[one.item].append(one)
    agreed: dict[tuple[str, str], list[bool]] = {key: [] for key in sorted({(one.annotator, one.queue) for one in judgements})}
    for mine in by_item.values():
        counts = Counter(one.label for one in mine)
        for one in mine:
            others = (counts - Counter([one.label])).most_common(2)
            if others and (len(others) == 1 or others[0][1] > others[1][1]):
                agreed[one.annotator, one.queue].append(one.label == others[0][0])
    return agreed


def _peers(queue: str, mine: Sequence[bool], everybody: Sequence[bool], limits: Limits) -> Peers:
    share = clopper_pearson(sum(mine), len(mine), limits.level)
    rest, right = len(everybody) - len(mine), sum(everybody) - sum(mine)
    others = right / rest if rest else None
    if len(mine) < limits.min_shared or rest < limits.min_shared:
        return Peers(queue, share, others, None, f"{len(mine)} of {limits.min_shared} items that others decided too")
    return Peers(queue, share, others, _fell(sum(mine), len(mine), right, rest))


def _fell(right: int, n: int, right_before: int, n_before: int) -> float:
    """One-sided p of Fisher's exact test: chance of so few right, were both rates the same."""
    return float(stats.hypergeom.cdf(right, n + n_before, right + right_before, n))


# ---------------------------------------------------------------------------------------------- how fast


def speeds(judgements: Sequence[Judgement], limits: Limits | None = None) -> dict[str, tuple[Speed, ...]]:
    """Per annotator and queue: does a share of the answers come faster than the others could have read? Slow is never conspicuous: people
    leave a page open."""
    limits = limits or Limits()
    times: dict[tuple[str, str], list[float]] = {key: [] for key in sorted({(one.queue, one.annotator) for one in judgements})}
    for one in judgements:
        if one.lead_time_s is not None and math.isfinite(one.lead_time_s) and one.lead_time_s > 0:
            times[one.queue, one.annotator].append(math.log(one.lead_time_s))
    result: dict[str, tuple[Speed, ...]] = defaultdict(tuple)
    for (queue, name), mine in times.items():
        others = [t for (where, who), theirs in times.items() if where == queue and who != name for t in theirs]
        result[name] += (_speed(queue, mine, others, limits),)
    return dict(result)


def _speed(queue: str, mine: Sequence[float], others: Sequence[float], limits: Limits) -> Speed:
    median = math.exp(float(np.median(mine))) if mine else None
    nothing = clopper_pearson(0, 0, limits.level)
    if len(mine) < limits.min_times:
        return Speed(queue, median, None, nothing, None, f"{len(mine)} of {limits.min_times} times measured" if mine else _NO_TIME)
    if len(others) < limits.min_other_times:
        return Speed(queue, median, None, nothing, None, f"{len(others)} of {limits.min_other_times} times of others to compare with")
    middle = float(np.median(others))
    spread = max(1.4826 * float(np.median(np.abs(np.asarray(others) - middle))), 0.25)  # scripts take the same time always
    floor = middle - limits.fast_spreads * spread
    fast = clopper_pearson(sum(t < floor for t in mine), len(mine), limits.level)
    return Speed(queue, median, math.exp(floor), fast, (fast.low or 0.0) > limits.fast_share)


# ---------------------------------------------------------------------------------------------- together


def _standing(
    name: str, gold: Interval, controls: Interval, peers: tuple[Peers, ...], speed: tuple[Speed, ...], drifted: Drift, limits: Limits
) -> Standing:
    known = [("gold items right", gold, limits.gold_floor, limits.min_gold)]
    known.append(("controls in the right order", controls, limits.control_floor, limits.min_controls))
    enough = [(what, rate, floor) for what, rate, floor, least in known if rate.n >= least]
    shown = [(what, rate, floor) for what, rate, floor in enough if (rate.high or 0.0) < floor]
    doubtful = [f"{_of(rate)} {what}, under {floor:.0%}" for what, rate, floor in enough if (rate.estimate or 0.0) < floor]
    verdict: Verdict | None
    if shown:
        verdict, reasons = "pause", [f"{_of(rate)} {what}: shown to be under {floor:.0%}" for what, rate, floor in shown]
    elif looks := doubtful + _conspicuous(peers, speed, drifted, limits):
        verdict, reasons = "watch", looks
    elif enough:
        verdict, reasons = "ok", [f"{_of(rate)} {what}" for what, rate, _ in enough]
    else:
        verdict, reasons = None, [f"{gold.n} of {limits.min_gold} gold items, {controls.n} of {limits.min_controls} controls"]
    return Standing(name, verdict, tuple(reasons), gold, controls, peers, speed, drifted)


def _conspicuous(peers: Iterable[Peers], speed: Iterable[Speed], drifted: Drift, limits: Limits) -> list[str]:
    found = [
        f"{one.queue}: agrees with the others in {one.share.estimate or 0.0:.0%}, they with theirs in {one.others or 0.0:.0%}"
        for one in peers
        if one.p is not None and one.p < limits.alarm
    ]
    found += [
        f"{one.queue}: {one.fast.estimate or 0.0:.0%} of {one.fast.n} answers in under {one.floor_s or 0.0:.1f} s"
        for one in speed
        if one.too_fast
    ]
    if drifted.p is not None and drifted.p < limits.alarm:
        found.append(
            f"gold: {drifted.recent.estimate or 0.0:.0%} of the last {drifted.recent.n}, {drifted.earlier.estimate or 0.0:.0%} before"
        )
    return found


def _of(rate: Interval) -> str:
    return f"{round((rate.estimate or 0.0) * rate.n)} of {rate.n}"


def _by_annotator(judgements: Sequence[Judgement]) -> dict[str, list[Judgement]]:
    found: dict[str, dict[str, Judgement]] = defaultdict(dict)
    for one in sorted(judgements, key=lambda one: (one.annotator, one.at, one.item)):
        if one.item in found[one.annotator]:
            raise InputError(f"item {one.item}: {one.annotator} is counted twice; keep one label of each annotator")
        found[one.annotator][one.item] = one
    return {name: list(items.values()) for name, items in found.items()}
