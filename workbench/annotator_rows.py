"""Behind the page Annotators: one row a person and what a lead looks at next. Never a figure without its count; with too few, how many
are missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import pandas as pd

from annotators.labeling import queue_parts
from annotators.raters.quality import Limits
from annotators.raters.standing import ErrorRates
from evals.errors import InputError
from evals.languages import LANGUAGES
from evals.records import Annotator
from evals.statistics.intervals import Interval, clopper_pearson
from evals.store import Time, Worked
from workbench.cards import cell
from workbench.people_charts import Pace, Window, whisker

LIMITS = Limits()
STANDINGS = ("ok", "watch", "pause", "not enough", "paused")  # what the table calls it; `paused`: somebody decided it
_KINDS: Mapping[str, Callable[[Annotator], bool]] = {
    "people": lambda who: not who.simulated,
    "simulated": lambda who: who.simulated,
    "experts": lambda who: who.expert,
}
KINDS = tuple(_KINDS)  # what can be asked for
Standing = tuple[Annotator, ErrorRates]  # a person as they are now, and their figures
_MIN_PACE = 5  # times of a person in a queue below which a median is no picture of them


def current(rates: Sequence[ErrorRates], people: Sequence[Annotator]) -> list[Standing]:
    """Each person as they are now (paused a moment ago, say) beside their figures."""
    now = {who.annotator_id: who for who in people}
    return [(now[row.annotator_id], row) for row in rates if row.annotator_id in now]


def short(annotator_id: str) -> str:
    """Enough of an id for an address."""
    return annotator_id.removeprefix("annotator-")[:12]


def table(
    rows: Sequence[Standing], worked: Mapping[str, Worked], times: Sequence[Time], dark: bool = False
) -> pd.DataFrame:  # fmt: skip
    """One row a person, in the order given."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for time in times:
        seconds[time.annotator_id].append(time.lead_time_s)
    return pd.DataFrame([_row(who, row, worked.get(who.annotator_id), seconds[who.annotator_id], dark) for who, row in rows])


def _row(who: Annotator, row: ErrorRates, worked: Worked | None, seconds: Sequence[float], dark: bool) -> dict[str, object]:
    return {
        "name": cell(who.name)[:60],
        "kind": kinds(who),
        "languages": list(who.languages),
        "standing": standings(who, row),
        "gold": picture(row.gold, LIMITS.min_gold, LIMITS.gold_floor, dark),
        "on gold": of(row.gold, LIMITS.min_gold),
        "controls": of(row.controls, LIMITS.min_controls),
        "peers": peers(row),
        "seconds": f"{median(seconds):.0f} s (n {len(seconds)})" if seconds else "not measured",
        "today": worked.today if worked else 0,
        "7 days": worked.week if worked else 0,
        "all": worked.total if worked else 0,
        "why": " ".join(sentences(who, row)),
    }


def kinds(who: Annotator) -> list[str]:
    """What is special about somebody: ``simulated``, ``expert``."""
    return [*(["simulated"] if who.simulated else []), *(["expert"] if who.expert else [])]


def chosen(rows: Sequence[Standing], language: str | None, kind: str | None) -> list[Standing]:
    """Those who cover a language and are of a kind; None takes all."""
    return [one for one in rows if language in (None, *one[0].languages) and (kind is None or _KINDS[kind](one[0]))]


def standings(who: Annotator, row: ErrorRates) -> list[str]:
    """What the figures say, and whether somebody has acted on it."""
    return [row.verdict or "not enough", *(["paused"] if who.paused_because is not None else [])]


def sentences(who: Annotator, row: ErrorRates) -> list[str]:
    """Why they stand as they do; with too little known, what is missing."""
    found = [f"{_named(reason)}." for reason in row.reasons] if row.verdict else [missing(row)]
    return found + ([f"Paused: {cell(who.paused_because)}"] if who.paused_because is not None else [])


def _named(reason: str) -> str:
    """A reason as a sentence; the queue it begins with is called as people call it."""
    queue, colon, rest = reason.partition(": ")
    said = f"{queue_label(queue)}: {rest}" if colon and "/" in queue else reason
    return said[:1].upper() + said[1:]


def missing(row: ErrorRates) -> str:
    """What has to come before anything can be said.

    Gold or controls, either is enough.
    """
    gold, controls = (max(0, least - n) for least, n in ((LIMITS.min_gold, row.gold.n), (LIMITS.min_controls, row.controls.n)))
    return f"Not enough to tell: {gold} more gold items or {controls} more controls are needed."


