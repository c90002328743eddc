"""What a step did, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotators.asking.queues import EnqueueSummary
from annotators.asking.topping import ToppedUp
from annotators.label_studio.collect import CollectSummary
from annotators.label_studio.push import PushSummary
from annotators.simulation.simulated import SimulationSummary
from annotators.training.files import ExportSummary
from evals.importing import ImportSummary


def imported(summary: ImportSummary) -> str:
    text = (
        f"{summary.rows:,} rows of {summary.files} file(s) in {summary.seconds:.1f} s: {summary.new:,} new, "
        f"{summary.duplicates:,} known already, {summary.quarantined:,} set aside; {summary.identified:,} languages identified."
    )
    if summary.quarantined:
        reasons = ", ".join(f"{count} × {reason}" for reason, count in summary.reasons.most_common())
        text += f"\nSet aside: {reasons}. See {', '.join(map(str, summary.quarantine_files))}"
    return text


def drawn(summary: EnqueueSummary) -> str:
    chances = sorted(chance for both in summary.probabilities.values() for chance in both)
    between = f", each with a recorded probability of {chances[0]:.2f} to {chances[-1]:.2f}" if chances else ""
    cases = f"{summary.sampled} of {summary.eligible} cases drawn in {len(summary.probabilities)} languages{between}"
    return (
        f"{cases}; {summary.flagged} flagged by rails are added apart. {summary.items:,} items queued, {summary.new_items:,} of them new."
    )


def pushed(summary: PushSummary) -> str:
    mended = ", ".join(
        f"{count} {what}"
        for count, what in (
            (summary.adopted, "found there already"),
            (summary.repaired, "doubles removed"),
            (summary.lost, "sent again after they were lost there"),
        )
        if count
    )
    text = f"{summary.sent:,} tasks sent to {len(summary.projects)} projects{'; ' + mended if mended else ''}."
    dropped = summary.dropped_predictions
    return text + (f" {dropped:,} predictions of our judge were not stored there: they will miss in native exports." if dropped else "")


def simulated(summary: SimulationSummary) -> str:
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in summary.verdicts.most_common())
    return (
        f"{len(summary.annotators)} SIMULATED annotators: {summary.created:,} annotations made, {summary.existing:,} were there, "
        f"{summary.errors:,} of them deliberately wrong{' (' + verdicts + ')' if verdicts else ''}."
    )


def collected(summary: CollectSummary) -> str:
    counts = f"{summary.new:,} new annotations, {summary.changed:,} changed, {summary.deleted:,} deleted"
    text = f"{counts}, {summary.skipped:,} skipped by annotators."
    if summary.invalid:
        text += f" {len(summary.invalid)} could not be read and were left out: {', '.join(summary.invalid[:5])}."
    if summary.lost:
        text += f" {summary.lost:,} tasks are gone from the server or were changed there (plumb queue sends them again)."
    if summary.missing_projects:
        text += f" Gone from the server: {', '.join(summary.missing_projects)} (plumb queue makes them again)."
    return text


def exported(summary: ExportSummary) -> str:
    files = ", ".join(f"{name} {count:,}" for name, count in summary.files.items())
    languages = ", ".join(f"{tag} {count:,}" for tag, count in summary.languages.items())
    text = (
        f"{summary.folder}: {files}. Rows by language: {languages}. {summary.products:,} products are training's for ever, "
        f"{summary.newly_exposed:,} of them since now. {summary.simulated:,} rows rest on SIMULATED annotators; personal data was masked "
        f"in {summary.redacted:,}."
    )
    if summary.left_out:
        text += "\nLeft out: " + "; ".join(f"{count:,} {why}" for why, count in summary.left_out.items()) + "."
    return text


def self_tested(found: Mapping[str, Any]) -> str:
    """Of `evals.gate.selftest.self_test`."""
    rows = found["requirements"]
    if not rows:
        return "The policy has no critical requirement on a mean: there is nothing to simulate."
    failed = [row["name"] for row in rows if not row["passed"]]
    what = f"{len(rows)} requirement{'s' if len(rows) > 1 else ''} simulated {found['repetitions']} times, seed {found['seed']}"
    return f"{what}: the policy {'fails in ' + ', '.join(failed) if failed else 'decides as it says'}."


def topped_up(topped: ToppedUp, *, dry_run: bool) -> str:
    """Which cases were added, in all and by language."""
    done = "would be queued" if dry_run else "queued"
    totals = ", ".join(f"{language} {count}" for language, count in sorted(topped.targets.items())) or "none"
    beyond = f" The dataset lacks about {topped.beyond} cases: no draw can settle those." if topped.beyond else ""
    return (
        f"{topped.wanted} labelled cases are missing; {topped.queued.new_items:,} new items {done}, cases drawn in all: {totals}.{beyond}"
    )
