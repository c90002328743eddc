"""What customers once reported must not come back: a requirement about single cases, counted and not estimated.

Every case ever escalated is asked of the candidate again, and people judge every claim of what it says. A claim holds where more people
call it grounded than not; a tie is not enough; an expert's word ends it; where nobody could check it, it says nothing either way. Whyever
the claim was before people, their answers count here: nothing is inferred from these cases about others, so no probability is needed,
and they may be read as often as one likes.

Silence does not repeat a false claim, and it does not tell the shopper anything either. So a candidate that says nothing on a reported case
passes it only where the reported text was withdrawn as wrong; where the text was found right and is shown again, silence is a loss and
fails; while the report is open nobody knows yet. An output that failed is no decision to be silent: it fails.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from evals.datasets import about, reported_cases
from evals.experiment import output_id
from evals.gate.evidence import Arm, Evidence
from evals.gate.settled import ADJUDICATION, VOTING
from evals.gate.verdicts import Cell
from evals.partitions import Roles
from evals.records import Case, Claim, Escalation, Label, Verdict
from evals.statistics.intervals import no_interval
from evals.store import Store
from evals.text import shortened

COUNTING = (*VOTING, "escalated", ADJUDICATION)
NAMED = 3  # cases or claims named in a reason; the rest are counted
QUOTED = 120  # code points of a claim in a reason
About = tuple[str, str, str]


class Tally(NamedTuple):
    """How many people called a claim grounded, and how many not."""

    yes: int
    no: int

    @property
    def grounded(self) -> bool | None:
        """By majority, a tie is False; None where nobody could check it."""
        return self.yes > self.no if self.yes + self.no else None


def tallies(labels: Iterable[Label]) -> dict[str, Tally]:
    """Claim id → what people said of it, each person's newest answer; claims that nobody judged are left out."""
    rows = sorted((row for row in labels if row.claim_id and row.why in COUNTING), key=lambda row: (row.updated_at, row.item_id))
    votes: dict[str, dict[str, str]] = defaultdict(dict)
    experts: dict[str, str] = {}
    for row in rows:
        votes[str(row.claim_id)][row.annotator_id] = row.verdict
        if row.why == ADJUDICATION:
            experts[str(row.claim_id)] = row.verdict
    return {claim: _tally([experts[claim]] if claim in experts else said.values()) for claim, said in votes.items()}


def _tally(verdicts: Iterable[str]) -> Tally:
    counts = Counter("no vote" if verdict == "not_checkable" else verdict for verdict in verdicts)
    return Tally(counts["grounded"], counts.total() - counts["grounded"] - counts["no vote"])


class _Read(NamedTuple):
    """One reported case: its verdict, why, and how many claims nobody judged yet."""

    case: Case
    verdict: Verdict
    reason: str = ""
    waiting: int = 0
    silent: bool = False


def regression_cell(store: Store, evidence: Evidence, alpha: float) -> Cell:
    """The requirement's one verdict. A reported case that is not in the dataset, but would be in one made today, keeps it open: the runs
    must be made again."""
    reports = _reports(store, evidence)
    mine = [case for case in evidence.cases if about(case) in reports]
    wanted = {about(case) for case in reported_cases(store, evidence.candidate.run.feature)}
    outside = sorted(wanted - {about(case) for case in mine})
    said = tallies(store.labels.labels(run_id=evidence.candidate.run.run_id)) if mine else {}
    unscored = set(evidence.candidate.unscored)
    read = [_case(store, evidence.candidate, case, said, reports[about(case)], case.case_id in unscored) for case in mine]
    verdict, reason = _together(read, outside)
    cell = Cell(verdict, reason, no_interval(1 - 2 * alpha, len(mine), len({case.product_id for case in mine}), reason))
    return replace(cell, method="every reported case", counts=_counts(read, outside))


def _reports(store: Store, evidence: Evidence) -> dict[About, list[Escalation]]:
    """Every escalation of the feature, by what it is about; none about a product that was given to training before (`evals.partitions`): it
    can be in no dataset of the gate."""
    feature, roles = evidence.candidate.run.feature, Roles.read(store)
    cases = [case for case in store.escalations.regression_cases(feature) if roles.role(case.product_id) == "gate"]
    what = {case.case_id: about(case) for case in cases}
    found: dict[About, list[Escalation]] = defaultdict(list)
    for escalation in store.escalations.all(feature):
        if escalation.case_id in what:
            found[what[escalation.case_id]].append(escalation)
    return found


