"""``plumb label-studio``, ``plumb queue``, ``plumb collect``: outputs to people and their labels back."""

from __future__ import annotations

from typing import Annotated

import typer

from annotators import collect as collecting
from annotators import push as pushing
from annotators import queues, server
from annotators.studio import Studio
from evals.paths import home
from workbench import sentences
from workbench.commands.running import FeatureName
from workbench.context import feature_of, now, open_store, run_named
from workbench.output import say, table
from workbench.progress import bar

studio_app = typer.Typer(help="The Label Studio server people label on.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(studio_app, name="label-studio")
    app.command("queue")(queue)
    app.command("collect")(collect)


def open_studio() -> Studio:
    """The server named by PLUMBLINE_LABEL_STUDIO_URL and _TOKEN, else ours, started if need be."""
    running = server.start(home())
    return Studio(running.url, running.token)


@studio_app.command("start")
def start(port: Annotated[int | None, typer.Option(help="else a free one, kept for the next start")] = None) -> None:
    """Start Label Studio on loopback, in its own environment; an owner and a token are made without a human."""
    running = server.start(home(), port=port)
    say(f"Label Studio serves on {running.url} (owner {running.owner_email}; the password is in {home() / 'label-studio'}).")


@studio_app.command("stop")
def stop() -> None:
    """Stop our Label Studio; its data stays."""
    say("Label Studio has stopped." if server.stop(home()) else "No Label Studio of ours is running.")


@studio_app.command("status")
def status() -> None:
    """Is it up, and where?"""
    running = server.status(home())
    say(f"Label Studio serves on {running.url}." if running else "No Label Studio of ours is running: plumb label-studio start")


def queue(
    feature: FeatureName,
    champion: Annotated[str, typer.Option(help="a run id or a variant's name")] = "template",
    candidate: Annotated[str, typer.Option(help="a run id or a variant's name")] = "lm-int8",
    fraction: Annotated[float, typer.Option(min=0, max=1, help="share of the cases to put before people")] = 0.5,
    overlap: Annotated[int, typer.Option(min=1, help="annotators per claim")] = 1,
    seed: Annotated[int, typer.Option()] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Draw cases with known probabilities, queue both runs' claims by language, and push them to Label Studio."""
    store, kind = open_store(), feature_of(feature)
    runs = [run_named(store, kind, name).run_id for name in (champion, candidate)]
    drawn = queues.enqueue(store, *runs, fraction=fraction, seed=seed, overlap=overlap, now=now())
    studio = open_studio()
    with bar("pushing tasks", quiet=quiet) as progress:
        pushed = pushing.push(store, studio, progress=progress)
    say(f"{sentences.drawn(drawn)}\n{sentences.pushed(pushed)}", quiet=quiet)


def collect(full: Annotated[bool, typer.Option("--full", help="sweep everything: finds deletions too")] = False) -> None:
    """Bring annotations back: only what changed since the last time."""
    store = open_store()
    say(sentences.collected(collecting.collect(store, open_studio(), now=now(), full=full)))
    rows = [(s.queue, s.items, s.sent, s.done, s.open, s.annotations) for s in store.queue.status()]
    table("Queues", ("queue", "items", "sent", "done", "open", "annotations"), rows)
