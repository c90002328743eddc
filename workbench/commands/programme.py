"""``plumb experiment``: what is tried, registered before its labels; at which level, on how fresh data; what is kept sealed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from evals import datasets, report
from evals.gate import load_policy
from evals.paths import DATA, waiver_key
from evals.programme import experiments, exposure, levels, load_rules, registration, sealed
from evals.programme.experiments import Shown
from evals.programme.gains import gains
from evals.programme.rules import Rules
from evals.records import FEATURES, Case, Decision, Feature, Outcome
from evals.store import Store
from workbench import programme_words
from workbench.context import feature_of, now, open_store, run_named
from workbench.output import echo_json, say, table

experiment = typer.Typer(
    help="Experiments: registered before their labels, read as planned, counted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

FeatureName = Annotated[str, typer.Argument(metavar="FEATURE", help="highlights or assistant")]
AnyFeature = Annotated[str | None, typer.Argument(metavar="[FEATURE]", help="highlights or assistant, both where not given")]
Name = Annotated[str, typer.Argument(metavar="ID", help="or a beginning of it: plumb experiment list")]
Actor = Annotated[str, typer.Option(help="who answers for it")]
AsJson = Annotated[bool, typer.Option("--json")]
MinReviews = Annotated[int, typer.Option(help="highlights: products with at least so many reviews, as in plumb run")]
MinPerLanguage = Annotated[int, typer.Option(help="highlights: languages with at least so many of them")]
RulesFile = Annotated[Path | None, typer.Option("--rules", help="the programme's file; else data/programme.yaml")]


def register(app: typer.Typer) -> None:
    for name, command in _COMMANDS.items():
        experiment.command(name)(command)
    app.add_typer(experiment, name="experiment")


def _rules(path: Path | None) -> Rules:
    return load_rules(path) if path else load_rules()


# ---------------------------------------------------------------------------------------------- experiments


def plan(
    feature: FeatureName,
    hypothesis: Annotated[str, typer.Option(help="what is expected, and why")],
    candidate: Annotated[list[str], typer.Option(help="a run id or a variant's name (may be repeated)")],
    actor: Actor,
    champion: Annotated[str, typer.Option(help="a run id or a variant's name")] = "template",
    policy: Annotated[Path | None, typer.Option(help="the gate's file, frozen as it is now")] = None,
    exploratory: Annotated[bool, typer.Option("--exploratory", help="after labels, or beyond the rules: it promotes nothing")] = False,
    lower_alpha: Annotated[bool, typer.Option("--lower-alpha", help="freeze the policy at the level the programme allows")] = False,
    rules: RulesFile = None,
    as_json: AsJson = False,
) -> None:
    """Register an experiment before anybody labels: hypothesis, arms, policy, looks and seed, under the hash of it all."""
    store, kind, path = open_store(), feature_of(feature), policy or DATA / "policies" / f"{feature_of(feature)}.yaml"
    load_policy(path)  # its messages name the lines of the file
    found = registration.plan(
        store,
        _rules(rules),
        feature=kind,
        hypothesis=hypothesis,
        champion=run_named(store, kind, champion),
        candidates=[run_named(store, kind, name) for name in candidate],
        policy=yaml.safe_load(path.read_text(encoding="utf-8")),
        exploratory=exploratory,
        lower_alpha=lower_alpha,
        actor=actor,
        now=now(),
    )
    if as_json:
        echo_json(found)
        return
    say(f"{found.experiment_id} is registered since {found.created_at[:16]}{', exploratory: it promotes nothing' if exploratory else ''}.")
    say(f"Policy {found.policy_sha256[:12]}, looks: {found.looks}, read at {found.alpha:g}; the programme allowed {found.level:.3g}.")
    if worn := exposure.warning(store, _rules(rules), found.dataset_id):
        say(f"Warning: {worn}.")


def list_(feature: AnyFeature = None, rules: RulesFile = None, as_json: AsJson = False) -> None:
    """Every experiment with its state, and the level the next one may use."""
    store = open_store()
    found = experiments.shown(store, None if feature is None else feature_of(feature))
    if as_json:
        echo_json([one._asdict() for one in found])
        return
    names = programme_words.arm_names(store)
    table("Experiments", ("id", "state", "planned", "labels", "read at", "what is expected"), [_row(one, names) for one in found])
    for kind in FEATURES if feature is None else [feature_of(feature)]:
        say(f"{kind}: {programme_words.level_sentence(levels.wealth(store, _rules(rules), kind), _rules(rules))}")


def _row(one: Shown, names: Mapping[str, str]) -> tuple[object, ...]:
    what, candidates = one.experiment, ", ".join(names[run] for run in one.experiment.candidate_run_ids)
    state = f"{one.state}{', exploratory' if what.exploratory else ''}"
    expected = f"{what.feature}, {candidates}: {what.hypothesis}"
    return (programme_words.short(what), state, what.created_at[:10], one.labels, f"{what.alpha:.3g}", expected)


def show(name: Name, as_json: AsJson = False) -> None:
    """One experiment: what was frozen, whether that is what is stored, its decisions, and what its gains are worth."""
    store = open_store()
    found = store.programme.experiment(name)
    shown = next(one for one in experiments.shown(store, found.feature) if one.experiment == found)
    decisions = _decisions(store, shown)
    if as_json:
        about = {**shown._asdict(), "verified": registration.verified(found), "decisions": [one.decision_id for one in decisions]}
        echo_json({**about, "gains": [gain._asdict() for one in decisions for gain in gains(one)]})
        return
    say(f"{found.experiment_id}: {shown.state}{', exploratory' if found.exploratory else ''}. {found.hypothesis}")
    whole = "what is stored is what was registered" if registration.verified(found) else "WHAT IS STORED IS NOT WHAT WAS REGISTERED"
    say(f"Registered {found.created_at[:16]} by {found.actor}: {whole}.")
    say(f"Dataset {found.dataset_id}, policy {found.policy_sha256[:12]}, looks: {found.looks}, seed {found.seed}.")
    say(f"Read at {found.alpha:g}; the programme allowed {found.level:.3g}. {shown.labels:,} labels.")
    if shown.ending:
        say(f"{shown.ending.outcome.title()} {shown.ending.created_at[:16]} by {shown.ending.actor}: {shown.ending.reason}")
    _gains(decisions)


def _decisions(store: Store, shown: Shown) -> list[Decision]:
    names = shown.ending.body.get("decisions", []) if shown.ending else []
    return [store.ledger.decision(name) for name in names]


def _gains(decisions: list[Decision]) -> None:
    rows = [(one.body["runs"]["candidate"]["variant"], *programme_words.gain_cells(gain)) for one in decisions for gain in gains(one)]
    if rows:
        table("Gains", ("candidate", "requirement", "as reported", "to expect", "90 % interval"), rows)


def decide(name: Name, actor: Actor, as_json: AsJson = False) -> None:
    """Read every candidate by the frozen policy: one look. Exit status 0 a candidate is promoted, 3 all rejected, 4 held."""
    store = open_store()
    reading = experiments.decide(store, name, actor=actor, now=now(), waiver_key=waiver_key())
    if as_json:
        echo_json(reading._asdict())
    else:
        for decision in reading.decisions:
            say(f"{decision.body['runs']['candidate']['variant']}: {decision.reason} ({decision.decision_id})")
        _gains(reading.decisions)
        say("It has ended." if reading.ending else "It goes on: collect labels, then decide again.")
    raise typer.Exit(_status({decision.outcome for decision in reading.decisions}))


def _status(outcomes: set[Outcome]) -> int:
    """Of several candidates one promotion is enough; a hold may still become one."""
    return report.EXIT_STATUS["promote" if "promote" in outcomes else "hold" if "hold" in outcomes else "reject"]


def abandon(name: Name, actor: Actor, reason: Annotated[str, typer.Option(help="why")]) -> None:
    """End an experiment without an answer; its decisions promote nothing from then on."""
    ending = experiments.abandon(open_store(), name, actor=actor, reason=reason, now=now())
    say(f"{ending.experiment_id} is abandoned, with {ending.labels:,} labels.")


# ---------------------------------------------------------------------------------------------- calendar, exposure


def calendar(feature: AnyFeature = None, rules: RulesFile = None, as_json: AsJson = False) -> None:
    """Experiments a month, beside the cadence the programme is meant to have."""
    months = open_store().programme.months(None if feature is None else feature_of(feature))
    if as_json:
        echo_json([month._asdict() for month in months])
        return
    least, most = _rules(rules).cadence
    rows = [(*month, programme_words.cadence_word(month.planned, (least, most))) for month in months]
    table(f"Experiments a month, meant: {least} to {most}", ("month", "planned", "decided", "abandoned", ""), rows)


def exposures(rules: RulesFile = None, as_json: AsJson = False) -> None:
    """How many comparisons the labels of each dataset version have served, and how many they still may."""
    found = exposure.exposures(open_store(), _rules(rules))
    if as_json:
        echo_json([{**one.reads._asdict(), "left": one.left, "standing": one.standing} for one in found])
        return
    rows = [
        (one.reads.name, one.reads.feature, one.reads.dataset_id, one.reads.comparisons, one.left, one.reads.decisions, one.standing)
        for one in found
    ]
    table("Labels read, by dataset version", ("dataset", "feature", "id", "comparisons", "left", "decisions", "standing"), rows)


# ---------------------------------------------------------------------------------------------- sealed sets


def seal(
    feature: FeatureName,
    name: Annotated[str, typer.Option(help="what to call it")],
    products: Annotated[int, typer.Option(min=1, help="how many unused products")],
    actor: Actor,
    seed: Annotated[int, typer.Option(min=0, help="they are drawn with it")] = 0,
    min_reviews: MinReviews = 30,
    min_per_language: MinPerLanguage = 8,
) -> None:
    """Keep cases for later: of products that nobody has used, closed to every run until an owner opens them."""
    store, kind = open_store(), feature_of(feature)
    offered = _offered(store, kind, min_reviews, min_per_language)
    found = sealed.seal(store, kind, name, offered, products, seed=seed, actor=actor, now=now())
    say(f"{found.sealed_id}: {found.cases:,} cases of {products} products are sealed. Commitment {found.commitment}")


def unseal(
    name: Name,
    actor: Actor,
    reason: Annotated[str, typer.Option(help="why now")],
    min_reviews: MinReviews = 30,
    min_per_language: MinPerLanguage = 8,
) -> None:
    """Open a sealed set for good: check its commitment, make its dataset version, and write down who and why."""
    store = open_store()
    kind = store.programme.sealed_set(name).feature
    offered = _offered(store, kind, min_reviews, min_per_language)
    opened = sealed.unseal(store, name, offered, actor=actor, reason=reason, now=now())
    since = f"; {opened.changed:,} of them have new reviews since and are asked as of today" if opened.changed else ""
    say(f"Opened as {opened.dataset.dataset_id}: {opened.dataset.cases:,} cases{since}.")


def sealed_sets(as_json: AsJson = False) -> None:
    """Every set that is or was sealed, and who opened it why."""
    found = open_store().programme.sealed_sets()
    if as_json:
        echo_json([{**vars(one), "body": {"products": len(one.body["products"])}} for one in found])  # what is in it stays in it
        return
    rows = [
        (
            one.sealed_id.removeprefix("sealed-")[:12],
            one.name,
            one.feature,
            one.cases,
            one.created_at[:10],
            one.opened_at and one.opened_at[:10],
            one.opened_because,
        )
        for one in found
    ]
    table("Sealed sets", ("id", "name", "feature", "cases", "sealed", "opened", "because"), rows)


def _offered(store: Store, feature: Feature, min_reviews: int, min_per_language: int) -> list[Case]:
    if feature == "highlights":
        return datasets.highlights_cases(store, min_reviews=min_reviews, min_per_language=min_per_language)
    return datasets.assistant_cases(store)


_COMMANDS: dict[str, Callable[..., Any]] = {
    "plan": plan,
    "list": list_,
    "show": show,
    "decide": decide,
    "abandon": abandon,
    "calendar": calendar,
    "exposure": exposures,
    "seal": seal,
    "unseal": unseal,
    "sealed": sealed_sets,
}
