"""Real reviews in: streamed, with every bad row kept aside and every good row stored once.

A row that cannot be used goes to the quarantine file with its line number and the reason; the rest goes in. Rows are found again by
their content, so an import interrupted anywhere is simply started again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evals.errors import InputError
from evals.quarantine import Quarantine
from evals.readers import BadRow, Row, read_rows
from evals.review_rows import ParsedRow, parse
from evals.store import Store
from evals.store.rows import batches

Progress = Callable[[int, int | None], None]
BATCH = 1000


@dataclass
class ImportSummary:
    """What an import did. `rows` = `new` + `duplicates` + `quarantined`."""

    files: int = 0
    rows: int = 0
    new: int = 0
    duplicates: int = 0
    quarantined: int = 0
    identified: int = 0
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    quarantine_files: list[Path] = field(default_factory=list)

    @property
    def rows_per_s(self) -> float | None:
        return self.rows / self.seconds if self.seconds else None


def import_reviews(store: Store, files: Sequence[Path], *, quarantine: Path, progress: Progress | None = None) -> ImportSummary:
    """Store the reviews of `files` (.jsonl .csv .tsv .parquet, each also .gz where it is text).

    `quarantine` is the folder for rows that cannot be used; `progress` is called with bytes read so far and in all.
    Raises InputError before anything is read when a file is missing or of an unknown kind.
    """
    started = time.monotonic()
    sizes = [_size(path) for path in files]
    summary = ImportSummary(files=len(files))
    for number, path in enumerate(files):
        before = sum(sizes[:number])
        report = (lambda done, before=before: progress(before + done, sum(sizes))) if progress else None
        _import_file(store, path, Quarantine(quarantine, path), summary, report)
    summary.seconds = time.monotonic() - started
    return summary


def _size(path: Path) -> int:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    return path.stat().st_size


def _import_file(store: Store, path: Path, quarantine: Quarantine, summary: ImportSummary, report: Callable[[int], None] | None) -> None:
    with quarantine:
        for rows in batches(read_rows(path), BATCH):
            good = list(_usable(rows, quarantine, summary))
            store.catalog.add_products({row.product.product_id: row.product for row in good}.values())
            new = store.catalog.add_reviews(row.review for row in good)
            summary.new += new
            summary.duplicates += len(good) - new
            summary.identified += sum(row.review.language_source == "identified" for row in good)
            if report:
                report(rows[-1].position)
    if quarantine.rows:
        summary.quarantine_files.append(quarantine.path)


def _usable(rows: Iterable[Row | BadRow], quarantine: Quarantine, summary: ImportSummary) -> Iterator[ParsedRow]:
    for row in rows:
        summary.rows += 1
        parsed = row if isinstance(row, BadRow) else parse(row)
        if isinstance(parsed, BadRow):
            quarantine.keep(parsed)
            summary.quarantined += 1
            summary.reasons[parsed.kind] += 1
        else:
            yield parsed
