"""Every address that leaves the workbench is made here."""

from __future__ import annotations

from collections.abc import Callable

from annotators.label_studio import server
from evals.errors import UnknownIdError
from evals.paths import home
from evals.store import Store


def studio_url() -> str | None:
    """Where Label Studio answers; None where it does not run."""
    running = server.status(home())
    return None if running is None else running.url


def label_stream(store: Store, url: str | None) -> Callable[[str], str | None]:
    """Queue name to the page of the server at `url` where its next task is labelled; None where it has no project for it."""
    projects = {project.queue: project.project_id for project in store.queue.projects(url)} if url else {}
    return lambda queue: f"{url}/projects/{projects[queue]}/data?labeling=1" if queue in projects else None


def task_url(store: Store, url: str, item_id: str) -> str | None:
    """The page of the server at `url` that shows exactly this item's task; None where it has none."""
    try:
        task = store.desk.task(item_id, url)
    except UnknownIdError:
        return None
    return f"{url}/projects/{task.project_id}/data?task={task.task_id}"