def of(rate: Interval, least: int) -> str:
    """How many of how many were right; with fewer than `least`, how many more it takes.

    >>> from evals.statistics.intervals import clopper_pearson
    >>> of(clopper_pearson(18, 20), 10), of(clopper_pearson(2, 3), 10), of(clopper_pearson(0, 0), 10)
    ('18 of 20', '2 of 3, 7 to go', '10 to go')
    """
    if not rate.n:
        return f"{least} to go"
    told = f"{round((rate.estimate or 0.0) * rate.n)} of {rate.n}"
    return told if rate.n >= least else f"{told}, {least - rate.n} to go"


def picture(rate: Interval, least: int, floor: float, dark: bool) -> str:
    return whisker(rate.estimate, rate.low, rate.high, floor, enough=rate.n >= least, dark=dark)


def peers(row: ErrorRates) -> str:
    """Over all queues: on how many of the items that others decided too they said the same as most others. For looking: what counts is
    said queue by queue."""
    shared = sum(one.share.n for one in row.peers)
    same = sum(round((one.share.estimate or 0.0) * one.share.n) for one in row.peers)
    return of(clopper_pearson(same, shared), LIMITS.min_shared)


def attention(rows: Sequence[Standing]) -> list[Standing]:
    """Whom the figures say to pause or to look at, and nobody has paused yet."""
    return [(who, row) for who, row in rows if row.verdict in ("pause", "watch") and who.paused_because is None]


# ---------------------------------------------------------------------------------------------- one person


def windows(row: ErrorRates) -> list[Window]:
    """Accuracy on gold in a moving window, with its exact interval; empty before the first window is full."""
    size, first = LIMITS.window, LIMITS.window
    found = []
    for number, (at, share) in enumerate(row.drift.rolling, first):
        bounds = clopper_pearson(round(share * size), size, LIMITS.level)
        found.append(Window(at, number, share, bounds.low or 0.0, bounds.high or 1.0))
    return found


def queue_label(queue: str) -> str:
    """``highlights/ja/claim-v2`` as *Japanese · highlights · claim v2*; a queue of another making as it is.

    >>> queue_label("highlights/ja/claim-v2")
    'Japanese · highlights · claim v2'
    """
    try:
        feature, language, rubric = queue_parts(queue)
    except InputError:
        return cell(queue)
    return f"{LANGUAGES[language].name if language in LANGUAGES else language} · {feature} · {rubric.replace('-', ' ')}"


def paces(times: Sequence[Time], annotator_id: str) -> list[Pace]:
    """Seconds in each queue beside the others': of these the median and the 10th and 90th percentile, where there are enough."""
    mine: dict[str, list[float]] = defaultdict(list)
    others: dict[str, list[float]] = defaultdict(list)
    queues = {time.queue for time in times if time.annotator_id == annotator_id}
    for time in times:
        if time.queue in queues:
            (mine if time.annotator_id == annotator_id else others)[time.queue].append(time.lead_time_s)
    return [_pace(queue, mine[queue], others[queue]) for queue in sorted(mine) if len(mine[queue]) >= _MIN_PACE]


def _pace(queue: str, mine: Sequence[float], others: Sequence[float]) -> Pace:
    label = f"{queue_label(queue)} (n {len(mine)})"
    if len(others) < _MIN_PACE:
        return Pace(label, median(mine), len(mine), None, None, None, len(others))
    low, high = (float(pd.Series(others).quantile(share)) for share in (0.1, 0.9))
    return Pace(label, median(mine), len(mine), low, median(others), high, len(others))


def queue_table(row: ErrorRates, labels: Mapping[str, int]) -> pd.DataFrame:
    """One row a queue they labelled in: how many, how far with the others, how fast, and what is too little to tell."""
    beside, fast = {one.queue: one for one in row.peers}, {one.queue: one for one in row.speed}
    rows = []
    for queue in sorted(labels, key=lambda name: (-labels[name], name)):
        peer, speed = beside.get(queue), fast.get(queue)
        known = speed is not None and speed.floor_s is not None
        rows.append(
            {
                "queue": queue_label(queue),
                "labels": labels[queue],
                "with the others": of(peer.share, LIMITS.min_shared) if peer else "–",
                "others with theirs": f"{peer.others:.0%}" if peer and peer.others is not None else "–",
                "p": peer.p if peer else None,
                "median": f"{speed.median_s:.0f} s" if speed and speed.median_s is not None else "–",
                "too fast": f"{round((speed.fast.estimate or 0) * speed.fast.n)} of {speed.fast.n} under {speed.floor_s:.0f} s"
                if known and speed
                else "–",
                "not enough": "; ".join(reason for one in (peer, speed) if one and (reason := one.reason)) or None,
            }
        )
    return pd.DataFrame(rows)
