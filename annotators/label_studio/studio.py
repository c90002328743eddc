"""The only door to Label Studio: the dozen calls we use, over its SDK, every failure a StudioError that names server and call.

Nothing in Label Studio removes duplicates, and the SDK would repeat a POST by itself: here nothing is ever repeated. Who calls decides,
after looking at what the server has (`annotators.label_studio.push`). Tokens never appear in messages.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from annotators.labeling.project import has_key, settings
from evals.errors import InputError, SetupError, StudioError

T = TypeVar("T")
MIN_VERSION = (1, 23)  # everything here was measured with 1.23.2
PAGE = 1000
# What a task is made of for us. Without this list the server works out thirty columns more: 2.5 times slower.
_FIELDS = "id,data,updated_at,annotations,result,created_at,completed_by,lead_time,was_cancelled"
SECRET_HEADER, PROJECT_HEADER = "X-Plumbline-Secret", "X-Plumbline-Project"
HINTS = ("ANNOTATIONS_DELETED", "ANNOTATION_CREATED", "ANNOTATION_UPDATED", "TASKS_DELETED")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class StudioAnnotation:
    """A submission as the server has it; times are the server's ISO strings. `cancelled`: the annotator skipped the task."""

    number: int
    user_id: int | None
    result: Sequence[Mapping[str, Any]]
    created_at: str
    updated_at: str
    lead_time_s: float | None
    cancelled: bool


@dataclass(frozen=True)
class TaskState:
    """A task as the server has it. `item_id` is what its data says, which anybody with an account could have changed."""

    task_id: int
    item_id: str | None
    data: Mapping[str, Any]
    updated_at: str
    annotations: tuple[StudioAnnotation, ...]


@dataclass(frozen=True)
class StudioUser:
    user_id: int
    email: str
    name: str


