"""The same labels make the same training files on SQLite and on PostgreSQL, and what was exported is lost to the gate on both."""

from pathlib import Path

import pytest
from feedback import export, labelled
from support import NOW

from evals.datasets import make_dataset
from evals.errors import InputError
from evals.store import Store

pytestmark = pytest.mark.postgres


def test_the_bytes_are_the_same_on_both_databases(postgres_url: str, tmp_path: Path) -> None:
    written = []
    for number, url in enumerate((postgres_url, "sqlite://")):
        store = Store.open(url)
        runs = labelled(store)
        assert [export(store, tmp_path / str(number)).newly_exposed for _ in range(2)] == [12, 0]
        written.append({path.name: path.read_bytes() for path in (tmp_path / str(number)).iterdir()})
        with pytest.raises(InputError, match="given to training"):
            make_dataset(store, "gate", store.runs.cases(runs.dataset.dataset_id), NOW)
        store.close()
    assert written[0] == written[1]
