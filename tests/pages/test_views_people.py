"""Annotators, Agreement and Conflicts in every state, run without a browser; and what stands behind them, without Streamlit."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filled_store import HOSTILE_COMMENT, fill, fill_people, person
from streamlit.testing.v1 import AppTest
from support import NOW, a_store, two_runs

from annotators.asking import conflicts, queues
from annotators.label_studio.collect import annotation_id
from annotators.raters import agreement, pausing, standing
from annotators.raters.agreement import QuestionAgreement
from annotators.raters.anchors import Shift
from annotators.raters.quality import Limits
from evals.errors import StudioError
from evals.gate.settled import Settled
from evals.languages import LANGUAGES
from evals.paths import ROOT
from evals.records import Annotation, Annotator, StudioProject, StudioTask
from evals.statistics.agreement import Agreement
from evals.statistics.intervals import Interval, no_interval
from evals.store import Store
from workbench import agreement_rows, annotator_rows, charts, conflict_rows, people_charts, vote_cards

PAGES = ("annotators", "agreement", "conflicts")
SERVER = "http://127.0.0.1:9"  # nobody answers there
HOSTILE = "<script>alert(1)</script> **bold** [x](http://evil.example) :red[now] www.evil.example \u202egnp"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Two people and an expert a language who differ, with gold, controls, anchors and comments nobody should trust. Read only."""
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('people') / 'store.sqlite3'}")
    fill(store)
    fill_people(store)
    yield store
    store.close()


@pytest.fixture
def few(tmp_path: Path) -> Iterator[Store]:
    """Two people, one claim on which they differ, and nothing else."""
    store = a_store(f"sqlite:///{tmp_path / 'few.sqlite3'}")
    runs = two_runs(store, ("en",), products=1)
    queues.enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1.0, seed=0, overlap=2, now=NOW)
    store.labels.put_annotators(person("en", number) for number in (1, 2))
    store.labels.put_annotations(said_of(store, number, verdict) for number, verdict in ((1, "grounded"), (2, "contradicted")))
    yield store
    store.close()


