"""The page Gate without a browser: every verdict in words, the labels a hold lacks queued once, a waiver proposed by who may."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gated
import pytest
import yaml
from streamlit.testing.v1 import AppTest

from evals.errors import InputError
from evals.gate import load_policy
from evals.gate.policy import Policy, Waiver
from evals.languages import LANGUAGES
from evals.paths import ROOT
from evals.records import Decision, Outcome
from evals.store import Store
from workbench import gate_charts, gate_rows, label_plan, queries, units, verdicts, waiving

NOW = "2026-11-23T00:00:00Z"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Filled once; each test has a copy."""
    folder = tmp_path_factory.mktemp("template")
    store = Store.open(f"sqlite:///{folder / 'store.sqlite3'}")
    gated.fill(store, folder)
    store.close()
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(waiving, "POLICIES", tmp_path)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{folder / 'store.sqlite3'}")
    yield opened
    opened.close()


@pytest.fixture
def held(store: Store) -> Decision:
    return store.ledger.decisions("highlights")[0]


@pytest.fixture
def policy(held: Decision, folder: Path) -> Policy:
    return load_policy(folder / "highlights.yaml")


def opened(folder: Path, monkeypatch: pytest.MonkeyPatch, **address: str) -> AppTest:
    monkeypatch.setenv("PLUMBLINE_DATABASE_URL", f"sqlite:///{folder / 'store.sqlite3'}")
    monkeypatch.setenv("PLUMBLINE_HOME", str(folder))
    monkeypatch.delenv("PLUMBLINE_LABEL_STUDIO_URL", raising=False)
    at = AppTest.from_file(str(ROOT / "workbench" / "app.py"), default_timeout=60)
    at.switch_page("views/gate.py")
    for name, value in ({"feature": "highlights"} | address).items():
        at.query_params[name] = value
    return ran(at)


