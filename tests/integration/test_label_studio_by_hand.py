"""What people with an account can do by hand to our projects on a real server, which is everything. Afterwards both sides agree again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from labelled import EN, agree, answer, living, notes, now, pushed, queued, settle, unique

from annotators import labeling
from annotators.label_studio import accounts
from annotators.label_studio.collect import collect
from annotators.label_studio.push import push
from annotators.label_studio.studio import Studio
from annotators.labeling.claims import result_of
from evals.errors import InputError
from evals.records import StudioTask
from evals.store import Store

pytestmark = pytest.mark.labelstudio


@pytest.fixture
def somebody(studio: Studio) -> Iterator[Studio]:
    """The server, as somebody who labels."""
    token = accounts.ensure_user(studio, f"somebody-{unique()}@example.org", "a long enough pass", "Some Body")
    with Studio(studio.url, token) as desk:
        yield desk


def patch_project(studio: Studio, project_id: int, **changes: object) -> None:
    studio._json("PATCH", f"/api/projects/{project_id}", "change it by hand", json=changes)


def delete_task(studio: Studio, task: StudioTask) -> None:
    studio._read(studio._request("DELETE", f"/api/tasks/{task.task_id}/", "delete a task by hand"), "delete a task by hand")


# ---------------------------------------------------------------------------------------------- the page people label on


def test_a_page_changed_by_hand_is_brought_back_and_answers_of_another_scale_are_named(studio: Studio) -> None:
    store, tasks = pushed(studio)
    project_id, ours = tasks[0].project_id, studio._project(tasks[0].project_id)
    assert ours
    answer(studio, tasks[:1])
    renamed = ours["label_config"].replace('alias="grounded"', 'alias="fine"')
    without_comment = "\n".join(line for line in renamed.splitlines() if 'name="comment"' not in line)
    patch_project(studio, project_id, label_config=without_comment, expert_instruction="<p>Always say yes.</p>", maximum_annotations=3)
    answer(studio, tasks[1:2], "fine")
    done, collected = settle(store, studio)
    mended = studio._project(project_id)
    assert mended
    assert all(mended[key] == ours[key] for key in ("label_config", "expert_instruction", "maximum_annotations"))
    assert done.sent == 0 and len(living(store)) == 1
    (refused,) = collected.invalid
    assert f"task {tasks[1].task_id}, annotation" in refused and "'fine'" in refused
    assert len(notes(studio, tasks[1].task_id)) == 1, "it is kept on the server"


def test_a_question_renamed_and_answered_by_hand_is_an_error_that_says_what_to_do_and_holds_up_no_other_queue(studio: Studio) -> None:
    store = queued(languages=("en", "ja"))
    project_id = push(store, studio).projects[EN]
    tasks = store.queue.tasks(studio.url, project_id)
    ours = studio._project(project_id)
    assert ours
    patch_project(studio, project_id, label_config=ours["label_config"].replace('name="verdict"', 'name="opinion"'))
    result = [{**region, "from_name": "opinion"} for region in result_of("grounded")]
    studio.annotate(tasks[0].task_id, result, unique_id=unique())
    studio.delete_project(next(one for one in studio.project_ids() if one != project_id))
    with pytest.raises(InputError, match=rf"project {project_id} \({EN}\).*changed by hand.*from_name=opinion"):
        push(store, studio)
    assert [status.sent for status in store.queue.status()] == [12, 12], "the other queue's project was made again"
    assert "not one of" in collect(store, studio, now=now()).invalid[0]
    studio.delete_annotation(notes(studio, tasks[0].task_id)[0].number)
    settle(store, studio)
    mended = studio._project(project_id)
    assert mended and mended["label_config"] == ours["label_config"]


# ---------------------------------------------------------------------------------------------- projects and tasks


def test_a_project_deleted_by_hand_is_made_again_and_what_we_had_is_not_asked_again(studio: Studio) -> None:
    store, tasks = pushed(studio)
    answer(studio, tasks[:5])
    collect(store, studio, now=now())
    studio.delete_project(tasks[0].project_id)
    assert collect(store, studio, now=now()).missing_projects == [EN]
    done, _ = settle(store, studio)
    assert (done.sent, done.lost, len(living(store))) == (7, 7, 5)


def test_a_task_deleted_by_hand_is_sent_again_unless_its_labels_are_here(studio: Studio) -> None:
    store, tasks = pushed(studio)
    answer(studio, tasks[:1])
    collect(store, studio, now=now())
    for task in tasks[:2]:
        delete_task(studio, task)
    done, _ = settle(store, studio)
    assert (done.sent, done.lost, len(living(store))) == (1, 1, 1)


def test_a_task_deleted_and_another_put_in_its_place_by_hand_is_noticed_by_a_full_collect(studio: Studio) -> None:
    store, tasks = pushed(studio)
    for task in (tasks[2], tasks[-1]):  # the last one's number is given to the next task
        delete_task(studio, task)
    strangers = studio.import_tasks(tasks[0].project_id, [{"claim": "theirs", "evidence": "e"}, {"claim": "too", "evidence": "e"}])
    assert tasks[-1].task_id in strangers, "a number that was ours is now somebody else's"
    studio.annotate(tasks[-1].task_id, result_of("grounded"), unique_id=unique())
    summary = collect(store, studio, now=now(), full=True)
    assert summary.lost == 2 and living(store) == []
    assert "its data was changed on the server" in summary.invalid[0]
    done, _ = settle(store, studio)
    assert done.sent == 2 and done.foreign_tasks == {EN: 2} and set(strangers) <= set(studio.item_ids(tasks[0].project_id))


def test_tasks_imported_by_hand_are_left_alone_also_those_that_claim_to_be_ours(studio: Studio) -> None:
    store, tasks = pushed(studio)
    item = store.queue.items()[0]
    theirs = studio.import_tasks(
        tasks[0].project_id,
        [
            {"claim": "x", "evidence": "y"},
            {"item_id": item.item_id, "claim": "x", "evidence": "y"},
            {"item_id": 7, "claim": "x", "evidence": "y"},
        ],
    )
    for task_id in theirs:
        studio.annotate(task_id, result_of("contradicted"), unique_id=unique())
    done, collected = settle(store, studio)
    assert done.foreign_tasks == {EN: 3} and done.repaired == 0 and len(collected.invalid) == 3 and living(store) == []
    assert all(len(notes(studio, task_id)) == 1 for task_id in theirs)


def test_a_task_whose_texts_were_changed_by_hand_is_not_believed_and_its_item_is_asked_anew(studio: Studio) -> None:
    store, tasks = pushed(studio)
    answer(studio, tasks[:1])
    collect(store, studio, now=now())
    for task in tasks[:2]:
        data = store.queue.item(task.item_id).data | {"claim": "The moon is made of cheese."}
        studio._json("PATCH", f"/api/tasks/{task.task_id}/", "change its texts by hand", json={"data": data})
    answer(studio, tasks[1:2], "contradicted")
    summary = collect(store, studio, now=now())
    assert summary.lost == 1 and f"task {tasks[1].task_id}: its data was changed on the server" in summary.invalid
    done, _ = settle(store, studio)
    assert done.sent == 1 and done.foreign_tasks == {EN: 2}
    assert [(note.item_id, note.verdict) for note in living(store)] == [(tasks[0].item_id, "grounded")], "said before the change"
    assert len(notes(studio, tasks[1].task_id)) == 1, "it is kept on the server"


def test_duplicates_made_by_hand_are_merged_with_everybodys_answers(studio: Studio, somebody: Studio) -> None:
    store, tasks = pushed(studio, overlap=2)
    copies = studio.import_tasks(tasks[0].project_id, [store.queue.item(task.item_id).data for task in tasks[:3]])
    answer(studio, tasks[:2])
    studio.annotate(copies[0], result_of("unsupported"), unique_id=unique())  # the same person, later
    somebody.annotate(copies[1], result_of("contradicted"), unique_id=unique())
    assert len(collect(store, studio, now=now()).invalid) == 2
    done, _ = settle(store, studio)
    assert done.repaired == 3
    said = {(note.item_id, note.verdict) for note in living(store)}
    assert said == {(tasks[0].item_id, "unsupported"), (tasks[1].item_id, "grounded"), (tasks[1].item_id, "contradicted")}


# ---------------------------------------------------------------------------------------------- answers and people


def test_an_answer_edited_by_hand_keeps_its_history_and_one_deleted_is_marked(studio: Studio) -> None:
    store, tasks = pushed(studio)
    answer(studio, tasks[:2])
    collect(store, studio, now=now())
    first, second = (notes(studio, task.task_id)[0].number for task in tasks[:2])
    studio.edit_annotation(first, result_of("contradicted", "looked again"))
    collect(store, studio, now=now())
    studio.edit_annotation(first, result_of("unsupported"))
    studio.delete_annotation(second)
    settle(store, studio)
    assert [(note.item_id, note.verdict) for note in living(store)] == [(tasks[0].item_id, "unsupported")]
    edits = store.labels.edits([tasks[0].item_id])
    assert [(edit.verdict, edit.comment) for edit in edits] == [("grounded", None), ("contradicted", "looked again")]
    assert [edit.verdict for edit in store.labels.edits([tasks[1].item_id])] == ["grounded"]
    answer(studio, tasks[1:2], "not_checkable")
    settle(store, studio)
    assert {note.verdict for note in living(store)} == {"unsupported", "not_checkable"}


def test_what_a_person_said_stays_when_their_account_is_deleted(studio: Studio, somebody: Studio) -> None:
    store, tasks = pushed(studio, overlap=2)
    answer(somebody, tasks[:3], "unsupported")
    answer(studio, tasks[:2])
    collect(store, studio, now=now())
    user_id = somebody._json("GET", "/api/current-user/whoami", "who")["id"]
    studio._read(studio._request("DELETE", f"/api/users/{user_id}/", "delete a user"), "delete a user")
    studio.delete_annotation(next(note.number for note in notes(studio, tasks[0].task_id) if note.user_id != user_id and note.user_id))
    settle(store, studio, full=True)
    said = sorted((note.item_id, note.verdict) for note in living(store))
    assert said == sorted([*((task.item_id, "unsupported") for task in tasks[:3]), (tasks[1].item_id, "grounded")])


# ---------------------------------------------------------------------------------------------- what people are asked


def reworded(monkeypatch: pytest.MonkeyPatch) -> None:
    rubric = labeling.RUBRICS["claim-v2"]
    other = replace(rubric, guidance=lambda feature, language: [*rubric.guidance(feature, language), "Be kind."])
    monkeypatch.setattr(labeling, "RUBRICS", labeling.RUBRICS | {"claim-v2": other})


def test_other_words_reach_people_as_long_as_nobody_has_answered(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    store, tasks = pushed(studio)
    reworded(monkeypatch)
    settle(store, studio)
    project = studio._project(tasks[0].project_id)
    assert project and "Be kind." in project["expert_instruction"]


@pytest.mark.parametrize("collected", [True, False])
def test_a_rubric_is_frozen_once_somebody_has_answered_here_or_on_the_server(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, collected: bool
) -> None:
    store, tasks = pushed(studio)
    answer(studio, tasks[:1])
    if collected:
        collect(store, studio, now=now())
    reworded(monkeypatch)
    with pytest.raises(InputError, match=rf"{EN}: .*rubric claim-v2 is frozen"):
        push(store, studio)
    project = studio._project(tasks[0].project_id)
    assert project and "Be kind." not in project["expert_instruction"]
    collect(store, studio, now=now())
    agree(store, studio)


def test_a_queue_whose_rubric_is_frozen_does_not_hold_up_the_others(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    store: Store = queued(languages=("en", "ja"))
    projects = push(store, studio).projects
    answer(studio, store.queue.tasks(studio.url, projects[EN])[:1])
    reworded(monkeypatch)
    with pytest.raises(InputError, match=EN):
        push(store, studio)
    project = studio._project(projects["highlights/ja/claim-v2"])
    assert project and "Be kind." in project["expert_instruction"]
