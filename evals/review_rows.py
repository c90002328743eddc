"""One row of somebody's file to one review: the column names we know, and what a row must hold."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from evals.identity import content_id
from evals.languages import UNDETERMINED, identify
from evals.readers import BadRow, Row
from evals.records import Product, Review

MAX_TEXT = 100_000  # characters; the longest genuine review seen is below 40,000
MAX_NAME = 500


@dataclass(frozen=True)
class Layout:
    """Which column holds what; the first of several that is there wins. A layout is known by its `marks`."""

    name: str
    marks: frozenset[str]
    product_id: tuple[str, ...]
    text: str
    source_id: tuple[str, ...]
    title: str | None = None
    rating: str | None = None
    date: str | None = None
    product: str | None = None
    category: str | None = None
    language: str | None = None


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "Amazon Reviews 2023",
        frozenset({"asin", "text"}),
        product_id=("parent_asin", "asin"),
        text="text",
        source_id=("user_id",),
        title="title",
        rating="rating",
        date="timestamp",
        language="lang",
    ),
    Layout(
        "Amazon Customer Reviews",
        frozenset({"review_body", "product_id"}),
        product_id=("product_id",),
        text="review_body",
        source_id=("review_id", "customer_id"),
        title="review_headline",
        rating="star_rating",
        date="review_date",
        product="product_title",
        category="product_category",
    ),
    Layout(
        "normalised",
        frozenset({"product_id"}),
        product_id=("product_id",),
        text="text",
        source_id=("id",),
        title="title",
        rating="rating",
        date="date",
        product="product",
        category="category",
        language="lang",
    ),
)


@dataclass(frozen=True)
class ParsedRow:
    """A usable row."""

    product: Product
    review: Review


class _Refused(Exception):
    """This row cannot be used; `kind` counts, the message explains."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def parse(row: Row) -> ParsedRow | BadRow:
    """The review of a row, or the reason why there is none."""
    try:
        return _parse(row.values)
    except _Refused as refusal:
        return BadRow(row.line, row.position, refusal.kind, str(refusal), row.raw)


def _parse(values: Mapping[str, Any]) -> ParsedRow:
    layout = _layout(values)
    product_id = _first(values, layout.product_id)
    if not product_id:
        raise _Refused("missing product", f"no product id in {' or '.join(layout.product_id)}")
    text = _text(values, layout.text)
    language, source = _language(values.get(layout.language or ""), text)
    title = _string(values.get(layout.title or ""), "title")
    rating, date = _rating(values, layout), _date(values.get(layout.date or ""))
    source_id = _first(values, layout.source_id)
    review = Review(
        review_id=content_id("review", product_id, source_id, title, text, rating, date),
        product_id=product_id,
        language=language,
        text=text,
        title=title,
        rating=rating,
        date=date,
        source_id=source_id,
        language_source=source,
    )
    name = _string(values.get(layout.product or ""), "product") or product_id
    category = _string(values.get(layout.category or "") or values.get("domain"), "category") or "unknown"
    return ParsedRow(Product(product_id, name[:MAX_NAME], category[:100]), review)


def _layout(values: Mapping[str, Any]) -> Layout:
    for layout in LAYOUTS:
        if layout.marks <= values.keys():
            return layout
    raise _Refused("unknown columns", f"no product and text among the columns {sorted(map(str, values))[:12]}")


def _first(values: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    found = next((values[name] for name in names if values.get(name) not in (None, "")), None)
    name = _string(found, names[0])
    if name is not None and len(name) > 100:
        raise _Refused("bad id", f"{names[0]} is {len(name):,} characters long")
    return name


def _string(value: Any, column: str) -> str | None:
    """A string as it is; numbers as text; refuses what no database can hold."""
    if value is None or value == "":
        return None
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise _Refused("bad value", f"{column} is {type(value).__name__}, not text")
    text = str(value)
    if "\0" in text:
        raise _Refused("NUL byte", f"{column} holds a NUL byte at {text.index(chr(0))}")
    if re.search("[\ud800-\udfff]", text):
        raise _Refused("not UTF-8", f"{column} is not UTF-8")
    return text


def _text(values: Mapping[str, Any], column: str) -> str:
    text = _string(values.get(column), column)
    if text is None or not text.strip():
        raise _Refused("missing text", f"{column} is missing or empty")
    if len(text) > MAX_TEXT:
        raise _Refused("text too long", f"{column} is {len(text):,} characters, more than {MAX_TEXT:,}")
    return text


def _language(declared: Any, text: str) -> tuple[str, Any]:
    """The declared primary tag; where there is none, ours, marked as such. A tag beyond the 28 is kept: it is known, only not served."""
    tag = str(declared or "").strip().replace("_", "-").lower().partition("-")[0]
    tag = {"nb": "no", "nn": "no", "iw": "he", "in": "id"}.get(tag, tag)
    if re.fullmatch("[a-z]{2,3}", tag) and tag != UNDETERMINED:
        return tag, "declared"
    return identify(text)[0], "identified"


def _rating(values: Mapping[str, Any], layout: Layout) -> float | None:
    """Scaled to 1..5 from ``rating_scale`` (``low-high``, or its values with slashes); 1..5 where none is given."""
    value = values.get(layout.rating or "")
    if value in (None, ""):
        return None
    try:
        rating = float(value)
    except (TypeError, ValueError):
        raise _Refused("bad rating", f"{layout.rating} {value!r} is not a number") from None
    low, high = _scale(values.get("rating_scale"))
    if not math.isfinite(rating) or not low <= rating <= high:
        raise _Refused("bad rating", f"{layout.rating} {value!r} is outside {low:g} to {high:g}")
    return round(1 + 4 * (rating - low) / (high - low), 4)


def _scale(scale: Any) -> tuple[float, float]:
    numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", re.sub(r"(?<=\d)-", " ", str(scale or "")))]
    return (min(numbers), max(numbers)) if len(set(numbers)) > 1 else (1.0, 5.0)


def _date(value: Any) -> str | None:
    """An ISO date; epoch seconds or milliseconds are converted; anything else is kept as text."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        seconds = value / 1000 if abs(value) > 1e11 else value
        try:
            return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        except (OverflowError, ValueError, OSError):
            raise _Refused("bad date", f"date {value!r} is no time") from None
    if isinstance(value, datetime):
        return value.isoformat()
    text = _string(value, "date") if isinstance(value, str) else None
    return text[:40] if text else None
