"""``plumb import results``: what other tools measured, so that it can be gated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from evals import peers
from evals.peers.importing import Choices, Imported, chosen_language, metric_name, store_results
from workbench.commands.catalog import importing
from workbench.context import feature_of, now, open_store, run_named
from workbench.output import echo_json, say, table


def register(_app: typer.Typer) -> None:
    importing.command("results")(results)


def results(
    files: Annotated[list[Path], typer.Argument(help="result files; of one arm they come together in one run")],
    peer: Annotated[str | None, typer.Option("--from", help=f"{', '.join(peers.PEERS)}; else recognised")] = None,
    feature: Annotated[str, typer.Option(help="highlights or assistant")] = "assistant",
    variant: Annotated[str | None, typer.Option(help="the arm's name; where a file holds several, the one to take")] = None,
    language: Annotated[str | None, typer.Option(help="of cases that state none; else identified from the question")] = None,
    over: Annotated[str | None, typer.Option(help="a run or variant whose cases these answer; what is missing failed")] = None,
    judged: Annotated[list[str] | None, typer.Option(help="a metric that a model made and the file does not say so")] = None,
    peer_version: Annotated[str | None, typer.Option(help="of the tool, where its file does not say")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Import results of promptfoo, DeepEval, Inspect, lm-eval, Ragas, MLflow or a table; importing them again changes nothing."""
    store, kind = open_store(), feature_of(feature)
    choices = Choices(chosen_language(language), frozenset(judged or ()), peer_version)
    choices = replace(choices, over=run_named(store, kind, over)) if over else choices
    done = [store_results(store, kind, arm, now(), choices) for arm in peers.read(files, peer, variant)]
    if as_json:
        echo_json(done)
        return
    for one in done:
        _tell(one, quiet)


def _tell(one: Imported, quiet: bool) -> None:
    version = f" {one.version}" if one.version else ", version unstated"
    say(f"{one.run.run_id} ({one.run.feature}, {one.variant}): {one.cases} cases of {one.peer}{version}, {one.errors} errors.", quiet=quiet)
    for note in one.notes:
        say(f"Note: {note}.", quiet=quiet)
    if one.differing:
        say(f"{one.differing} scores are stored with another value under the same signature; the stored ones stay.")
    if not quiet:
        rows = [(metric_name(one.peer, name), measured, missing) for name, (measured, missing) in one.metrics.items()]
        table(f"{one.new_scores:,} new scores", ("metric", "measured", "missing"), rows)
