"""A customer's report: the text is hidden at once, people are asked about it first, and its case is a regression case for ever.

The order is what makes it safe: the escalation is stored first, and with it the text is hidden; then its claims are put before people.
Stopped in between, the text stays hidden, and whoever reports again, or queues the next comparison, completes the rest.

**When a text is shown again.** An escalation hides its text, in whatever run says it, until somebody resolves it:

- every claim of it judged grounded by as many people as were asked: the report was not borne out, the text is *shown again*;
- a claim judged not grounded (a tie is not grounded): the text is *withdrawn*, for good. Only another text of a champion takes its place;
- in between, and where a text has no claim to judge, it stays open and hidden, unless somebody decides without the labels: the
  resolution then says why, and the audit log who.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from annotators.asking.budget import load_plan
from annotators.asking.items import Answered, Asking
from annotators.asking.sampling import Drawn
from annotators.asking.tasks import claim_task, shown
from annotators.labeling import CLAIM_V2
from evals.claims import claims_of
from evals.datasets import about
from evals.errors import InputError, MoreNeededError, UnknownIdError
from evals.gate.regression import tallies
from evals.gate.settled import ADJUDICATION
from evals.identity import content_id
from evals.publication import current_output, storable
from evals.records import AuditEvent, Case, Claim, Escalation, Feature, Output, QueueItem, Run
from evals.store import Store

MAX_REPORT = 10_000  # code points
MAX_REPORTER = 200
MAX_EXCERPT = 500  # of a report in the audit log
PEOPLE = 2  # at least, per claim: one person's word against a customer's is not enough
State = Literal["open", "withdrawn", "shown again"]


@dataclass(frozen=True)
class Escalated:
    """`new`: False for a report that was known; `items`: claims put before people now, 0 where they are already."""

    escalation: Escalation
    new: bool
    items: int


@dataclass(frozen=True)
class Judged:
    """What people said of the reported text so far, in claims. `waiting`: without enough answers since the report; `refuted`: not grounded;
    `unclear`: nobody could check them."""

    claims: int
    waiting: int
    refuted: int
    unclear: int


def state(escalation: Escalation) -> State:
    """Open ones hide their text, and so do withdrawn ones."""
    if escalation.resolved_at is None:
        return "open"
    return "withdrawn" if escalation.withdrawn else "shown again"


# ---------------------------------------------------------------------------------------------- a report comes in


def escalate(
    store: Store,
    *,
    feature: Feature,
    product_id: str,
    language: str,
    report: str,
    reporter: str,
    now: str,
    question: str | None = None,
    output_id: str | None = None,
) -> Escalated:
    """Hide what is published (or the output named, if the customer saw an earlier one) and put its claims before people.

    The same report about the same output is one escalation; asked again, what is missing is completed. Raises UnknownIdError, naming what
    there is, where nothing is published, and InputError for an empty or endless report or an output of another product.
    """
    report, reporter = _clean("report", report, MAX_REPORT), _clean("reporter", reporter, MAX_REPORTER)
    if output_id is None:
        output = current_output(store, feature, product_id, language, question)
    else:
        output = _named(store, output_id, feature, product_id, language)
    if output.status != "ok":
        raise UnknownIdError(
            f"no text about {product_id} in {language} is published that could be wrong: output {output.output_id} was not shown"
        )
    name = content_id("escalation", output.output_id, report)
    escalation = Escalation(name, feature, output.case_id, output.output_id, report, reporter, now)
    new = store.escalations.add(escalation, _event(escalation, language))
    known = store.escalations.escalation(name)
    items = store.queue.add_items(_items(store, output, known, _people(feature), now)) if known.resolved_at is None else 0
    return Escalated(known, new, items)


def _named(store: Store, output_id: str, feature: Feature, product_id: str, language: str) -> Output:
    if not storable(output_id):
        raise UnknownIdError(f"no output {output_id!r} is stored")
    output = store.runs.output(output_id)
    case = store.runs.case(output.case_id)
    if (case.feature, case.product_id, case.language) != (feature, product_id, language):
        raise InputError(f"output {output_id} is of {case.feature}, {case.product_id} in {case.language}")
    return output


def _clean(field: str, text: str, most: int) -> str:
    """What no database takes (NUL, half a surrogate pair) becomes �: a report must not be lost over one byte."""
    text = "".join("\ufffd" if character == "\0" or "\ud800" <= character <= "\udfff" else character for character in text).strip()
    if not text or len(text) > most:
        raise InputError(f"{field}: 1 to {most:,} characters, not {len(text):,}")
    return text


def _event(escalation: Escalation, language: str) -> AuditEvent:
    """The audit log may be read by more people than the report itself: personal data is taken out."""
    excerpt = shown(escalation.report, language)[:MAX_EXCERPT]
    detail = {"feature": escalation.feature, "output_id": escalation.output_id, "case_id": escalation.case_id, "report": excerpt}
    return AuditEvent(escalation.created_at, shown(escalation.reporter, language), "escalate", escalation.escalation_id, detail)


def _people(feature: Feature) -> int:
    return max(PEOPLE, load_plan().queue(feature, CLAIM_V2.name).overlap)


# ---------------------------------------------------------------------------------------------- people are asked


def queue_regressions(store: Store, champion_run_id: str, candidate_run_id: str, *, overlap: int, now: str) -> int:
    """Put what both runs say of every case ever reported before `overlap` people per claim, apart from what is drawn; how many items are
    new. Done twice it adds nothing, and it completes reports that were stopped half-way. Raises UnknownIdError."""
    runs = [store.runs.run(run_id) for run_id in (champion_run_id, candidate_run_id)]
    return sum(store.queue.add_items(regression_items(store, run, overlap=overlap, now=now)) for run in runs)


def regression_items(store: Store, run: Run, *, overlap: int, now: str) -> Iterator[QueueItem]:
    """The items of `queue_regressions` of one run that are not queued yet."""
    what = {case.case_id: about(case) for case in store.escalations.regression_cases(run.feature)}
    first: dict[tuple[str, str, str], Escalation] = {}
    for escalation in store.escalations.all(run.feature):
        first.setdefault(what[escalation.case_id], escalation)
    missing = {case.case_id for case in store.runs.missing_cases(run)} if first else set()
    for case in store.runs.cases(run.dataset_id) if first else []:
        if about(case) in first and case.case_id not in missing:
            yield from _items(store, store.runs.output_of(run.run_id, case.case_id), first[about(case)], overlap, now)


def _items(store: Store, output: Output, origin: Escalation, overlap: int, now: str) -> Iterator[QueueItem]:
    """The claims of an output that no escalation has put before people yet; two reports about one text ask once."""
    case, run = store.runs.case(output.case_id), store.runs.run(output.run_id)
    claims = _claims(store, output, case)
    asked = store.escalations.asked(claim.claim_id for claim in claims)
    answered = Answered(case, {"champion": run}, {"champion": output}, {"champion": claims})  # which arm it is shows nowhere
    asking = Asking(CLAIM_V2, overlap, 0, now)
    for claim in claims:
        if claim.claim_id not in asked:
            data = claim_task(case, output, claim)
            fields = {"claim_id": claim.claim_id, "origin_id": origin.escalation_id}
            yield asking.item(answered, "champion", Drawn("escalated", 1.0), claim.claim_id, data, **fields)


def _claims(store: Store, output: Output, case: Case) -> list[Claim]:
    """Cut now where the run was never scored."""
    if output.status != "ok":
        return []
    claims = store.runs.claims_of(output.output_id)
    if not claims:
        store.runs.add_claims(claims_of(output, case.language))
        claims = store.runs.claims_of(output.output_id)
    return claims


# ---------------------------------------------------------------------------------------------- what comes of it


def judged(store: Store, escalation: Escalation) -> Judged:
    """What people said of the reported text. Answers given before the report do not settle it alone: they are what it disputes."""
    output = store.runs.output(escalation.output_id)
    labels = [row for row in store.labels.labels(run_id=output.run_id, case_id=output.case_id) if row.claim_id]
    said, claims = tallies(labels), store.runs.claims_of(output.output_id)
    answers = Counter(row.claim_id for row in labels if row.why == "escalated")
    settled = {row.claim_id for row in labels if row.why == ADJUDICATION}
    asked = store.escalations.asked(claim.claim_id for claim in claims)
    settled |= {claim for claim, people in asked.items() if answers[claim] >= people}
    refuted = {claim for claim, tally in said.items() if tally.grounded is False and (answers[claim] or claim in settled)}
    done = [claim.claim_id for claim in claims if claim.claim_id in settled | refuted]
    unclear = sum(said[claim].grounded is None for claim in done if claim in said)
    return Judged(len(claims), len(claims) - len(done), len(refuted), unclear)


def resolve(store: Store, escalation_id: str, resolution: str, actor: str, now: str, *, show: bool | None = None) -> Escalation:
    """Close an escalation: the text is shown again or withdrawn, as people judged it, or as `show` says; `resolution` says why.

    Done twice it is done once. Raises UnknownIdError, MoreNeededError while people have not judged it and `show` is None, InputError for an
    empty resolution and for an escalation that was resolved otherwise.
    """
    escalation = store.escalations.escalation(escalation_id)
    resolution, actor = _clean("resolution", resolution, MAX_REPORT), _clean("actor", actor, MAX_REPORTER)
    if escalation.resolved_at is not None:
        if escalation.resolution == resolution and show in (None, not escalation.withdrawn):
            return escalation
        raise InputError(f"{escalation_id} was resolved at {escalation.resolved_at} ({state(escalation)}): {escalation.resolution}")
    again = _shown_again(store, escalation) if show is None else show
    language = store.runs.case(escalation.case_id).language
    detail = {"output_id": escalation.output_id, "shown_again": again, "because": shown(resolution, language)[:MAX_EXCERPT]}
    event = AuditEvent(now, actor, "resolve", escalation_id, detail | {"decided_by": "labels" if show is None else "the actor"})
    return store.escalations.resolve(escalation_id, resolution, now, withdrawn=not again, event=event)


def _shown_again(store: Store, escalation: Escalation) -> bool:
    found = judged(store, escalation)
    if found.refuted:
        return False
    if not found.claims or found.waiting or found.unclear:
        what = f"{found.waiting} of {found.claims} claims wait for people, {found.unclear} could not be checked"
        raise MoreNeededError(
            f"{escalation.escalation_id}: {what}; it stays hidden until they are judged, or somebody decides without them"
        )
    return True


def by_urgency(escalations: Sequence[Escalation]) -> list[Escalation]:
    """Open ones first, then the newest."""
    newest = sorted(escalations, key=lambda one: (one.created_at, one.escalation_id), reverse=True)
    return sorted(newest, key=lambda one: one.resolved_at is not None)
