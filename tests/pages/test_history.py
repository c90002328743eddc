"""The page History: what was live on a day, and why; the audit log, and whether it is whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest
from support import two_runs

from evals.paths import ROOT
from evals.records import AuditEvent, Decision, Promotion
from evals.store import Store

HOSTILE = "<script>alert(1)</script> **bold** [x](http://evil.example) \u202egnp"


def change(store: Store, number: int, variant_id: str, now: str, **more: Any) -> None:
    """A change of champion with its audit event, as `evals.registry` writes both."""
    promotion = Promotion("highlights", variant_id, None, "ann", "why not", now, number=number)
    promotion = replace(promotion, action="install", **more)
    detail = {
        "feature": "highlights", "marketplace": promotion.marketplace, "decision_id": promotion.decision_id, "before": None,
        "number": number, "reason": promotion.reason, "back_to": promotion.before,
    }  # fmt: skip
    store.ledger.add_promotion(promotion, AuditEvent(now, promotion.actor, promotion.action, variant_id, detail))


@pytest.fixture
def changed(store: Store) -> Store:
    """A champion since the first of October, in Japan another since the fifth."""
    runs = two_runs(store, ("en",), products=1)
    champion, candidate = (store.runs.run(run.run_id).variant_id for run in (runs.champion, runs.candidate))
    change(store, 1, champion, "2026-10-01T09:00:00Z", reason=HOSTILE)
    change(store, 2, candidate, "2026-10-05T09:00:00Z", marketplace="JP")
    return store


def opened(**address: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "workbench" / "app.py"), default_timeout=60)
    at.switch_page("views/history.py")
    for name, value in address.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.title, at.subheader, at.code, at.warning, at.info, at.success, at.error)
    return "\n".join(str(one.value) for kind in kinds for one in kind)


def test_before_the_first_champion_it_says_how_to_name_one(store: Store) -> None:
    at = opened()
    assert at.title[0].value == "History"
    assert "plumb install highlights" in said(at)
    assert not at.dataframe


def test_a_day_shows_who_served_then_since_when_and_why(changed: Store) -> None:
    at = opened(on="2026-10-03")
    text_ = said(at)
    assert "Live on 2026-10-03" in text_ and "**champion** everywhere" in text_
    assert "Since 2026-10-01 09:00 UTC, still in service." in text_ and "install by ann" in text_
    assert at.date_input[0].value == date(2026, 10, 3)


def test_a_marketplace_has_its_own_history(changed: Store) -> None:
    assert "**candidate** in JP" in said(opened(on="2026-10-06", place="JP"))
    both = said(opened(on="2026-10-05", place="JP"))
    assert "**champion** everywhere" in both and "until 2026-10-05 09:00 UTC" in both and "**candidate** in JP" in both
    assert "**champion** everywhere" in said(opened(on="2026-10-06", place="DE"))


def test_marketplaces_with_a_champion_of_their_own_stand_beside_the_others(changed: Store) -> None:
    (before,) = [frame.value for frame in opened(on="2026-10-02").dataframe if "until" in frame.value.columns]
    table = next(frame.value for frame in opened(on="2026-10-06").dataframe if "marketplace" in frame.value.columns)
    assert table["marketplace"].tolist() == ["everywhere", "in JP"] and table["variant"].tolist() == ["champion", "candidate"]
    assert table["as"].tolist() == ["its own", "its own"] and len(before) == 1


def test_a_day_before_the_first_champion_says_that_nothing_served(changed: Store) -> None:
    assert "Nothing served highlights on 2026-09-30" in said(opened(on="2026-09-30"))


def test_a_picked_day_goes_into_the_address(changed: Store) -> None:
    at = opened()
    at.date_input[0].set_value(date(2026, 10, 2)).run()
    assert not at.exception
    assert at.query_params["on"] in ("2026-10-02", ["2026-10-02"])
    assert "Live on 2026-10-02" in said(at)


@pytest.mark.parametrize("wrong", ["<script>", "2026-13-01", "yesterday", "1999-12-31", "9999-01-01"])
def test_an_address_that_names_no_day_is_named_and_replaced(changed: Store, wrong: str) -> None:
    at = opened(on=wrong)
    assert "is no day" in said(at) and "<script>" not in said(at)


def test_a_promotion_shows_its_decision_and_leads_to_it(changed: Store) -> None:
    runs = {changed.runs.variant(run.variant_id).name: run.run_id for run in changed.runs.runs("highlights")}
    body = {
        "runs": {name: {"variant": name, "run_id": runs[name]} for name in ("champion", "candidate")},
        "policy": {"look": 1, "looks": 1},
        "evidence": {"votes": 7},
        "requirements": [],
    }
    about = ("promote", "Promote: it passes.", "2026-10-07T08:00:00Z", body)
    decision = Decision("decision-0123456789abcdef", "highlights", "p", runs["champion"], runs["candidate"], *about)
    changed.ledger.add_decision(decision)
    served = changed.runs.run(runs["candidate"]).variant_id
    change(changed, 3, served, "2026-10-07T09:00:00Z", decision_id=decision.decision_id, before=1)
    at = opened(on="2026-10-08")
    assert "The gate said: Promote" in said(at) and "it passes" in said(at)
    link = at.get("page_link")[0].proto
    assert link.label == "Open the decision" and "decision=0123456789ab" in (link.query_string + link.page)
    assert any("outcome" in frame.value.columns for frame in at.dataframe)


def test_hostile_reasons_stay_text(changed: Store) -> None:
    words = said(opened(on="2026-10-03"))
    assert "<script>" not in words.replace("\\<script>", "") and "\u202e" not in words and "](http" not in words.replace("\\](http", "")


def test_the_log_is_listed_and_checked_on_request(changed: Store) -> None:
    at = opened()
    log = next(frame.value for frame in at.dataframe if "hash" in frame.value.columns)
    assert log["what"].tolist() == ["install", "install"] and log["no."].tolist() == [2, 1]
    next(button for button in at.button if button.label == "Check the whole log").click().run()
    assert "2 events, none changed" in said(at)
    with changed.engine.begin() as connection:
        connection.execute(text("UPDATE audit_event SET actor = 'eve' WHERE number = 1"))
    next(button for button in at.button if button.label == "Check the whole log").click().run()
    assert not at.exception and "audit event 1" in at.error[0].value