class Studio:
    """A labelling server, by URL and token (legacy, or a personal access token, which the SDK exchanges). Safe to share among threads."""

    def __init__(self, url: str, token: str, *, timeout_s: float = 120.0) -> None:
        from label_studio_sdk import LabelStudio  # one second and 115 MB: only for those who label

        self.url = url.rstrip("/")
        self._token = token
        local = urlsplit(self.url).hostname in _LOOPBACK
        self._client = httpx.Client(timeout=httpx.Timeout(timeout_s, connect=10), trust_env=not local, follow_redirects=not local)
        self._sdk: Any = self._call(
            "sign in", lambda: LabelStudio(base_url=self.url, api_key=token, httpx_client=self._client, max_retries=0)
        )

    def secret_for(self, purpose: str) -> str:
        """A secret that follows from the token and tells nothing about it."""
        return hmac.new(self._token.encode(), purpose.encode(), "sha256").hexdigest()

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ------------------------------------------------------------------ the server
    def check(self) -> str:
        """The server's version; raises StudioError if it does not answer or does not know the token, SetupError if it is too old."""
        self._json("GET", "/api/current-user/whoami", "check the token")
        version = str(self._json("GET", "/api/version", "ask for the version").get("release", ""))
        numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
        if numbers < MIN_VERSION:
            raise SetupError(
                f"{self.url}: Label Studio {version or 'of unknown version'}: at least {'.'.join(map(str, MIN_VERSION))} is needed"
            )
        return version

    def clock(self) -> datetime:
        """The server's time of day, to the second: the times it writes down follow this clock, not ours."""
        said = self._request("GET", "/api/version", "ask for the time").headers.get("date", "")
        try:
            moment = parsedate_to_datetime(said)
        except ValueError as error:
            raise self._error("ask for the time", f"{said!r} is not a time") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def project_url(self, project_id: int) -> str:
        """Where an annotator starts labelling; survives the login page."""
        return f"{self.url}/projects/{project_id}/data?labeling=1"

    def task_url(self, project_id: int, task_id: int) -> str:
        """One task."""
        return f"{self.url}/projects/{project_id}/data?task={task_id}"

    # ------------------------------------------------------------------ projects
    def ensure_project(self, queue: str, *, overlap: int, known: int | None = None) -> int:
        """The project that serves `queue`: the `known` one if it is still there, else the one with our key in its description, else a new
        one.

        Its configuration, instructions and overlap are brought to ours. Titles are not unique: the key is what counts. Raises InputError
        when answers to another page, made by hand, are in the way.
        """
        wanted = settings(queue, overlap)
        there = self._project(known) if known is not None else None
        if there and not has_key(there, queue) and there.get("label_config") != wanted["label_config"]:
            there = None  # numbers of deleted projects are given again: this is somebody else's
        there = there or self._find_project(queue)
        if there is None:
            return int(self._call("create a project", lambda: self._sdk.projects.create(**wanted)).id)
        changed = {key: value for key, value in wanted.items() if there.get(key) != value}
        if changed:
            self._mend_project(int(there["id"]), queue, changed)
        return int(there["id"])

    def _mend_project(self, project_id: int, queue: str, changed: Mapping[str, Any]) -> None:
        response = self._request("PATCH", f"/api/projects/{project_id}", name := f"bring project {project_id} up to date", json=changed)
        if response.status_code == 400 and "Created annotations are incompatible" in response.text:
            raise InputError(
                f"{self.url}: project {project_id} ({queue}): its page was changed by hand and answered since; Label Studio does not let "
                f"the page be mended while these answers are there: delete them and push again: {response.text[:500]}"
            )
        self._read(response, name)

    def task_count(self, project_id: int) -> int:
        """Tasks of a project, at the cost of one request."""
        return self._total("total", project_id)

    def prediction_count(self, project_id: int) -> int:
        """Predictions of a project, at the cost of one request."""
        return self._total("total_predictions", project_id)

    def _total(self, what: str, project_id: int) -> int:
        page = self._json("GET", "/api/tasks", f"count in project {project_id}", params=_page(project_id, 1))
        return int(page[what])

    def delete_project(self, project_id: int) -> None:
        self._call(f"delete project {project_id}", lambda: self._sdk.projects.delete(id=project_id))

    def project_ids(self) -> list[int]:
        """All projects of the server, ours and others'."""
        return [int(project["id"]) for project in self._projects()]

    def _project(self, project_id: int) -> dict[str, Any] | None:
        response = self._request("GET", f"/api/projects/{project_id}", f"look at project {project_id}")
        return None if response.status_code == 404 else self._read(response, f"look at project {project_id}")

    def _find_project(self, queue: str) -> dict[str, Any] | None:
        ours = [project for project in self._projects() if has_key(project, queue)]
        return self._project(min(int(project["id"]) for project in ours)) if ours else None

    def _projects(self) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            params = {"page": page, "page_size": 100, "include": "id,description", "ordering": "id"}
            answer = self._json("GET", "/api/projects", "list projects", params=params)
            yield from answer["results"]
            if not answer.get("next"):
                return
            page += 1

    # ------------------------------------------------------------------ tasks
    def import_tasks(
        self, project_id: int, data: Sequence[Mapping[str, Any]], predictions: Sequence[Mapping[str, Any] | None] | None = None
    ) -> list[int]:
        """Send tasks, once; their ids in order. After a StudioError the server may have them or not: look.

        `predictions`: one or None per task, each with `model_version`, `score` (0..1 or None) and `result`. The server would take any score
        and drops predictions without a word: a wrong one raises InputError before anything is sent, a dropped one StudioError.
        """
        made = [None] * len(data) if predictions is None else predictions
        if len(made) != len(data):
            raise InputError(f"{len(made)} predictions for {len(data)} tasks: one, or None, for each")
        rows = [_row(row, prediction) for row, prediction in zip(data, made, strict=True)]
        name = f"import {len(rows)} tasks into project {project_id}"
        done = self._call(name, lambda: self._sdk.projects.import_tasks(id=project_id, request=rows, return_task_ids=True))
        ids = [int(number) for number in done.task_ids or ()]
        if len(ids) != len(rows):
            raise StudioError(f"{self.url}: {name}: the server answers with {len(ids)} tasks")
        sent = sum("predictions" in row for row in rows)
        if (done.prediction_count or 0) != sent:
            raise StudioError(f"{self.url}: {name}: {sent} predictions were sent, the server has stored {done.prediction_count or 0}")
        return ids

    def item_ids(self, project_id: int) -> dict[int, str | None]:
        """Task id → the item id in its data, of all tasks of a project (about 1 s per 1,000)."""
        name = f"list the tasks of project {project_id}"
        return {int(task["id"]): _item_id(task) for task in self._pages(name, project_id, {"include": "id,data"})}

    def task_data(self, project_id: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Number and data of all tasks of a project, as the server has them, by number."""
        for task in self._pages(f"list the tasks of project {project_id}", project_id, {"include": "id,data"}):
            yield int(task["id"]), task["data"] if isinstance(task.get("data"), dict) else {}

    def tasks(self, project_id: int, *, updated_after: datetime | None = None) -> Iterator[TaskState]:
        """Tasks with their annotations, by id: all, or those that changed after a moment (an annotation made, edited or deleted)."""
        wanted = []
        if updated_after is not None:
            # Label Studio answers 500 to an offset of +00:00: it must be a Z
            moment = updated_after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            wanted = [_filter("updated_at", moment, "Datetime")]
        for task in self._pages(f"read the tasks of project {project_id}", project_id, {"fields": "all", "include": _FIELDS}, wanted):
            yield _task(task)

    def annotated(self, project_id: int) -> Iterator[TaskState]:
        """Tasks that have an annotation, skips included, exactly as `tasks` gives them, without the time for the others: of 2,000 tasks
        with 200 annotated 0.3 s instead of 1.6 s, with 1,000 annotated 1.5 s instead of 2.5 s. (The server's export takes as long and
        leaves a copy of the project on its disk each time.)

        It cannot see what is not there: tasks nobody touched, and so a task whose last annotation was deleted, or one that was itself
        deleted. Whoever looks for deletions needs `tasks`.
        """
        wanted = [_filter("total_annotations", 0), _filter("cancelled_annotations", 0)]
        name = f"read the annotated tasks of project {project_id}"
        for task in self._pages(name, project_id, {"fields": "all", "include": _FIELDS}, wanted):
            yield _task(task)

    def task(self, task_id: int) -> TaskState | None:
        """One task with its annotations; None when it is gone."""
        response = self._request("GET", f"/api/tasks/{task_id}", name := f"read task {task_id}")
        return None if response.status_code == 404 else _task(self._read(response, name))

    def remove_duplicates(self, project_id: int, task_ids: Sequence[int]) -> None:
        """Of tasks with the same data keep one, with everybody's annotations."""
        body = {"selectedItems": {"all": False, "included": list(task_ids)}}
        params = {"id": "remove_duplicates", "project": project_id}
        self._json("POST", "/api/dm/actions", f"remove duplicates from project {project_id}", params=params, json=body)

    def _pages(
        self, name: str, project_id: int, params: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]] = ()
    ) -> Iterator[dict[str, Any]]:
        """Tasks by id for which any of `wanted` holds. Each page asks for what comes behind the last id: with page numbers, a task deleted
        meanwhile would move another one out of sight."""
        last = 0
        while True:
            behind = _filter("id", last)
            items = [{**one, "child_filter": behind} for one in wanted] or [behind]
            query = json.dumps({"filters": {"conjunction": "or", "items": items}})
            tasks = self._json("GET", "/api/tasks", name, params=_page(project_id, PAGE) | dict(params) | {"query": query})["tasks"]
            yield from tasks
            if len(tasks) < PAGE:
                return
            last = int(tasks[-1]["id"])

    # ------------------------------------------------------------------ webhooks
    def ensure_webhook(self, project_id: int, url: str, secret: str) -> None:
        """Exactly one webhook from the project to `url`, active, for what changes labels; one that differs, and duplicates, are mended.

        It is sent without a payload, which the server would make inside the annotator's request (20 ms instead of 4) and which would hold
        the project's token: the one thing we need to know, the project, is a header. The secret keeps strangers out; who has an account
        on the server can read it there, and make us look for new labels.
        """
        wanted = {
            "url": url,
            "send_payload": False,
            "send_for_all_actions": False,
            "actions": list(HINTS),
            "headers": {SECRET_HEADER: secret, PROJECT_HEADER: str(project_id)},
            "is_active": True,
        }
        name = f"set the webhook of project {project_id}"
        listed: Any = self._json("GET", "/api/webhooks/", name, params={"project": project_id})
        ours = sorted((hook for hook in listed if hook["url"] == url), key=lambda hook: int(hook["id"]))
        for hook in ours[1:]:
            self._request("DELETE", f"/api/webhooks/{hook['id']}/", name)
        if not ours:
            self._json("POST", "/api/webhooks/", name, json={"project": project_id} | wanted)
        elif wanted != {key: ours[0][key] for key in wanted} | {"actions": sorted(ours[0]["actions"])}:
            self._json("PATCH", f"/api/webhooks/{ours[0]['id']}/", name, json=wanted)  # all of it: actions left out would be emptied

    # ------------------------------------------------------------------ people
    def users(self) -> dict[int, StudioUser]:
        """Everybody with an account, by id."""
        rows: Any = self._json("GET", "/api/users", "list users")
        people = [(row, f"{row.get('first_name') or ''} {row.get('last_name') or ''}".strip()) for row in rows]
        return {int(row["id"]): StudioUser(int(row["id"]), str(row["email"]), name or str(row["email"])) for row, name in people}

    def annotate(self, task_id: int, result: Sequence[Mapping[str, Any]], *, unique_id: str) -> bool:
        """Submit an annotation as the token's owner; False if the one with this `unique_id` is there already."""
        name = f"annotate task {task_id}"
        body = {"result": list(result), "unique_id": unique_id}
        response = self._request("POST", f"/api/tasks/{task_id}/annotations/", name, json=body)
        if response.status_code == 409:
            return False
        self._read(response, name)
        return True

    def edit_annotation(self, number: int, result: Sequence[Mapping[str, Any]]) -> None:
        self._json("PATCH", f"/api/annotations/{number}/", f"edit annotation {number}", json={"result": list(result)})

    def delete_annotation(self, number: int) -> None:
        self._read(self._request("DELETE", f"/api/annotations/{number}/", name := f"delete annotation {number}"), name)

    def invite_url(self) -> str:
        """The path under which a new annotator signs up. A secret: who has it can make an account."""
        return str(self._json("GET", "/api/invite", "ask for an invitation")["invite_url"])

    # ------------------------------------------------------------------ one way in and out
    def _json(self, method: str, path: str, name: str, **kwargs: Any) -> dict[str, Any]:
        return self._read(self._request(method, path, name, **kwargs), name)

    def _request(self, method: str, path: str, name: str, **kwargs: Any) -> httpx.Response:
        # the SDK's own requester adds the token (and renews a personal one); its typed answers lose fields and differ from task to task
        requester = self._sdk._client_wrapper.httpx_client
        response: httpx.Response = self._call(name, lambda: requester.request(path.lstrip("/"), method=method, **kwargs))
        return response

    def _read(self, response: httpx.Response, name: str) -> dict[str, Any]:
        if response.is_error:
            raise self._error(name, f"HTTP {response.status_code}: {response.text[:500]}")
        try:
            return dict(response.json()) if response.text.startswith("{") else response.json() if response.content else {}
        except ValueError as error:
            raise self._error(name, f"HTTP {response.status_code}, and no JSON: {response.text[:200]}") from error

    def _call(self, name: str, function: Callable[[], T]) -> T:
        try:
            return function()
        except Exception as error:  # the SDK raises ApiError, httpx, pydantic and more: all mean that the call failed
            body = getattr(error, "body", None)
            said = f"HTTP {error.status_code}: {str(body)[:500]}" if hasattr(error, "status_code") else f"{type(error).__name__}: {error}"
            raise self._error(name, said) from None  # the cause may carry the token in its request

    def _error(self, name: str, said: str) -> StudioError:
        return StudioError(f"{self.url}: {name}: {said}".replace(self._token, "•••"))


