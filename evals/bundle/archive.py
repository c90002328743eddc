"""The file itself: a ZIP of a fixed set of names, the same bytes for the same content, and read as what a stranger sent.

Nothing is ever unpacked onto a disk. Names are looked up in a list, never followed; sizes are counted while reading, whatever the archive
says of itself; numbers and nesting that JSON allows and no figure of ours has are refused.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.errors import InputError
from evals.store.snapshot import TABLES

MANIFEST, DECISION, POLICY, WAIVERS = "MANIFEST.json", "decision.json", "policy.yaml", "waivers.json"
ROWS = {f"rows/{table.name}.jsonl": table.name for table in TABLES}
NAMES = frozenset({MANIFEST, DECISION, POLICY, WAIVERS, *ROWS})
MOST_FILE_BYTES = 512 * 2**20
MOST_BYTES = 2 * 2**30  # of all files together, unpacked
MOST_RATIO = 200  # unpacked to packed; rows reach 25, since each has ids that do not compress
FREE_BYTES = 2**20  # below this the ratio says nothing
PIECE = 2**20
_EPOCH = (1980, 1, 1, 0, 0, 0)


def json_bytes(value: Any) -> bytes:
    """One spelling of a JSON value, in ASCII: sorted keys, no spaces, a newline at the end."""
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n").encode("ascii")


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json_bytes(row) for row in rows)


def write(path: Path, files: Mapping[str, bytes]) -> None:
    """The files by name, without a trace of when and where they were packed; the file is there whole or not at all."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, data)
    part = path.with_name(path.name + ".part")
    part.write_bytes(packed.getvalue())
    part.replace(path)


def read(path: Path) -> dict[str, bytes]:
    """The files by name. Raises InputError for anything that is not a bundle."""
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            raise InputError(f"{path}: larger than {MOST_FILE_BYTES >> 20} MiB, which no bundle is")
        with zipfile.ZipFile(path) as archive:
            return _read(path, archive)
    except (OSError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: not a bundle that can be read: {error}") from None


def _read(path: Path, archive: zipfile.ZipFile) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > len(NAMES):
        raise InputError(f"{path}: {len(entries)} files, a bundle has at most {len(NAMES)}")
    found: dict[str, bytes] = {}
    left = MOST_BYTES
    for entry in entries:
        if entry.filename not in NAMES:
            raise InputError(f"{path}: holds {entry.filename[:80]!r}, which is no file of a bundle")
        if entry.filename in found:
            raise InputError(f"{path}: holds {entry.filename} twice")
        found[entry.filename] = _unpacked(path, archive, entry, left)
        left -= len(found[entry.filename])
    return found


def _unpacked(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    """Counted piece by piece: what the archive says of its sizes is only what it says."""
    most = min(left, max(FREE_BYTES, MOST_RATIO * entry.compress_size))
    pieces, size = [], 0
    with archive.open(entry) as file:
        while piece := file.read(PIECE):
            size += len(piece)
            if size > most:
                raise InputError(f"{path}: {entry.filename} unpacks to more than {most} bytes")
            pieces.append(piece)
    return b"".join(pieces)


def parsed(data: bytes, where: str) -> Any:
    """A JSON value from outside. Raises InputError, naming the place, for what JSON or we do not allow: NaN, 1e999, nesting without end."""
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON that can be read: {str(error)[:120] or type(error).__name__}") from None


def parsed_lines(data: bytes, where: str) -> Iterator[Any]:
    for number, line in enumerate(data.splitlines(), 1):
        yield parsed(line, f"{where}, line {number}")


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    value = float(text)
    return value if abs(value) < float("inf") else _no_number(text[:40])
