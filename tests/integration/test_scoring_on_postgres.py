"""What scorers, judges and rails leave behind is on PostgreSQL what it is on SQLite."""

from collections.abc import Iterator

import pytest
from filled_store import fill

from evals.records import Certificate, Finding, FindingReview, JudgeCall, Retest
from evals.store import Store

NOW = "2026-11-22T12:00:00Z"
pytestmark = pytest.mark.postgres


@pytest.fixture
def stores(postgres_url: str) -> Iterator[tuple[Store, Store]]:
    """The same things written to either."""
    both = Store.open(postgres_url), Store.open("sqlite://")
    for store in both:
        fill(store)
        said, *_ = store.runs.outputs(store.runs.runs()[0].run_id)
        store.runs.add_outputs([], [Finding("finding", said.output_id, "contact", "redact", "output", 0, 3, "e-mail address")])
    yield both
    for store in both:
        store.close()


def test_rollups_findings_and_contested_claims_are_the_same(stores: tuple[Store, Store]) -> None:
    ours, theirs = stores
    for run in ours.runs.runs():
        means = [store.runs.score_means(run.run_id) for store in stores]
        assert [row._replace(mean=None) for row in means[0]] == [row._replace(mean=None) for row in means[1]]
        assert [row.mean for row in means[0]] == pytest.approx([row.mean for row in means[1]])
    assert ours.findings.counts() == theirs.findings.counts() != []
    assert ours.contested.scored(["grounded"]) == theirs.contested.scored(["grounded"])
    assert ours.contested.decided(["grounded"]) == theirs.contested.decided(["grounded"])
    (signature, *_) = {row.signature for row in ours.contested.scored(["grounded"])}
    assert ours.contested.most("grounded", signature) == theirs.contested.most("grounded", signature)


def test_certificates_calls_and_reviews_come_back_as_they_went_in(stores: tuple[Store, Store]) -> None:
    for store in stores:
        found = Certificate("c", "grounded", "v:1", "claim-v2", "pt", "l", 9, 4, 3, 1, NOW, NOW, "9 labels of 100", {"auroc": None})
        assert (store.judging.add_certificates([found, found]), store.judging.certificates()) == (1, [found])
        retest = Retest("r", "c", NOW, 40, None, {"auroc": [0.8, 0.7, 0.9]})
        assert (store.judging.add_retests([retest]), store.judging.retests("c")) == (1, [retest])
        calls = [JudgeCall(f"call-{n}", "q", "judge", "claims", NOW, 0.5, 10, 5, usd) for n, usd in enumerate([0.1, None])]
        assert (store.judging.add_calls(calls), store.judging.add_calls(calls)) == (2, 0)
        (spent,) = store.judging.spent()
        assert (spent.calls, spent.prompt_tokens, spent.usd) == (2, 20, None)  # one call has no price: the sum is not known
        for right in (False, True):
            store.judging.review_findings([FindingReview("finding", "Ann", right, NOW)])
        assert [(row.reviewer, row.right) for row in store.judging.finding_reviews()] == [("Ann", True)]
