"""``plumb run``, ``plumb score``, ``plumb compare``: outputs, their scores, and two runs side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import typer

from evals import datasets, experiment
from evals.errors import InputError, MoreNeededError
from evals.partitions import MIN_GATE_PRODUCTS, Purpose, divide
from evals.records import Case, Feature, Run
from evals.store import Store
from workbench.context import feature_of, now, open_store, purpose_of, run_named, variant_name
from workbench.output import say, table
from workbench.progress import bar
from workbench.variants import settings_of, variant_of

FeatureName = Annotated[str, typer.Argument(metavar="FEATURE", help="highlights or assistant")]


def register(app: typer.Typer) -> None:
    app.command("run")(run)
    app.command("score")(score)
    app.command("compare")(compare)


def run(
    feature: FeatureName,
    variant: Annotated[str, typer.Option(help="a name in data/variants.yaml")] = "template",
    min_reviews: Annotated[int, typer.Option(help="highlights: products with at least so many reviews")] = 30,
    min_per_language: Annotated[int, typer.Option(help="highlights: languages with at least so many of them")] = 8,
    limit: Annotated[int | None, typer.Option(help="only the first so many cases")] = None,
    scored: Annotated[bool, typer.Option("--score/--no-score", help="score the outputs at once")] = True,
    use: Annotated[str, typer.Option("--for", help="gate, or training: the products that models may be trained on")] = "gate",
    product: Annotated[list[str] | None, typer.Option(help="with --for training: take this product from the gate, for ever")] = None,
    marketplace: Annotated[str | None, typer.Option(help="one storefront: its languages, its policy for rails (ISO 3166 code)")] = None,
    dataset: Annotated[str | None, typer.Option(help="the cases of this dataset version (dataset-…), as of an opened sealed set")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Run a variant over every case; a stopped run goes on where it was."""
    store, kind, purpose = open_store(), feature_of(feature), purpose_of(use)
    if dataset:
        cases = store.runs.cases(store.runs.dataset(dataset).dataset_id)
    else:
        cases = find_cases(store, kind, min_reviews, min_per_language, purpose, product or ())
    cases = (datasets.for_marketplace(cases, marketplace) if marketplace else cases)[:limit]
    if not cases:
        raise MoreNeededError(f"no case for {feature} is in a language of {marketplace}")
    done = execute(store, kind, variant, cases, quiet=quiet, purpose=purpose)
    if scored:
        score_run(store, done, quiet=quiet)
    say(totals(store, done), quiet=quiet)


def find_cases(
    store: Store, feature: Feature, min_reviews: int, min_per_language: int, purpose: Purpose = "gate", products: Sequence[str] = ()
) -> list[Case]:
    """The cases this store offers for a purpose; raises MoreNeededError when it offers none. `products`: given to training by name."""
    if feature == "highlights":
        cases = datasets.highlights_cases(store, min_reviews=min_reviews, min_per_language=min_per_language)
    else:
        cases = datasets.assistant_cases(store)
    if not cases:
        raise MoreNeededError(f"no cases for {feature}: import reviews (and, for the assistant, questions) first")
    if purpose == "gate" and products:
        raise InputError("--product names what is taken from the gate: it goes with --for training")
    mine = divide(store, cases, training=products)[purpose]
    if products:
        mine = [case for case in mine if case.product_id in set(products)]
    if not mine:
        raise MoreNeededError(_none_for(purpose, feature))
    return mine


def _none_for(purpose: Purpose, feature: Feature) -> str:
    if purpose == "gate":
        return f"no cases for the gate of {feature}: every product with reviews was given to training"
    return (
        f"no product of {feature} can be spared for training: each language keeps {MIN_GATE_PRODUCTS} products for the gate first, and "
        "what the gate has used stays with it. Import more products, or give one away by name: --for training --product ID"
    )


def execute(store: Store, feature: Feature, name: str, cases: list[Case], *, quiet: bool = False, purpose: Purpose = "gate") -> Run:
    """One run: its variant named with everything that identifies it, its dataset by its cases."""
    from runner import assistant, highlights

    settings = settings_of(feature, name)
    variant = variant_of(feature, name, settings)
    dataset = datasets.make_dataset(store, f"{feature}, {len(cases)} cases", cases, now(), purpose)
    task = (highlights if feature == "highlights" else assistant).task(store.catalog, variant)
    with bar(f"{feature} · {name}", quiet=quiet) as progress:
        return experiment.execute(store, variant, dataset, task, now=now(), progress=progress)


def totals(store: Store, run: Run) -> str:
    """A run's figures in a sentence."""
    sums = store.runs.totals(run.run_id)
    rate = f", {sums.generated_tokens / sums.seconds:,.0f} generated tokens/s" if sums.generated_tokens and sums.seconds else ""
    return (
        f"{run.run_id} ({run.feature}, {variant_name(store, run)}): {sums.outputs} outputs, {sums.blocked} blocked, "
        f"{sums.errors} errors; {sums.generated_tokens:,} generated tokens{rate}."
    )


def score(
    feature: FeatureName,
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="a run id, or a variant's name for its newest run")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    """Score a run's outputs and claims by code; only what is not scored yet is measured. Models as judges: `plumb judge run`."""
    store = open_store()
    run = run_named(store, feature_of(feature), run_name)
    new = score_run(store, run, quiet=quiet)
    say(f"{new:,} new scores for {run.run_id}.", quiet=quiet)
    means = store.runs.score_means(run.run_id)
    table("Means", ("metric", "language", "measured", "missing", "mean"), [(*row[:4], _number(row.mean)) for row in means])


def score_run(store: Store, run: Run, *, quiet: bool = False) -> int:
    with bar(f"scoring {run.feature}", quiet=quiet) as progress:
        return experiment.score(store, run.run_id, progress=progress)


def compare(
    feature: FeatureName,
    champion: Annotated[str, typer.Argument(help="a run id or a variant's name")],
    candidate: Annotated[str, typer.Argument(help="a run id or a variant's name")],
) -> None:
    """Two runs side by side, metric by language: machine scores only, no verdict (that is `plumb gate`)."""
    started, store, kind = time.monotonic(), open_store(), feature_of(feature)
    runs = [run_named(store, kind, name).run_id for name in (champion, candidate)]
    means = store.comparisons.paired_means(*runs)
    rows = [
        (m.metric, m.language, f"{m.champion:.3f}", f"{m.candidate:.3f}", f"{m.difference:+.3f}", m.better, m.worse, m.n) for m in means
    ]
    header = ("metric", "language", "champion", "candidate", "difference", "better", "worse", "cases")
    table(f"{champion} → {candidate}", header, rows)
    say(f"{len(rows)} rows in {time.monotonic() - started:.1f} s. Machine scores only; the decision is `plumb gate`.")


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"
