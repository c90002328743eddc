"""Behind the page My work: who somebody is, what waits for them, the task that is theirs, and whether its label has arrived."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from annotators.asking import routing
from annotators.asking.budget import LabellingPlan
from annotators.label_studio import collect
from annotators.label_studio.studio import Studio
from annotators.labeling import instructions, queue_parts, rubric_named
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.records import Annotator
from evals.store import Asker, Store
from evals.text import visible

FALLBACK = "en"
_SHORT = 12  # hex digits of an id that stand in an address, as on the page Annotators


def workers(store: Store) -> dict[str, Annotator]:
    """Everybody who labels by a short id for addresses; people before scripts, by name."""
    known = sorted(store.labels.annotators(), key=lambda one: (one.simulated, one.name.casefold(), one.annotator_id))
    return {one.annotator_id.removeprefix("annotator-")[:_SHORT]: one for one in known}


def called(annotator: Annotator) -> str:
    """The name a choice shows: typed by whoever signed up, so one visible line, and not empty."""
    return " ".join(visible(annotator.name).split())[:80] or annotator.email


def spoken(annotator: Annotator) -> list[str]:
    """The languages of theirs in which the page can speak; never none."""
    return [tag for tag in annotator.languages if tag in LANGUAGES] or [FALLBACK]


def language_of(locale: str | None) -> str:
    """The language of a browser, where we speak it.

    >>> language_of("pt-BR"), language_of("xx"), language_of(None)
    ('pt', 'en', 'en')
    """
    tag = (locale or "").partition("-")[0].casefold()
    return {"nb": "no", "nn": "no", "iw": "he"}.get(tag, tag) if tag in LANGUAGES or tag in ("nb", "nn", "iw") else FALLBACK


def words(tag: str) -> Mapping[str, str]:
    """What the page says in a language."""
    return pack(tag).rubrics["ui"]


# ---------------------------------------------------------------------------------------------- the task


class Load(NamedTuple):
    """`waiting`: labels still wanted in their languages, None where no server runs. `limit`: a day's, of theirs or of the queue that comes
    next; `done_today` counts what that limit counts."""

    waiting: int | None
    done_today: int
    limit: int | None


def load(store: Store, annotator: Annotator, server_url: str | None, plan: LabellingPlan, queue: str | None, *, now: str) -> Load:
    """How much lies before an annotator and how much is done. Raises PolicyError for a queue that the plan does not know."""
    tally = {row.queue: row.today for row in store.desk.tally(asker(annotator, server_url, now))}
    waiting = store.desk.free_places(server_url, now, annotator.languages) if server_url else None
    if annotator.daily_limit is not None or queue is None:
        return Load(waiting, sum(tally.values()), annotator.daily_limit)
    return Load(waiting, tally.get(queue, 0), routing.rules(plan, queue).daily_limit)


def asker(annotator: Annotator, server_url: str | None, now: str) -> Asker:
    return Asker(annotator.annotator_id, server_url or "", annotator.languages, now)


def has_arrived(store: Store, item_id: str, annotator_id: str) -> bool:
    """Whether our store has the annotator's label on the item."""
    return any(note.annotator_id == annotator_id and not note.deleted for note in store.labels.annotations([item_id]))


def fetch(store: Store, studio: Studio, item_id: str, *, now: str) -> None:
    """Collect the project of a task, where nobody else listens. Raises StudioError; UnknownIdError where the server has no such task."""
    collect.collect(store, studio, now=now, projects=[store.desk.task(item_id, studio.url).project_id])


# ---------------------------------------------------------------------------------------------- what is said about it


def queue_title(queue: str) -> str:
    """What a queue asks about, in its language: ``ハイライト：主張``."""
    feature, tag, rubric = queue_parts(queue)
    return rubric_named(rubric).title(feature, tag)


def guideline(queue: str) -> str:
    """HTML of what the rubric of a queue tells its annotators, in its language and direction."""
    feature, tag, rubric = queue_parts(queue)
    return f'<div lang="{html.escape(tag)}">{instructions(rubric_named(rubric), feature, tag)}</div>'


def clock(moment: str, zone: str | None) -> str:
    """The time of day where somebody is, 24 hours: ISO 8601 with a zone in, ``14:05`` out; in UTC where their zone is not known.

    >>> clock("2026-11-22T12:05:00Z", "Asia/Kolkata"), clock("2026-11-22T12:05:00Z", "Mars/Olympus")
    ('17:35', '12:05')
    """
    try:
        there = ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        there = ZoneInfo("UTC")
    return datetime.fromisoformat(moment).astimezone(there).strftime("%H:%M")
