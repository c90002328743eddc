"""Bad input loses nothing; good input goes in once."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from evals.errors import InputError
from evals.importing import ImportSummary, import_reviews
from evals.store import Store

GOOD = {"product_id": "p1", "product": "Kettle", "category": "kitchen", "lang": "en", "text": "It boils fast.", "rating": 5, "id": "r1"}


@pytest.fixture
def store() -> Store:
    return Store.open("sqlite://")


def jsonl(path: Path, rows: list[dict[str, object] | bytes]) -> Path:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def imported(store: Store, path: Path) -> ImportSummary:
    return import_reviews(store, [path], quarantine=path.parent / "quarantine")


def quarantined(summary: ImportSummary) -> list[dict[str, object]]:
    return [json.loads(line) for path in summary.quarantine_files for line in path.read_text("utf-8").splitlines()]


def test_a_good_row_is_stored_with_its_text_untouched(store: Store, tmp_path: Path) -> None:
    text = "  Läuft gut 👍\r\nzweite Zeile "
    imported(store, jsonl(tmp_path / "a.jsonl", [GOOD | {"text": text, "lang": "de-DE"}]))
    (review,) = store.catalog.reviews("p1")
    assert (review.text, review.language, review.rating, review.language_source) == (text, "de", 5.0, "declared")


BAD_ROWS = {
    "broken JSON": b'{"product_id": "p1", "text": ',
    "missing text": GOOD | {"text": "   "},
    "bad rating": GOOD | {"rating": 11},
    "not UTF-8": b'{"product_id": "p1", "text": "caf\xe9"}',
    "text too long": GOOD | {"text": "x" * 10_000_000},
    "NUL byte": GOOD | {"text": "a\0b"},
    "missing product": {"product_id": "", "text": "fine", "lang": "en"},
    "unknown columns": {"stars": 4},
}


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_a_bad_row_goes_to_quarantine_with_its_line_and_reason_and_the_rest_goes_in(store: Store, tmp_path: Path, kind: str) -> None:
    summary = imported(store, jsonl(tmp_path / "a.jsonl", [GOOD, BAD_ROWS[kind], GOOD | {"id": "r2"}]))
    assert (summary.rows, summary.new, summary.quarantined, dict(summary.reasons)) == (3, 2, 1, {kind: 1})
    (entry,) = quarantined(summary)
    assert entry["line"] == 2
    assert entry["reason"]


def test_the_same_file_twice_adds_nothing_the_second_time(store: Store, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [GOOD, GOOD, GOOD | {"id": "r2"}])
    first, second = imported(store, path), imported(store, path)
    assert (first.new, first.duplicates, second.new, second.duplicates) == (2, 1, 0, 3)


def test_two_customers_who_wrote_the_same_words_are_two_reviews(store: Store, tmp_path: Path) -> None:
    assert imported(store, jsonl(tmp_path / "a.jsonl", [GOOD, GOOD | {"id": "r2"}])).new == 2


def test_a_language_that_is_missing_is_identified_and_marked_so(store: Store, tmp_path: Path) -> None:
    rows = [GOOD | {"lang": None, "text": "電池は一日中もちますし、音も良いです。"}, GOOD | {"lang": "und", "text": "5/5 !!!"}]
    summary = imported(store, jsonl(tmp_path / "a.jsonl", rows))
    found = {review.text[:2]: (review.language, review.language_source) for review in store.catalog.reviews("p1")}
    assert found == {"電池": ("ja", "identified"), "5/": ("und", "identified")}
    assert summary.identified == 2


@pytest.mark.parametrize(("scale", "rating", "expected"), [("1-10", 10, 5.0), ("0-5", 0, 1.0), ("-1/0/1", 0, 3.0), (None, 4, 4.0)])
def test_ratings_are_scaled_to_one_to_five(store: Store, tmp_path: Path, scale: str | None, rating: int, expected: float) -> None:
    imported(store, jsonl(tmp_path / "a.jsonl", [GOOD | {"rating": rating, "rating_scale": scale}]))
    assert next(store.catalog.reviews("p1")).rating == expected


def test_amazon_reviews_2023_rows_are_understood(store: Store, tmp_path: Path) -> None:
    row = {"rating": 4.0, "title": "ok", "text": "Works.", "asin": "B1", "parent_asin": "B0", "user_id": "U1", "timestamp": 1588687728923}
    imported(store, jsonl(tmp_path / "a.jsonl", [row]))
    (review,) = store.catalog.reviews("B0")
    assert (review.title, review.date, review.source_id) == ("ok", "2020-05-05T14:08:48Z", "U1")


def test_amazon_customer_reviews_in_tsv_are_understood_with_quotes_inside(store: Store, tmp_path: Path) -> None:
    header = "marketplace\treview_id\tproduct_id\tproduct_title\tproduct_category\tstar_rating\treview_headline\treview_body\treview_date"
    line = 'US\tR1\tB1\tTent\tOutdoor\t2\t"Leaks\tIt says "waterproof" but leaks.\t2015-08-31'
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(f"{header}\n{line}\n".encode()))
    assert imported(store, path).new == 1
    assert store.catalog.product("B1").title == "Tent"
    assert next(store.catalog.reviews("B1")).text == 'It says "waterproof" but leaks.'


def test_csv_with_new_lines_inside_quotes_and_a_row_too_short(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([["product_id", "text", "lang"], ["p1", "two\nlines", "en"], ["p1"]])
    summary = imported(store, path)
    assert (summary.new, summary.quarantined, dict(summary.reasons)) == (1, 1, {"broken row": 1})


def test_parquet_is_streamed_in(store: Store, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist([GOOD, GOOD | {"id": "r2", "rating": None}]), tmp_path / "a.parquet")
    assert imported(store, tmp_path / "a.parquet").new == 2


def test_a_gzip_cut_short_keeps_what_came_before(store: Store, tmp_path: Path) -> None:
    rows = "".join(json.dumps(GOOD | {"id": f"r{i}", "text": f"review number {i} {i * 7919}"}) + "\n" for i in range(2000))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(rows.encode())[:-2000])
    summary = imported(store, path)
    assert 0 < summary.new < 2000
    assert summary.reasons["damaged file"] == 1


def test_a_missing_file_and_an_unknown_kind_are_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        imported(store, tmp_path / "absent.jsonl")
    (tmp_path / "a.xlsx").write_text("")
    with pytest.raises(InputError, match="unknown kind of file"):
        imported(store, tmp_path / "a.xlsx")


def test_progress_ends_at_the_size_of_the_files(store: Store, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [GOOD])
    seen: list[tuple[int, int | None]] = []
    import_reviews(store, [path], quarantine=tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
