"""Rows out of files, streamed: JSON lines, CSV, TSV (each also gzipped) and Parquet.

A file larger than memory works; a line longer than MAX_LINE is skipped, not read whole. What cannot be a row is a `BadRow`.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from evals.errors import InputError

MAX_LINE = 64 * 1024 * 1024


@dataclass(frozen=True)
class Row:
    """A row as the file gives it. `line` counts from 1; `position` = bytes of the file (compressed) read so far."""

    line: int
    position: int
    values: Mapping[str, Any]
    raw: str


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: `kind` for counting, `reason` for a person, `raw` as it was."""

    line: int
    position: int
    kind: str
    reason: str
    raw: str


def read_rows(path: Path) -> Iterator[Row | BadRow]:
    """The rows of a file by its ending; raises InputError for an ending that is not known or a file that is no Parquet."""
    ending = "".join(path.suffixes[-2:]).lower().removesuffix(".gz").rpartition(".")[2]
    if ending == "parquet":
        yield from _parquet(path)
        return
    reader = _TEXT_READERS.get(ending)
    if reader is None:
        raise InputError(f"{path}: unknown kind of file (known: .jsonl .csv .tsv, each also with .gz, and .parquet)")
    with path.open("rb") as file:
        stream = gzip.GzipFile(fileobj=file) if path.suffix.lower() == ".gz" else file
        yield from _guarded(reader(stream, file.tell), file.tell)  # type: ignore[arg-type]


def _guarded(rows: Iterator[Row | BadRow], position: Callable[[], int]) -> Iterator[Row | BadRow]:
    """A gzip file cut short or damaged: what came before stays, the damage is a row of its own."""
    line = 0
    try:
        for row in rows:
            line = row.line
            yield row
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        yield BadRow(line + 1, position(), "damaged file", f"the file is damaged from here on: {error}", "")


def _json_lines(stream: IO[bytes], position: Callable[[], int]) -> Iterator[Row | BadRow]:
    for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE), b""), 1):
        if len(line) == MAX_LINE:
            _skip_line(stream)
            yield BadRow(number, position(), "line too long", f"the line is longer than {MAX_LINE:,} bytes", repr(line[:1000]))
        elif line.strip():
            yield _json_row(number, position(), line)


def _skip_line(stream: IO[bytes]) -> None:
    while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass


def _json_row(number: int, position: int, line: bytes) -> Row | BadRow:
    try:
        text = line.decode("utf-8").strip().lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raw = line.decode("utf-8", "backslashreplace")
        return BadRow(number, position, "not UTF-8", f"not UTF-8 at byte {error.start}: {error.reason}", raw)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        return BadRow(number, position, "broken JSON", f"broken JSON: {error}", text)
    if not isinstance(values, dict):
        return BadRow(number, position, "broken JSON", f"a JSON object is expected, not {type(values).__name__}", text)
    return Row(number, position, values, text)


def _delimited(stream: IO[bytes], position: Callable[[], int], *, delimiter: str, quoting: Literal[0, 3]) -> Iterator[Row | BadRow]:
    """CSV or TSV with a header. Undecodable bytes become surrogates, which the row parser refuses by name."""
    csv.field_size_limit(MAX_LINE)
    lines = (line.decode("utf-8-sig" if number == 0 else "utf-8", "surrogateescape") for number, line in enumerate(stream))
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting)
    header = next(reader, [])
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(reader.line_num, position(), "broken row", f"not a row: {error}", "")
            continue
        if cells:
            yield _cells(reader.line_num, position(), header, cells, delimiter)


def _cells(line: int, position: int, header: list[str], cells: list[str], delimiter: str) -> Row | BadRow:
    raw = delimiter.join(cells)
    if len(cells) != len(header):
        return BadRow(line, position, "broken row", f"{len(cells)} cells where the header has {len(header)}", raw)
    return Row(line, position, {name: cell for name, cell in zip(header, cells, strict=True) if cell != ""}, raw)


def _csv(stream: IO[bytes], position: Callable[[], int]) -> Iterator[Row | BadRow]:
    return _delimited(stream, position, delimiter=",", quoting=csv.QUOTE_MINIMAL)


def _tsv(stream: IO[bytes], position: Callable[[], int]) -> Iterator[Row | BadRow]:
    return _delimited(stream, position, delimiter="\t", quoting=csv.QUOTE_NONE)  # the Amazon dumps do not quote


def _parquet(path: Path) -> Iterator[Row | BadRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a Parquet file: {error}") from error
    line, size, total = 0, path.stat().st_size, max(file.metadata.num_rows, 1)
    for batch in file.iter_batches(1000):
        for values in batch.to_pylist():
            line += 1
            kept = {name: value for name, value in values.items() if value is not None}
            yield Row(line, size * line // total, kept, json.dumps(kept, ensure_ascii=False, default=str))


_TEXT_READERS: dict[str, Callable[[IO[bytes], Callable[[], int]], Iterator[Row | BadRow]]] = {
    "jsonl": _json_lines,
    "ndjson": _json_lines,
    "json": _json_lines,
    "csv": _csv,
    "tsv": _tsv,
}
