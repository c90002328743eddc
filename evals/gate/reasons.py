"""The one sentence that comes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evals.records import Outcome

Row = tuple[Mapping[str, Any], Mapping[str, Any]]  # a requirement and one of its cells, as in a decision's body
_ORDER = ("error", "unverified", "inconclusive")


def headline(outcome: Outcome, body: Mapping[str, Any]) -> str:
    """Why, in one sentence, from a decision's body."""
    critical = [requirement for requirement in body["requirements"] if requirement["critical"]]
    rows = [(requirement, cell) for requirement in critical for cell in requirement["cells"]]
    if outcome == "promote":
        return f"Promote{_by_waiver(body)}: {_passing(critical)}{_in_numbers(critical)}{_let_go(body, rows)}."
    if outcome == "reject":
        failed = [row for row in rows if row[1]["verdict"] == "fail"]
        return f"Reject: {_failure(*failed[0])}{_and_others(failed)}." if failed else f"Reject: {_unmeasured(rows)}."
    if not critical:
        return "Hold: the policy has no critical requirement, so nothing could be shown."
    return f"Hold: {_undecided(rows, body)}."


def place(requirement: Mapping[str, Any], cell: Mapping[str, Any]) -> str:
    """``grounded`` or ``grounded in ja``."""
    return _place(requirement["name"], cell["slice"])


def _place(name: str, slice_name: str) -> str:
    return name if slice_name == "overall" else f"{name} in {slice_name.split('=', 1)[1]}"


