"""Findings counted, listed with their case, and what people said of them."""

from __future__ import annotations

import pytest
from support import NOW, a_store, two_runs

from evals.errors import UnknownIdError
from evals.identity import content_id
from evals.records import Action, Finding, FindingReview, Output
from evals.store import Judged, Store


def finding(output: Output, rail: str, action: Action, number: int = 0) -> Finding:
    name = content_id("finding", output.output_id, rail, number)
    return Finding(name, output.output_id, rail, action, "output", number, number + 1, "planted")


@pytest.fixture
def store() -> Store:
    """Two contact hits in the champion's first English output, one in the candidate's, an injection in a Japanese one."""
    store = a_store()
    runs = two_runs(store, ("en", "ja"), products=1)
    outputs = {(run.run_id, store.runs.case(out.case_id).language): out for run in (runs.champion, runs.candidate)
               for out in store.runs.outputs(run.run_id)}  # fmt: skip
    english, other = outputs[runs.champion.run_id, "en"], outputs[runs.candidate.run_id, "en"]
    japanese = outputs[runs.candidate.run_id, "ja"]
    found = [finding(english, "contact", "redact"), finding(english, "contact", "redact", 5), finding(other, "contact", "redact")]
    store.runs.add_outputs([], [*found, finding(japanese, "injection", "block")])
    return store


def test_hits_are_counted_by_rail_language_and_action(store: Store) -> None:
    rows = {(row.rail, row.language, row.action): (row.hits, row.outputs) for row in store.findings.counts("highlights")}
    assert rows == {("contact", "en", "redact"): (3, 2), ("injection", "ja", "block"): (1, 1)}
    first = next(run.run_id for run in store.runs.runs("highlights") if store.findings.counts(run_id=run.run_id)[0].hits == 2)
    assert [row.hits for row in store.findings.counts("highlights", first)] == [2]
    assert store.findings.counts("assistant") == []


def test_findings_come_with_their_case_and_those_nobody_looked_at_first(store: Store) -> None:
    rows = store.findings.rows("highlights", rail="contact")
    assert len(rows) == 3 and {(row.language, row.feature, row.right, row.wrong) for row in rows} == {("en", "highlights", 0, 0)}
    looked = rows[0].finding.finding_id
    store.judging.review_findings([FindingReview(looked, "ann", False, NOW), FindingReview(looked, "bob", True, NOW)])
    again = store.findings.rows("highlights", rail="contact")
    assert again[-1].finding.finding_id == looked and (again[-1].right, again[-1].wrong) == (1, 1)
    assert store.findings.one(looked) == again[-1]
    assert [row.finding.rail for row in store.findings.rows(language="ja", action="block", limit=1)] == ["injection"]


def test_a_finding_counts_as_wrong_where_most_say_so(store: Store) -> None:
    one, two, three = (row.finding.finding_id for row in store.findings.rows(rail="contact"))
    said = [(one, "ann", False), (one, "bob", False), (one, "cleo", True), (two, "ann", True), (three, "ann", True), (three, "bob", False)]
    store.judging.review_findings(FindingReview(finding_id, who, right, NOW) for finding_id, who, right in said)
    assert store.findings.judged() == [Judged("contact", "en", 3, 1, 1)]
    store.judging.review_findings([FindingReview(three, "bob", True, NOW)])  # bob thinks again
    assert store.findings.judged() == [Judged("contact", "en", 3, 1, 0)]


def test_a_finding_that_is_not_stored_is_named(store: Store) -> None:
    with pytest.raises(UnknownIdError, match="'finding-x'"):
        store.findings.one("finding-x")
