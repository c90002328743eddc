"""A decision's slices as the gate page shows them: the heat map's cells, the forest plot's rows, one slice in words, self-test, waivers.
Nothing is decided here; everything is read from the decision's body, except which cases to look at."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from evals.languages import LANGUAGES
from evals.records import Decision
from evals.store import Store
from evals.text import visible
from workbench import queries
from workbench.cards import cell as table_cell
from workbench.cards import plain
from workbench.charts import Row
from workbench.gate_charts import SIGNS, VerdictCell
from workbench.units import Unit, unit_of
from workbench.verdicts import VERDICTS, badge, slice_name

Requirement = Mapping[str, Any]
Cell = Mapping[str, Any]
WHOLE = "overall"
# Where a decision says nothing: what stands in the cell, and what it means.
NO_CASE = ("no case", "the dataset has no case of it, so nothing is verified there")
NOT_ASKED = ("–", "the policy does not read this requirement by that")


# ---------------------------------------------------------------------------------------------- the heat map


def map_rows(requirements: Sequence[Requirement]) -> dict[str, str]:
    """Slice → its name: the whole, all 28 languages where a requirement is read by language (and any other the dataset has), then the rest
    by name."""
    found = {cell["slice"] for requirement in requirements for cell in requirement["cells"]} - {WHOLE}
    spoken = any(name.startswith("language=") for name in found)
    languages = {name for name in found if name.startswith("language=")} | ({f"language={tag}" for tag in LANGUAGES} if spoken else set())
    ordered = [WHOLE, *sorted(languages, key=slice_name), *sorted(found - languages)]
    return {name: f"<b>{slice_name(name)}</b>" if name == WHOLE else _html(slice_name(name)) for name in ordered}


def map_cells(requirements: Sequence[Requirement], rows: Mapping[str, str]) -> list[VerdictCell]:
    """One a requirement and row; a row the decision says nothing about has no verdict."""
    return [cell for requirement in requirements for cell in _column(requirement, rows)]


def _column(requirement: Requirement, rows: Mapping[str, str]) -> Iterator[VerdictCell]:
    known = {cell["slice"]: cell for cell in requirement["cells"]}
    for name in rows:
        cell = known.get(name)
        if cell is None:
            shown, meaning = NO_CASE if name.split("=")[0] in requirement["stated"].get("slices", ()) else NOT_ASKED
            yield VerdictCell(requirement["name"], name, None, 0, f"{_where(requirement, name)}: {meaning}", shown)
        else:
            yield VerdictCell(requirement["name"], name, cell["verdict"], cell["n"], _hover(requirement, cell))


def map_alt(cells: Sequence[VerdictCell], rows: Mapping[str, str]) -> str:
    """The heat map in words."""
    counts = Counter(cell.verdict for cell in cells if cell.slice != WHOLE)
    said = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    columns = len({cell.requirement for cell in cells})
    without = f"; {counts[None]} without a verdict" if counts[None] else ""
    return f"Verdicts of {columns} requirement{'s' * (columns > 1)} in {len(rows) - 1} slices: {', '.join(said)}{without}"


def legend() -> str:
    """What the signs mean, as Markdown."""
    return " · ".join([*(f"**{SIGNS[name]}** {name}" for name in SIGNS), f"{NO_CASE[0]}: unverified too"])


# ---------------------------------------------------------------------------------------------- the forest plot


def forest_rows(requirement: Requirement) -> list[Row]:
    """The whole and its slices in the requirement's unit, each with the line that it is held against (which may differ by slice).
    A sign ends each label, so that a row without a bar says what it is."""
    unit = unit_of(requirement)
    return [
        Row(
            label=f"{_html(slice_name(cell['slice']))} (n {cell['n']}) {SIGNS.get(cell['verdict'], '?')}",
            estimate=_scaled(unit, cell["estimate"]),
            low=_scaled(unit, cell["low"]),
            high=_scaled(unit, cell["high"]),
            verdict=cell["verdict"],
            margin=None if cell["line"] is None else -unit.scale * cell["line"],
            hover=_hover(requirement, cell),
        )
        for cell in requirement["cells"]
    ]


def _scaled(unit: Unit, value: float | None) -> float | None:
    return None if value is None else unit.scale * value


def levels_sentence(requirement: Requirement) -> str:
    """At which levels the bars are drawn, for looks and slices may be read at their own."""
    found = sorted({cell["level"] for cell in requirement["cells"] if cell["low"] is not None})
    if not found:
        return "No slice has an interval yet."
    span = " to ".join(f"{100 * level:.4g}" for level in dict.fromkeys((found[0], found[-1])))
    return f"Bars are {span} % intervals at this look, held against the orange line; without a bar nothing was measured."


# ---------------------------------------------------------------------------------------------- one slice


class Look(NamedTuple):
    """One verdict in words, as Markdown: a line for the numbers, one for the reason."""

    heading: str
    numbers: str
    reason: str


def chosen_cell(requirement: Requirement, name: str) -> Cell | None:
    return next((cell for cell in requirement["cells"] if cell["slice"] == name), None)


def worst(decision: Decision) -> tuple[Requirement, Cell]:
    """What to look at first: the worst verdict, a critical requirement's before another's, a slice's before the whole's."""
    order = list(VERDICTS)
    pairs = [(row, cell) for row in decision.body["requirements"] for cell in row["cells"]]
    return min(pairs, key=lambda pair: (order.index(pair[1]["verdict"]), not pair[0]["critical"], pair[1]["slice"] == WHOLE))


def look(requirement: Requirement, cell: Cell) -> Look:
    unit, n = unit_of(requirement), f"n {cell['n']:,}"
    measured = f"{unit.text(cell['estimate'])} ({unit.interval(cell)}), {100 * cell['level']:.4g} % interval, {n}"
    return Look(
        f"{badge(cell['verdict'])} **{plain(requirement['name'])}** · {plain(slice_name(cell['slice']))}",
        f"{measured if cell['estimate'] is not None else 'nothing measured'}; must be {unit.line(cell['line'])}",
        plain(cell["reason"]),
    )


def sample_address(store: Store, decision: Decision, requirement: Requirement, name: str) -> dict[str, str] | None:
    """The page Sample at the case that lost most by the machine's score of the same metric; None where there is no such score, or no loss.

    A metric that counts what is bad is not listed: the pairs that come first are the best.
    """
    metric, kind, value = requirement["stated"].get("metric"), *name.partition("=")[::2]
    if metric is None or unit_of(requirement).upper or requirement["stated"].get("direction") == "lower":
        return None
    slugs = {run.run_id: slug for slug, run in queries.run_slugs(store, decision.feature).items()}
    arms, language = (decision.champion_run_id, decision.candidate_run_id), value if kind == "language" else None
    pairs = [pair for pair in store.comparisons.worst_pairs(*arms, metric, language) if pair.difference < 0]
    if kind == "category":
        pairs = [pair for pair in pairs if store.runs.case(pair.case_id).category == value]
    if not pairs or not slugs.keys() >= set(arms):
        return None
    a, b = (slugs[run] for run in arms)
    return {"feature": decision.feature, "a": a, "b": b, "metric": metric, "lang": language or queries.EVERYWHERE, "case": pairs[0].case_id}


# ---------------------------------------------------------------------------------------------- self-test and waivers


def self_test_rows(tested: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each trial of the policy on itself: how often what must not (or must) happen did, and what the promise allows."""
    return [
        {
            "": "✓" if count["holds"] else "✗",
            "requirement": table_cell(row["name"]),
            "tried": count["what"],
            "happened": f"{count['happened']} of {count['times']}",
            "allowed": f"{'at least' if count['at_least'] else 'at most'} {count['limit']}",
            "on": f"{row['labels']} labels, {row['shape']}",
        }
        for row in tested["requirements"]
        for count in row["counts"]
    ]


