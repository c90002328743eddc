"""``plumb quality``, ``agreement``, ``standings``, ``bridge``: how well people label, and whether two scales mean the same."""

from __future__ import annotations

from typing import Annotated

import typer

from annotators.asking.budget import load_plan
from annotators.label_studio import push as pushing
from annotators.raters import agreement as agreeing
from annotators.raters import bridge as bridging
from annotators.raters import controls, parallel, standing
from evals.errors import InputError
from evals.languages import LANGUAGES
from evals.statistics.agreement import Agreement
from evals.statistics.intervals import Interval
from workbench import sentences
from workbench.commands.labelling import open_studio
from workbench.context import feature_of, now, open_store, run_named
from workbench.output import say, table

FeatureOption = Annotated[str, typer.Option(help="highlights or assistant")]


def register(app: typer.Typer) -> None:
    app.command("quality")(quality)
    app.command("agreement")(agreement)
    app.command("standings")(standings)
    app.command("bridge")(bridge)


def quality(
    feature: FeatureOption = "highlights",
    languages: Annotated[str, typer.Option(help="tags, comma-separated; else those with open queues")] = "",
    anchors: Annotated[int, typer.Option(min=0, help="anchors per language")] = parallel.ANCHORS,
    champion: Annotated[str, typer.Option(help="with --candidate: degraded copies of the claims drawn from both")] = "",
    candidate: Annotated[str, typer.Option()] = "",
    share: Annotated[float, typer.Option(min=0, max=1, help="of the drawn claims that get a degraded copy")] = 0.1,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Put practice, silent gold, anchors and degraded controls before people, as the plan says."""
    store, kind = open_store(), feature_of(feature)
    tags = [tag.strip() for tag in languages.split(",") if tag.strip()] or _open_languages(kind)
    new = parallel.queue_quality(store, tags, [kind], load_plan(), seed=seed, now=now(), anchors=anchors)
    if champion and candidate:
        runs = [run_named(store, kind, name).run_id for name in (champion, candidate)]
        new += controls.add_controls(store, runs, share=share, seed=seed, now=now())
    say(f"{new} items whose answer is known were added in {len(tags)} languages.")
    say(sentences.pushed(pushing.push(store, open_studio())))


def _open_languages(feature: str) -> list[str]:
    tags = sorted({row.language for row in open_store().queue.status() if row.feature == feature})
    if not tags:
        raise InputError(f"nothing is queued for {feature}: name the languages (of {', '.join(LANGUAGES)})")
    return tags


def agreement() -> None:
    """How far people agree, per question and language; a figure that cannot be had says why."""
    rows = [
        (one.language, one.rubric, one.question, one.items, _figure(one.alpha), _figure(one.ac1), _figure(one.spans))
        for one in agreeing.agreement_of(open_store())
    ]
    table("Agreement", ("language", "rubric", "question", "items", "alpha", "AC1", "span IoU"), rows)


def standings() -> None:
    """What gold, controls, peers, speed and drift say about everybody who labels."""
    rows = [
        (one.name, " ".join(one.languages), one.labels, _rate(one.gold), _rate(one.controls), one.verdict, "; ".join(one.reasons))
        for one in standing.error_rates(open_store())
    ]
    table("Standings", ("name", "languages", "labels", "gold", "controls", "standing", "why"), rows)


def bridge(
    old: Annotated[str, typer.Argument(metavar="FROM", help="a rubric that people have answered under")],
    new: Annotated[str, typer.Argument(metavar="TO", help="its newer version")],
    per_language: Annotated[int, typer.Option(min=2, help="items per feature and language")] = 30,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Have items judged under both versions of a rubric, and say how far the scale moved: may the labels be pooled?"""
    store = open_store()
    added = bridging.queue_bridge(store, old, new, per_language=per_language, seed=seed, now=now())
    say(f"{added} items go before people again.")
    if added:
        say(sentences.pushed(pushing.push(store, open_studio())))
    words = {True: "yes", False: "no", None: "not known yet"}
    rows = [(tag, one.anchors, _rate(one.interval), words[one.comparable]) for tag, one in bridging.scale_break(store, old, new).items()]
    table(f"{new} against {old}", ("language", "items", "shift", "comparable"), rows)


def _figure(one: Agreement) -> str:
    return _rate(one.interval)


def _rate(one: Interval) -> str:
    if one.estimate is None:
        return f"– ({one.reason})" if one.reason else "–"
    return f"{one.estimate:.2f}" + (f" [{one.low:.2f}, {one.high:.2f}]" if one.low is not None and one.high is not None else "")
