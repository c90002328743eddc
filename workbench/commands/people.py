"""``plumb annotators``: who labels, what they are given, and the scripted ones of the demo."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import Annotated

import typer

from annotators.asking import alerts as alerting
from annotators.asking import routing
from annotators.asking.budget import load_plan
from annotators.label_studio.accounts import annotator_id, ensure_user, is_simulated
from annotators.label_studio.studio import Studio
from annotators.raters import pausing
from annotators.simulation import simulated
from evals.errors import InputError, UnknownIdError
from evals.languages import LANGUAGES
from evals.records import Annotator, AuditEvent
from evals.store import Store
from evals.text import visible
from workbench import sentences
from workbench.commands.labelling import open_studio
from workbench.context import now, open_store
from workbench.output import say, table
from workbench.progress import bar

annotators_app = typer.Typer(help="Who labels, and what they are given.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL")]
Because = Annotated[str, typer.Option(help="a sentence that stands in the audit log")]
Actor = Annotated[str, typer.Option(help="who says so")]
NOTHING = {
    "paused": "is paused and is given nothing",
    "limit_reached": "has done enough for today",
    "nothing_to_do": "has nothing to do: no open item is for them",
}


def register(app: typer.Typer) -> None:
    app.add_typer(annotators_app, name="annotators")


@annotators_app.command("add")
def add(
    email: Annotated[str, typer.Option(help="also the name they sign in with")],
    languages: Annotated[str, typer.Option(help="what they judge, by tag: ja,en")],
    name: Annotated[str, typer.Option(help="as colleagues see it")] = "",
    expert: Annotated[bool, typer.Option("--expert", help="settles conflicts")] = False,
    daily_limit: Annotated[int | None, typer.Option(min=1, help="labels a day over all queues; else the plan's, a queue")] = None,
    account: Annotated[bool, typer.Option("--account/--invite", help="make their account now, or say how they sign up themselves")] = True,
    actor: Actor = "owner",
) -> None:
    """Add somebody who labels, or change what we know of them; a new account's password is shown once."""
    store, wanted = open_store(), _annotator(email, name, languages, expert, daily_limit)
    known = next((one for one in store.labels.annotators() if one.annotator_id == wanted.annotator_id), None)
    if known is not None:
        wanted = replace(wanted, name=wanted.name if name else known.name, paused_because=known.paused_because)
    with open_studio() as studio:
        how = _account(studio, wanted) if account else _invitation(studio)
    store.labels.put_annotators([wanted])
    detail = {"languages": list(wanted.languages), "expert": expert, "daily_limit": daily_limit}
    store.ledger.add_event(AuditEvent(now(), actor, "add annotator", wanted.annotator_id, detail))
    say(f"{wanted.name} labels {' '.join(wanted.languages)}{' and settles conflicts' if expert else ''}; {how}.")


@annotators_app.command("pause")
def pause(email: Email, because: Because, actor: Actor = "owner") -> None:
    """Give somebody nothing more; what they said stays."""
    store = open_store()
    pausing.pause(store, _known(store, email).annotator_id, because=because, actor=actor, now=now())
    say(f"{email} is given nothing more.")


@annotators_app.command("resume")
def resume(email: Email, because: Because = "resumed", actor: Actor = "owner") -> None:
    """Let somebody go on."""
    store = open_store()
    pausing.resume(store, _known(store, email).annotator_id, because=because, actor=actor, now=now())
    say(f"{email} goes on.")


@annotators_app.command("list")
def list_annotators() -> None:
    """Everyone we know with their labels of today (UTC), simulated ones marked."""
    store = open_store()
    done = store.desk.done_today(now())
    rows = [(a.name, a.email, " ".join(a.languages), done.get(a.annotator_id, 0), _limit(a), _marks(a)) for a in store.labels.annotators()]
    table("Annotators", ("name", "e-mail", "languages", "labels today", "limit", ""), rows)


@annotators_app.command("next")
def next_task(email: Email) -> None:
    """Reserve somebody's next item, or find the one they hold, and print where it is labelled."""
    store = open_store()
    with open_studio() as studio:
        turn = routing.next_item(store, _known(store, email), studio.url, load_plan(), now=now())
        if turn.item is None:
            say(f"{email} {NOTHING[turn.reason]}.")
            return
        task = store.desk.task(turn.item.item_id, studio.url)
        kind = f"{turn.item.queue}{', practice' if turn.practice else ''}"
        say(f"{studio.task_url(task.project_id, task.task_id)}\n{kind}; theirs until {turn.expires_at}.")


@annotators_app.command("alerts")
def alerts() -> None:
    """What whoever runs the queues must hear of: languages nobody covers, work that waits too long."""
    found = alerting.alerts(open_store(), load_plan(), now=now())
    say("\n".join(f"{alert.severity}: {alert.sentence}" for alert in found) or "Nothing to say: all open work is covered and in time.")


@annotators_app.command("simulate")
def simulate(
    seed: Annotated[int, typer.Option()] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Let scripted annotators with known error rates label what is open, through Label Studio's own API. For demos and tests only."""
    with bar("simulated annotators", quiet=quiet) as progress, open_studio() as studio:
        summary = simulated.simulate(open_store(), studio, load_plan(), seed=seed, now=now(), progress=progress)
    say(sentences.simulated(summary), quiet=quiet)


def _annotator(email: str, name: str, languages: str, expert: bool, daily_limit: int | None) -> Annotator:
    """Raises InputError naming what is wrong."""
    address, tags = email.strip().lower(), tuple(sorted({tag.strip() for tag in languages.split(",") if tag.strip()}))
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", address) or visible(address) != address or is_simulated(address):
        raise InputError(f"--email {email!r} is no address of a person")
    strange = [tag for tag in tags if tag not in LANGUAGES]
    if strange or not tags:
        raise InputError(f"--languages {languages!r}: {strange or 'none'} of {', '.join(LANGUAGES)}")
    shown = " ".join(visible(name).split())[:200] or address
    return Annotator(annotator_id(address), address, shown, tags, expert=expert, daily_limit=daily_limit)


def _account(studio: Studio, wanted: Annotator) -> str:
    """What to tell them about signing in."""
    if wanted.email in {user.email for user in studio.users().values()}:
        return f"their account on {studio.url} is there already"
    password = secrets.token_urlsafe(12)
    ensure_user(studio, wanted.email, password, wanted.name)
    return f"they sign in at {studio.url} as {wanted.email} with the password {password} (shown once, kept nowhere)"


def _invitation(studio: Studio) -> str:
    return f"they sign up at {studio.url}{studio.invite_url()} with this address (who has the link can make an account)"


def _known(store: Store, email: str) -> Annotator:
    wanted = annotator_id(email.strip().lower())
    found = next((one for one in store.labels.annotators() if one.annotator_id == wanted or one.email == email), None)
    if found is None:
        raise UnknownIdError(f"nobody labels as {email!r}: plumb annotators add --email {email} --languages …")
    return found


def _limit(annotator: Annotator) -> str:
    if annotator.daily_limit is None:
        return "the plan's"
    return "none" if annotator.simulated else f"{annotator.daily_limit:,}"


def _marks(annotator: Annotator) -> str:
    marks = (
        ("simulated", annotator.simulated),
        ("expert", annotator.expert),
        (f"paused: {annotator.paused_because}", annotator.paused_because),
    )
    return ", ".join(mark for mark, applies in marks if applies)
