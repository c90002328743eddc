"""A customer's report hides its text at once, asks people first, and is one report however often it comes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reported import LATER, REPORT, answer, report, serving
from support import NOW, TwoRuns, a_run, a_store, an_output, two_runs

from annotators.asking import queues
from annotators.customers import escalations
from annotators.customers.escalations import judged, queue_regressions, resolve
from evals.errors import InputError, MoreNeededError, UnknownIdError
from evals.identity import content_id
from evals.publication import REPORTED, WITHDRAWN, published
from evals.records import Case, Dataset, Run
from evals.store import Store

HOSTILE = "<img src=x onerror=alert(1)> \u202egnp.exe {{7*7}} =cmd|' /C calc'!A0 \u200b https://evil.example/x"


@pytest.fixture
def store() -> Store:
    return a_store()


@pytest.fixture
def runs(store: Store) -> TwoRuns:
    return serving(store, two_runs(store, ("en", "ja"), products=2))


def shown(store: Store, language: str = "ja") -> str | None:
    return published(store, "highlights", "product-1", language).hidden_because


# ---------------------------------------------------------------------------------------------- a report comes in


def test_a_report_hides_its_text_at_once_and_no_other(store: Store, runs: TwoRuns) -> None:
    done = report(store)
    assert done.new and shown(store) == REPORTED and shown(store, "en") is None
    assert store.escalations.hidden([done.escalation.output_id, "output-of-nobody"]) == {done.escalation.output_id}
    assert store.escalations.open() == store.escalations.open(done.escalation.output_id) == [done.escalation]
    assert store.escalations.all("assistant") == [] and store.escalations.all("highlights") == [done.escalation]


def test_every_claim_is_put_before_two_people_and_nothing_tells_that_it_was_reported(store: Store, runs: TwoRuns) -> None:
    done = report(store)
    [first, *_] = queued = store.queue.items(why="escalated")
    assert done.items == len(queued) == len(store.runs.claims_of(done.escalation.output_id)) == 3
    assert {(item.rubric, item.probability, item.overlap, item.origin_id) for item in queued} == {
        ("claim-v2", 1.0, 2, done.escalation.escalation_id)
    }
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=0, overlap=1, now=NOW)
    ordinary = next(item for item in store.queue.items() if item.claim_id == first.claim_id and item.why != "escalated")
    assert ordinary.item_id != first.item_id and ordinary.queue == first.queue
    assert {**ordinary.data, "item_id": ""} == {**first.data, "item_id": ""}
    assert "joe@example.org" not in str([item.data for item in queued]) and "escal" not in str(first.data)


def test_the_same_report_twice_is_one_escalation_and_another_one_asks_nobody_twice(store: Store, runs: TwoRuns) -> None:
    first, again, other = report(store), report(store, f"  {REPORT}\n", now="2027-01-01T00:00:00Z"), report(store, "Wrong colour")
    assert (again.new, again.items, again.escalation) == (False, 0, first.escalation)
    assert (other.new, other.items) == (True, 0)
    assert len(store.queue.items(why="escalated")) == 3 and len(store.escalations.all()) == 2
    assert [event.action for event in store.ledger.events()] == ["escalate", "escalate", "install"]


def test_the_report_is_kept_as_it_came_and_is_redacted_everywhere_else(store: Store, runs: TwoRuns) -> None:
    done = report(store, f"{REPORT} {HOSTILE}", reporter="joe@example.org")
    assert done.escalation.report == f"{REPORT} {HOSTILE}"
    event = store.ledger.events()[0]
    assert (event.action, event.subject) == ("escalate", done.escalation.escalation_id)
    for foreign in ("joe@example.org", "\u202e", "\u200b", "evil.example"):
        assert foreign not in event.actor + str(event.detail)


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_what_no_database_takes_is_replaced_and_the_report_not_lost(store: Store, runs: TwoRuns, text: str) -> None:
    assert report(store, text).escalation.report == "a\ufffdb" and shown(store) == REPORTED


@pytest.mark.parametrize("text", ["", " \n", "x" * 10_001, "x" * (1 << 20)])
def test_an_empty_or_endless_report_is_refused(store: Store, runs: TwoRuns, text: str) -> None:
    with pytest.raises(InputError, match="report: 1 to 10,000 characters"):
        report(store, text)
    assert store.escalations.all() == []


def test_what_is_not_published_is_refused_with_what_is(store: Store, runs: TwoRuns) -> None:
    with pytest.raises(UnknownIdError, match=r"product 'product-9', only about product-1, product-2"):
        report(store, product_id="product-9")
    with pytest.raises(UnknownIdError, match=r"highlights of product-1 are not published in 'de', only in en, ja"):
        report(store, language="de")
    with pytest.raises(UnknownIdError, match="assistant have no champion yet"):
        report(store, feature="assistant", question="How heavy?")
    for odd in ("\0", "\ud800", "'; DROP TABLE output; --"):
        with pytest.raises(UnknownIdError):
            report(store, product_id=odd)
        with pytest.raises(UnknownIdError):
            report(store, output_id=odd)


def test_an_answer_of_the_assistant_is_named_by_its_question(store: Store) -> None:
    runs = serving(store, two_runs(store, ("en", "ja"), products=1, feature="assistant"))
    case = next(case for case in store.runs.cases(runs.dataset.dataset_id) if case.language == "ja")
    question = str(case.inputs["question"])
    done = report(store, feature="assistant", question=question)
    assert done.escalation.case_id == case.case_id and done.items == 3
    assert published(store, "assistant", "product-1", "ja", question).hidden_because == REPORTED
    with pytest.raises(UnknownIdError, match=f"nobody asked 'Blue\\?' about product-1 in ja, only '{question}'"):
        report(store, feature="assistant", question="Blue?")
    with pytest.raises(InputError, match="which question"):
        report(store, feature="assistant")
    with pytest.raises(InputError, match="highlights answer no question"):
        report(store, question=question)


def test_a_customer_may_have_seen_an_earlier_output(store: Store, runs: TwoRuns) -> None:
    [case, *_] = store.runs.cases(runs.dataset.dataset_id)
    seen = store.runs.output_of(runs.candidate.run_id, case.case_id)
    done = report(store, language=case.language, output_id=seen.output_id)
    assert done.escalation.output_id == seen.output_id and shown(store, case.language) is None
    with pytest.raises(InputError, match=f"output {seen.output_id} is of highlights, product-1 in {case.language}"):
        report(store, language="ja" if case.language == "en" else "en", output_id=seen.output_id)


def test_what_a_rail_stopped_was_never_shown_and_cannot_be_reported(store: Store, runs: TwoRuns) -> None:
    case = store.runs.cases(runs.dataset.dataset_id)[0]
    stopped = replace(an_output(again(store, runs, [case]), case, "Not available."), status="blocked")
    store.runs.add_outputs([stopped])
    with pytest.raises(UnknownIdError, match="was not shown"):
        report(store, language=case.language)


def again(store: Store, runs: TwoRuns, cases: list[Case], now: str = LATER) -> Run:
    """A newer finished run of the champion over these cases, without outputs."""
    dataset = Dataset(content_id("dataset", "again", [case.case_id for case in cases]), "again", "highlights", len(cases), now)
    store.runs.add_dataset(dataset, cases)
    return store.runs.add_run(a_run(store.runs.variant(runs.champion.variant_id), dataset, now))


# ---------------------------------------------------------------------------------------------- stopped half-way


def test_killed_before_people_were_asked_the_text_is_hidden_and_a_second_report_completes_it(
    store: Store, runs: TwoRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(escalations, "claim_task", interrupted)
        with pytest.raises(KeyboardInterrupt):
            report(store)
    assert shown(store) == REPORTED and store.queue.items(why="escalated") == []
    done = report(store)
    assert (done.new, done.items) == (False, 3) and report(store).items == 0
    assert [event.action for event in store.ledger.events()] == ["escalate", "install"]


def test_killed_before_people_were_asked_the_next_comparison_completes_it(
    store: Store, runs: TwoRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(type(store.queue), "add_items", interrupted)
        with pytest.raises(KeyboardInterrupt):
            report(store)
    assert queue_regressions(store, runs.champion.run_id, runs.candidate.run_id, overlap=2, now=LATER) == 6
    assert report(store).items == 0


def test_killed_while_the_escalation_is_stored_nothing_is_and_asking_again_does_all_of_it(
    store: Store, runs: TwoRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evals.store import escalations as module

    with monkeypatch.context() as broken:
        broken.setattr(module, "append", interrupted)  # between the row and its audit event
        with pytest.raises(KeyboardInterrupt):
            report(store)
    assert store.escalations.all() == [] and shown(store) is None
    assert report(store).items == 3 and len(store.ledger.events()) == 2


def test_an_output_that_was_never_cut_into_claims_is_cut_now(store: Store, runs: TwoRuns) -> None:
    case = store.runs.cases(runs.dataset.dataset_id)[0]
    store.runs.add_outputs([an_output(again(store, runs, [case]), case, "The sound is good. The battery is bad.")])
    assert report(store, language=case.language).items == 2


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


# ---------------------------------------------------------------------------------------------- regression cases before people


def test_both_runs_claims_of_a_reported_case_are_asked_apart_from_the_sample_and_once(store: Store, runs: TwoRuns) -> None:
    ids = (runs.champion.run_id, runs.candidate.run_id)
    assert queue_regressions(store, *ids, overlap=2, now=LATER) == 0
    done = report(store)
    assert queue_regressions(store, *ids, overlap=2, now=LATER) == 3  # the champion's are there already
    assert queue_regressions(store, *ids, overlap=3, now="2027-01-01T00:00:00Z") == 0
    queued = store.queue.items(why="escalated")
    assert {item.case_id for item in queued} == {done.escalation.case_id} and {item.run_id for item in queued} == set(ids)
    assert len({item.claim_id for item in queued}) == len(queued) == 6
    drawn = queues.enqueue(store, *ids, fraction=1.0, seed=0, overlap=1, now=NOW)
    assert drawn.new_items == 24 and {item.why for item in store.queue.items(why="escalated")} == {"escalated"}


def test_the_items_say_neither_side_nor_reason(store: Store, runs: TwoRuns) -> None:
    report(store)
    queue_regressions(store, runs.champion.run_id, runs.candidate.run_id, overlap=2, now=LATER)
    assert {frozenset(item.data) for item in store.queue.items(why="escalated")} == {
        frozenset({"item_id", "language", "claim", "evidence"})
    }
    assert {item.first for item in store.queue.items(why="escalated")} == {None}


# ---------------------------------------------------------------------------------------------- what comes of it


def test_a_text_whose_every_claim_people_call_grounded_is_shown_again(store: Store, runs: TwoRuns) -> None:
    done = report(store).escalation
    answer(store)
    closed = resolve(store, done.escalation_id, "checked by two people", "owner", LATER)
    assert (closed.withdrawn, escalations.state(closed), shown(store)) == (False, "shown again", None)
    assert store.escalations.open() == [] and store.ledger.events()[0].action == "resolve"


def test_a_text_with_one_claim_that_is_not_grounded_is_withdrawn_for_good(store: Store, runs: TwoRuns) -> None:
    done = report(store).escalation
    wrong = store.queue.items(why="escalated")[0].item_id
    answer(store, lambda item: "contradicted" if item.item_id == wrong else "grounded")
    assert judged(store, done) == escalations.Judged(claims=3, waiting=0, refuted=1, unclear=0)
    closed = resolve(store, done.escalation_id, "the count is wrong", "owner", LATER)
    assert closed.withdrawn and shown(store) == WITHDRAWN and store.escalations.open() == []


def test_a_tie_is_not_grounded(store: Store, runs: TwoRuns) -> None:
    done = report(store).escalation
    answer(store, people=2)
    answer(store, lambda item: "unsupported", people=1)
    assert resolve(store, done.escalation_id, "undecided", "owner", LATER).withdrawn


@pytest.mark.parametrize(
    ("verdict", "people", "said"),
    [
        ("grounded", 0, "3 of 3 claims wait for people"),
        ("grounded", 1, "3 of 3 claims wait for people"),
        ("not_checkable", 2, "3 could not be checked"),
    ],
)
def test_while_people_have_not_judged_it_the_text_stays_hidden(store: Store, runs: TwoRuns, verdict: str, people: int, said: str) -> None:
    done = report(store).escalation
    answer(store, lambda item: verdict, people=people)
    with pytest.raises(MoreNeededError, match=said):
        resolve(store, done.escalation_id, "let us see", "owner", LATER)
    assert shown(store) == REPORTED


def test_what_people_said_before_the_report_does_not_settle_it(store: Store, runs: TwoRuns) -> None:
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=0, overlap=2, now=NOW)
    answer(store, why="random audit")
    done = report(store).escalation
    assert judged(store, done).waiting == 3
    with pytest.raises(MoreNeededError):
        resolve(store, done.escalation_id, "it was audited", "owner", LATER)


def test_somebody_may_decide_without_the_labels_and_the_log_says_who_and_why(store: Store, runs: TwoRuns) -> None:
    done = report(store).escalation
    assert resolve(store, done.escalation_id, "the customer took it back", "owner", LATER, show=True).withdrawn is False
    event = store.ledger.events()[0]
    assert (event.actor, event.detail["decided_by"], event.detail["because"]) == ("owner", "the actor", "the customer took it back")
    assert shown(store) is None


def test_resolved_twice_is_resolved_once_and_otherwise_refused(store: Store, runs: TwoRuns) -> None:
    done = report(store).escalation
    first = resolve(store, done.escalation_id, "wrong", "owner", LATER, show=False)
    assert resolve(store, done.escalation_id, "wrong", "other", "2027-01-01T00:00:00Z") == first
    with pytest.raises(InputError, match=r"was resolved at .* \(withdrawn\): wrong"):
        resolve(store, done.escalation_id, "right after all", "owner", LATER, show=True)
    with pytest.raises(InputError, match="resolution"):
        resolve(store, done.escalation_id, " ", "owner", LATER)
    with pytest.raises(UnknownIdError, match="no escalation 'escalation-0'"):
        resolve(store, "escalation-0", "x", "owner", LATER)
    assert [event.action for event in store.ledger.events()].count("resolve") == 1


def test_a_text_is_hidden_until_every_report_about_it_is_resolved(store: Store, runs: TwoRuns) -> None:
    one, other = report(store).escalation, report(store, "The colour is wrong").escalation
    resolve(store, one.escalation_id, "fine", "owner", LATER, show=True)
    assert shown(store) == REPORTED
    resolve(store, other.escalation_id, "fine", "owner", LATER, show=True)
    assert shown(store) is None


def test_an_expert_ends_a_conflict_about_a_report(store: Store, runs: TwoRuns) -> None:
    done = report(store).escalation
    answer(store, people=1)
    item = store.queue.items(why="escalated")[0]
    settled = replace(item, item_id="item-expert", why="adjudication", rubric="adjudication-v1", overlap=1)
    store.queue.add_items([settled])
    answer(store, lambda item: "unsupported", people=1, why="adjudication")
    assert judged(store, done).refuted == 1
