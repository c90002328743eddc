"""What a hold lacks, put before people: the same as ``plumb queue top-up``, with a name for the audit log. Asked twice it adds nothing."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from annotators.asking import topping
from annotators.asking.budget import load_plan
from annotators.asking.topping import ToppedUp
from evals.errors import InputError, PlumblineError
from evals.gate.evidence import read_evidence
from evals.records import AuditEvent, Decision
from evals.store import Store
from workbench import sentences
from workbench.commands.labelling import send
from workbench.verdicts import slice_name

SEED = 0  # of the first draw, as `plumb queue` has it: the sample is nested, so the seed stays
ACTION = "labels queued"


class Preview(NamedTuple):
    """What queueing would do. `rows`: by language, cases drawn now, drawn then, and about how many tasks they make (`tasks`, the total, is
    exact: it is shared out as the new cases are); `beyond`: cases the dataset does not have."""

    rows: list[dict[str, object]]
    tasks: int
    beyond: int


def preview(store: Store, decision: Decision, *, now: str) -> Preview:
    """Queues nothing. Raises MoreNeededError where no labels are lacking, InputError for a decision of an older version."""
    topped = _top_up(store, decision, now, dry_run=True)
    evidence = read_evidence(store, decision.champion_run_id, decision.candidate_run_id)
    before = Counter(case.language for case in evidence.cases if case.case_id in evidence.champion.drawn)
    more = {tag: max(0, total - before[tag]) for tag, total in topped.targets.items()}
    tasks = topped.queued.new_items / max(sum(more.values()), 1)
    rows: list[dict[str, object]] = [
        {"language": slice_name(f"language={tag}"), "cases now": before[tag], "new cases": count, "new tasks, about": round(count * tasks)}
        for tag, count in sorted(more.items(), key=lambda pair: (-pair[1], pair[0]))
        if count
    ]
    return Preview(rows, topped.queued.new_items, topped.beyond)


def queue(store: Store, decision: Decision, *, actor: str, now: str) -> str:
    """Queue and send them; what was done, in a sentence. Where nothing is new, nothing is written either.

    Raises InputError without a name, and as `preview`. Tasks that cannot be sent now stay queued, and the sentence says so.
    """
    if not actor.strip():
        raise InputError("say who you are: it stands in the audit log")
    topped = _top_up(store, decision, now, dry_run=False)
    if not topped.queued.new_items:
        return "Nothing is new: all of it is queued already."
    detail = {"tasks": topped.queued.new_items, "cases": dict(topped.targets)}
    store.ledger.add_event(AuditEvent(now, actor.strip(), ACTION, decision.decision_id, detail))
    return f"{sentences.topped_up(topped, dry_run=False)} {_sent(store)}"


def _top_up(store: Store, decision: Decision, now: str, *, dry_run: bool) -> ToppedUp:
    return topping.top_up(store, decision, seed=SEED, now=now, plan=load_plan(), dry_run=dry_run)


def _sent(store: Store) -> str:
    try:
        return send(store)
    except PlumblineError as error:
        return f"They could not be sent now: {error} The next push sends them."
