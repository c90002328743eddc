"""``plumb label-studio``, ``queue``, ``collect``, ``conflicts``, ``listen``: outputs to people and their labels back."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from annotators.asking import conflicts as disputes
from annotators.asking import queues, topping
from annotators.asking.budget import load_plan
from annotators.customers import escalations
from annotators.label_studio import collect as collecting
from annotators.label_studio import push as pushing
from annotators.label_studio import server
from annotators.label_studio.studio import Studio
from annotators.labeling import CLAIM_V2
from evals.errors import UnknownIdError
from evals.paths import home
from evals.store import Store
from workbench import listening, sentences
from workbench.commands.running import FeatureName
from workbench.context import feature_of, now, open_store, run_named
from workbench.output import say, table
from workbench.progress import bar

studio_app = typer.Typer(help="The Label Studio server people label on.", no_args_is_help=True)


class DrawsByDefault(TyperGroup):
    """``plumb queue highlights`` is ``plumb queue draw highlights``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if known else ["draw", *args])


queue_app = typer.Typer(help="Put outputs before people.", no_args_is_help=True, cls=DrawsByDefault)


def register(app: typer.Typer) -> None:
    app.add_typer(studio_app, name="label-studio")
    app.add_typer(queue_app, name="queue")
    app.command("collect")(collect)
    app.command("conflicts")(conflicts)
    app.command("listen")(listen)


def open_studio() -> Studio:
    """The server named by PLUMBLINE_LABEL_STUDIO_URL and _TOKEN, else ours, started if need be."""
    running = server.start(home())
    return Studio(running.url, running.token)


def send(store: Store) -> str:
    """Push what waits where Label Studio runs; where it does not, say how."""
    if server.status(home()) is None:
        return "Label Studio does not run: plumb label-studio start, and the next push sends them."
    return sentences.pushed(pushing.push(store, open_studio()))


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


@queue_app.command("draw")
def queue(
    feature: FeatureName,
    champion: Annotated[str, typer.Option(help="a run id or a variant's name")] = "template",
    candidate: Annotated[str, typer.Option(help="a run id or a variant's name")] = "lm-int8",
    rubric: Annotated[list[str] | None, typer.Option(help=f"what is asked, may be repeated; else {CLAIM_V2.name}")] = None,
    fraction: Annotated[float | None, typer.Option(min=0, max=1, help="share of the cases; else what the plan leaves of the week")] = None,
    overlap: Annotated[int | None, typer.Option(min=1, help="people per item; else the plan's")] = None,
    seed: Annotated[int, typer.Option()] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Draw cases with known probabilities, queue what the rubrics ask by language, and push it to Label Studio."""
    store, kind = open_store(), feature_of(feature)
    runs = [run_named(store, kind, name).run_id for name in (champion, candidate)]
    asked = rubric or [CLAIM_V2.name]
    drawn = queues.enqueue(
        store, *runs, seed=seed, now=now(), plan=load_plan(), fraction=fraction, overlap=overlap, rubrics=asked
    )  # fmt: skip
    again = escalations.queue_regressions(store, *runs, overlap=overlap or 1, now=now())
    with bar("pushing tasks", quiet=quiet) as progress:
        pushed = pushing.push(store, open_studio(), progress=progress)
    say(f"{sentences.drawn(drawn)} {again} new items of cases that customers reported.\n{sentences.pushed(pushed)}", quiet=quiet)


@queue_app.command("top-up")
def top_up(
    decision: Annotated[str | None, typer.Option(help="a hold; else the newest decision")] = None,
    overlap: Annotated[int | None, typer.Option(min=1, help="people per item; else the plan's")] = None,
    seed: Annotated[int, typer.Option(help="the seed of the first draw")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be queued, and queue nothing")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Queue exactly the cases that a hold lacks, drawn with known probabilities, and push them; asked twice it adds nothing."""
    store = open_store()
    held = store.ledger.decision(decision) if decision else next(iter(store.ledger.decisions()), None)
    if held is None:
        raise UnknownIdError("no decision is stored yet: plumb gate FEATURE")
    topped = topping.top_up(store, held, seed=seed, now=now(), plan=load_plan(), overlap=overlap, dry_run=dry_run)
    say(sentences.topped_up(topped, dry_run=dry_run), quiet=quiet)
    if not dry_run and topped.queued.new_items:
        say(send(store), quiet=quiet)


def collect(full: Annotated[bool, typer.Option("--full", help="sweep everything: finds deletions too")] = False) -> None:
    """Bring annotations back: only what changed since the last time."""
    store = open_store()
    say(sentences.collected(collecting.collect(store, open_studio(), now=now(), full=full)))
    rows = [(s.queue, s.items, s.sent, s.done, s.open, s.annotations) for s in store.queue.status()]
    table("Queues", ("queue", "items", "sent", "done", "open", "annotations"), rows)


def conflicts() -> None:
    """What people disagree about; new conflicts are put before the experts of the language."""
    store = open_store()
    if new := disputes.queue_conflicts(store, now=now()):
        say(sentences.pushed(pushing.push(store, open_studio())))
    rows = [
        (one.item.language, one.item.feature, str(one.item.data.get("claim", ""))[:80], " · ".join(vote.verdict for vote in one.votes),
         one.settled_by.verdict if one.settled_by else "open")
        for one in disputes.conflicts(store)
    ]  # fmt: skip
    table(f"Conflicts ({new} new)", ("language", "feature", "claim", "said", "settled"), rows)


def listen(
    port: Annotated[int, typer.Option()] = listening.PORT,
    every_s: Annotated[float, typer.Option(help="seconds between two pulls of everything")] = 30.0,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """While people label: bring each label in seconds after it was given, and hand conflicts to experts. Ends with Ctrl-C."""
    with listening.listening(open_store(), open_studio(), port=port, every_s=every_s) as (served, _):
        say(f"Listening on {served.url}; labels are pulled when Label Studio hints, and every {every_s:.0f} s.")
        say(f"Customers' reports: POST {served.url}/escalations with the bearer token in {listening.token_file()}.")
        listening.wait_for_the_end(os.getppid() if with_parent else None)
