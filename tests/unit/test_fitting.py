"""The verifier trained on a team's own labels."""

import pytest

from evals.claims import claims_of
from evals.errors import MoreNeededError
from evals.grounding.base import Item
from evals.grounding.learned import loaded, saved
from evals.grounding.training_data import Example
from evals.grounding.verifier import Verifier
from evals.records import Case, Output, Passage
from evals.store import Store
from evals.trust.fitting import examples, fitted, worth

WORDS = ["battery", "sound", "strap", "screen", "lens", "case", "hinge", "button", "cable", "charger", "speaker", "handle"]


def labelled(products: int, each: int) -> list[Example]:
    """Outputs of two claims: one that a review says, and one that no review says, in turn right and wrong as people would find."""
    verifier, rows = Verifier.load(), []
    for product in range(products):
        for number in range(each):
            one, other, third = (WORDS[(product + number + shift) % len(WORDS)] for shift in (0, 3, 7))
            evidence = f"The {one} works well after {number} months. My {other} broke early."
            text = f"The {one} works well after {number} months. The {third} of {number + 40} grams is scratched."
            case = Case("c", "assistant", f"p{product}", "en", "x", {"question": ""})
            output = Output(
                f"o{product}-{number}", "r", "c", text, "ok", "now", (Passage(1, "review", "r1", "en", evidence, 0, len(evidence)),)
            )
            looks = tuple(verifier.looks([Item(case, output, claim) for claim in claims_of(output, "en")]))
            rows.append(Example("assistant", f"p{product}", "en", looks, (True, False), False))
    return rows


def test_too_few_labels_are_counted_in_the_error():
    with pytest.raises(MoreNeededError, match="8 claims people found grounded and 8 others, about 2 products: training needs 200"):
        fitted(labelled(2, 4), Verifier.load(), 200)


def test_a_store_without_labels_has_no_examples():
    assert examples(Store.open("sqlite://"), Verifier.load()) == []


@pytest.mark.slow
def test_what_it_learned_holds_on_products_it_never_saw_and_survives_the_file(tmp_path):
    rows = labelled(12, 10)
    found = fitted(rows, Verifier.load(), 200)
    (english,) = worth(rows, found)
    assert (english.claims, english.products, english.calibrated) == (240, 12, True)
    assert english.auroc.estimate > 0.9
    path = tmp_path / "verifier.npz"
    path.write_bytes(saved(found.learned))
    again = loaded(path)
    assert again.logits([row.looks for row in rows[:3]], "en").tolist() == pytest.approx(
        found.learned.logits([row.looks for row in rows[:3]], "en").tolist(), abs=1e-4
    )
