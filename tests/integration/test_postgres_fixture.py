"""The store on the real PostgreSQL that the fixture starts."""

import pytest

from evals.store import Store


@pytest.mark.postgres
def test_the_store_opens_on_an_empty_postgresql_database(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    assert store.catalog.products() == []
    store.close()
