"""``plumb gate``, ``plumb validate``, ``plumb schema``: from labels to a decision."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import yaml

from annotators.asking import budget
from evals import gate as gates
from evals import report
from evals.errors import UnknownIdError
from evals.gate import policy as policies
from evals.gate import selftest, waivers
from evals.paths import DATA, waiver_key
from evals.records import Decision, Feature
from evals.store import Store
from evals.trust import terms
from workbench import sentences
from workbench.commands.reporting import Workbench, write_report
from workbench.context import feature_of, now, open_store, run_named
from workbench.output import echo_json, say, table

PolicyFile = Annotated[Path, typer.Option("--policy", help="the gate's file", exists=False)]


def register(app: typer.Typer) -> None:
    app.command("gate")(gate)
    app.command("waive")(waive)
    app.command("validate")(validate)
    app.command("schema")(schema)


def gate(
    feature: Annotated[str, typer.Argument(metavar="FEATURE", help="highlights or assistant")],
    champion: Annotated[str, typer.Option(help="a run id or a variant's name")] = "template",
    candidate: Annotated[str, typer.Option(help="a run id or a variant's name")] = "lm-int8",
    policy: PolicyFile | None = None,
    output: Annotated[list[Path] | None, typer.Option("-o", help="a report: .md .html .json .junit.xml (may be repeated)")] = None,
    seed: Annotated[int | None, typer.Option(help="replaces the policy's")] = None,
    self_test: Annotated[bool, typer.Option("--self-test", help="only try the policy; decides nothing")] = False,
    workbench: Workbench = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """May the candidate replace the champion? Exit status 0 promote, 3 reject, 4 hold."""
    store = open_store()
    if self_test:
        try_policy(store, feature, champion, candidate, policy, seed, as_json)
        return
    decision = decide(store, feature, champion, candidate, policy, seed)
    for path in output or []:
        write_report(store, decision, path, workbench)
    if as_json:
        echo_json(decision)
    else:
        say(report.render(decision, "md"))
    raise typer.Exit(report.exit_status(decision))


def decide(store: Store, feature: str, champion: str, candidate: str, policy: Path | None = None, seed: int | None = None) -> Decision:
    """Read the evidence once and store the decision."""
    kind = feature_of(feature)
    runs = [run_named(store, kind, name).run_id for name in (champion, candidate)]
    return gates.decide(store, policy_of(kind, policy), *runs, now=now(), seed=seed, waiver_key=waiver_key())


def policy_of(kind: Feature, path: Path | None) -> policies.Policy:
    """The policy in a file, else the feature's own."""
    return policies.load_policy(path or DATA / "policies" / f"{kind}.yaml")


def try_policy(
    store: Store, feature: str, champion: str, candidate: str, policy: Path | None, seed: int | None, as_json: bool = False
) -> None:
    """The self-test by itself: on the labels of both runs where they are there, else on what the label plan assumes."""
    kind = feature_of(feature)
    loaded = policy_of(kind, policy)
    try:
        runs = (run_named(store, kind, champion).run_id, run_named(store, kind, candidate).run_id)
    except UnknownIdError:
        runs = None
    found = gates.try_policy(store, loaded, runs, seed=seed)
    if as_json:
        echo_json(found)
    else:
        say(sentences.self_tested(found))
        for row in found["requirements"]:
            counts = [(c["what"], f"{c['happened']} of {c['times']}", f"{'≥' if c['at_least'] else '≤'} {c['limit']}",
                       "holds" if c["holds"] else "FAILS") for c in row["counts"]]  # fmt: skip
            title = f"{row['name']}: {row['labels']} labels of {row['products']} products ({row['shape']}), level {row['level']:.3g}"
            table(title, ("what", "how often", "allowed", ""), counts)
    selftest.refuse_if_failed(found)


def waive(
    feature: Annotated[str, typer.Argument(metavar="FEATURE", help="highlights or assistant")],
    requirement: Annotated[str, typer.Option(help="a requirement's name")],
    owner: Annotated[str, typer.Option(help="one of the policy's waiver_owners")],
    reason: Annotated[str, typer.Option(help="why")],
    expires: Annotated[str, typer.Option(help="the last day, as 2026-12-31")],
    max_loss: Annotated[float, typer.Option(help="largest loss still let go, in the requirement's unit")],
    part: Annotated[str, typer.Option("--slice", help="all, overall, language=ja …")] = policies.EVERYWHERE,
    unmeasured: Annotated[bool, typer.Option("--unmeasured", help="also where nothing was measured")] = False,
    policy: PolicyFile | None = None,
) -> None:
    """Print a waiver for the policy file, signed where PLUMBLINE_WAIVER_KEY is set. Nothing is changed: the file is, under review."""
    kind, key = feature_of(feature), waiver_key()
    waiver = policies.Waiver(requirement, owner, reason, expires, max_loss, part, unmeasured)
    signed = replace(waiver, signature=waivers.sign(waiver, kind, key)) if key else waiver
    raw = policies.with_waiver(policy or DATA / "policies" / f"{kind}.yaml", signed)
    typer.echo(yaml.safe_dump({"waivers": raw["waivers"]}, allow_unicode=True, sort_keys=False, width=120), nl=False)


def validate(files: Annotated[list[Path], typer.Argument(help="policy files, labelling plans, judges' terms")]) -> None:
    """Check policy files, labelling plans and judges' terms; an error names file, key and value, a warning says what will hardly work."""
    for path in files:
        if terms.is_terms(path):
            say(f"{path}: valid terms for judges: {terms.load_terms(path).min_labels} labels, {terms.load_terms(path).days} days.")
            continue
        if budget.is_plan(path):
            say(f"{path}: a valid labelling plan with {len(budget.load_plan(path).queues)} queues in each language.")
            continue
        loaded = policies.load_policy(path)
        say(f"{path}: a valid policy for {loaded.feature} with {len(loaded.requirements)} requirements.")
        for warning in policies.warnings(loaded, now()):
            say(f"{path}: warning: {warning}.")


def schema() -> None:
    """The JSON Schema of policy files, for an editor's completion."""
    typer.echo(json.dumps(policies.schema(), indent=2))
