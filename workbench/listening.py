"""While people label: hints from Label Studio are taken, labels pulled, conflicts handed to experts, reports of customers received.

``plumb listen`` runs it alone, ``plumb ui`` beside the workbench. Nothing here decides anything that a later ``plumb collect`` would not:
it only makes it soon.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from annotators.asking import conflicts
from annotators.customers import reports
from annotators.label_studio import collect as collecting
from annotators.label_studio import push as pushing
from annotators.label_studio import receiver
from annotators.label_studio.receiver import Puller, Served
from annotators.label_studio.studio import Studio
from evals.paths import home
from evals.store import Store
from workbench.context import now

PORT = 8502
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_WATCH_S = 1.0
_HEAR_S = 0.3


class Tending:
    """One pull: what people said comes in, what they disagree about goes out."""

    def __init__(self, store: Store, studio: Studio, hook: str) -> None:
        self._store, self._studio, self._hook = store, studio, hook
        self._hooked: set[int] = set()

    def pull(self, project_ids: Sequence[int] | None) -> None:
        """Collect these projects, or all; raises StudioError. What goes out waits for a pull of everything: finding it
        looks at every label, and a hint comes with each."""
        collecting.collect(self._store, self._studio, now=now(), projects=project_ids)
        if project_ids is None:
            self._send()

    def _send(self) -> None:
        conflicts.queue_conflicts(self._store, now=now())
        if any(row.items > row.sent for row in self._store.queue.status()):  # a conflict, or what a customer reported
            pushing.push(self._store, self._studio)
        self._ask_for_hints()

    def _ask_for_hints(self) -> None:
        """Label Studio elsewhere cannot reach this machine's loopback: then the timer alone pulls."""
        if urlsplit(self._studio.url).hostname not in _LOOPBACK:
            return
        secret = self._studio.secret_for("webhooks")
        for project in self._store.queue.projects(self._studio.url):
            if project.project_id not in self._hooked:
                self._studio.ensure_webhook(project.project_id, self._hook, secret)
                self._hooked.add(project.project_id)


def token_file() -> Path:
    """Where the bearer token lies with which a shop hands in its customers' reports."""
    return home() / "reports.token"


def token(studio: Studio) -> str:
    """That token, written for this user only."""
    secret = studio.secret_for("reports")
    with os.fdopen(os.open(token_file(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secret + "\n")
    return secret


@contextmanager
def listening(store: Store, studio: Studio, *, port: int = PORT, every_s: float = receiver.EVERY_S) -> Iterator[tuple[Served, Puller]]:
    """Receiver and puller, until the block ends. Raises SetupError when the port is taken."""
    url = f"http://127.0.0.1:{port}{receiver.PATH}"
    puller = Puller(Tending(store, studio, url).pull, now=now, every_s=every_s)
    routes = reports.routes(lambda: store, token(studio), now=now)
    application = receiver.app(
        puller.hint, studio.secret_for("webhooks"), routes, status=lambda: {"server": studio.url, **puller.status()}
    )  # fmt: skip
    with receiver.serve(application, port) as served, puller:
        address_file().write_text(served.url, encoding="utf-8")
        yield served, puller


def wait_for_the_end(parent: int | None) -> None:
    """Until interrupted, or until the process that started us is gone."""
    while parent is None or os.getppid() == parent:
        time.sleep(_WATCH_S)


def address_file() -> Path:
    """Where a listener of this installation says where it answers; left behind when it ends."""
    return home() / "listener.url"


def heard(server_url: str) -> Mapping[str, Any] | None:
    """What the listener of this installation says of itself; None where none answers at once, or it pulls from another labelling server."""
    try:
        said = httpx.get(f"{address_file().read_text(encoding='utf-8')}/status", timeout=_HEAR_S, trust_env=False).json()
    except (OSError, httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    return said if isinstance(said, dict) and said.get("server") == server_url else None


def works(said: Mapping[str, Any] | None) -> bool:
    """Whether what `heard` found brings labels in: it answers, and its last pull did not fail."""
    return said is not None and not said.get("last_error")
