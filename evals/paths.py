"""Where things lie. The environment is read here and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"


def home() -> Path:
    """Everything this installation writes: store, servers, caches. ``PLUMBLINE_HOME``, else ``.plumbline`` in the project."""
    return Path(os.environ.get("PLUMBLINE_HOME") or ROOT / ".plumbline")


def database_url() -> str:
    """The store: ``PLUMBLINE_DATABASE_URL``, else SQLite in `home`."""
    return os.environ.get("PLUMBLINE_DATABASE_URL") or f"sqlite:///{home() / 'plumbline.sqlite3'}"


def shared_data() -> Path:
    """Public data for measuring, if this machine has it: ``PLUMBLINE_SHARED``, else ``../shared``."""
    return Path(os.environ.get("PLUMBLINE_SHARED") or ROOT.parent / "shared") / "data"