def _case(store: Store, arm: Arm, case: Case, said: Mapping[str, Tally], reports: Sequence[Escalation], unscored: bool) -> _Read:
    if arm.status.get(case.case_id) in (None, "error"):
        return _Read(case, "fail", f"{place(case)}: the candidate has no output")
    if unscored:
        return _Read(case, "error", f"{place(case)} was never cut into claims: score the runs again")
    claims = store.runs.claims_of(output_id(arm.run.run_id, case.case_id)) if arm.claims.get(case.case_id) else []
    wrong = [claim for claim in claims if claim.claim_id in said and said[claim.claim_id].grounded is False]
    if wrong:
        return _Read(case, "fail", _failure(case, wrong, said))
    waiting = sum(claim.claim_id not in said for claim in claims)
    if waiting:
        return _Read(case, "inconclusive", place(case), waiting)
    if any(said[claim.claim_id].grounded for claim in claims):
        return _Read(case, "pass")
    return _silence(f"{place(case)}: the candidate says nothing{' that people could check' if claims else ''}", case, reports)


def _failure(case: Case, wrong: Sequence[Claim], said: Mapping[str, Tally]) -> str:
    claim, tally = wrong[0], said[wrong[0].claim_id]
    more = f" (and {len(wrong) - 1} more of its claims)" if len(wrong) > 1 else ""
    return f"{place(case)} says “{shortened(claim.text, QUOTED)}”, grounded for {tally.yes} of {tally.yes + tally.no} people{more}"


def _silence(what: str, case: Case, reports: Sequence[Escalation]) -> _Read:
    if any(report.withdrawn for report in reports):
        return _Read(case, "pass", silent=True)
    if any(report.resolved_at is None for report in reports):
        return _Read(case, "inconclusive", f"{what}, and the report is still open: resolve it", silent=True)
    return _Read(case, "fail", f"{what}, but the reported text was right and is shown", silent=True)


def place(case: Case) -> str:
    """``product-1 in ja``, for the assistant with the question."""
    question = case.inputs.get("question")
    return f"{case.product_id} in {case.language}" + (f" ({str(question)[:QUOTED]!r})" if question else "")


# ---------------------------------------------------------------------------------------------- all of them


def _together(read: Sequence[_Read], outside: Sequence[About]) -> tuple[Verdict, str]:
    by = {verdict: [one for one in read if one.verdict == verdict] for verdict in ("error", "fail", "inconclusive")}
    for verdict in ("fail", "error"):
        if by[verdict]:
            return verdict, _named([one.reason for one in by[verdict]], "; ")
    if by["inconclusive"] or outside:
        return "inconclusive", "; ".join(_open(by["inconclusive"], outside))
    silent = sum(one.silent for one in read)
    quiet = f", {silent} of them by silence" if silent else ""
    return "pass", f"all {len(read)} reported cases hold{quiet}" if read else "no regression cases yet"


def _open(read: Sequence[_Read], outside: Sequence[About]) -> list[str]:
    waiting = [one for one in read if one.waiting]
    claims, parts = sum(one.waiting for one in waiting), []
    if waiting:
        must = "1 claim of reported cases must" if claims == 1 else f"{claims} claims of reported cases must"
        parts.append(f"{must} be labelled: {_named([one.reason for one in waiting], ', ')}")
    parts += [one.reason for one in read if not one.waiting][:NAMED]
    if outside:
        some = _named([f"{product} in {language}" for product, language, _ in outside], ", ")
        parts.append(f"not in this dataset: {some}; run both variants again")
    return parts


def _named(reasons: Sequence[str], between: str) -> str:
    rest = len(reasons) - NAMED
    return between.join(reasons[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _counts(read: Sequence[_Read], outside: Sequence[About]) -> dict[str, int]:
    verdicts = Counter(one.verdict for one in read)
    return {
        "cases": len(read),
        "hold": verdicts["pass"],
        "failed": verdicts["fail"],
        "silent": sum(one.silent for one in read),
        "unlabelled_claims": sum(one.waiting for one in read),
        "not_in_dataset": len(outside),
    }
