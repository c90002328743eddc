"""``plumb export training``: what people said, as files to train on. What is exported is never again the gate's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from annotators.training import files
from annotators.training.rows import PromptOf
from evals.errors import InputError
from evals.records import Case, Output
from evals.store import Store
from workbench import sentences
from workbench.context import feature_of, now, open_store
from workbench.output import echo_json, say

exports = typer.Typer(help="Bring out what was collected.", no_args_is_help=True)
STYLE = "compact-v1"  # what a variant that names none is asked in


def register(app: typer.Typer) -> None:
    app.add_typer(exports, name="export")


@exports.command("training")
def training(
    folder: Annotated[Path, typer.Option("-o", "--output", help="a folder; an earlier export in it is replaced")],
    feature: Annotated[str | None, typer.Option(help="highlights or assistant; else both")] = None,
    style: Annotated[str, typer.Option("--prompt", help="how the model to be trained is asked, as in data/variants.yaml")] = STYLE,
    include_simulated: Annotated[bool, typer.Option("--include-simulated", help="also what scripts said, marked as such")] = False,
    actor: Annotated[str, typer.Option(help="who answers for it")] = "plumb",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Preference pairs, judged answers and rewrites as JSONL in TRL's conventions, with provenance and a datasheet. Only about products set
    aside for training; from then on they are lost to the gate."""
    store = open_store()
    summary = files.export(
        store,
        folder,
        prompt_of=prompts(store, style),
        feature=feature_of(feature) if feature else None,
        now=now(),
        actor=actor,
        include_simulated=include_simulated,
    )
    echo_json(summary) if as_json else say(sentences.exported(summary))


def prompts(store: Store, style: str) -> PromptOf:
    """What a model is asked in `style` for a case, given an output's evidence: to the letter what the output's model saw, or None where
    that was asked in another style. A template was asked nothing: it gets what a model would have seen. Raises InputError for a style
    that does not exist."""
    from runner.prompts import PROMPTS

    if style not in PROMPTS:
        raise InputError(f"prompt style {style!r} is not one of {', '.join(PROMPTS)}")
    asked: dict[str, str | None] = {}

    def prompt_of(case: Case, output: Output) -> list[dict[str, str]] | None:
        if output.run_id not in asked:
            settings = store.runs.variant(store.runs.run(output.run_id).variant_id).settings
            asked[output.run_id] = str(settings.get("prompt", STYLE)) if settings.get("kind") == "lm" else None
        if asked[output.run_id] not in (None, style):
            return None
        return _prompt(store, style, case, output)

    return prompt_of


def _prompt(store: Store, style: str, case: Case, output: Output) -> list[dict[str, str]] | None:
    """None where there is no evidence: then no model is asked."""
    from runner.highlights.table import SUPPORT
    from runner.prompts import MAX_ROWS, assistant_prompt, highlights_prompt

    if not output.passages:
        return None
    if case.feature == "assistant":
        return assistant_prompt(style, case.language, str(case.inputs["question"]), output.passages).as_dicts()
    quoted = {passage.aspect for passage in output.passages}
    rows = [row for row in output.aspects if row.reviews >= SUPPORT][:MAX_ROWS]
    title = store.catalog.product(case.product_id).title
    return highlights_prompt(style, case.language, title, [row for row in rows if row.aspect in quoted], output.passages).as_dicts()
