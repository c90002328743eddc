"""What may be trained on and what the gate holds: a product is one or the other, for ever (docs/decisions/0008).

What was done decides first: a product once in the gate's hands stays there, one exposed to training never comes back. Where nothing was
done yet a hash of the product's id decides, so that nobody picks; and a language that the split would leave with fewer products than the
gate's intervals need gives none away.

>>> [partition(f"product-{number}") for number in range(6)]
['gate', 'gate', 'training', 'gate', 'gate', 'gate']
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from evals.errors import InputError
from evals.identity import sha256
from evals.records import Case
from evals.store import Store
from evals.text import fold

Purpose = Literal["gate", "training"]
Split = Literal["train", "validation"]

TRAINING_SHARE = 0.2  # of the products, where a language can spare them
VALIDATION_SHARE = 0.1  # of those
MIN_GATE_PRODUCTS = 30  # a language keeps so many for the gate before it gives one away: fewer clusters cost degrees of freedom


def partition(product_id: str) -> Purpose:
    """The plan for a product that nobody has used yet."""
    return "training" if _uniform("partition", product_id) < TRAINING_SHARE else "gate"


def split(product_id: str) -> Split:
    """On which side of a training export a product is: all of it, whatever the feature, kind and language."""
    return "validation" if _uniform("split", product_id) < VALIDATION_SHARE else "train"


def key(product_id: str) -> str:
    """By which products are compared: two spellings of one id (case, width, composed or not) are one product."""
    return " ".join(fold(product_id).split())


def _uniform(purpose: str, product_id: str) -> float:
    return int(sha256(f"{purpose} {key(product_id)}")[:13], 16) / 16**13


@dataclass(frozen=True)
class Roles:
    """Keys of the products that are no longer free: `held` by the gate, `set_aside` for training, `exposed` to it, `sealed` for later."""

    held: frozenset[str]
    set_aside: frozenset[str]
    exposed: frozenset[str]
    sealed: frozenset[str] = frozenset()

    @classmethod
    def read(cls, store: Store) -> Roles:
        found = (store.exposure.held(), store.exposure.set_aside(), store.exposure.exposed(), store.programme.sealed_products())
        return cls(*(frozenset(map(key, products)) for products in found))

    def role(self, product_id: str) -> Purpose | None:
        """None: still free. Exposed counts before held: what a model has seen proves nothing."""
        name = key(product_id)
        if name in self.exposed:
            return "training"
        return "gate" if name in self.held else "training" if name in self.set_aside else None

    def may_train(self, product_id: str) -> bool:
        """Only where the gate has no hand on it: what was exposed and reported by a customer since serves neither."""
        return key(product_id) not in self.held


def divide(store: Store, cases: Sequence[Case], *, training: Collection[str] = ()) -> dict[Purpose, list[Case]]:
    """The cases by purpose, each list in order; those of sealed products for neither. `training`: products to give away knowingly, whatever
    hash and size of the catalogue say.

    Raises InputError for a product among `training` that the gate holds.
    """
    roles, wanted = Roles.read(store), frozenset(map(key, training))
    cases = [case for case in cases if key(case.product_id) not in roles.sealed]
    if wanted & roles.held:
        raise InputError(f"the gate holds {', '.join(sorted(wanted & roles.held))}: a decision, dataset or report is about it")
    planned = _spared(roles, cases) | wanted
    found: dict[Purpose, list[Case]] = {"gate": [], "training": []}
    for case in cases:
        role = roles.role(case.product_id) or ("training" if key(case.product_id) in planned else "gate")
        if role == "gate" or roles.may_train(case.product_id):
            found[role].append(case)
    return found


def _spared(roles: Roles, cases: Sequence[Case]) -> set[str]:
    """Free products that the hash gives to training and that every language they have a case in can spare."""
    products: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        products[key(case.product_id)].add(case.language)
    meant: dict[str, Purpose] = {product: roles.role(product) or partition(product) for product in products}
    kept = Counter(language for product, languages in products.items() if meant[product] == "gate" for language in languages)
    return {
        product
        for product, languages in products.items()
        if meant[product] == "training" and all(kept[language] >= MIN_GATE_PRODUCTS for language in languages)
    }


def check(store: Store, product_ids: Iterable[str], purpose: Purpose, what: str) -> None:
    """Raises InputError where `what` (a dataset, a run) would bring a product to the other side."""
    roles, product_ids = Roles.read(store), set(product_ids)
    if kept := sorted(name for name in product_ids if key(name) in roles.sealed):
        raise InputError(f"{what}: {len(kept)} of its products are sealed until an owner opens them (plumb experiment unseal)")
    wrong = (lambda name: not roles.may_train(name)) if purpose == "training" else (lambda name: roles.role(name) == "training")
    names = sorted(filter(wrong, product_ids))
    if names:
        why = "held by the gate" if purpose == "training" else "given to training, where a model may have seen them"
        raise InputError(f"{what}: {len(names)} of its products are {why}: {', '.join(names[:3])}{' …' if names[3:] else ''}")
