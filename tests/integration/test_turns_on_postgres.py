"""Turns on PostgreSQL: one process at a time on any machine, and a mark that moves once."""

from __future__ import annotations

import threading

import pytest
from support import a_store

from evals.records import StudioCursor
from evals.store.turns import turn

pytestmark = pytest.mark.postgres


def test_a_turn_is_waited_for_and_given_back_also_after_an_error(postgres_url: str) -> None:
    one, other, came = a_store(postgres_url), a_store(postgres_url), threading.Event()

    def wait() -> None:
        with turn(other.engine, "push"):
            came.set()

    def fail() -> None:
        with turn(one.engine, "push"):
            waiting.start()
            assert not came.wait(0.3)
            with turn(one.engine, "collect"):  # another turn, at the same time
                raise ValueError("something went wrong")

    waiting = threading.Thread(target=wait)
    with pytest.raises(ValueError, match="something went wrong"):
        fail()
    assert came.wait(20)
    waiting.join()
    one.close()
    other.close()


def test_a_mark_moves_only_from_where_it_was(postgres_url: str) -> None:
    store = a_store(postgres_url)
    first, second = (StudioCursor("http://studio", 1, f"2026-11-22T1{hour}:00:00Z") for hour in (1, 2))
    assert store.queue.move_cursor(None, first) and not store.queue.move_cursor(None, second)
    assert store.queue.move_cursor(first, second) and not store.queue.move_cursor(first, second)
    store.close()
