"""``plumb escalate``, ``plumb escalations``, ``plumb resolve``, ``plumb show``: what customers report, and what shoppers see."""

from __future__ import annotations

from typing import Annotated

import typer

from annotators.customers import escalations as reports
from evals.languages import LANGUAGES
from evals.publication import published
from evals.records import Escalation
from evals.registry import marketplace_named
from evals.store import Store
from evals.text import shortened
from workbench.commands.labelling import send
from workbench.commands.running import FeatureName
from workbench.context import feature_of, now, open_store
from workbench.output import say, table

SHOWN = 80  # code points of a report in the table
Product = Annotated[str, typer.Option(help="a product id")]
Language = Annotated[str, typer.Option(help=f"one of {' '.join(LANGUAGES)}")]
Question = Annotated[str | None, typer.Option(help="assistant: the question it was asked")]


def register(app: typer.Typer) -> None:
    app.command("escalate")(escalate)
    app.command("escalations")(escalations)
    app.command("resolve")(resolve)
    app.command("show")(show)


def escalate(
    feature: FeatureName,
    product: Product,
    language: Language,
    report: Annotated[str, typer.Option(help="what the customer says")],
    reporter: Annotated[str, typer.Option(help="who says so")] = "customer",
    question: Question = None,
    output: Annotated[str | None, typer.Option(help="an output id, if the customer saw another text than the present one")] = None,
) -> None:
    """A customer's report: hide the text at once, ask people first, and keep its case as a regression case for ever."""
    store = open_store()
    done = reports.escalate(
        store,
        feature=feature_of(feature),
        product_id=product,
        language=language,
        report=report,
        reporter=reporter,
        now=now(),
        question=question,
        output_id=output,
    )
    if not done.new:
        say(f"{done.escalation.escalation_id} is known since {done.escalation.created_at} and {reports.state(done.escalation)}.")
        return
    asked = f"{done.items} claims are first in the queue for people" if done.items else "its claims are before people already"
    if not reports.judged(store, done.escalation).claims:
        asked = "it has no claim that people could judge: look at it yourself"
    say(f"{done.escalation.escalation_id}: the text ({done.escalation.output_id}) is hidden; {asked}.")
    if done.items:
        say(send(store))


def escalations(
    feature: Annotated[str | None, typer.Argument(metavar="[FEATURE]", help="highlights or assistant, both where not given")] = None,
) -> None:
    """Every report, open ones first, with what people have said so far."""
    store = open_store()
    found = reports.by_urgency(store.escalations.all(None if feature is None else feature_of(feature)))
    header = ("id", "state", "since", "feature", "product", "language", "claims judged", "report", "resolution")
    table("Escalations", header, [_row(store, escalation) for escalation in found])


def _row(store: Store, escalation: Escalation) -> tuple[object, ...]:
    case, found = store.runs.case(escalation.case_id), reports.judged(store, escalation)
    judged = f"{found.claims - found.waiting} of {found.claims}" + (f", {found.refuted} not grounded" if found.refuted else "")
    place, said = (escalation.feature, case.product_id, case.language), shortened(escalation.report, SHOWN)
    return (escalation.escalation_id, reports.state(escalation), escalation.created_at[:16], *place, judged, said, escalation.resolution)


def resolve(
    escalation: Annotated[str, typer.Argument(metavar="ID", help="plumb escalations names them")],
    because: Annotated[str, typer.Option(help="what came of it")],
    actor: Annotated[str, typer.Option(help="who answers for it")] = "owner",
    show_again: Annotated[bool | None, typer.Option("--show/--withdraw", help="decide without the labels; else as people judged")] = None,
) -> None:
    """Close a report: the text is shown again if people judged every claim of it grounded, withdrawn for good if not."""
    store = open_store()
    done = reports.resolve(store, escalation, because, actor, now(), show=show_again)
    rest = " (another report still hides it)" if not done.withdrawn and store.escalations.hidden([done.output_id]) else ""
    say(f"{done.escalation_id} is resolved: the text is {reports.state(done)}{rest}.")


def show(
    feature: FeatureName,
    product: Product,
    language: Language,
    question: Question = None,
    marketplace: Annotated[str | None, typer.Option(help="one storefront (ISO 3166 code), which may have a champion of its own")] = None,
) -> None:
    """What a shopper sees now, and what it rests on; or that nothing is shown, and why."""
    where = marketplace_named(marketplace)
    found = published(open_store(), feature_of(feature), product, language, question, where)
    if found.text is None:
        say(f"Nothing is shown: {found.hidden_because} ({found.output_id}).")
        return
    say("\n".join([found.text, "", *(f"[{passage.number}] {passage.text}" for passage in found.passages), f"({found.output_id})"]))
