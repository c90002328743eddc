"""The verifier trained on a team's own labels, and what it is then worth: every figure from models that never saw the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evals.errors import MoreNeededError
from evals.grounding.base import Item
from evals.grounding.training import Fitted, fit
from evals.grounding.training_data import Example
from evals.grounding.verifier import Verifier
from evals.records import DRAWN, Feature
from evals.statistics.auroc import auroc
from evals.statistics.bootstrap import groups_of, interval
from evals.statistics.intervals import Interval
from evals.statistics.reliability import calibration
from evals.store import Store
from evals.trust.labelled import from_store

MIN_PRODUCTS = 10  # five models, each on four fifths of them


@dataclass(frozen=True)
class Worth:
    """One language: labelled claims, products; ranking and calibration error out of fold; `calibrated` on labels of its own."""

    language: str
    claims: int
    products: int
    auroc: Interval
    calibration_error: Interval
    calibrated: bool


def examples(store: Store, verifier: Verifier, *, feature: Feature | None = None, rubric: str | None = None) -> list[Example]:
    """The outputs with a claim that was drawn and that people decided; an output is right where all its claims are."""
    decided = from_store(store, verifier.name, feature=feature, rubric=rubric).by_language.values()
    right = {row.subject_id: row.right for rows in decided for row in rows}
    labels = store.labels.labels(feature=feature, rubric=rubric)
    outputs = {str(row.output_id) for row in labels if row.claim_id in right and row.why in DRAWN and row.output_id}
    return [_example(store, verifier, output_id, right) for output_id in sorted(outputs)]


def _example(store: Store, verifier: Verifier, output_id: str, right: dict[str, bool]) -> Example:
    output, claims = store.runs.output(output_id), store.runs.claims_of(output_id)
    case = store.runs.case(output.case_id)
    said = tuple(right.get(claim.claim_id) for claim in claims)
    whole = False if False in said else None if None in said else True
    looks = tuple(verifier.looks([Item(case, output, claim) for claim in claims]))
    return Example(case.feature, case.product_id, case.language, looks, said, whole)


def fitted(rows: Sequence[Example], verifier: Verifier, min_labels: int) -> Fitted:
    """Raises MoreNeededError with the counts for too few labels, products, or one answer only."""
    labels = Counter(label for row in rows for label in row.labels if label is not None)
    products = len({row.group for row in rows})
    if sum(labels.values()) < min_labels or products < MIN_PRODUCTS or len(labels) < 2:
        counted = f"{labels[True]} claims people found grounded and {labels[False]} others, about {products} products"
        raise MoreNeededError(f"{counted}: training needs {min_labels} claims of either kind together and {MIN_PRODUCTS} products")
    if verifier.learned is None:
        raise MoreNeededError("the shipped model is missing: it says which words are rare")
    return fit(rows, verifier.learned.background)


def worth(rows: Sequence[Example], found: Fitted) -> list[Worth]:
    """Per language, out of fold, with 95 % intervals over products."""
    flat = [(row.language, row.group, label) for row in rows for label in row.labels]
    worths = []
    for tag in sorted({row.language for row in rows}):
        at = [i for i, (language, _, label) in enumerate(flat) if language == tag and label is not None]
        curve, calibrated = found.learned.curve(tag, "claims")
        said, right = curve(found.claims[at]), np.array([bool(flat[i][2]) for i in at])
        groups = groups_of({str(i): flat[i][1] for i in at})
        ranking = interval(auroc(said, right, groups), n=len(at), level=0.95)
        worths.append(Worth(tag, len(at), len(set(groups.tolist())), ranking, calibration(said, right, groups).error, calibrated))
    return worths
