"""``plumb import``: reviews, products, questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals.catalog_files import read_products, read_questions
from evals.importing import import_reviews
from workbench import sentences
from workbench.context import open_store, quarantine_folder
from workbench.output import echo_json, say
from workbench.progress import bar

importing = typer.Typer(help="Bring reviews, products and questions in.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(importing, name="import")


@importing.command("reviews")
def reviews(
    files: Annotated[list[Path], typer.Argument(help=".jsonl .csv .tsv (each also .gz) or .parquet")],
    quarantine: Annotated[Path | None, typer.Option(help="folder for rows that cannot be used")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the summary as JSON")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Import reviews: streamed, deduplicated by content; bad rows are kept aside with line number and reason."""
    with bar("importing", "bytes", quiet=quiet or as_json) as progress:
        summary = import_reviews(open_store(), files, quarantine=quarantine or quarantine_folder(), progress=progress)
    if as_json:
        echo_json(summary)
    else:
        say(sentences.imported(summary), quiet=quiet)


@importing.command("products")
def products(file: Annotated[Path, typer.Argument(help="a YAML list of {id, title, category, attributes}")]) -> None:
    """Import products with their attributes. The first description of a product stays."""
    entries = read_products(file)
    say(f"{open_store().catalog.add_products(entries):,} of {len(entries):,} products are new.")


@importing.command("questions")
def questions(file: Annotated[Path, typer.Argument(help="rows of {product_id, text, lang, answer}")]) -> None:
    """Import shoppers' questions: the assistant's cases."""
    entries = read_questions(file)
    say(f"{open_store().catalog.add_questions(entries):,} of {len(entries):,} questions are new.")
