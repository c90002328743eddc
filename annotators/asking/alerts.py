"""What somebody who runs the queues must hear of: languages that nobody covers, work that waits too long, people who cannot go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from annotators.asking import routing
from annotators.asking.budget import LabellingPlan
from annotators.labeling import ADJUDICATION
from evals.errors import PolicyError
from evals.records import Annotator
from evals.store import Backlog, Store
from evals.text import visible

Severity = Literal["urgent", "notice"]  # urgent: without somebody doing something it will never be done, or is late already
Kind = Literal["unplanned", "uncovered", "too_few", "overdue", "growing", "expiring", "quiet", "paused"]

WINDOW_DAYS = 7  # "lately"
QUIET_DAYS = 3  # so long without a label is worth a word
GROWTH = 1.2  # labels wanted over labels given, from which on a backlog grows
LEAST_GROWTH = 10  # labels; fewer are noise
GRACE_H = 24.0  # what was queued today had no time to be labelled
LEAST_EXPIRED, EXPIRED_SHARE = 5, 1 / 3  # so many reservations came to nothing, and such a share of all


@dataclass(frozen=True)
class Alert:
    """`language` and `queue` are None where it is about neither. The sentence may hold what people typed: one line, visible, not markup."""

    severity: Severity
    kind: Kind
    language: str | None
    queue: str | None
    sentence: str


def alerts(store: Store, plan: LabellingPlan, *, now: str) -> list[Alert]:
    """Everything worth a word now, the urgent first, then by language and queue."""
    lately = datetime.fromisoformat(now) - timedelta(days=WINDOW_DAYS)
    rows = store.desk.backlog(now, since=lately.isoformat())
    annotators = store.labels.annotators()
    waiting = [row for row in rows if row.open]
    found = [
        *_uncovered(waiting, annotators),
        *(alert for row in waiting for alert in _late(row, plan, now)),
        *(alert for row in rows for alert in _trends(row, now)),
        *_quiet(waiting, now),
        *_paused(annotators),
    ]
    return sorted(found, key=lambda one: (one.severity != "urgent", one.language or "", one.queue or "", one.kind, one.sentence))


def _uncovered(waiting: Sequence[Backlog], annotators: Iterable[Annotator]) -> Iterator[Alert]:
    """Languages nobody speaks, and queues that want more people than there are; conflicts want experts."""
    active = _active(annotators)
    for language, rows in _by_language(waiting).items():
        people = active.get(language, [])
        if not people:
            items = _some(sum(row.open for row in rows), "item")
            yield Alert("urgent", "uncovered", language, None, f"{language}: {items} wait, and no active annotator covers the language.")
            continue
        for row in rows:
            able = [person for person in people if person.expert or row.rubric != ADJUDICATION.name]
            if len(able) < row.needed:
                who = "expert" if row.rubric == ADJUDICATION.name else "annotator"
                need = f"{row.queue}: its items want {_some(row.needed, who)} each, and there are {len(able)} active."
                yield Alert("urgent", "too_few", language, row.queue, f"{need} It can never be done.")


def _late(row: Backlog, plan: LabellingPlan, now: str) -> Iterator[Alert]:
    """Older than the plan allows; or not in the plan at all, so that nobody can be given it."""
    try:
        limit_h = routing.rules(plan, row.queue).service_level_h
    except PolicyError:
        sentence = f"{row.queue}: {_some(row.open, 'item')} wait, and {plan.path} does not know the queue: nobody is given any."
        yield Alert("urgent", "unplanned", row.language, row.queue, sentence)
        return
    age_h = _hours(row.oldest_open_at, now)
    if age_h > limit_h:
        sentence = f"{row.queue}: the oldest of {_some(row.open, 'open item')} has waited {age_h:.0f} h, {limit_h:g} h are agreed."
        yield Alert("urgent", "overdue", row.language, row.queue, sentence)


def _trends(row: Backlog, now: str) -> Iterator[Alert]:
    """More comes in than goes out; people open items and leave."""
    is_old = row.open and _hours(row.oldest_open_at, now) > GRACE_H
    if is_old and row.queued > GROWTH * row.received and row.queued - row.received >= LEAST_GROWTH:
        sentence = f"{row.queue}: in {WINDOW_DAYS} days {_some(row.queued, 'label')} were asked for and {row.received} given."
        yield Alert("notice", "growing", row.language, row.queue, sentence)
    if row.expired >= LEAST_EXPIRED and row.expired >= EXPIRED_SHARE * row.reserved:
        sentence = f"{row.queue}: {row.expired} of {_some(row.reserved, 'reservation')} in {WINDOW_DAYS} days ended without a label."
        yield Alert("notice", "expiring", row.language, row.queue, sentence)


def _quiet(waiting: Sequence[Backlog], now: str) -> Iterator[Alert]:
    """Languages with work in which nobody labels any more."""
    for language, rows in _by_language(waiting).items():
        oldest = max(_hours(row.oldest_open_at, now) for row in rows)
        labels = [row.last_label_at for row in rows if row.last_label_at is not None]
        silent = min((_hours(at, now) for at in labels), default=None)
        if oldest <= 24 * QUIET_DAYS or (silent is not None and silent <= 24 * QUIET_DAYS):
            continue
        said = "nobody has labelled yet" if silent is None else f"nobody has labelled for {silent / 24:.0f} days"
        yield Alert("notice", "quiet", language, None, f"{language}: {said}, and {_some(sum(row.open for row in rows), 'item')} wait.")


def _paused(annotators: Iterable[Annotator]) -> Iterator[Alert]:
    for person in annotators:
        if person.paused_because is not None:
            sentence = f"{_line(person.name)} ({_line(person.email)}) is paused: {_line(person.paused_because)}"
            yield Alert("notice", "paused", person.languages[0] if len(person.languages) == 1 else None, None, sentence)


def _active(annotators: Iterable[Annotator]) -> Mapping[str, list[Annotator]]:
    """Who is not paused, by language; scripts count, for they label."""
    found: dict[str, list[Annotator]] = defaultdict(list)
    for person in annotators:
        for language in person.languages if person.paused_because is None else ():
            found[language].append(person)
    return found


def _by_language(rows: Iterable[Backlog]) -> Mapping[str, list[Backlog]]:
    found: dict[str, list[Backlog]] = defaultdict(list)
    for row in rows:
        found[row.language].append(row)
    return found


def _hours(then: str | None, now: str) -> float:
    return 0.0 if then is None else (datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds() / 3600


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _line(text: str) -> str:
    return " ".join(visible(text).split())[:200]
