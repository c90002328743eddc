"""Where things lie. The environment is read here and nowhere else."""

from __future__ import annotations

import os
import shutil
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


def cache() -> Path:
    """Things that can be made again, shared by every home of this checkout: ``PLUMBLINE_CACHE``, else ``.plumbline/cache``."""
    return Path(os.environ.get("PLUMBLINE_CACHE") or ROOT / ".plumbline" / "cache")


def label_studio_program() -> Path | None:
    """The labelling server's program, which lives in an environment of its own: ``LABEL_STUDIO_BIN``, else
    ``.venv-label-studio`` in the project, else the one on PATH; None where there is none."""
    named, ours = os.environ.get("LABEL_STUDIO_BIN"), ROOT / ".venv-label-studio" / "bin" / "label-studio"
    found = named or (str(ours) if ours.exists() else shutil.which("label-studio"))
    return Path(found) if found else None


def label_studio_server() -> tuple[str | None, str | None]:
    """URL and token of a labelling server that is there already: ``PLUMBLINE_LABEL_STUDIO_URL`` and ``PLUMBLINE_LABEL_STUDIO_TOKEN``."""
    return os.environ.get("PLUMBLINE_LABEL_STUDIO_URL") or None, os.environ.get("PLUMBLINE_LABEL_STUDIO_TOKEN") or None


def inherited(*names: str) -> dict[str, str]:
    """Those environment variables that are set: all that a program started by us gets of ours."""
    return {name: os.environ[name] for name in names if name in os.environ}


def model_api_key() -> str | None:
    """The secret of the model server that variants with backend ``remote`` talk to: ``PLUMBLINE_API_KEY``; never stored, never logged."""
    return os.environ.get("PLUMBLINE_API_KEY") or None


def judge_api_key() -> str | None:
    """The secret of the server that judges: ``PLUMBLINE_JUDGE_API_KEY``; not the model's, so that neither server sees the other's."""
    return os.environ.get("PLUMBLINE_JUDGE_API_KEY") or None


def webhooks() -> tuple[str, str]:
    """Who is told of a change of champion, and the secret that signs it: ``PLUMBLINE_WEBHOOKS`` (URLs with commas between them) and
    ``PLUMBLINE_WEBHOOK_SECRET``. Neither is stored or shown: a URL may be a secret too."""
    return os.environ.get("PLUMBLINE_WEBHOOKS", ""), os.environ.get("PLUMBLINE_WEBHOOK_SECRET", "")


def waiver_key() -> str | None:
    """The secret that signed waivers are checked with: ``PLUMBLINE_WAIVER_KEY``; who has it may sign."""
    return os.environ.get("PLUMBLINE_WAIVER_KEY") or None
