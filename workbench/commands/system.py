"""``plumb doctor``: what works here, what does not, and what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import typer

from evals import paths
from evals.errors import PlumblineError
from evals.languages import LANGUAGES
from evals.packs import pack
from evals.store import Store
from workbench.output import table


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor() -> None:
    """Check the store, the packs, the backends and the programs this installation uses."""
    checks: dict[str, Callable[[], str]] = {
        "store": _store,
        "language packs": lambda: f"{sum(bool(pack(tag)) for tag in LANGUAGES)} of {len(LANGUAGES)}",
        "Label Studio": _label_studio,
        "torch": _torch,
        "Neuron": _neuron,
        "Chromium": lambda: shutil.which("chromium") or "not found: browser tests need it (make system)",
    }
    rows = []
    for name, check in checks.items():
        try:
            rows.append((name, "ok", check()))
        except (PlumblineError, ImportError) as error:
            rows.append((name, "–", str(error)))
    table("Plumbline", ("part", "", "finding"), rows)


def _store() -> str:
    store = Store.open()
    return f"{store.engine.url.render_as_string()}: {len(store.catalog.products())} products, {len(store.runs.runs())} runs"


def _label_studio() -> str:
    from annotators.label_studio import server

    running = server.status(paths.home())
    return f"serves on {running.url}" if running else "not running: plumb label-studio start"


def _torch() -> str:
    import importlib.metadata

    return importlib.metadata.version("torch")


def _neuron() -> str:
    from runner import backends

    backends.load({"kind": "lm", "backend": "neuron", "model": "none", "precision": "int8"})
    return "a device answers"
