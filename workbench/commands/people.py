"""``plumb annotators``: who labels, and the scripted ones of the demo."""

from __future__ import annotations

from typing import Annotated

import typer

from annotators import simulated
from workbench import sentences
from workbench.commands.labelling import open_studio
from workbench.context import now, open_store
from workbench.output import say, table
from workbench.progress import bar

annotators_app = typer.Typer(help="Who labels.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(annotators_app, name="annotators")


@annotators_app.command("list")
def list_annotators() -> None:
    """Everyone we know, simulated ones marked."""
    rows = [(a.name, a.email, " ".join(a.languages), "simulated" if a.simulated else "") for a in open_store().labels.annotators()]
    table("Annotators", ("name", "e-mail", "languages", ""), rows)


@annotators_app.command("simulate")
def simulate(
    overlap: Annotated[int, typer.Option(min=1, max=2, help="annotators per claim")] = 1,
    seed: Annotated[int, typer.Option()] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Let scripted annotators with known error rates label what is open, through Label Studio's own API. For demos and tests only."""
    with bar("simulated annotators", quiet=quiet) as progress:
        summary = simulated.simulate(open_store(), open_studio(), overlap=overlap, seed=seed, now=now(), progress=progress)
    say(sentences.simulated(summary), quiet=quiet)
