"""``plumb bundle``, ``plumb verify``: a decision with all it rests on in one file, and the same verdict from it, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals import bundle as bundles
from evals import paths
from workbench.context import now, open_store
from workbench.output import echo_json, say


def register(app: typer.Typer) -> None:
    app.command("bundle")(bundle)
    app.command("verify")(verify)


def bundle(
    decision: Annotated[str, typer.Argument(metavar="DECISION")],
    output: Annotated[Path, typer.Option("-o", help="the file to write, FILE.zip")],
    policy: Annotated[Path | None, typer.Option(help="the policy file as it was when the decision was made, if it changed since")] = None,
    actor: Annotated[str, typer.Option(help="who answers for it")] = "plumb",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Write a decision with policy, rows, hashes and versions into one file that anybody can verify, without names and review texts.

    It is verified before it is written. Note the hash it prints: it stands for all of the bundle.
    """
    made = bundles.write(open_store(), decision, output, actor=actor, now=now(), policy=policy)
    if as_json:
        echo_json({"decision_id": made.decision.decision_id, "file": str(output), "sha256": made.sha256, "bytes": made.size})
        return
    say(f"{output}: {made.size} bytes, computed again and the same. Its hash, also in the audit log: {made.sha256}")


def verify(
    file: Annotated[Path, typer.Argument(metavar="BUNDLE")],
    expected: Annotated[str | None, typer.Option("--sha256", help="the hash noted when the bundle was made")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Compute a bundle's decision again, without a store or a network. Exit status 0 the same in every byte, 1 not, 2 not a bundle."""
    checked = bundles.verify(file, expected=expected, waiver_key=paths.waiver_key())
    if as_json:
        echo_json(checked)
    else:
        say(f"{checked.decision_id}: {checked.reason}")
        said = "computed again, the same in every byte" if checked.difference is None else f"NOT verified: {checked.difference}"
        say("\n".join([f"{file}: {said}", f"Hash of the bundle: {checked.sha256}", *(f"Note: {note}" for note in checked.notes)]))
    raise typer.Exit(0 if checked.difference is None else 1)
