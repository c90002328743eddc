"""``plumb report``, ``plumb comment``: a stored decision on paper again, and a report where the change is discussed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode, urlsplit

import typer

from evals import report
from evals.errors import InputError
from evals.paths import inherited
from evals.records import Decision
from evals.store import Store
from workbench import forges
from workbench.context import open_store
from workbench.output import say

Workbench = Annotated[str | None, typer.Option("--workbench", help="the workbench's address, for links to the cases that lost most")]


def register(app: typer.Typer) -> None:
    app.command("report")(report_again)
    app.command("comment")(comment)


def report_again(
    decision_id: Annotated[str, typer.Argument(metavar="DECISION", help="its id, as reports and plumb history show it")],
    output: Annotated[list[Path] | None, typer.Option("-o", help="a report: .md .html .json .junit.xml (may be repeated)")] = None,
    workbench: Workbench = None,
) -> None:
    """Write the report of a stored decision again, with the cases that lost most."""
    store = open_store()
    decision = store.ledger.decision(decision_id)
    for path in output or []:
        write_report(store, decision, path, workbench)
    if not output:
        say(report.render(decision, "md", losses(store, decision, workbench)))


def write_report(store: Store, decision: Decision, path: Path, workbench: str | None = None) -> None:
    """The format follows the ending; raises InputError for one that is not known and for an address that is none."""
    kind = report.kind_of(path)
    text = report.render(decision, kind, losses(store, decision, workbench) if kind in ("md", "html") else ())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def losses(store: Store, decision: Decision, workbench: str | None) -> list[report.Regression]:
    """The cases that lost most, with links where the workbench has an address."""
    return report.worst_regressions(store, decision, sample_address(store, decision, workbench))


def sample_address(store: Store, decision: Decision, workbench: str | None) -> Callable[[str], str | None]:
    """Case to the page of the workbench that shows both of its outputs; nothing without an address. Raises InputError for what is none."""
    if workbench is None:
        return lambda _case: None
    parts = urlsplit(workbench)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputError(f"{workbench!r} is no address of a workbench, such as https://plumbline.example.com")
    from workbench.queries import run_slugs  # pandas

    slugs = {run.run_id: slug for slug, run in run_slugs(store, decision.feature).items()}
    asked = {"feature": decision.feature, "a": slugs[decision.champion_run_id], "b": slugs[decision.candidate_run_id], "side": "both"}
    return lambda case: f"{workbench.rstrip('/')}/sample?{urlencode(asked | {'case': case})}"


def comment(
    file: Annotated[Path, typer.Argument(help="a report in Markdown: plumb gate … -o gate.md")],
    name: Annotated[str, typer.Option(help="which comment of ours: another name is another comment")] = "gate",
    number: Annotated[int | None, typer.Option(help="of the pull or merge request; else the pipeline's")] = None,
    project: Annotated[str | None, typer.Option(help="owner/name, or GitLab's id; else the pipeline's")] = None,
    forge: Annotated[str | None, typer.Option(help="github or gitlab; else the pipeline's")] = None,
    api: Annotated[str | None, typer.Option(help="address of the forge's API; else the pipeline's")] = None,
) -> None:
    """Put a report into the pull request, or change the one that is there. The token comes from GITHUB_TOKEN or GITLAB_TOKEN."""
    tokens = [key for keys in forges.TOKENS.values() for key in keys]
    place = forges.place_of(inherited(*forges.KNOWN, *tokens), forge=forge, project=project, number=number, api=api)
    address, new = forges.put_comment(place, report.shortened_report(_text(file), forges.MOST[place.forge]), name)
    say(f"{'Commented' if new else 'Comment changed'}: {address}")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not a report: {error}") from error
