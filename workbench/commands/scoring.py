"""``plumb scorer``: the verifier of claims, trained on a team's own labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from annotators.labeling import CLAIM_V2
from evals.grounding.learned import saved
from evals.grounding.verifier import Verifier, own_file
from evals.statistics.intervals import Interval
from evals.trust import fitting
from workbench.commands.comparing import Only, Rubric, one_feature
from workbench.context import open_store
from workbench.output import say, table

scorer = typer.Typer(name="scorer", help="The verifier of claims: which one judges, and training it.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(scorer)


@scorer.command("show")
def show() -> None:
    """Which model file judges claims, and in which languages it is calibrated."""
    verifier = Verifier.load()
    if verifier.learned is None:
        say("untrained: pieces of words, numbers, names and denials; its values only rank.")
        return
    calibrated = sorted(tag for tag, level in verifier.learned.curves if level == "claims" and tag != "*")
    say(f"{verifier.path}: {len(verifier.learned.folds)} models; calibrated in {', '.join(calibrated) or 'no language'}, else unverified.")


@scorer.command("fit")
def fit(
    rubric: Rubric = CLAIM_V2.name,
    feature: Only = None,
    out: Annotated[Path | None, typer.Option(help="the model file; else PLUMBLINE_HOME/models/verifier, which then judges")] = None,
    min_labels: Annotated[int, typer.Option(min=50, help="claims that people decided, at least")] = 200,
) -> None:
    """Train the verifier on the claims people decided, and say what it is worth on products it never saw."""
    store, verifier = open_store(), Verifier.load()
    rows = fitting.examples(store, verifier, feature=one_feature(feature), rubric=rubric)
    found = fitting.fitted(rows, verifier, min_labels)
    path = out or own_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    half.write_bytes(saved(found.learned))
    half.replace(path)
    columns = ("language", "claims", "products", "AUROC", "calibration error", "calibrated")
    shown = [
        (
            one.language,
            one.claims,
            one.products,
            _shown(one.auroc),
            _shown(one.calibration_error),
            "yes" if one.calibrated else "unverified",
        )
        for one in fitting.worth(rows, found)
    ]
    table("Out of fold, by product", columns, shown)
    say(f"Written to {path}. Score the runs again (plumb score), then hold it against people: plumb judge certify support.")


def _shown(found: Interval) -> str:
    if found.estimate is None:
        return found.reason or "—"
    return f"{found.estimate:.2f}" + ("" if found.low is None else f" ({found.low:.2f}–{found.high:.2f})")
