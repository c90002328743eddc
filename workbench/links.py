"""Every URL that leaves the workbench is made here."""

from __future__ import annotations

from collections.abc import Callable

from annotators import server
from evals.paths import home
from evals.store import Store


def label_stream(store: Store) -> Callable[[str], str | None]:
    """Queue name to the page where its next task is labelled; None where Label Studio is not running or has no project for it."""
    running = server.status(home())
    if running is None:
        return lambda _queue: None
    projects = {project.queue: project.project_id for project in store.queue.projects(running.url)}
    return lambda queue: f"{running.url}/projects/{projects[queue]}/data?labeling=1" if queue in projects else None
