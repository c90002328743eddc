"""Products and shoppers' questions out of files: small, written by hand or exported, read whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from evals.errors import InputError
from evals.identity import content_id
from evals.languages import UNDETERMINED, identify
from evals.readers import BadRow, read_rows
from evals.records import Product, Question


def read_products(path: Path) -> list[Product]:
    """A YAML list of ``{id, title, category, attributes}``; raises InputError naming the entry that is wrong."""
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not a list of products: {error}") from error
    if not isinstance(entries, list):
        raise InputError(f"{path}: a list of products is expected, not {type(entries).__name__}")
    return [_product(path, number, entry) for number, entry in enumerate(entries, 1)]


def _product(path: Path, number: int, entry: Any) -> Product:
    try:
        attributes = {str(name): str(value) for name, value in entry.get("attributes", {}).items()}
        return Product(str(entry["id"]), str(entry["title"]), str(entry["category"]), attributes)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: product {number} lacks {error} ({entry!r:.80})") from error


def read_questions(path: Path) -> list[Question]:
    """Rows of ``{product_id, text, lang?, answer?}``; raises InputError naming the line that is wrong."""
    return [_question(path, row) for row in read_rows(path)]


def _question(path: Path, row: Any) -> Question:
    if isinstance(row, BadRow):
        raise InputError(f"{path}, line {row.line}: {row.reason}")
    product_id, text, answer = row.values.get("product_id"), row.values.get("text"), row.values.get("answer")
    if not product_id or not isinstance(text, str) or not text.strip():
        raise InputError(f"{path}, line {row.line}: a question needs product_id and text")
    language = str(row.values.get("lang") or UNDETERMINED)
    language = identify(text)[0] if language == UNDETERMINED else language
    return Question(content_id("question", product_id, language, text, answer), str(product_id), language, text, answer)