def waived_rows(decision: Decision, today: str) -> list[dict[str, str]]:
    """Each verdict that was let go: what it was, by whom, why and until when (a day of UTC; one that is over is said to be)."""
    units = {row["name"]: unit_of(row) for row in decision.body["requirements"]}
    return [
        {
            "requirement": f"{badge('waived')} {plain(row['requirement'])}",
            "slice": plain(slice_name(row["slice"])),
            "it was": badge(row["was"]),
            "owner": plain(row["owner"]) + ("" if row["signature"] else " :gray[unsigned]"),
            "until": f"{row['expires']}{' :red[over]' if row['expires'] < today else ''}",
            "loss": _loss(units[row["requirement"]], row),
            "reason": plain(row["reason"]),
        }
        for row in decision.body.get("waivers", ())
    ]


def _loss(unit: Unit, row: Mapping[str, Any]) -> str:
    bare = unit._replace(signed=False)
    return f"{'not measured' if row['loss'] is None else bare.text(row['loss'])}, at most {bare.text(row['max_loss'])}"


# ---------------------------------------------------------------------------------------------- words in figures


def _where(requirement: Requirement, name: str) -> str:
    return f"{_html(requirement['name'])}, {_html(slice_name(name))}"


def _hover(requirement: Requirement, cell: Cell) -> str:
    unit, numbers = unit_of(requirement), "nothing measured"
    if cell["estimate"] is not None:
        numbers = f"{unit.text(cell['estimate'])} ({unit.interval(cell)}), {_html(cell['method'])}"
    return f"{_where(requirement, cell['slice'])}: {cell['verdict']}<br>{numbers}<br>n {cell['n']}, must be {unit.line(cell['line'])}"


def _html(text: str) -> str:
    """Plotly reads HTML: text of others stays text."""
    return html.escape(" ".join(visible(text).split())[:80], quote=False)
