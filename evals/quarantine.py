"""Rows that could not be used, kept with line number and reason: nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import IO

from evals.identity import sha256
from evals.readers import BadRow

KEPT_CHARACTERS = 100_000  # of a row's text; the line number leads to the rest


class Quarantine:
    """One JSONL file per imported file, written anew by each import; there is none when every row was good."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.path = folder / f"{source.name}.{sha256(str(source.resolve()))[:8]}.quarantine.jsonl"
        self.source = source
        self.rows = 0
        self._file: IO[str] | None = None

    def __enter__(self) -> Quarantine:
        self.path.unlink(missing_ok=True)
        return self

    def keep(self, row: BadRow) -> None:
        """Append a row: ``{"file", "line", "reason", "row", "cut"}``. Undecodable bytes appear as ``\\xNN``."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8", errors="backslashreplace")
        entry = {
            "file": str(self.source),
            "line": row.line,
            "reason": row.reason,
            "row": row.raw[:KEPT_CHARACTERS],
            "cut": len(row.raw) > KEPT_CHARACTERS,
        }
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.rows += 1

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
