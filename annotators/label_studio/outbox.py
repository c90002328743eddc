"""What push and collect both know of the way to a labelling server: when an item whose task is gone is unsent again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from evals.store import Store


def forget_lost(store: Store, server_url: str, item_ids: Collection[str]) -> int:
    """These items' tasks are gone from the server, or no longer show what we sent: the items are unsent again; how many.

    Items with enough labels stay as they are: nobody is asked twice for what we already have.
    """
    labels = Counter(note.item_id for note in store.labels.annotations(item_ids) if not note.deleted)
    overlap = {item_id: item.overlap for item_id, item in store.queue.named(item_ids).items()}
    gone = [item_id for item_id in item_ids if labels[item_id] < overlap.get(item_id, 1)]
    store.queue.forget_tasks(server_url, gone)
    return len(gone)
