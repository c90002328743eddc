"""What `benchmarks.transport` measures, one arm a process, so that its peak memory is its own: ours, and the loop anybody would write.

``python -m benchmarks.transport_arms ARM`` reads its settings as JSON from standard input and prints seconds, peak memory and a count.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

CHUNK = 1_000  # tasks a request of the loop


def push_ours(given: Mapping[str, Any]) -> Callable[[], int]:
    """Items from the store to the server, with predictions."""
    from annotators.label_studio.push import push
    from annotators.label_studio.studio import Studio
    from evals.store import Store

    store, studio = Store.open(given["store"]), Studio(given["url"], given["token"])

    def send() -> int:
        done = push(store, studio)
        store.close()
        return done.sent + done.adopted

    return send


def push_naive(given: Mapping[str, Any]) -> Callable[[], int]:
    """The same rows from a file, in chunks, through the SDK as it comes."""
    client = _client(given)

    def send() -> int:
        sent = 0
        with open(given["rows"], encoding="utf-8") as file:
            rows: Iterator[dict[str, Any]] = map(json.loads, file)
            while chunk := list(islice(rows, CHUNK)):
                client.projects.import_tasks(id=given["project"], request=chunk)
                sent += len(chunk)
        return sent

    return send


def collect_ours(given: Mapping[str, Any]) -> Callable[[], int]:
    """Annotations from the server, checked, into the store."""
    from annotators.label_studio.collect import collect
    from annotators.label_studio.studio import Studio
    from evals.store import Store

    store, studio = Store.open(given["store"]), Studio(given["url"], given["token"])

    def fetch() -> int:
        new = collect(store, studio, now=datetime.now(UTC).isoformat()).new
        store.close()
        return new

    return fetch


def collect_naive(given: Mapping[str, Any]) -> Callable[[], int]:
    """All tasks with everything, into a list."""
    client = _client(given)
    return lambda: sum(len(task.annotations or ()) for task in list(client.tasks.list(project=given["project"], fields="all")))


def export_naive(given: Mapping[str, Any]) -> Callable[[], int]:
    """The server's export, for comparison: what somebody would write who knows that listing is slow."""
    client = _client(given)

    def fetch() -> int:
        parts = client.projects.exports.download_sync(given["project"], export_type="JSON", download_all_tasks=True)
        return sum(len(task["annotations"]) for task in json.loads(b"".join(parts)))

    return fetch


def _client(given: Mapping[str, Any]) -> Any:
    from label_studio_sdk import LabelStudio

    client: Any = LabelStudio(base_url=given["url"], api_key=given["token"], timeout=600)
    return client


ARMS: Mapping[str, Callable[[Mapping[str, Any]], Callable[[], int]]] = {
    "push ours": push_ours,
    "push naive": push_naive,
    "collect ours": collect_ours,
    "collect naive": collect_naive,
    "export naive": export_naive,
}


def main() -> None:
    work = ARMS[sys.argv[1]](json.load(sys.stdin))
    started = time.perf_counter()
    count = work()
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "count": count}))


if __name__ == "__main__":
    main()