def _page(project_id: int, page_size: int) -> dict[str, Any]:
    return {"project": project_id, "page": 1, "page_size": page_size}


def _filter(column: str, above: int | str, kind: str = "Number") -> dict[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": "greater", "type": kind, "value": above}


def _row(data: Mapping[str, Any], prediction: Mapping[str, Any] | None) -> dict[str, Any]:
    if prediction is None:
        return {"data": dict(data)}
    score = prediction.get("score")
    if score is not None and not 0 <= score <= 1:
        raise InputError(f"item {data.get('item_id')}: a prediction by {prediction.get('model_version')} has score {score}, not in 0..1")
    return {"data": dict(data), "predictions": [dict(prediction)]}


def _item_id(task: Mapping[str, Any]) -> str | None:
    value = task["data"].get("item_id") if isinstance(task.get("data"), dict) else None
    return value if isinstance(value, str) else None


def _task(task: Mapping[str, Any]) -> TaskState:
    notes = tuple(_annotation(note) for note in task["annotations"])
    return TaskState(int(task["id"]), _item_id(task), task["data"], str(task["updated_at"]), notes)


def _annotation(note: Mapping[str, Any]) -> StudioAnnotation:
    who = note.get("completed_by")
    return StudioAnnotation(
        number=int(note["id"]),
        user_id=int(who["id"] if isinstance(who, dict) else who) if who is not None else None,
        result=note.get("result") or (),
        created_at=str(note["created_at"]),
        updated_at=str(note["updated_at"]),
        lead_time_s=note.get("lead_time"),
        cancelled=bool(note.get("was_cancelled")),
    )
