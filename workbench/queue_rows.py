"""Behind the page Queues: every queue in figures, beside what the plan promises and who can work on it. Aggregated in SQL, shaped here."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pandas as pd

from annotators.asking import routing
from annotators.asking.budget import LabellingPlan
from annotators.labeling import ADJUDICATION, queue_name
from annotators.raters.agreement import agreement_of
from evals.errors import PolicyError
from evals.records import FEATURES, Annotator
from evals.store import Store
from evals.text import visible
from workbench.queries import queue_frame

DAYS = 14
_NAMED = 3  # people named in a cell


def backlog_frame(store: Store, plan: LabellingPlan, *, now: str) -> pd.DataFrame:
    """One row a queue, the most overdue first: `queue_frame` with the age of its oldest open item and the plan's service level in hours
    (None: the plan does not speak of it), whether it is `late`, labels per day over DAYS days (today last) and who covers it."""
    frame = queue_frame(store.queue.status())
    if frame.empty:
        return frame
    people, days = store.labels.annotators(), throughput(store, now=now)
    rows = frame.to_dict("records")
    frame["age_h"] = [None if pd.isna(row["oldest_open_at"]) else _hours(row["oldest_open_at"], now) for row in rows]
    frame["service_level_h"] = [service_level_h(plan, row["queue"]) for row in rows]
    frame["late"] = (frame["age_h"] > frame["service_level_h"]).fillna(False)
    frame["per_day"] = [days.get(row["queue"], [0] * DAYS) for row in rows]
    frame["people"] = [named(covering(people, row["language"], row["rubric"])) for row in rows]
    frame["covered"] = [len(covering(people, row["language"], row["rubric"])) for row in rows]
    return frame.sort_values(["late", "open", "items"], ascending=False, ignore_index=True)


def chosen(frame: pd.DataFrame, wanted: Mapping[str, str | None]) -> pd.DataFrame:
    """The rows whose columns say what is wanted; None wants everything."""
    for column, value in wanted.items():
        frame = frame if value is None else frame[frame[column] == value]
    return frame


def throughput(store: Store, *, now: str) -> dict[str, list[int]]:
    """Queue → labels a day over the last DAYS days (UTC), today last; counted in SQL."""
    today = datetime.fromisoformat(now).astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    found: dict[str, list[int]] = defaultdict(lambda: [0] * DAYS)
    for queue, day, labels in store.labels.per_day(first.isoformat()):
        place = (date.fromisoformat(day) - first).days
        if 0 <= place < DAYS:  # a server's clock may be ahead
            found[queue][place] += labels
    return dict(found)


def day_frame(frame: pd.DataFrame, *, now: str) -> pd.DataFrame:
    """Labels per day over the queues of a `backlog_frame`: columns day and labels."""
    today = datetime.fromisoformat(now).astimezone(UTC).date()
    sums = [sum(row[place] for row in frame["per_day"]) for place in range(DAYS)]
    return pd.DataFrame({"day": [today - timedelta(days=DAYS - 1 - place) for place in range(DAYS)], "labels": sums})


def service_level_h(plan: LabellingPlan, queue: str) -> float | None:
    """How long the oldest open item may wait; None for a queue that the plan does not speak of."""
    try:
        return routing.rules(plan, queue).service_level_h
    except PolicyError:
        return None


def covering(people: Iterable[Annotator], language: str, rubric: str) -> list[Annotator]:
    """Who can be given items of a queue: speaks the language, is not paused, and settles conflicts where that is asked."""
    return [
        one
        for one in people
        if language in one.languages and one.paused_because is None and (one.expert or rubric != ADJUDICATION.name)
    ]  # fmt: skip


def named(people: Sequence[Annotator]) -> str:
    """A few names and how many more: ``Aiko, Ken (+2)``; scripts say of themselves that they are."""
    names = [" ".join(visible(one.name).split())[:40] for one in sorted(people, key=lambda one: (one.simulated, one.name.casefold()))]
    more = f" (+{len(names) - _NAMED})" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def agreement(store: Store) -> dict[str, tuple[float, int]]:
    """Queue → Krippendorff's alpha and the items behind it, of the question people agree on least; only where it can be measured.

    Without an interval: those stand on the page Agreement.
    """
    found: dict[str, tuple[float, int]] = {}
    for feature in FEATURES:
        for one in agreement_of(store, feature=feature, draws=1):
            alpha, queue = one.alpha.interval.estimate, queue_name(feature, one.language, one.rubric)
            if alpha is not None and alpha < found.get(queue, (math.inf, 0))[0]:
                found[queue] = (alpha, one.items)
    return found


def age(hours: float | None) -> str:
    """Hours as people say them.

    >>> age(0.2), age(5.4), age(71), age(None)
    ('12 min', '5 h', '3 d', '')
    """
    if hours is None or pd.isna(hours):
        return ""
    return f"{max(0, round(hours * 60))} min" if hours < 1 else f"{round(hours)} h" if hours < 48 else f"{round(hours / 24)} d"


def _hours(since: pd.Timestamp, now: str) -> float:
    return float((datetime.fromisoformat(now) - since.to_pydatetime()).total_seconds() / 3600)
