"""A store that the pages read: the installation of one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import a_store

from evals.store import Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    for name, value in {"DATABASE_URL": url, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(f"PLUMBLINE_{name}", value)
    store = a_store(url)
    yield store
    store.close()
