"""My work in every state, and the live part of Queues: run without a browser and without a labelling server that answers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from support import NOW, a_store, two_runs

from annotators.asking import routing
from annotators.asking.budget import load_plan
from annotators.asking.queues import enqueue
from annotators.label_studio import receiver
from annotators.raters import parallel
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.paths import ROOT
from evals.records import Annotation, Annotator, QueueItem, Reservation, StudioProject, StudioTask
from evals.store import Asker, Store
from workbench import context, links, listening, work

SERVER = "http://127.0.0.1:9"  # nobody answers there
HOSTILE = "<script>alert(1)</script> **bold** \u202eAnn"
AYA = Annotator("annotator-aaaaaaaa0000", "aya@example.org", "Aya", ("ar",))
KEN = Annotator("annotator-bbbbbbbb0000", "ken@example.org", "Ken", ("de", "ja"))
MALLORY = Annotator("annotator-cccccccc0000", '"<b>m</b>"@example.org', HOSTILE, ("en",))
PEOPLE = {"ar": AYA, "ja": KEN, "en": MALLORY}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Claims in Arabic, Japanese and English, all said to be on a server."""
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    for name, value in {"DATABASE_URL": url, "HOME": str(tmp_path), "LABEL_STUDIO_URL": SERVER, "LABEL_STUDIO_TOKEN": "t" * 40}.items():
        monkeypatch.setenv(f"PLUMBLINE_{name}", value)
    store = a_store(url)
    runs = two_runs(store, ("ar", "ja", "en"), products=1)
    enqueue(store, runs.champion.run_id, runs.candidate.run_id, fraction=1, seed=1, overlap=1, now=NOW)
    store.labels.put_annotators(PEOPLE.values())
    send(store)
    yield store
    store.close()


def send(store: Store) -> None:
    for number, queue in enumerate(store.queue.queues(), 1):
        store.queue.put_project(StudioProject(queue, SERVER, number, ""))
        store.queue.put_tasks(
            StudioTask(item.item_id, SERVER, number, 1000 * number + n) for n, item in enumerate(store.queue.items(queue))
        )


@pytest.fixture
def at() -> AppTest:
    assert os.getcwd()
    return AppTest.from_file(str(ROOT / "workbench" / "app.py"), default_timeout=60)


def opened(at: AppTest, who: Annotator | None = None, **address: str) -> AppTest:
    at.switch_page("views/my_work.py")
    if who:
        address["annotator"] = next(slug for slug, one in work.workers(store_of()).items() if one.annotator_id == who.annotator_id)
    for name, value in address.items():
        at.query_params[name] = value
    return ran(at)


def store_of() -> Store:
    return Store.open(os.environ["PLUMBLINE_DATABASE_URL"])


