"""What a customer once reported is asked of every later candidate, and people must call each claim of it grounded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reported import LATER, answer, serving
from reported import report as reported
from support import NOW, TwoRuns, a_case, a_product, a_run, a_store, a_variant, an_output, two_runs

from annotators.asking import queues
from annotators.customers.escalations import queue_regressions, resolve
from evals import gate
from evals.claims import claims_of
from evals.datasets import about, assistant_cases, highlights_cases, make_dataset, reported_cases
from evals.errors import PolicyError
from evals.gate.regression import Tally, tallies
from evals.identity import content_id
from evals.paths import DATA
from evals.records import FEATURES, Case, Decision, Escalation, Label, QueueItem, Run
from evals.report import render
from evals.store import Store

FALSE, FIXED = "Everybody says that the sound is bad. The battery is fine.", "Most say that the sound is good. The battery is fine."
POLICY = gate.parse_policy(
    {"version": 1, "feature": "highlights", "requirements": [{"name": "reported cases", "kind": "regression"}]},
)


@pytest.fixture
def store() -> Store:
    return a_store()


@pytest.fixture
def runs(store: Store) -> TwoRuns:
    return serving(store, two_runs(store, ("en", "ja"), products=2, wrong_every=0))


def english_report(store: Store) -> Escalation:
    return reported(store, language="en").escalation


def candidate(store: Store, runs: TwoRuns, text: str, name: str = "next", status: str = "ok") -> Run:
    """A run that says `text` of product-1 in English, and of the rest what the champion says."""
    variant = a_variant("highlights", name)
    store.runs.add_variant(variant)
    run = store.runs.add_run(a_run(variant, runs.dataset))
    for case in store.runs.cases(runs.dataset.dataset_id):
        mine = (case.product_id, case.language) == ("product-1", "en")
        before = store.runs.output_of(runs.champion.run_id, case.case_id)
        output = an_output(run, case, text if mine else before.text, before.passages, before.aspects)
        output = replace(output, status=status if mine else "ok")  # type: ignore[arg-type]  # a status
        store.runs.add_outputs([output])
        store.runs.add_claims(claims_of(output, case.language) if output.status == "ok" else ())
    return run


def read(store: Store, runs: TwoRuns, other: Run | None = None, policy: gate.Policy = POLICY) -> Decision:
    return gate.decide(store, policy, runs.champion.run_id, (other or runs.candidate).run_id, now=LATER)


def verdict(decision: Decision) -> tuple[str, str]:
    cell = decision.body["requirements"][0]["cells"][0]
    return cell["verdict"], cell["reason"]


def counts(decision: Decision) -> dict[str, int]:
    return dict(decision.body["requirements"][0]["cells"][0]["counts"])


def truthful(item: QueueItem) -> str:
    return "contradicted" if "sound is bad" in str(item.data["claim"]) else "grounded"


# ---------------------------------------------------------------------------------------------- from report to gate


def test_without_any_report_it_passes_and_says_that_it_counted_none(store: Store, runs: TwoRuns) -> None:
    decision = read(store, runs)
    assert verdict(decision) == ("pass", "no regression cases yet") and decision.outcome == "promote"
    assert set(counts(decision).values()) == {0}


def test_after_a_report_the_next_gate_waits_for_labels_then_rejects_the_claim_repeated_and_passes_it_fixed(
    store: Store, runs: TwoRuns
) -> None:
    english_report(store)
    repeats, fixes = candidate(store, runs, FALSE, "repeats"), candidate(store, runs, FIXED, "fixes")
    for run in (repeats, fixes):
        assert queue_regressions(store, runs.champion.run_id, run.run_id, overlap=2, now=LATER) == 2
        decision = read(store, runs, run)
        assert verdict(decision) == ("inconclusive", "2 claims of reported cases must be labelled: product-1 in en")
        assert decision.outcome == "hold" and "2 claims of reported cases must be labelled" in decision.reason
    answer(store, truthful)
    decision = read(store, runs, repeats)
    assert decision.outcome == "reject"
    assert verdict(decision) == ("fail", "product-1 in en says “Everybody says that the sound is bad.”, grounded for 0 of 2 people")
    assert decision.reason == f"Reject: reported cases: {verdict(decision)[1]}."
    decision = read(store, runs, fixes)
    assert (verdict(decision), decision.outcome) == (("pass", "all 1 reported cases hold"), "promote")
    assert counts(decision) == {"cases": 1, "hold": 1, "failed": 0, "silent": 0, "unlabelled_claims": 0, "not_in_dataset": 0}


def test_a_case_stays_a_regression_case_after_its_report_is_resolved(store: Store, runs: TwoRuns) -> None:
    resolve(store, english_report(store).escalation_id, "fine", "owner", LATER, show=True)
    assert verdict(read(store, runs))[0] == "inconclusive"


def test_labels_of_the_sample_count_too_and_labels_made_to_measure_people_do_not(store: Store, runs: TwoRuns) -> None:
    english_report(store)
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=0, overlap=1, now=NOW)
    answer(store, people=1, why="random audit")
    assert verdict(read(store, runs))[0] == "pass"
    item = next(
        item for item in store.queue.items(run_id=runs.candidate.run_id) if (item.language, item.case_id) == ("en", english(store, runs))
    )
    store.queue.add_items([replace(item, item_id="item-control", why="control")])
    answer(store, lambda item: "contradicted", why="control")
    assert verdict(read(store, runs))[0] == "pass"


def english(store: Store, runs: TwoRuns) -> str:
    cases = store.runs.cases(runs.dataset.dataset_id)
    return next(case.case_id for case in cases if (case.product_id, case.language) == ("product-1", "en"))


def test_a_reading_of_regression_cases_uses_up_no_look(store: Store, runs: TwoRuns) -> None:
    english_report(store)
    queue_regressions(store, runs.champion.run_id, runs.candidate.run_id, overlap=2, now=LATER)
    looks = []
    for people in (0, 1, 2):
        answer(store, people=people)
        looks.append(read(store, runs).body["policy"]["look"])
    assert looks == [1, 1, 1]


# ---------------------------------------------------------------------------------------------- silence


def test_silence_passes_only_where_the_reported_text_was_withdrawn(store: Store, runs: TwoRuns) -> None:
    stopped = candidate(store, runs, "Not available.", status="blocked")
    escalation = english_report(store)
    said, why = verdict(read(store, runs, stopped))
    assert said == "inconclusive" and why == "product-1 in en: the candidate says nothing, and the report is still open: resolve it"
    resolve(store, escalation.escalation_id, "it is wrong", "owner", LATER, show=False)
    assert verdict(read(store, runs, stopped)) == ("pass", "all 1 reported cases hold, 1 of them by silence")


def test_silence_where_the_reported_text_was_right_is_a_loss_and_fails(store: Store, runs: TwoRuns) -> None:
    stopped = candidate(store, runs, " ")
    resolve(store, english_report(store).escalation_id, "it is right", "owner", LATER, show=True)
    said, why = verdict(read(store, runs, stopped))
    assert said == "fail" and why == "product-1 in en: the candidate says nothing, but the reported text was right and is shown"


def test_an_output_that_failed_is_no_silence(store: Store, runs: TwoRuns) -> None:
    broken = candidate(store, runs, "", status="error")
    resolve(store, english_report(store).escalation_id, "it is wrong", "owner", LATER, show=False)
    assert verdict(read(store, runs, broken)) == ("fail", "product-1 in en: the candidate has no output")


def test_claims_that_nobody_could_check_are_no_answer(store: Store, runs: TwoRuns) -> None:
    english_report(store)
    queue_regressions(store, runs.champion.run_id, runs.candidate.run_id, overlap=2, now=LATER)
    answer(store, lambda item: "not_checkable")
    said, why = verdict(read(store, runs))
    assert said == "inconclusive" and "says nothing that people could check" in why


# ---------------------------------------------------------------------------------------------- which cases


def test_a_reported_case_is_in_every_dataset_made_since_eligible_or_not(store: Store, runs: TwoRuns) -> None:
    assert highlights_cases(store) == []  # too few reviews
    reported(store)
    other = a_case("highlights", a_product(2), "en", reviews=1, reviews_sha256="0")
    dataset = make_dataset(store, "later", [other], LATER)
    cases = store.runs.cases(dataset.dataset_id)
    assert [about(case) for case in cases] == [about(other), ("product-1", "ja", "")] and dataset.cases == 2
    assert cases[1].inputs["reviews"] == len(store.catalog.review_ids("product-1", "ja"))
    assert make_dataset(store, "again", [other], LATER).dataset_id == dataset.dataset_id
    assert make_dataset(store, "there", cases, LATER).dataset_id == dataset.dataset_id


def test_a_reported_question_stays_in_every_dataset_of_the_assistant(store: Store) -> None:
    made = serving(store, two_runs(store, ("en", "ja"), products=2, feature="assistant"))
    case = next(case for case in store.runs.cases(made.dataset.dataset_id) if case.language == "ja")
    asked = str(case.inputs["question"])
    reported(store, feature="assistant", product_id=case.product_id, question=asked)
    others = [some for some in assistant_cases(store) if about(some) != about(case)]
    assert store.runs.cases(make_dataset(store, "later", others, LATER).dataset_id) == [*others, case]
    assert reported_cases(store, "assistant") == [case] and reported_cases(store, "highlights") == []


def test_reviews_that_came_since_do_not_free_a_candidate_of_a_reported_case(store: Store, runs: TwoRuns) -> None:
    old = a_case("highlights", a_product(1), "en", reviews=1, reviews_sha256="0")
    run = champion_run(store, runs, [old], "2026-11-25T00:00:00Z")
    reported(store, language="en", output_id=content_id("output", run.run_id, old.case_id))
    assert verdict(read(store, runs)) == ("inconclusive", "3 claims of reported cases must be labelled: product-1 in en")


def champion_run(store: Store, runs: TwoRuns, cases: list[Case], now: str) -> Run:
    dataset = make_dataset(store, "other", cases, now)
    run = store.runs.add_run(a_run(store.runs.variant(runs.champion.variant_id), dataset, now))
    store.runs.add_outputs([an_output(run, case, FALSE) for case in cases])
    return run


def test_a_dataset_without_a_reported_case_cannot_pass(store: Store, runs: TwoRuns) -> None:
    new = a_case("highlights", a_product(2), "de", reviews=1, reviews_sha256="0")
    run = champion_run(store, runs, [new], "2026-11-25T00:00:00Z")
    output = store.runs.output_of(run.run_id, new.case_id)
    reported(store, language="de", product_id="product-2", output_id=output.output_id)
    assert verdict(read(store, runs)) == ("inconclusive", "not in this dataset: product-2 in de; run both variants again")
    assert counts(read(store, runs))["not_in_dataset"] == 1


# ---------------------------------------------------------------------------------------------- votes


def a_label(claim: str, person: str, verdict: str, why: str = "escalated", at: str = NOW) -> Label:
    return Label(
        f"item-{claim}-{why}", claim, "highlights/en/claim-v2", "highlights", "en", "claim-v2", why, 1.0, person, verdict, None, {}, at, at,
        None, "run", "case", "output", claim, "product-1", "audio",
    )  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["grounded"], True),
        (["grounded", "unsupported"], False),
        (["grounded", "grounded", "contradicted"], True),
        (["grounded", "not_checkable"], True),
        (["not_checkable"], None),
    ],
)
def test_a_claim_holds_by_majority_and_a_tie_fails(verdicts: list[str], expected: bool | None) -> None:
    [tally] = tallies(a_label("c", str(n), said) for n, said in enumerate(verdicts)).values()
    assert tally.grounded is expected


def test_an_expert_ends_it_and_each_person_counts_once_with_the_newest_answer() -> None:
    votes = [a_label("c", "a", "grounded"), a_label("c", "a", "contradicted", "random audit", at=LATER), a_label("c", "b", "contradicted")]
    assert tallies(votes) == {"c": Tally(0, 2)}
    assert tallies([*votes, a_label("c", "e", "grounded", "adjudication")]) == {"c": Tally(1, 0)}
    assert tallies([a_label("c", "a", "contradicted", why) for why in ("gold", "control", "anchor", "bridge")]) == {}


# ---------------------------------------------------------------------------------------------- policies and reports


@pytest.mark.parametrize("feature", FEATURES)
def test_both_shipped_policies_demand_it(feature: str) -> None:
    policy = gate.load_policy(DATA / "policies" / f"{feature}.yaml")
    [row] = [row for row in policy.requirements if row.kind == "regression"]
    assert row.critical and row.name == "reported cases"


def test_it_has_nothing_to_choose() -> None:
    row = {"name": "r", "kind": "regression", "margin": 0.1}
    with pytest.raises(PolicyError, match="'margin' was unexpected"):
        gate.parse_policy({"version": 1, "feature": "highlights", "requirements": [row]})


def test_a_hostile_claim_in_a_reason_stays_text_in_every_report(store: Store, runs: TwoRuns) -> None:
    english_report(store)
    hostile = candidate(store, runs, "The sound is bad <script>alert(1)</script> @all \u202egnp " + "very " * 60 + "bad.")
    queue_regressions(store, runs.champion.run_id, hostile.run_id, overlap=2, now=LATER)
    answer(store, lambda item: "contradicted")
    decision = read(store, runs, hostile)
    assert decision.outcome == "reject" and len(decision.reason) < 300
    pages = {kind: render(decision, kind) for kind in ("md", "html", "junit")}  # type: ignore[arg-type]  # kinds
    assert all("<script>alert" not in page and "\u202e" not in page for page in pages.values())
    assert "@all" not in pages["md"] and all("sound is bad" in page for page in pages.values())


def test_only_the_first_few_are_named(store: Store, runs: TwoRuns) -> None:
    for product in ("product-1", "product-2"):
        for language in ("en", "ja"):
            reported(store, language=language, product_id=product)
    queue_regressions(store, runs.champion.run_id, runs.candidate.run_id, overlap=1, now=LATER)
    assert verdict(read(store, runs))[1].endswith("product-1 in en, product-1 in ja, product-2 in en and 1 more")
    answer(store, lambda item: "unsupported")
    said, why = verdict(read(store, runs))
    assert said == "fail" and why.count("says “") == 3 and why.endswith(" and 1 more") and "(and 2 more of its claims)" in why
