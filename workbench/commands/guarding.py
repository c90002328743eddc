"""``plumb rails``: try the rails on a text, say whether a finding was right, and what each rail is worth."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from evals.errors import InputError
from evals.languages import LANGUAGES
from evals.records import FindingReview, Passage
from guardrails import RAILS, TARGETS, Context, Draft, Target, apply, check, fallback, measured, policy_in_force, screen_evidence, withheld
from guardrails.policy import MARKETPLACES
from workbench.context import feature_of, now, open_store
from workbench.output import say, table

rails = typer.Typer(
    no_args_is_help=True, help="What goes in and comes out is checked by rails: try them, judge them, see what they are worth."
)


def register(app: typer.Typer) -> None:
    app.add_typer(rails, name="rails")


@rails.command("check")
def try_out(
    text: Annotated[str, typer.Argument(help="- reads it from standard input")],
    target: Annotated[str, typer.Option(help=f"what the text is: {', '.join(TARGETS)}")] = "output",
    language: Annotated[str, typer.Option(help="the language it should be in")] = "en",
    feature: Annotated[str, typer.Option(help="highlights or assistant")] = "assistant",
    marketplace: Annotated[str | None, typer.Option(help="an ISO 3166 code: what the policy does otherwise there")] = None,
) -> None:
    """What the rails find in a text, and what becomes of it."""
    text = sys.stdin.read() if text == "-" else text
    context = Context(feature_of(feature), _target(target), marketplace=_marketplace(marketplace))
    drafts = check(text, language, context)
    rows = [(draft.rail, draft.action, f"{draft.start}–{draft.end}", draft.detail) for draft in drafts]
    if rows:
        table("Found", ("rail", "action", "characters", "what"), rows)
    say(_outcome(text, language, context, drafts))


def _target(name: str) -> Target:
    for target in TARGETS:
        if target == name:
            return target
    raise InputError(f"{name!r} is no target: {', '.join(TARGETS)}")


def _marketplace(code: str | None) -> str | None:
    if code is not None and code not in MARKETPLACES:
        raise InputError(f"{code!r} is no marketplace: {' '.join(MARKETPLACES)}")
    return code


def _outcome(text: str, language: str, context: Context, drafts: list[Draft]) -> str:
    if context.target == "input":
        return "The question is not answered." if withheld(drafts) else "The question is answered."
    if context.target == "evidence":
        passage = Passage(1, "review", "text", language, text, 0, len(text))
        kept, _ = screen_evidence([passage], language, context.feature, context.marketplace)
        return f"The model sees: {kept[0].text}" if kept else "The model does not see it."
    shown, status = apply(text, drafts, fallback(language))
    return f"Withheld. Shown instead: {shown}" if status == "blocked" else f"Shown: {shown}"


@rails.command("review")
def review(
    finding: Annotated[str, typer.Argument(help="a finding's id: the page Guardrails names them")],
    right: Annotated[bool, typer.Option("--right/--wrong", help="was the rail right?")],
    reviewer: Annotated[str, typer.Option(help="who says so")] = "owner",
    comment: Annotated[str | None, typer.Option(help="why")] = None,
) -> None:
    """Say whether a rail was right; a person's newest word on a finding counts."""
    store = open_store()
    store.judging.review_findings([FindingReview(finding, reviewer, right, now(), comment)])
    found = store.findings.one(finding)
    say(f"{found.finding.rail} was {'right' if right else 'wrong'}, says {reviewer}: {found.right} right, {found.wrong} wrong by now.")


@rails.command("list")
def listed(language: Annotated[str | None, typer.Option(help="what each rail is worth in it")] = None) -> None:
    """Each rail, what its findings lead to, and in how many of the languages it was measured; with a language, the figures."""
    figures, policy = measured.load(), policy_in_force()
    if language is not None and language not in LANGUAGES:
        raise InputError(f"language {language!r} is not one of the {len(LANGUAGES)}: {' '.join(LANGUAGES)}")
    rows = []
    for name in RAILS:
        found = (f"{feature} {target} {policy.actions(feature, target).get(name)}" for feature in policy.features for target in TARGETS)
        actions = [action for action in found if not action.endswith(" None")]
        rows.append((name, "; ".join(actions), _worth(name, language, figures)))
    table("Rails", ("rail", "actions", "worth" if language is None else LANGUAGES[language].name), rows)


def _worth(rail: str, language: str | None, figures: measured.Figures) -> str:
    if language is not None:
        return str(measured.standing(rail, language, figures))
    known = [tag for tag in LANGUAGES if measured.standing(rail, tag, figures).figures is not None]
    return f"measured in {len(known)} of {len(LANGUAGES)} languages" if known else measured.UNVERIFIED
