"""Who gets which item next: by language, order, limits and blindness, held for a while so that no two people do the same work.

An annotator has at most one item at a time. The order: what a customer reported; for experts what others disagree about; practice for
whoever is new to a queue; then what was drawn, oldest first, with silent gold in places that nobody can predict. Everything that is drawn
here (the order of practice, the place of gold, who is shown first in a pair) follows from the seed and the annotator.

**Blindness.** Who judged claims or whole texts of a case has seen which side says what, and is not given the pair of that case; nor the
other way round. Where no other active annotator of the language is left who could judge it unspoilt, they get it after all, after
everything else: a label with this flaw is better than a hole. Scripts count as others for scripts only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from annotators.asking.budget import LabellingPlan, QueuePlan
from annotators.asking.sampling import uniform
from annotators.labeling import queue_parts
from evals.errors import RetryError
from evals.records import Annotator, Arm, QueueItem
from evals.store import Asker, Store

Reason = Literal["", "limit_reached", "paused", "nothing_to_do"]
SKIP_H = 24.0  # so long an item that somebody skipped is not offered to them again
_ATTEMPTS = 50  # so many lost races in a row mean that something else is wrong


@dataclass(frozen=True)
class Turn:
    """What to do now, or why there is nothing. `expires_at`: until then the place is theirs. `practice`: say openly that it is."""

    item: QueueItem | None
    reason: Reason = ""
    expires_at: str | None = None
    practice: bool = False


def next_item(
    store: Store,
    annotator: Annotator,
    server_url: str,
    plan: LabellingPlan,
    *,
    now: str,
    seed: int = 0,
    rubrics: Collection[str] = (),
) -> Turn:
    """The item the annotator works on, else a new one, reserved for them; `rubrics`: a new one of these only. Asked twice, the same comes.

    Their own daily limit is for everything together, the plan's for each queue. Raises PolicyError where the plan does not know a queue in
    which there is work.
    """
    if annotator.paused_because is not None:
        return Turn(None, "paused")
    asker = Asker(annotator.annotator_id, server_url, annotator.languages, now, tuple(sorted(rubrics)))
    for _ in range(_ATTEMPTS):
        pending = store.desk.pending(asker)
        if pending is not None:
            item = store.queue.item(pending.item_id)
            return Turn(item, "", pending.expires_at, store.desk.is_practice(item.item_id))
        look = _Look(store, annotator, plan, asker, seed)
        chosen = look.choose()
        if chosen is None:
            return Turn(None, look.why_nothing())
        item = store.queue.item(chosen)
        expires_at = _later(now, minutes=rules(plan, item.queue).reservation_minutes)
        store.desk.reserve(asker, chosen, expires_at)  # lost to somebody else: look again
    raise RetryError(f"{annotator.email}: others were faster {_ATTEMPTS} times in a row")


def peek(store: Store, annotator: Annotator, server_url: str, plan: LabellingPlan, *, now: str, seed: int = 0) -> Turn:
    """What `next_item` would give, without reserving it: for a page that is only looked at. What is theirs already has an `expires_at`,
    what would come next has none, and may come to somebody else first. Raises PolicyError as `next_item` does."""
    if annotator.paused_because is not None:
        return Turn(None, "paused")
    asker = Asker(annotator.annotator_id, server_url, annotator.languages, now)
    pending = store.desk.pending(asker)
    look = None if pending else _Look(store, annotator, plan, asker, seed)
    name = pending.item_id if pending else look.choose() if look else None
    if name is None:
        return Turn(None, look.why_nothing() if look else "nothing_to_do")
    return Turn(store.queue.item(name), "", pending.expires_at if pending else None, store.desk.is_practice(name))


def release(store: Store, item_id: str, annotator_id: str) -> None:
    """Give an item back; it may come again at once, to anybody."""
    store.desk.release(item_id, annotator_id)


def skip(store: Store, item_id: str, annotator_id: str, *, now: str) -> None:
    """Pass over an item: others may have it, this annotator is not asked again for `SKIP_H` hours."""
    store.desk.finish(item_id, annotator_id, "skipped", _later(now, minutes=60 * SKIP_H))


def answered(store: Store, item_id: str, annotator_id: str) -> None:
    """The annotator has submitted it; its label will be collected. Until then, as long as the reservation lasts, the place stays taken."""
    store.desk.finish(item_id, annotator_id, "answered")


def rules(plan: LabellingPlan, queue: str) -> QueuePlan:
    """What the plan says of a queue; an earlier version of a rubric (a bridge) follows the newest. Raises PolicyError."""
    feature, _, rubric = queue_parts(queue)
    stem = rubric.rpartition("-v")[0]
    versions = [name for kind, name in plan.queues if kind == feature and name.rpartition("-v")[0] == stem]
    return plan.queue(feature, rubric if rubric in versions or not versions else max(versions, key=lambda name: (len(name), name)))


class _Look:
    """One look at what is there, for one annotator."""

    def __init__(self, store: Store, annotator: Annotator, plan: LabellingPlan, asker: Asker, seed: int) -> None:
        self.store, self.annotator, self.plan, self.seed = store, annotator, plan, seed
        self.tally = {row.queue: row for row in store.desk.tally(asker)}
        self.closed = self._closed()
        self.is_over = annotator.daily_limit is not None and sum(row.today for row in self.tally.values()) >= annotator.daily_limit
        self.unlimited, self.asker = asker, replace(asker, closed=self.closed)

    def _closed(self) -> tuple[str, ...]:
        """The queues in which the annotator has done enough today; who has a limit of their own has only that one."""
        if self.annotator.daily_limit is not None:
            return ()
        today = {queue: row.today for queue, row in self.tally.items() if row.today}
        return tuple(sorted(queue for queue, done in today.items() if done >= rules(self.plan, queue).daily_limit))

    def choose(self) -> str | None:
        return None if self.is_over else self._choose(self.asker)

    def why_nothing(self) -> Reason:
        if self.is_over:
            return "limit_reached"
        return "limit_reached" if self.closed and self._choose(self.unlimited) is not None else "nothing_to_do"

    def _choose(self, asker: Asker) -> str | None:
        desk, others = self.store.desk, self._others()
        urgent = desk.first(asker, "escalated", others)
        if urgent is None and self.annotator.expert:
            urgent = desk.first(asker, "adjudication", others)
        if urgent is not None:
            return urgent
        practice = self._practice(asker)
        if practice is not None:
            return practice
        drawn = desk.first(asker, "stream", others)
        return None if drawn is None else self._gold(asker, drawn) or self._side(asker, drawn)

    def _others(self) -> Mapping[str, Sequence[str]]:
        """Active annotators by language, without this one; scripts among scripts, people among people."""
        found: dict[str, list[str]] = defaultdict(list)
        for other in self.store.labels.annotators():
            if other.paused_because is None and other.simulated == self.annotator.simulated:
                for language in other.languages if other.annotator_id != self.annotator.annotator_id else ():
                    found[language].append(other.annotator_id)
        return found

    def _practice(self, asker: Asker) -> str | None:
        """Practice that is still wanted of them, in an order of their own."""
        done = {queue: row.practised for queue, row in self.tally.items()}
        left = self.store.desk.practice(asker)
        wanted = [name for queue, name in left if done.get(queue, 0) < rules(self.plan, queue).onboarding_gold]
        return self._random(wanted, "practice")

    def _gold(self, asker: Asker, drawn: str) -> str | None:
        """Gold of the queue of the drawn item, if its turn has come: once in every `gold_every` labels, at a place drawn for each round."""
        queue = self.store.queue.item(drawn).queue
        every = rules(self.plan, queue).gold_every
        if not every:
            return None
        done, place = divmod(self.tally[queue].total if queue in self.tally else 0, every)
        if place != int(uniform(str(self.seed), self.annotator.annotator_id, queue, "gold", str(done)) * every):
            return None
        return self._random(self.store.desk.gold(asker, queue), "gold")

    def _side(self, asker: Asker, drawn: str) -> str:
        """Of a pair the copy that a coin of this annotator and pair says, where it has a place."""
        copies = self.store.desk.copies(asker, drawn)
        if not copies:
            return drawn
        first = coin(self.seed, self.annotator.annotator_id, self.store.queue.item(drawn).subject_id)
        return copies.get(first, drawn)

    def _random(self, names: Collection[str], purpose: str) -> str | None:
        key = (str(self.seed), self.annotator.annotator_id, purpose)
        return min(names, key=lambda name: uniform(*key, name), default=None)


def coin(seed: int, annotator_id: str, subject_id: str) -> Arm:
    """Who is shown first to an annotator in a pair."""
    return "champion" if uniform(str(seed), annotator_id, subject_id) < 0.5 else "candidate"


def _later(now: str, *, minutes: float) -> str:
    return (datetime.fromisoformat(now) + timedelta(minutes=minutes)).isoformat()
