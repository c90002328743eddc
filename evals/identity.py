"""Names made from content.

>>> content_id("case", "assistant", {"b": 1, "a": "x"}) == content_id("case", "assistant", {"a": "x", "b": 1})
True
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON value: sorted keys, no spaces, no NaN, text unescaped."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(data: bytes | str) -> str:
    """Hex digest; text is read as UTF-8 (lone surrogates survive, so that hostile text has a name too)."""
    return hashlib.sha256(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data).hexdigest()


def content_id(kind: str, *parts: Any) -> str:
    """`kind` and 24 hex digits of the hash of `parts` (JSON values): ``case-0a1b…``. 96 bits: no collision in this life."""
    return f"{kind}-{sha256(canonical_json([kind, *parts]))[:24]}"


def file_sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