def number(value: float | None, *, signed: bool = False) -> str:
    """Three decimals and a true minus; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:+.3f}" if signed else f"{value:.3f}"
    return text.replace("-", "−")


def span(cell: Mapping[str, Any], *, signed: bool) -> str:
    """``−0.021 (95 % interval −0.060 to +0.010)``."""
    if cell["low"] is None:
        return number(cell["estimate"], signed=signed)
    bounds = f"{number(cell['low'], signed=signed)} to {number(cell['high'], signed=signed)}"
    return f"{number(cell['estimate'], signed=signed)} ({100 * cell['level']:.3g} % interval {bounds})"


def is_difference(requirement: Mapping[str, Any]) -> bool:
    return bool(requirement["kind"] == "non_inferiority")


def _by_waiver(body: Mapping[str, Any]) -> str:
    """`` with 2 waivers signed by Ann``: first, because a promotion that needed them is another thing than one that did not."""
    used = _decisive(body)
    if not used:
        return ""
    owners = sorted({row["owner"] for row in used})
    return f" with {len(used)} waiver{'s' if len(used) > 1 else ''} signed by {', '.join(owners)}"


def _decisive(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    critical = {requirement["name"] for requirement in body["requirements"] if requirement["critical"]}
    return [row for row in body.get("waivers", ()) if row["requirement"] in critical]


def _passing(critical: list[Mapping[str, Any]]) -> str:
    passed = sum(requirement["verdict"] == "pass" for requirement in critical)
    if len(critical) == 1:
        return f"the one critical requirement passes{'' if passed else ' in part'}"
    return (
        f"all {passed} critical requirements pass" if passed == len(critical) else f"{passed} of {len(critical)} critical requirements pass"
    )


def _let_go(body: Mapping[str, Any], rows: list[Row]) -> str:
    """What did not pass and still does not stand in the way: the waived verdicts, and those that the policy ignores."""
    waived = [f"{_place(row['requirement'], row['slice'])} ({row['was']}, until {row['expires']})" for row in _decisive(body)]
    ignored = [place(*row) for row in rows if row[1]["verdict"] == "unverified"]
    said = [f"; waived: {', '.join(waived)}"] if waived else []
    return "".join([*said, f"; not measured, which the policy ignores: {', '.join(ignored)}"] if ignored else said)


def _unmeasured(rows: list[Row]) -> str:
    missing = [row for row in rows if row[1]["verdict"] == "unverified" and row[0].get("on_unverified") == "fail"]
    requirement, cell = missing[0]
    return f"{place(requirement, cell)} was not measured, which the policy counts as a failure ({cell['reason']}){_and_others(missing)}"


def _in_numbers(critical: list[Mapping[str, Any]]) -> str:
    for requirement in critical:
        if is_difference(requirement):
            cell = requirement["cells"][0]
            return f"; {requirement['name']} differs by {span(cell, signed=True)}, margin {number(-cell['line'])}"
    return ""


def _failure(requirement: Mapping[str, Any], cell: Mapping[str, Any]) -> str:
    name = place(requirement, cell)
    if is_difference(requirement):
        return f"{name} is worse by more than {number(-cell['line'])}: {span(cell, signed=True)} on {cell['n']} cases"
    if requirement["kind"] == "floor" and requirement["stated"].get("direction") != "lower":
        return f"{name} is below {number(cell['line'])}: {span(cell, signed=False)} on {cell['n']} cases"
    return f"{name}: {cell['reason']}"


def _undecided(rows: list[Row], body: Mapping[str, Any]) -> str:
    """The first open verdict of the worst kind; when people labelled nothing yet, that and how many labels are missing."""
    open_rows = [row for row in rows if row[1]["verdict"] not in ("pass", "waived") and not _ignored(*row)]
    if not open_rows:
        return "the policy ignores everything that was not measured, and nothing passed"
    plan = body["plan"]
    if not body["evidence"]["votes"] and plan["cases"]:
        grow = f", {plan['beyond']} more than the dataset has" if plan["beyond"] else ""
        return f"nobody has labelled anything yet; about {_work(plan)} would settle it{grow}{_by_slice(plan)}"
    requirement, cell = min(open_rows, key=lambda row: _ORDER.index(row[1]["verdict"]) if row[1]["verdict"] in _ORDER else len(_ORDER))
    tail = _and_others(open_rows)
    if plan["cases"] and len(open_rows) > 1 and not plan["beyond"]:
        tail += f"; in all about {_work(plan)}"
    return f"{place(requirement, cell)} {_missing(cell)}{tail}"


def _ignored(requirement: Mapping[str, Any], cell: Mapping[str, Any]) -> bool:
    return cell["verdict"] == "unverified" and requirement.get("on_unverified") == "ignore"


def _missing(cell: Mapping[str, Any]) -> str:
    """What the verdict lacks: labels, requests, or cases that the dataset does not have."""
    if cell["verdict"] == "error":
        return f"could not be measured ({cell['reason']})"
    verb = "is not verified" if cell["verdict"] == "unverified" else "cannot be decided yet"
    wanted = cell["need"]
    if wanted and wanted["needed"] is None:
        return f"{verb}: the estimate lies on the line, and no number of labels would settle that ({cell['reason']})"
    if wanted and wanted["beyond"]:
        have = wanted["available"]
        left = f"the {have} unlabelled cases of this dataset are not enough" if have else "and no case of this dataset is left unlabelled"
        return f"{verb}: about {_cases(wanted['more'])} would settle it, {left} ({cell['reason']})"
    if wanted:
        return f"{verb}: about {_cases(wanted['more'])} would settle it ({cell['reason']})"
    if cell["needed"]:
        return f"{verb}: {cell['needed']} requests would settle it ({cell['reason']})"
    return f"{verb} ({cell['reason']})"


def _cases(count: int) -> str:
    return f"{count} more labelled case{'' if count == 1 else 's'}"


def _and_others(rows: list[Row]) -> str:
    others = len(rows) - 1
    return f" (and {others} more)" if others > 0 else ""


def _work(plan: Mapping[str, Any]) -> str:
    hours = plan["minutes"] / 60
    return f"{plan['cases']} labelled cases ({plan['claims']} claims, {hours:.1f} hours, {plan['usd']:.0f} USD)"


def _by_slice(plan: Mapping[str, Any]) -> str:
    if not plan["by_slice"]:
        return ""
    return ": " + ", ".join(f"{name.split('=', 1)[1]} {count}" for name, count in _largest(plan["by_slice"]))


def _largest(counts: Mapping[str, int], most: int = 28) -> Iterator[tuple[str, int]]:
    yield from sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:most]