def said_of(store: Store, number: int, verdict: str, comment: str | None = None, at: str = NOW) -> Annotation:
    item, who = store.queue.items(why="random audit")[0], person("en", number).annotator_id
    return Annotation(annotation_id(item.item_id, who), item.item_id, who, verdict, comment, at, at)


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The workbench of an installation without a labelling server; `opened` says over which store."""
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path))
    for name in ("URL", "TOKEN"):
        monkeypatch.delenv(f"PLUMBLINE_LABEL_STUDIO_{name}", raising=False)
    monkeypatch.setattr("workbench.context.now", lambda: NOW)
    return AppTest.from_file(str(ROOT / "workbench" / "app.py"), default_timeout=60)


def opened(at: AppTest, store: Store, page: str, **address: str) -> AppTest:
    """The page at an address, which ran without an exception."""
    os.environ["PLUMBLINE_DATABASE_URL"] = str(store.engine.url)
    at.switch_page(f"views/{page}.py")
    for name, value in address.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception[0].message
    return at


@pytest.fixture(autouse=True)
def _leave_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_DATABASE_URL", "sqlite://")


def prose(at: AppTest) -> str:
    """What is drawn as Markdown."""
    kinds = (at.markdown, at.caption, at.title, at.subheader, at.warning, at.info, at.error, at.success, at.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def said(at: AppTest) -> str:
    """Everything in text, HTML included."""
    return "\n".join([prose(at), *(element.proto.body for element in at.get("html"))])


def spec(at: AppTest, place: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(at.get("plotly_chart")[place].proto.spec)
    return found


def one_of(store: Store, language: str, state: str) -> str:
    found = conflicts.conflicts(store)
    return next(conflict_rows.short(one) for one in found if one.item.language == language and conflict_rows.state(one) == state)


# ---------------------------------------------------------------------------------------------- empty and few


@pytest.mark.parametrize(
    ("page", "hint"), [("annotators", "plumb collect"), ("agreement", "plumb queue highlights"), ("conflicts", "plumb queue highlights")]
)
def test_an_empty_store_says_what_to_do(at: AppTest, tmp_path: Path, page: str, hint: str) -> None:
    store = a_store(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    opened(at, store, page)
    assert at.title[0].value.lower() == page and hint in said(at) and not at.dataframe


@pytest.mark.parametrize("view", ["Judge against people", "Across languages"])
def test_the_other_views_of_agreement_say_what_is_missing(at: AppTest, tmp_path: Path, view: str) -> None:
    store = a_store(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    opened(at, store, "agreement", agreement_view=view)
    assert "yet" in said(at) and not at.get("plotly_chart")


def test_with_few_labels_every_figure_says_how_many_are_missing(at: AppTest, few: Store) -> None:
    opened(at, few, "annotators")
    row = at.dataframe[0].value.iloc[0]
    assert row["standing"] == ["not enough"] and row["on gold"] == "10 to go" and row["controls"] == "10 to go"
    assert row["why"] == "Not enough to tell: 10 more gold items or 10 more controls are needed."
    assert row["peers"].endswith("of 1, 19 to go")
    opened(at, few, "annotators", annotator=annotator_rows.short(person("en", 1).annotator_id))
    assert "0 are answered, 20 to go" in said(at) and "Too few times" in said(at)


def test_a_figure_that_cannot_be_measured_is_grey_with_its_reason(at: AppTest, few: Store) -> None:
    opened(at, few, "agreement")
    cells = next(trace for trace in spec(at)["data"] if trace["type"] == "scatter")
    assert "n 1" in cells["text"][0]
    assert cells["textfont"]["color"] == [charts.palette(False).line]
    table = at.dataframe[0].value.iloc[0]
    assert table["items"] == 1 and table["says"] == "too few items to say: 29 to go"
    assert "nobody marked any words" in table["why not"]


# ---------------------------------------------------------------------------------------------- annotators


def test_those_to_be_paused_stand_first_with_their_reasons_in_sentences(at: AppTest, filled: Store) -> None:
    opened(at, filled, "annotators")
    table = at.dataframe[0].value
    assert table["standing"].tolist()[0] == ["pause"]
    assert table["why"].iloc[0] == "18 of 36 gold items right: shown to be under 75%."
    assert all(picture.startswith("data:image/svg+xml;base64,") for picture in table["gold"])
    assert "Bo Carter" in prose(at) and "Needs a look" in prose(at)
    assert "Japanese · highlights · claim v2" in prose(at)
    assert "scripts with known error rates" in prose(at)


def test_labels_are_counted_today_in_a_week_and_in_all(at: AppTest, filled: Store) -> None:
    opened(at, filled, "annotators")
    row = at.dataframe[0].value.set_index("name").loc["Ann Baker"]
    worked = filled.people.worked(NOW)[person("en", 1).annotator_id]
    assert (row["today"], row["7 days"], row["all"]) == (worked.today, worked.week, worked.total)
    assert row["seconds"].endswith(f"(n {worked.total})")


def test_people_are_found_by_language_and_kind(at: AppTest, filled: Store) -> None:
    opened(at, filled, "annotators", speaks="ja", people_kind="simulated")
    assert at.dataframe[0].value["name"].tolist() == ["Simulated ja"]
    opened(at, filled, "annotators", speaks="ar", people_kind="simulated")
    assert "Nobody of this language and kind" in said(at)


def test_a_person_is_shown_with_gold_over_time_speed_queues_and_disagreements(at: AppTest, filled: Store) -> None:
    opened(at, filled, "annotators", annotator=annotator_rows.short(person("ar", 2).annotator_id))
    text = said(at)
    assert "Badr Haddad" in text and "Being alone is no proof of being wrong" in text
    assert len(at.get("plotly_chart")) == 2
    assert 'lang="ar" dir="rtl"' in text
    assert "Arabic · highlights · claim v2" in at.dataframe[1].value["queue"].tolist()


def test_pausing_needs_a_name_and_a_reason_and_stands_in_the_audit_log(at: AppTest, few: Store) -> None:
    name = annotator_rows.short(person("en", 2).annotator_id)
    opened(at, few, "annotators", annotator=name)
    assert "no sign-in" in prose(at).lower()
    at.button[0].click().run()
    assert "Say why" in at.error[0].value and few.ledger.events() == []
    at.text_input[0].set_value("Lea")
    at.text_input[1].set_value("too fast <b>")
    at.button[0].click().run()
    assert not at.exception
    (event,) = few.ledger.events()
    assert (event.actor, event.action, event.subject) == ("Lea", "pause annotator", person("en", 2).annotator_id)
    assert "is given nothing more" in at.success[0].value
    row = at.dataframe[0].value.set_index("name").loc["Bo Carter"]
    assert "paused" in row["standing"] and "Paused: too fast <b>" in row["why"]
    assert at.button[0].label == "Resume" and "<b>" not in re.sub(r"\\<b\\>", "", prose(at))


def test_somebody_whom_nobody_knows_is_named(at: AppTest, filled: Store) -> None:
    opened(at, filled, "annotators", annotator="<b>nobody")
    assert "nobody" in at.warning[0].value and "<b>" not in at.warning[0].value.replace("\\<b\\>", "")


# ---------------------------------------------------------------------------------------------- agreement


def test_the_heat_map_has_a_row_a_language_and_every_cell_its_count(at: AppTest, filled: Store) -> None:
    opened(at, filled, "agreement")
    figure = spec(at)
    assert figure["layout"]["yaxis"]["ticktext"] == ["Arabic", "English", "Japanese"]
    cells = next(trace for trace in figure["data"] if trace["type"] == "scatter")
    assert all(re.search(r">n 18<", text) for text in cells["text"]) and all("…" in hover for hover in cells["hovertext"])
    table = at.dataframe[0].value
    assert set(table["language"]) == {"Arabic", "English", "Japanese"}
    assert "森 愛子" in table.set_index("language").loc["Japanese", "raters"]


def test_the_pair_matrix_is_of_the_queue_in_the_address(at: AppTest, filled: Store) -> None:
    opened(at, filled, "agreement", asked="ja/claim-v2")
    names = spec(at, 1)["layout"]["xaxis"]["ticktext"]
    assert set(names) == {"森 愛子", "Ken Itō", "Simulated ja"}


def test_the_judge_is_compared_with_people_by_language(at: AppTest, filled: Store) -> None:
    opened(at, filled, "agreement", agreement_view="Judge against people")
    assert len(at.get("plotly_chart")) == 2
    assert set(at.dataframe[0].value["language"]) == {"Arabic", "English", "Japanese"}


def test_languages_are_compared_with_the_one_in_the_address(at: AppTest, filled: Store) -> None:
    opened(at, filled, "agreement", agreement_view="Across languages", reference="ar")
    assert {label.split(" (")[0] for trace in spec(at)["data"] for label in trace["y"]} == {"English", "Japanese"}
    assert "than Arabic" in said(at)


# ---------------------------------------------------------------------------------------------- conflicts


def test_a_conflict_shows_claim_and_evidence_from_right_to_left_and_who_said_what(at: AppTest, filled: Store) -> None:
    opened(at, filled, "conflicts", conflict=one_of(filled, "ar", "with experts"))
    text = said(at)
    assert text.count('lang="ar" dir="rtl"') >= 4
    assert "أمل ناصر" in text and "Badr Haddad" in text and "A tie" in text
    assert "Before the experts of the language" in text


def test_the_words_that_decide_are_marked_in_the_evidence(at: AppTest, filled: Store) -> None:
    marked = next(one for one in conflicts.conflicts(filled) if any(vote.detail.get("spans") for vote in one.votes))
    opened(at, filled, "conflicts", feature=marked.item.feature, conflict=conflict_rows.short(marked))
    assert "pl-decides" in said(at)


def test_the_expert_s_answer_stands_beside_the_votes(at: AppTest, filled: Store) -> None:
    settled = next(one for one in conflicts.conflicts(filled) if one.settled_by)
    opened(at, filled, "conflicts", feature=settled.item.feature, state="settled", conflict=conflict_rows.short(settled))
    assert "Expert " in said(at) and "The counts say otherwise." in said(at)
    assert {tuple(state) for state in at.dataframe[0].value["state"]} == {("settled",)}


def test_conflicts_are_filtered_and_nothing_left_says_so(at: AppTest, filled: Store) -> None:
    opened(at, filled, "conflicts", lang="ja", state="open")
    assert "No conflict of this feature, language and state" in said(at)


def test_next_goes_to_the_next_conflict(at: AppTest, filled: Store) -> None:
    opened(at, filled, "conflicts", state="with experts")
    next(button for button in at.button if button.label == "Next").click().run()
    assert not at.exception
    shown = [one for one in conflicts.conflicts(filled) if one.item.feature == "highlights" and not one.settled_by]
    assert at.query_params["conflict"] in (conflict_rows.short(shown[1]), [conflict_rows.short(shown[1])])
    assert f"2 of {len(shown)}" in prose(at)


def test_what_a_vote_said_before_is_shown(at: AppTest, few: Store) -> None:
    for hour, verdict, comment in ((13, "unsupported", "not there"), (14, "grounded", "on second thoughts")):
        few.labels.put_annotations([said_of(few, 1, verdict, comment, f"2026-11-22T{hour}:00:00Z")])
    opened(at, few, "conflicts")
    text = said(at)
    assert "on second thoughts" in text and "not there" in text
    assert "said <b><bdi>unsupported</bdi></b> until <bdi>2026-11-22 13:00</bdi>" in text


def test_the_button_puts_conflicts_before_experts_once_and_says_who_is_missing(at: AppTest, few: Store) -> None:
    opened(at, few, "conflicts")
    assert "No expert covers English" in at.warning[0].value
    button = next(button for button in at.button if button.label == "Put 1 before experts")
    button.click().run()
    assert not at.exception
    assert "1 conflict put before experts" in at.success[0].value and "not running" in at.success[0].value
    assert len(few.queue.items(why="adjudication")) == 1
    assert next(button for button in at.button if button.label == "Experts have all").disabled


def test_the_task_in_label_studio_is_linked_and_a_server_that_fails_is_said(
    at: AppTest, few: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("URL", SERVER), ("TOKEN", "t" * 40)):
        monkeypatch.setenv(f"PLUMBLINE_LABEL_STUDIO_{name}", value)
    monkeypatch.setattr("annotators.label_studio.push.push", _refuse)
    opened(at, few, "conflicts")
    next(button for button in at.button if button.label == "Put 1 before experts").click().run()
    assert "Not all could be sent" in at.success[0].value
    (item,) = few.queue.items(why="adjudication")
    few.queue.put_project(StudioProject(item.queue, SERVER, 7, ""))
    few.queue.put_tasks([StudioTask(item.item_id, SERVER, 7, 70)])
    opened(at, few, "conflicts")
    assert [link.proto.url for link in at.get("link_button")] == [f"{SERVER}/projects/7/data?task=70"]


def _refuse(*_: object) -> None:
    raise StudioError("nobody answers")


def test_a_conflict_leads_to_its_sample(filled: Store, few: Store) -> None:
    found = conflicts.conflicts(filled)[0]
    address = conflict_rows.sample_address(filled, found)
    assert address is not None and address["case"] == found.item.case_id and address["a"] != address["b"]
    (alone,) = conflicts.conflicts(few)  # no decision yet: the other run over the same cases
    other = conflict_rows.sample_address(few, alone)
    assert other is not None and {other["a"].split(".")[0], other["b"].split(".")[0]} == {"champion", "candidate"}


def test_a_conflict_that_is_not_there_is_named(at: AppTest, filled: Store) -> None:
    opened(at, filled, "conflicts", conflict="0000")
    assert any("0000" in warning.value for warning in at.warning)


# ---------------------------------------------------------------------------------------------- hostile text


def test_hostile_names_and_comments_stay_text_on_every_page(at: AppTest, few: Store) -> None:
    few.labels.put_annotators(
        [Annotator(person("en", n).annotator_id, f"{HOSTILE}{n}", f"{HOSTILE}{n}", ("en",), paused_because=HOSTILE) for n in (1, 2)]
    )
    few.labels.put_annotations([said_of(few, 2, "contradicted", HOSTILE_COMMENT)])
    chosen = {"annotators": {"annotator": annotator_rows.short(person("en", 1).annotator_id)}}
    for page in PAGES:
        opened(at, few, page, **chosen.get(page, {}))
        text = said(at)
        assert not re.search(r"(?<!\\)<(script|img)", text) and "\u202e" not in text
        assert not re.search(r"(?<!\\)\]\(http|:red(?<!\\)\[|(?<!\\)\*\*bold|www\\?\.", prose(at))
    opened(at, few, "agreement")
    figures = [element.proto.spec for element in at.get("plotly_chart")]
    assert figures and all("<script" not in figure for figure in figures)


def test_a_downloaded_table_computes_nothing(few: Store) -> None:
    few.labels.put_annotators([Annotator(person("en", 1).annotator_id, "a@example.org", "=1+1", ("en",))])
    rows = annotator_rows.current(standing.error_rates(few), few.labels.annotators())
    assert "'=1+1" in annotator_rows.table(rows, {}, [])["name"].tolist()
    table = agreement_rows.table(agreement.agreement_of(few))
    assert "'=1+1" in table["raters"].iloc[0]


# ---------------------------------------------------------------------------------------------- behind the pages


def test_figures_are_computed_again_when_the_store_changes_and_with_many_labels_once_a_minute(
    at: AppTest, few: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(at, few, "annotators")
    more = few.queue.items(why="random audit")[1]
    who = person("en", 1).annotator_id
    few.labels.put_annotations([Annotation(annotation_id(more.item_id, who), more.item_id, who, "grounded", None, NOW, NOW, 20.0)])
    opened(at, few, "annotators")
    assert at.dataframe[0].value.set_index("name").loc["Ann Baker", "seconds"] == "20 s (n 1)"
    monkeypatch.setattr("workbench.measured.MANY", 1)
    opened(at, few, "annotators")
    few.labels.put_annotations([replace(said_of(few, 1, "grounded"), lead_time_s=40.0)])
    row = opened(at, few, "annotators").dataframe[0].value.set_index("name").loc["Ann Baker"]
    assert (row["seconds"], row["all"]) == ("20 s (n 1)", 2)


def test_a_person_paused_a_moment_ago_is_paused_though_the_figures_are_older(few: Store) -> None:
    rates = standing.error_rates(few)
    pausing.pause(few, person("en", 1).annotator_id, because="holiday", actor="Lea", now=NOW)
    rows = annotator_rows.current(rates, few.labels.annotators())
    assert [annotator_rows.standings(*row) for row in rows if row[0].paused_because] == [["not enough", "paused"]]
    assert annotator_rows.attention(rows) == []


def test_windows_have_exact_bounds_and_end_with_the_last_gold_item(filled: Store) -> None:
    row = next(row for row in standing.error_rates(filled) if row.name == "Bo Carter")
    found = annotator_rows.windows(row)
    assert found[-1].number == row.gold.n and found[0].number == Limits().window
    assert all(one.low < one.share < one.high for one in found)


def test_speed_is_compared_within_a_queue(filled: Store) -> None:
    fast = annotator_rows.paces(filled.people.times(), person("ja", 2).annotator_id)
    assert fast and all(one.low is not None and one.mine < one.low for one in fast)
    assert all(f"n {one.n}" in one.label for one in fast)


@pytest.mark.parametrize(
    ("estimate", "low", "n", "meant"),
    [
        (0.9, 0.82, 50, "reliable"), (0.9, 0.7, 50, "tentative conclusions"), (0.7, 0.5, 50, "not shown to be reliable"),
        (0.4, 0.2, 50, "unreliable"), (0.9, 0.82, 20, "too few items to say: 10 to go"),
    ],
)  # fmt: skip
def test_alpha_is_read_by_its_lower_end(estimate: float, low: float, n: int, meant: str) -> None:
    assert agreement_rows.meaning(bounded(estimate, low, n)) == meant


def bounded(estimate: float, low: float, n: int) -> Interval:
    return Interval(estimate, low, 1.0, 0.95, "test", n, n)


def cells(count: int) -> list[QuestionAgreement]:
    none = Agreement("alpha", no_interval(0.95, 0, 0, "1 rater: agreement needs two"), (), 0)
    some = Agreement("alpha", bounded(-0.004, -0.2, 40), ("Ann",), 80)
    return [
        QuestionAgreement("failures-v1", "wrong_language", tag, n, n, some if n else none, some, some, none)
        for tag, n in zip(LANGUAGES, [40] * (count - 1) + [0], strict=False)
    ]


def test_28_languages_fit_and_what_cannot_be_measured_is_a_dash_with_its_reason() -> None:
    found = cells(28)
    rows = agreement_rows.languages(found)
    figure = people_charts.heatmap(agreement_rows.heat_cells(found), agreement_rows.columns(found), rows)
    drawn = json.loads(figure.to_json())
    assert len(drawn["layout"]["yaxis"]["ticktext"]) == 28 and drawn["layout"]["height"] >= 28 * 30
    texts = drawn["data"][1]
    assert texts["text"][0].startswith("0.00 ") and texts["text"][-1].startswith("– ")
    assert "agreement needs two" in texts["hovertext"][-1]
    assert drawn["layout"]["xaxis"]["ticktext"] == ["<b>failures v1</b><br>wrong<br>language"]


def test_a_shift_turned_round_has_its_bounds_turned_round() -> None:
    interval = Interval(0.2, 0.05, 0.3, 0.9, "test", 24, 24)
    found = Shift("ja", "en", interval, 0.1, None, 24, (2, 3))
    (forth,), (back,) = agreement_rows.shift_rows([found], "en"), agreement_rows.shift_rows([found], "ja")
    assert (forth.label, forth.estimate, forth.low, forth.high) == ("Japanese (n 24)", 0.2, 0.05, 0.3)
    assert (back.label, back.estimate, back.low, back.high) == ("English (n 24)", -0.2, -0.3, -0.05)
    assert "2 and 3 raters" in forth.hover and "3 and 2 raters" in back.hover


def test_what_votes_come_to_is_said_in_a_sentence() -> None:
    def say(value: float | None, probability: float | None) -> str:
        return conflict_rows.together(Settled(value, probability, adjudicated=False, disputed=True))

    assert "0.81" in say(1.0, 0.81) and "not grounded" in say(0.0, 0.7)
    assert "nothing tells" in say(1.0, None) and "tie" in say(0.5, 0.5) and "Nobody could" in say(None, None)


def test_marks_stay_on_their_words_when_evidence_is_drawn_line_by_line() -> None:
    html = vote_cards.evidence_block("en", "one two\nthree <b>", vote_cards.merged([(4, 11)]))
    assert 'one <span class="pl-decides">two</span>' in html and '<span class="pl-decides">thr</span>ee &lt;b&gt;' in html


def test_a_script_is_marked_wherever_it_is_named(filled: Store) -> None:
    votes = [vote for one in conflicts.conflicts(filled) for vote in conflict_rows.votes(filled, one)]
    assert any(vote.simulated for vote in votes)
    assert all(("simulated</span>" in vote_cards.vote_block(vote)) == vote.simulated for vote in votes)


@pytest.mark.parametrize("dark", [False, True])
def test_the_small_picture_of_a_rate_says_enough_or_grey(dark: bool) -> None:
    def drawn(enough: bool) -> str:
        data = people_charts.whisker(0.5, 0.3, 0.7, 0.75, enough=enough, dark=dark)
        return base64.b64decode(data.partition(",")[2]).decode()

    assert charts.VERDICT_COLOURS["fail"] in drawn(True) and charts.UNDECIDED in drawn(False)