def ran(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def said(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.title, at.warning, at.info, at.success)
    metrics = [f"{metric.label} {metric.value}" for metric in at.metric]
    return "\n".join(
        [str(one.value) for kind in kinds for one in kind]
        + [button.label for button in at.button]
        + [link.proto.label for link in at.get("link_button")]
        + [element.proto.body for element in at.get("html")]
        + metrics
    )


def press(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return ran(at)


def held(store: Store, who: Annotator) -> Reservation | None:
    return store.desk.pending(Asker(who.annotator_id, SERVER, who.languages, context.now()))


def label(store: Store, item: QueueItem, who: Annotator, at: str | None = None) -> None:
    at = at or context.now()
    store.labels.put_annotations([Annotation(f"note-{item.item_id}-{who.name}", item.item_id, who.annotator_id, "grounded", None, at, at)])


def label_all(store: Store, language: str, who: Annotator) -> None:
    for item in store.queue.items(f"highlights/{language}/claim-v2"):
        label(store, item, who)


# ---------------------------------------------------------------------------------------------- my work


def test_before_somebody_says_who_they_are_nothing_is_shown_and_nothing_reserved(store: Store, at: AppTest) -> None:
    opened(at)
    assert at.title[0].value == "My work"
    assert at.selectbox(key="pick_annotator").options == [work.called(MALLORY), "Aya", "Ken"]
    assert not at.button and not at.metric
    assert store.desk.reservations(context.now()) == []


def test_looking_reserves_nothing_and_the_button_reserves_one_task(store: Store, at: AppTest) -> None:
    words = work.words("ar")
    opened(at, AYA)
    assert at.title[0].value == words["my_work"]
    assert held(store, AYA) is None and not at.get("link_button")
    press(at, words["open_next"])
    mine = held(store, AYA)
    assert mine is not None
    (link,) = at.get("link_button")
    assert link.proto.label == words["open_in_label_studio"]
    assert link.proto.url == links.task_url(store, SERVER, mine.item_id)
    assert re.fullmatch(rf"{SERVER}/projects/\d+/data\?task=\d+", link.proto.url)
    assert pack("ar").annotator["highlights_title"] in said(at)


def test_a_reload_shows_the_same_task(store: Store, at: AppTest) -> None:
    press(opened(at, AYA), work.words("ar")["open_next"])
    before = at.get("link_button")[0].proto.url
    again = opened(AppTest.from_file(at._script_path, default_timeout=60), AYA)
    assert again.get("link_button")[0].proto.url == before


def test_an_arrived_label_is_thanked_for_and_brings_the_next_task_by_itself(store: Store, at: AppTest) -> None:
    words = work.words("ar")
    press(opened(at, AYA), words["open_next"])
    first = held(store, AYA)
    assert first is not None and not at.success
    label(store, store.queue.item(first.item_id), AYA)
    ran(at)
    second = held(store, AYA)
    assert second is not None and second.item_id != first.item_id
    assert [one.value for one in at.success] == [words["thanks"]]
    assert at.get("link_button")[0].proto.url == links.task_url(store, SERVER, second.item_id)
    assert {metric.label: metric.value for metric in at.metric}[words["done_today"]] == "1/300"


def test_a_reservation_that_ended_without_a_label_is_not_renewed_by_an_open_page(store: Store, at: AppTest) -> None:
    words = work.words("ar")
    press(opened(at, AYA), words["open_next"])
    mine = held(store, AYA)
    assert mine is not None
    store.desk.release(mine.item_id, AYA.annotator_id)
    ran(at)
    assert held(store, AYA) is None and not at.success
    assert words["open_next"] in [button.label for button in at.button]


def test_a_skipped_task_goes_to_others_and_another_one_comes(store: Store, at: AppTest) -> None:
    words = work.words("ar")
    press(opened(at, AYA), words["open_next"])
    first = held(store, AYA)
    press(at, words["skip"])
    second = held(store, AYA)
    assert first and second and first.item_id != second.item_id
    other = replace(AYA, annotator_id="annotator-dddddddd", email="d@example.org")
    store.labels.put_annotators([other])
    assert routing.next_item(store, other, SERVER, load_plan(), now=context.now()).item == store.queue.item(first.item_id)


def test_practice_is_announced(store: Store, at: AppTest) -> None:
    known = parallel.practice_items("ar", "highlights", NOW)
    parallel.add_known(store, known)
    send(store)
    opened(at, AYA)
    assert work.words("ar")["practice"] in [info.value for info in at.info]


def test_when_everything_is_done_it_says_so(store: Store, at: AppTest) -> None:
    label_all(store, "ar", AYA)
    opened(at, AYA)
    assert [info.value for info in at.info] == [work.words("ar")["nothing_to_do"]]
    assert not at.button


def test_the_last_label_is_thanked_for_though_nothing_follows(store: Store, at: AppTest) -> None:
    words = work.words("ar")
    press(opened(at, AYA), words["open_next"])
    label_all(store, "ar", AYA)
    ran(at)
    assert [one.value for one in at.success] == [words["thanks"]]
    assert [info.value for info in at.info] == [words["nothing_to_do"]]


def test_work_that_the_plan_does_not_know_is_the_lead_s_business(store: Store, at: AppTest) -> None:
    label_all(store, "ar", AYA)
    known = store.queue.items("highlights/ar/claim-v2")[0]
    odd = replace(known, item_id="item-odd", subject_id="odd", queue="highlights/ar/citation-v1", rubric="citation-v1")
    store.queue.add_items([odd])
    store.queue.put_tasks([StudioTask("item-odd", SERVER, 99, 99)])
    opened(at, AYA)
    assert [info.value for info in at.info] == [work.words("ar")["nothing_to_do"]]
    queues(at)
    assert "does not know the queue" in said(at)


def test_a_limit_that_is_reached_ends_the_day(store: Store, at: AppTest) -> None:
    label(store, store.queue.items("highlights/ar/claim-v2")[0], AYA)
    store.labels.put_annotators([replace(AYA, daily_limit=1)])
    opened(at, AYA)
    words = work.words("ar")
    assert [info.value for info in at.info] == [words["limit_reached"]]
    assert {metric.label: metric.value for metric in at.metric}[words["done_today"]] == "1/1"


def test_who_is_paused_is_told_and_given_nothing(store: Store, at: AppTest) -> None:
    store.labels.put_annotators([replace(AYA, paused_because="6 of 20 gold items right")])
    opened(at, AYA)
    assert [info.value for info in at.info] == [work.words("ar")["paused"]]
    assert not at.button and "gold" not in said(at)


def test_without_a_labelling_server_it_says_so_in_their_language(store: Store, at: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLUMBLINE_LABEL_STUDIO_URL")
    monkeypatch.delenv("PLUMBLINE_LABEL_STUDIO_TOKEN")
    opened(at, AYA)
    assert [one.value for one in at.warning] == [work.words("ar")["not_running"]]


def test_arabic_runs_from_right_to_left_and_german_does_not(store: Store, at: AppTest) -> None:
    press(opened(at, AYA), work.words("ar")["open_next"])
    assert 'lang="ar" dir="rtl"' in said(at) and 'lang="ar" dir="ltr"' not in said(at)
    opened(at, KEN)
    assert not re.search(r'lang="\w+" dir="rtl"', said(at))


def test_who_speaks_several_languages_chooses_the_page_s(store: Store, at: AppTest) -> None:
    opened(at, KEN)
    assert at.title[0].value == work.words("de")["my_work"]
    assert at.selectbox(key="pick_lang").options == ["Deutsch", "日本語"]
    at.selectbox(key="pick_lang").set_value("ja")
    ran(at)
    assert at.title[0].value == work.words("ja")["my_work"]
    assert at.query_params["lang"] == ["ja"] or at.query_params["lang"] == "ja"


def test_the_guideline_is_that_of_the_task_in_the_task_s_language(store: Store, at: AppTest) -> None:
    opened(at, KEN)
    assert pack("ja").rubrics["guideline"]["claims"][:20] in said(at)
    assert at.expander[0].label == work.words("de")["guideline"]


def test_the_page_speaks_the_language_of_the_browser_before_it_knows_anybody(store: Store, at: AppTest) -> None:
    at.context = {"locale": "pt-BR"}
    opened(at)
    assert at.title[0].value == work.words("pt")["my_work"]


def test_an_unknown_person_or_language_in_the_address_is_nobody(store: Store, at: AppTest) -> None:
    opened(at, annotator="<script>", lang="<script>")
    assert at.selectbox(key="pick_annotator").value is None
    assert "<script>" not in said(at)


def test_hostile_names_stay_text(store: Store, at: AppTest) -> None:
    press(opened(at, MALLORY), work.words("en")["open_next"])
    text = said(at)
    assert "<script>" not in text and "<b>m" not in text and "&lt;b&gt;m" in text
    assert "\u202e" not in "".join(at.selectbox(key="pick_annotator").options)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_language_has_something_to_say_at_every_moment(tag: str) -> None:
    words = work.words(tag)
    assert all(words[reason] for reason in ("limit_reached", "paused", "nothing_to_do", "not_running", "thanks", "skip"))
    assert work.guideline(f"highlights/{tag}/claim-v2").count(f'dir="{LANGUAGES[tag].direction}"') == 2


# ---------------------------------------------------------------------------------------------- what is behind it


def test_short_ids_are_as_many_as_people(store: Store) -> None:
    assert list(work.workers(store)) == ["cccccccc0000", "aaaaaaaa0000", "bbbbbbbb0000"]  # by name, scripts last


def test_load_counts_the_day_of_the_limit_that_holds(store: Store) -> None:
    plan, now = load_plan(), context.now()
    label(store, store.queue.items("highlights/ar/claim-v2")[0], AYA)
    wanted = len(store.queue.items("highlights/ar/claim-v2"))
    assert work.load(store, AYA, SERVER, plan, "highlights/ar/claim-v2", now=now) == (wanted - 1, 1, 300)
    assert work.load(store, AYA, SERVER, plan, "assistant/ar/claim-v2", now=now) == (wanted - 1, 0, 300)
    assert work.load(store, replace(AYA, daily_limit=5), SERVER, plan, None, now=now) == (wanted - 1, 1, 5)
    assert work.load(store, AYA, None, plan, None, now=now) == (None, 1, None)


def test_only_the_listener_of_this_installation_and_server_is_heard(store: Store) -> None:
    assert listening.heard(SERVER) is None
    application = receiver.app(lambda project: None, "secret", status=lambda: {"server": SERVER, "pulls": 3})
    with receiver.serve(application, 0) as served:
        listening.address_file().write_text(served.url)
        assert (listening.heard(SERVER) or {}).get("pulls") == 3
        assert listening.heard("http://127.0.0.1:10") is None
    assert listening.heard(SERVER) is None
    assert listening.works({"pulls": 3}) and not listening.works({"last_error": "StudioError: down"}) and not listening.works(None)
    for nonsense in ("", "\x00", "http://[", "file:///etc/passwd"):
        listening.address_file().write_text(nonsense)
        assert listening.heard(SERVER) is None


# ---------------------------------------------------------------------------------------------- queues


def queues(at: AppTest, **address: str) -> AppTest:
    at.switch_page("views/queues.py")
    for name, value in address.items():
        at.query_params[name] = value
    return ran(at)


def test_queues_are_filtered_by_the_address(store: Store, at: AppTest) -> None:
    queues(at, lang="ja", show="highlights")
    assert at.dataframe[0].value["language"].tolist() == ["Japanese"]
    queues(at, rubric="preference-v1")
    assert any("no asked" in one.value.lower() for one in at.warning)


def test_queues_show_who_covers_what_and_the_labels_that_came_in(store: Store, at: AppTest) -> None:
    label(store, store.queue.items("highlights/ja/claim-v2")[0], KEN)
    queues(at)
    table = at.dataframe[0].value.set_index("language")
    assert table["people"].to_dict() == {"Arabic": "Aya", "Japanese": "Ken", "English": work.called(MALLORY)}
    assert table["per_day"]["Japanese"][-1] == 1
    assert at.dataframe[1].value["by"].tolist() == ["Ken"]
    assert "nobody listens" in said(at)


def test_a_queue_name_and_a_person_from_outside_stay_text_on_queues(store: Store, at: AppTest) -> None:
    label(store, store.queue.items("highlights/en/claim-v2")[0], MALLORY)
    queues(at)
    assert "<script>" not in said(at)
    assert "\u202e" not in at.dataframe[1].value["by"].iloc[0]
