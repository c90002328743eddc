"""Inputs, and what answers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evals.records.words import Feature


@dataclass(frozen=True)
class Case:
    """One input. id = hash(all other fields).

    `inputs` for highlights: ``{"reviews": n, "reviews_sha256": hash of the sorted review ids}``;
    for assistant: ``{"question": text}``. Either may hold ``"reference"``, a text or list of texts to be compared with, and
    ``"marketplace"``, the storefront it is asked in (ISO 3166). The cluster of inference is the product: outputs about one product are
    never independent.
    """

    case_id: str
    feature: Feature
    product_id: str
    language: str
    category: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Dataset:
    """Ordered cases of one feature. id = hash(feature, case ids in order)."""

    dataset_id: str
    name: str
    feature: Feature
    cases: int
    created_at: str


@dataclass(frozen=True)
class Variant:
    """What makes an output: model + prompt + precision + backend + settings. id = hash(feature, settings).

    `settings` keys in use: ``kind`` (``template`` | ``lm``), ``model`` (hub id or path), ``revision`` (hash of the weights),
    ``precision`` (``fp32`` | ``int8``), ``backend`` (``cpu`` | ``remote`` | ``neuron``), ``prompt``, ``max_new_tokens``,
    ``temperature``, ``seed``, ``hardware``, ``base_url``.
    """

    variant_id: str
    name: str
    feature: Feature
    settings: Mapping[str, Any]
