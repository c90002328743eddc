"""Sealed sets: drawn from what nobody has used, closed to every command, opened once, for a reason, and as committed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import text
from support import NOW, a_case, a_product, a_store

from evals.datasets import make_dataset
from evals.errors import InputError, MoreNeededError, UnknownIdError
from evals.partitions import divide
from evals.programme.sealed import commit, seal, unseal
from evals.records import Case, SealedSet
from evals.store import Store

LATER = "2027-01-10T09:00:00Z"


@pytest.fixture
def store() -> Store:
    store = a_store()
    store.catalog.add_products(a_product(number) for number in range(12))
    return store


def cases(tags: Sequence[str] = ("en", "ja"), numbers: Sequence[int] = range(12), reviews: int = 1) -> list[Case]:
    return [a_case("highlights", a_product(number), tag, reviews=reviews) for number in numbers for tag in tags]


def sealed(store: Store, products: int = 4, seed: int = 3, name: str = "winter") -> SealedSet:
    return seal(store, "highlights", name, cases(), products, seed=seed, actor="owner", now=NOW)


def test_a_set_is_whole_products_and_its_commitment_is_the_hash_of_what_it_is(store: Store) -> None:
    found = sealed(store)
    assert len(found.body["products"]) == 4 and found.cases == 8 == len(found.body["cases"])
    assert found.commitment == commit("highlights", found.body)
    (event,) = store.ledger.events()
    assert (event.action, event.detail["commitment"]) == ("seal", found.commitment)


def test_sealed_twice_it_is_one_and_the_name_is_taken(store: Store) -> None:
    assert sealed(store) == sealed(store)
    with pytest.raises(InputError, match="another seed or size"):
        sealed(store, seed=4)
    other = sealed(store, name="spring")
    assert not set(other.body["products"]) & set(sealed(store).body["products"])


def test_its_cases_are_on_offer_to_nobody(store: Store) -> None:
    inside = set(sealed(store).body["products"])
    offered = divide(store, cases())
    assert not inside & {case.product_id for both in offered.values() for case in both}
    assert len(offered["gate"]) + len(offered["training"]) == 16


@pytest.mark.parametrize("purpose", ["gate", "training"])
def test_no_dataset_can_be_made_of_it(store: Store, purpose: str) -> None:
    inside = sealed(store).body["products"][0]
    mine = [case for case in cases() if case.product_id == inside]
    with pytest.raises(InputError, match="sealed until an owner opens them"):
        make_dataset(store, "sneaky", mine, NOW, purpose)  # type: ignore[arg-type]
    with pytest.raises(UnknownIdError):
        store.runs.case(mine[0].case_id)


def test_what_was_used_before_is_not_drawn(store: Store) -> None:
    make_dataset(store, "old", cases(numbers=range(9)), NOW)
    with pytest.raises(MoreNeededError, match="3 products are unused, 4 were asked for"):
        sealed(store)
    assert set(sealed(store, products=3).body["products"]) == {"product-9", "product-10", "product-11"}


@pytest.mark.parametrize(("wrong", "says"), [({"name": " "}, "name: say it"), ({"products": 0}, "at least one product")])
def test_a_set_needs_a_name_and_a_product(store: Store, wrong: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        sealed(store, **wrong)  # type: ignore[arg-type]


def test_opening_makes_a_dataset_of_the_gates_for_good_and_is_counted(store: Store) -> None:
    found = sealed(store)
    opened = unseal(store, found.sealed_id[:15], cases(), actor="owner", reason="Version 3 is spent.", now=LATER)
    assert (opened.dataset.cases, opened.changed, opened.dataset.name) == (8, 0, "winter")
    assert {case.product_id for case in store.runs.cases(opened.dataset.dataset_id)} == set(found.body["products"])
    assert store.exposure.held() >= set(found.body["products"]) and not store.programme.sealed_products()
    (now,) = store.programme.sealed_sets("highlights")
    assert (now.opened_at, now.opened_by, now.opened_because, now.dataset_id) == (
        LATER, "owner", "Version 3 is spent.", opened.dataset.dataset_id,
    )  # fmt: skip
    assert [event.action for event in store.ledger.events()] == ["unseal", "seal"]
    with pytest.raises(InputError, match="was opened on 2027-01-10 by owner: Version 3 is spent"):
        unseal(store, found.sealed_id, cases(), actor="owner", reason="Again.", now=LATER)


def test_cases_that_changed_since_are_counted(store: Store) -> None:
    found = sealed(store)
    assert unseal(store, found.sealed_id, cases(reviews=2), actor="owner", reason="spent", now=LATER).changed == 8


def test_a_set_that_was_exchanged_is_not_opened(store: Store) -> None:
    found = sealed(store)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE sealed_set SET body = replace(body, :old, :new)"), {"old": '"seed": 3', "new": '"seed": 4'})
    with pytest.raises(InputError, match="not what was sealed"):
        unseal(store, found.sealed_id, cases(), actor="owner", reason="spent", now=LATER)


def test_opening_needs_a_reason_and_cases(store: Store) -> None:
    found = sealed(store)
    with pytest.raises(InputError, match="reason: say it"):
        unseal(store, found.sealed_id, cases(), actor="owner", reason=" ", now=LATER)
    with pytest.raises(MoreNeededError, match="on offer"):
        unseal(store, found.sealed_id, [], actor="owner", reason="spent", now=LATER)
    with pytest.raises(UnknownIdError, match="no sealed set of that name: 'sealed-x'"):
        unseal(store, "sealed-x", cases(), actor="owner", reason="spent", now=LATER)
    assert store.programme.sealed_products() == set(found.body["products"])


def test_stopped_between_opening_and_dataset_it_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sealed(store)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("evals.programme.sealed.make_dataset", stop)
        with pytest.raises(KeyboardInterrupt):
            unseal(store, found.sealed_id, cases(), actor="owner", reason="spent", now=LATER)
    assert unseal(store, found.sealed_id, cases(), actor="owner", reason="spent", now=LATER).dataset.cases == 8
    assert [event.action for event in store.ledger.events()] == ["unseal", "seal"]