def ran(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def pressed(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return ran(at)


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.warning, at.error, at.success, at.info, at.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def requirement(decision: Decision, name: str) -> Mapping[str, Any]:
    return next(row for row in decision.body["requirements"] if row["name"] == name)


def a_waiver(**changes: Any) -> Waiver:
    return replace(Waiver("grounded", gated.OWNER, "Annotators start soon", "2026-12-31", 0.3, "language=en"), **changes)


# ---------------------------------------------------------------------------------------------- the heat map


def test_all_28_languages_stand_in_the_heat_map_and_unverified_is_seen(held: Decision) -> None:
    drawn = verdicts.sliced(held)
    rows = gate_rows.map_rows(drawn)
    assert next(iter(rows)) == "overall" and list(rows)[-1] == "category=audio"
    assert {f"language={tag}" for tag in LANGUAGES} <= rows.keys() and len(rows) == 30
    cells = {(cell.requirement, cell.slice): cell for cell in gate_rows.map_cells(drawn, rows)}
    assert len(cells) == 2 * 30
    assert cells["grounded", "language=ar"].verdict == "unverified" and cells["grounded", "language=de"].verdict == "waived"
    assert cells["grounded", "category=audio"].verdict is None and cells["grounded", "category=audio"].absence == "–"
    assert "25 unverified" in gate_rows.map_alt(gate_rows.map_cells(drawn[:1], rows), rows)


def test_a_language_without_a_case_is_shown_as_such_and_has_no_verdict(held: Decision) -> None:
    known = requirement(held, "grounded")
    only = {**known, "cells": [cell for cell in known["cells"] if cell["slice"] in ("overall", "language=en")]}
    rows = gate_rows.map_rows([only])
    cells = {cell.slice: cell for cell in gate_rows.map_cells([only], rows)}
    assert cells["language=ta"].verdict is None and cells["language=ta"].absence == "no case"
    assert "nothing is verified" in cells["language=ta"].hover
    assert "27 without a verdict" in gate_rows.map_alt(list(cells.values()), rows)


@pytest.mark.parametrize("dark", [False, True])
def test_the_heat_map_says_each_verdict_with_a_sign_and_its_count(held: Decision, dark: bool) -> None:
    drawn = verdicts.sliced(held)
    rows = gate_rows.map_rows(drawn)
    cells = gate_rows.map_cells(drawn, rows)
    figure = json.loads(gate_charts.verdict_map(cells, [row["name"] for row in drawn], rows, dark).to_json())
    ground, signs = figure["data"]
    assert len(ground["z"]) == len(rows) and ground["z"][0] == [2, 0]
    shown = dict(zip(map(tuple, signs["customdata"]), signs["text"], strict=True))
    assert "✓" in shown["blocked", "overall"] and "n 36" in shown["blocked", "overall"]
    assert "?" in shown["grounded", "language=ar"] and "w" in shown["grounded", "language=de"]
    hovers = dict(zip(map(tuple, signs["customdata"]), signs["hovertext"], strict=True))
    assert "n 6, must be ≥" in hovers["grounded", "language=en"] and "pp" in hovers["grounded", "language=en"]


def test_what_others_named_stays_text_in_figures(held: Decision) -> None:
    hostile = "<img src=x onerror=alert(1)>" * 3
    known = requirement(held, "blocked")
    cells = [*known["cells"][:1], {**known["cells"][1], "slice": f"category={hostile}"}]
    named = {**known, "name": hostile, "cells": cells}
    rows = gate_rows.map_rows([named])
    figure = gate_charts.verdict_map(gate_rows.map_cells([named], rows), [hostile], rows)
    drawn = [*figure.layout.xaxis.ticktext, *figure.layout.yaxis.ticktext, *figure.data[1].hovertext]
    drawn += [row.label for row in gate_rows.forest_rows(named)]
    assert not any("<img" in text for text in drawn)


# ---------------------------------------------------------------------------------------------- units and the forest plot


def test_each_kind_is_read_in_its_unit(held: Decision) -> None:
    shown = {row.requirement.split("**")[1]: row for row in verdicts.requirement_rows(held)}
    assert shown["grounded"].observed.endswith("\u00a0pp") and shown["grounded"].threshold == "≥\u00a0−20.0\u00a0pp"
    assert shown["blocked"].threshold == "≤\u00a020.0\u00a0%" and shown["price"].threshold == "≤\u00a01.10×"
    assert "over 1\u00a0s" in units.unit_of(requirement(held, "first token")).suffix
    usd = {"kind": "cost", "stated": {"max_usd_per_million_tokens": 0.2}}
    assert units.unit_of(usd).line(0.2) == "≤\u00a00.20\u00a0USD"


def test_a_floor_on_what_counts_as_bad_is_read_as_a_ceiling() -> None:
    good = {"kind": "floor", "stated": {"floor": 0.9}, "cells": [{"line": 0.88}]}
    bad = {"kind": "floor", "stated": {"floor": 0.9}, "cells": [{"line": 0.1}]}
    assert units.unit_of(good).line(0.88) == "≥\u00a088.0\u00a0%" and units.unit_of(bad).line(0.1) == "≤\u00a010.0\u00a0%"


def test_nothing_measured_is_a_dash_and_what_rounds_to_zero_has_no_sign() -> None:
    unit = units.Unit("pp", "", signed=True)
    assert (unit.text(None), unit.line(None), unit.interval({"low": None, "high": 1.0})) == ("–", "–", "–")
    assert unit.bare(-0.0001) == "0.0"


def test_each_row_of_the_forest_has_its_own_line_and_a_sign(held: Decision) -> None:
    whole, *slices = gate_rows.forest_rows(requirement(held, "grounded"))
    assert whole.margin == pytest.approx(20) and {row.margin for row in slices} == {40.0}
    assert next(row for row in slices if row.label.startswith("Arabic")).label.endswith("?")


def test_levels_are_said_as_they_are_and_may_differ_by_slice(held: Decision) -> None:
    known = requirement(held, "grounded")
    assert "% intervals at this look" in gate_rows.levels_sentence(known)
    first = {**known["cells"][0], "level": 0.9}
    assert "90 to 99" in gate_rows.levels_sentence({**known, "cells": [first, *known["cells"][1:]]})
    assert "No slice" in gate_rows.levels_sentence({**known, "cells": [known["cells"][1]]})


# ---------------------------------------------------------------------------------------------- one slice


def test_the_worst_verdict_is_looked_at_first_and_leads_to_its_worst_case(store: Store, held: Decision) -> None:
    first, cell = gate_rows.worst(held)
    assert first["critical"] and cell["verdict"] == "unverified" and cell["slice"] != "overall"
    address = gate_rows.sample_address(store, held, requirement(held, "grounded"), "language=ja")
    assert address is not None and address["lang"] == "ja" and store.runs.case(address["case"]).language == "ja"
    slugs = queries.run_slugs(store, "highlights")
    assert [slugs[address[side]].run_id for side in "ab"] == [held.champion_run_id, held.candidate_run_id]
    assert gate_rows.sample_address(store, held, requirement(held, "grounded"), "overall") is not None
    assert gate_rows.sample_address(store, held, requirement(held, "grounded"), "category=audio") is not None
    assert gate_rows.sample_address(store, held, requirement(held, "grounded"), "category=other") is None
    assert gate_rows.sample_address(store, held, requirement(held, "blocked"), "overall") is None


def test_a_slice_is_said_in_words(held: Decision) -> None:
    known = requirement(held, "grounded")
    empty = gate_rows.look(known, next(cell for cell in known["cells"] if cell["slice"] == "language=ar"))
    assert "unverified" in empty.heading and "Arabic" in empty.heading and empty.numbers.startswith("nothing measured; must be ≥")
    assert "n 6; must be" in gate_rows.look(known, next(cell for cell in known["cells"] if cell["slice"] == "language=en")).numbers


def test_the_page_shows_the_slice_that_the_address_names(folder: Path, held: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(folder, monkeypatch, requirement="grounded", slice="language=ja")
    assert "inconclusive" in said(at) and "· Japanese" in said(at)
    links = {link.proto.label for link in at.get("page_link")}
    assert {"Open the worst case", "Open the queues"} <= links
    assert next(chart.proto.alt for chart in at.get("plotly_chart")).startswith("Verdicts of 2 requirements in 29 slices")
    at = opened(folder, monkeypatch, requirement="nothing", slice="language=xx")
    assert sum("There is no" in warning.value for warning in at.warning) == 2


# ---------------------------------------------------------------------------------------------- self-test and waivers


def test_the_self_test_is_shown_with_a_tick_and_its_numbers(folder: Path, held: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = gate_rows.self_test_rows(held.body["self_test"])
    tried = [row["tried"] for row in rows]
    assert any("equal candidate was rejected" in name for name in tried) and any("regression of the margin" in name for name in tried)
    assert {row[""] for row in rows} == {"✓"} and " of 40" in rows[0]["happened"]
    broken = {"requirements": [{**held.body["self_test"]["requirements"][0]}]}
    broken["requirements"][0]["counts"] = [{**broken["requirements"][0]["counts"][0], "holds": False}]
    assert gate_rows.self_test_rows(broken)[0][""] == "✗"
    at = opened(folder, monkeypatch)
    assert "✓ Self-test" in at.expander[0].label


def test_a_decision_without_a_self_test_says_so(folder: Path, store: Store, held: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {name: value for name, value in held.body.items() if name not in ("self_test", "waivers")}
    store.ledger.add_decision(replace(held, decision_id="decision-old", created_at="2026-11-23T00:00:00Z", body=body))
    assert "No self-test: this decision was made before there was one" in said(opened(folder, monkeypatch))


def test_what_was_waived_has_owner_end_and_reason_and_is_no_pass(folder: Path, held: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    row, *others = gate_rows.waived_rows(held, "2026-11-23")
    assert not others and "waived" in row["requirement"] and "unverified" in row["it was"]
    assert "ann" in row["owner"] and "unsigned" in row["owner"] and row["until"] == "2099-12-31"
    assert "German comes later" in row["reason"] and "<b>" not in row["reason"]
    assert ":red[over]" in gate_rows.waived_rows(held, "2100-01-01")[0]["until"]
    assert next(row for row in verdicts.requirement_rows(held) if "grounded" in row.requirement).slices.endswith("1\u00a0waived")
    at = opened(folder, monkeypatch)
    assert [table.value["owner"][0] for table in at.table if "owner" in table.value.columns]


# ---------------------------------------------------------------------------------------------- the labels a hold lacks


def test_the_preview_says_what_queueing_will_do_and_queues_nothing(store: Store, held: Decision) -> None:
    before = store.queue.items()
    found = label_plan.preview(store, held, now=NOW)
    assert {row["language"] for row in found.rows} == {"Arabic", "English", "Japanese"} and found.tasks > 0
    assert sum(row["new tasks, about"] for row in found.rows) == pytest.approx(found.tasks, abs=3)  # type: ignore[misc]  # they are numbers
    assert store.queue.items() == before


def test_the_button_queues_the_labels_once_and_notes_who(
    folder: Path, store: Store, held: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = pressed(opened(folder, monkeypatch), "Queue these labels")
    assert "new tasks** for people" in said(at)
    before, promised = len(store.queue.items()), label_plan.preview(store, held, now=NOW).tasks
    at = pressed(at, "Queue them")
    assert "say who you are" in at.error[0].value and len(store.queue.items()) == before
    at.text_input[0].set_value("Bo")
    at = pressed(at, "Queue them")
    assert "new items queued" in at.success[-1].value and "Label Studio does not run" in at.success[-1].value
    assert len(store.queue.items()) == before + promised
    at = pressed(ran(at), "Queue these labels")
    assert "Queue them" not in [button.label for button in at.button] and "queued already" in said(at)
    assert "Nothing is new" in label_plan.queue(store, held, actor="Bo", now=NOW)
    assert [(event.actor, event.detail["tasks"]) for event in store.ledger.events() if event.action == label_plan.ACTION] == [
        ("Bo", promised)
    ]


def test_what_cannot_be_queued_is_said_in_a_sentence(folder: Path, store: Store, held: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = {name: value for name, value in held.body["plan"].items() if name != "targets"}
    old = replace(held, decision_id="decision-old", created_at="2026-11-23T00:00:00Z", body={**held.body, "plan": plan})
    store.ledger.add_decision(old)
    at = pressed(opened(folder, monkeypatch), "Queue these labels")
    assert "is of an older version" in at.error[0].value.replace("\\", "")


# ---------------------------------------------------------------------------------------------- proposing a waiver


def test_a_proposal_is_written_to_the_log_once_and_reads_as_the_policy_wants_it(
    store: Store, held: Decision, policy: Policy, folder: Path
) -> None:
    for _ in range(2):
        text = waiving.propose(store, policy, held, a_waiver(), actor="Bo", now=NOW)
    assert [(event.actor, event.action, event.detail["owner"]) for event in waiving.proposals(store, held)] == [
        ("Bo", waiving.ACTION, gated.OWNER)
    ]
    raw = {**gated.POLICY, "waivers": [*gated.POLICY["waivers"], *yaml.safe_load(text)]}  # type: ignore[misc]  # it is a list
    path = folder / "more.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    assert load_policy(path).waivers[-1] == a_waiver()
    assert yaml.safe_load(waiving.snippet(a_waiver(max_loss=0.0)))["waivers"][0]["max_loss"] == 0.0


@pytest.mark.parametrize(
    ("changes", "actor", "why"),
    [
        ({"owner": "eve@example.org"}, "Bo", "may not own a waiver: the policy's waiver_owners are ann"),
        ({"slice": "language=xx"}, "Bo", "not open"),
        ({"requirement": "reported cases", "slice": "overall"}, "Bo", "not open"),
        ({"reason": " "}, "Bo", "say why"),
        ({}, " ", "who you are"),
        ({"expires": "2026-11-22"}, "Bo", "is over"),
        ({"max_loss": 0.01}, "Bo", "below the loss"),
        ({"slice": "language=ar"}, "Bo", "nothing was measured"),
    ],
)
def test_what_may_not_be_waived_is_refused_and_leaves_nothing(
    store: Store, held: Decision, policy: Policy, changes: dict[str, Any], actor: str, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        waiving.propose(store, policy, held, a_waiver(**changes), actor=actor, now=NOW)
    assert waiving.proposals(store, held) == []


def test_the_dialog_lets_only_owners_be_chosen_and_shows_what_to_paste(
    folder: Path, store: Store, held: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = pressed(opened(folder, monkeypatch, requirement="grounded", slice="language=ar"), "Propose a waiver")
    boxes = {box.label: box for box in at.selectbox}
    assert boxes["Owner"].options == [gated.OWNER, "bo@example.org"]
    assert boxes["Verdict to let go"].value[:2] == ("grounded", "language=ar")
    at = pressed(at, "Propose")
    assert "say why" in at.error[0].value
    for field, value in (("Why", "=1+1 <b>soon</b>"), ("Your name", "Bo")):
        next(box for box in at.text_input if box.label == field).set_value(value)
    at.checkbox[0].set_value(True)
    at = pressed(at, "Propose")
    snippet = next(block.value for block in at.code if "requirement:" in block.value)
    assert yaml.safe_load(snippet)[0]["reason"] == "=1+1 <b>soon</b>" and "below `waivers:`" in said(at)
    assert waiving.proposals(store, held)[0].actor == "Bo"
    assert "Bo proposed a waiver of grounded, Arabic" in said(opened(folder, monkeypatch))


def test_without_owners_nobody_can_propose_and_the_page_says_why(folder: Path, held: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "highlights.yaml"
    path.write_text(yaml.safe_dump({**gated.POLICY, "waiver_owners": [], "waivers": []}), encoding="utf-8")
    at = opened(folder, monkeypatch)
    assert next(button for button in at.button if button.label == "Propose a waiver").disabled
    assert "names no waiver_owners" in said(at).replace("\\", "")
    path.write_text("version: 1\n", encoding="utf-8")
    assert "highlights" in said(opened(folder, monkeypatch)) and "feature" in said(opened(folder, monkeypatch))


def test_a_policy_that_changed_since_is_named_in_the_dialog(folder: Path, held: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "highlights.yaml"
    path.write_text(yaml.safe_dump({**gated.POLICY, "seed": 1}), encoding="utf-8")
    at = pressed(opened(folder, monkeypatch), "Propose a waiver")
    assert any("not the one this decision was read by" in warning.value for warning in at.warning)


def test_where_everything_passes_nothing_is_open(policy: Policy, held: Decision) -> None:
    rows = [{**row, "cells": [{**cell, "verdict": "pass"} for cell in row["cells"]]} for row in held.body["requirements"]]
    passed = replace(held, body={**held.body, "requirements": rows})
    assert waiving.open_verdicts(policy, passed) == [] and "Nothing here can be waived" in str(waiving.refusal(policy, passed))
    assert waiving.refusal(policy, held) is None


@pytest.mark.parametrize(("outcome", "buttons"), [("promote", set()), ("reject", {"Propose a waiver"})])
def test_only_a_hold_asks_for_labels_and_a_promotion_needs_no_waiver(
    folder: Path, store: Store, held: Decision, monkeypatch: pytest.MonkeyPatch, outcome: Outcome, buttons: set[str]
) -> None:
    store.ledger.add_decision(replace(held, decision_id="decision-other", created_at=NOW, outcome=outcome))
    labels = {button.label for button in opened(folder, monkeypatch).button}
    assert labels & {"Propose a waiver", "Queue these labels"} == buttons
