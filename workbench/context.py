"""What every command shares: the store, the clock, names for runs, and how errors end a process."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from evals import paths
from evals.errors import InputError, UnknownIdError
from evals.partitions import Purpose
from evals.records import FEATURES, Feature, Run
from evals.store import Store


def now() -> str:
    """The time of day, read here and handed down: everything below takes it as an argument."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def open_store() -> Store:
    return Store.open()


def quarantine_folder() -> Path:
    return paths.home() / "quarantine"


def feature_of(name: str) -> Feature:
    """Raises UnknownIdError for a word that is no feature."""
    for feature in FEATURES:
        if feature == name:
            return feature
    raise UnknownIdError(f"{name!r} is no feature: {' or '.join(FEATURES)}")


def purpose_of(name: str) -> Purpose:
    """Raises InputError for a word that is no purpose."""
    if name not in ("gate", "training"):
        raise InputError(f"{name!r} is no purpose: gate or training")
    return "gate" if name == "gate" else "training"


def run_named(store: Store, feature: Feature, name: str) -> Run:
    """A run by its id, or the newest run of the variant of that name that is not for training; raises UnknownIdError."""
    if name.startswith("run-"):
        return store.runs.run(name)
    variants = {variant.variant_id for variant in store.runs.variants(feature) if variant.name == name}
    apart = store.exposure.datasets()
    runs = (run for run in store.runs.runs(feature) if run.dataset_id not in apart)
    run = next((run for run in runs if run.variant_id in variants), None)
    if run is None:
        raise UnknownIdError(f"no {feature} run of a variant named {name!r}: plumb run {feature} --variant {name}")
    return run


def variant_name(store: Store, run: Run) -> str:
    return store.runs.variant(run.variant_id).name
