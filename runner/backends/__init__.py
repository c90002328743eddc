"""Backends by name, as import paths resolved when asked for, so that nobody loads torch who only talks to a server."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping
from typing import Any

from evals.errors import InputError
from evals.identity import canonical_json
from evals.paths import ROOT
from runner.backends.base import Backend, Chunk, Generation, GenerationSettings

__all__ = ["BACKENDS", "Backend", "Chunk", "Generation", "GenerationSettings", "load"]

# name -> "module:function"; the function takes a variant's settings and returns a Backend
BACKENDS: dict[str, str] = {
    "cpu": "runner.backends.cpu:open_backend",
    "cuda": "runner.backends.cpu:open_backend",
    "neuron": "runner.backends.neuron:open_backend",
    "remote": "runner.backends.remote:open_backend",
}
LOADING_KEYS = ("backend", "model", "precision", "base_url", "threads", "max_batch_size", "sequence_length")

_loaded: dict[str, Backend] = {}
_lock = threading.Lock()


def load(settings: Mapping[str, Any]) -> Backend:
    """The backend a variant's `settings` ask for, by default ``cpu``; one per process for the same model, precision and place.

    Raises InputError for an unknown backend, SetupError when this machine lacks what it needs.
    """
    settings = _found(settings)
    name = str(settings.get("backend", "cpu"))
    if name not in BACKENDS:
        raise InputError(f"backend {name!r} is not one of {', '.join(BACKENDS)}")
    key = canonical_json({key: settings[key] for key in LOADING_KEYS if settings.get(key) is not None} | {"backend": name})
    with _lock:
        if key not in _loaded:
            module, _, function = BACKENDS[name].partition(":")
            _loaded[key] = getattr(importlib.import_module(module), function)(settings)
        return _loaded[key]


def _found(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """`settings` with a model that lies in the project found from any working folder: stored variants name it relative to the project."""
    model = settings.get("model")
    inside = ROOT / str(model)
    return {**settings, "model": str(inside)} if model and inside.is_dir() else settings
