"""A peer's file, read once: as one JSON document, as rows, or as the members of an archive. Each, but the archive, also gzipped."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from evals.errors import InputError
from evals.readers import BadRow, read_rows

MOST_BYTES = 1024**3  # of a document or an archive, unpacked: it is read whole
_ZSTD = 93


class File:
    """`path` and what is in it. Everything raises InputError naming the file and, for rows, the line."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
        self.path = path

    @property
    def ending(self) -> str:
        """``json``, ``jsonl``, ``csv``, ``eval`` …"""
        return self.path.name.lower().removesuffix(".gz").rpartition(".")[2]

    @property
    def stem(self) -> str:
        return self.path.name.removesuffix(".gz").rpartition(".")[0] or self.path.name

    @cached_property
    def document(self) -> Any:
        """The file as one JSON value; None where its ending says that it is something else."""
        return _json(self._bytes(), str(self.path)) if self.ending == "json" else None

    @property
    def mapping(self) -> Mapping[str, Any]:
        """The document where it is an object, else nothing."""
        return self.document if isinstance(self.document, Mapping) else {}

    @cached_property
    def rows(self) -> list[tuple[str, Mapping[str, Any]]]:
        """(place, row) of a table: CSV, TSV, JSON lines, Parquet, a JSON list of objects, or ``{"columns", "data"}`` as pandas writes."""
        if self.ending == "json":
            return list(self._rows_of_document())
        rows = []
        for row in read_rows(self.path):
            if isinstance(row, BadRow):
                raise InputError(f"{self.path}, line {row.line}: {row.reason}")
            rows.append((f"line {row.line}", row.values))
        return rows

    @property
    def columns(self) -> set[str]:
        """Names of the first row's columns; empty for what is no table."""
        if self.ending not in ("json", "jsonl", "ndjson", "csv", "tsv", "parquet"):
            return set()
        if self.ending == "json" and not isinstance(self.document, list) and not {"columns", "data"} <= self.mapping.keys():
            return set()
        return set(self.rows[0][1]) if self.rows else set()

    def _rows_of_document(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        listed = self.document
        if isinstance(listed, Mapping):
            header, data = listed.get("columns"), listed.get("data")
            if not isinstance(header, list) or not isinstance(data, list) or not all(isinstance(cells, list) for cells in data):
                raise InputError(f"{self.path}: a list of rows is expected")
            listed = [dict(zip(map(str, header), cells, strict=False)) for cells in data]
        for number, row in enumerate(listed if isinstance(listed, list) else [listed], 1):
            if not isinstance(row, Mapping):
                raise InputError(f"{self.path}, row {number}: an object is expected, not {type(row).__name__}")
            yield f"row {number}", row

    def members(self, wanted: Callable[[str], bool]) -> dict[str, Any]:
        """Those JSON members of a zip archive whose names are wanted. Inspect packs with zstd, which Python itself reads from 3.14 on."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                entries = [entry for entry in archive.infolist() if wanted(entry.filename)]
                if sum(entry.file_size for entry in entries) > MOST_BYTES:
                    raise InputError(f"{self.path}: more than {MOST_BYTES:,} bytes when unpacked")
                return {entry.filename: _json(_member(archive, entry), f"{self.path}, {entry.filename}") for entry in entries}
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, zlib.error, EOFError) as error:
            raise InputError(f"{self.path}: not a readable archive: {error}") from error

    def _bytes(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                stream = gzip.GzipFile(fileobj=file) if self.path.suffix.lower() == ".gz" else file
                data = stream.read(MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self.path}: cannot be read: {error}") from error
        if len(data) > MOST_BYTES:
            raise InputError(f"{self.path}: more than {MOST_BYTES:,} bytes when unpacked")
        return bytes(data)


def _json(data: bytes, where: str) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: broken JSON: {error}") from error


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.compress_type != _ZSTD:
        return archive.read(entry)
    import pyarrow as pa

    file = archive.fp or io.BytesIO()
    file.seek(entry.header_offset)
    header = file.read(30)
    file.seek(entry.header_offset + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"))
    data = bytes(pa.Codec("zstd").decompress(file.read(entry.compress_size), decompressed_size=entry.file_size, asbytes=True))
    if zlib.crc32(data) != entry.CRC:
        raise ValueError(f"{entry.filename} is damaged")
    return data
