"""Markdown for a pull request: one sentence, a table, slices worst first, details folded.

>>> markdown_escape("<b>*now*</b> @all | https://x.y")
'&lt;b&gt;\\\\*now\\\\*&lt;/b&gt; &#64;all \\\\| https&#58;//x.y'
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evals.records import Decision
from evals.report.wording import Row, interval_text, line_text, notes, plain, worst_first

_SIGNS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "unverified": "⬜", "error": "⚠️", "waived": "🟡"}


def markdown(decision: Decision) -> str:
    """The report; everything that came from outside is escaped."""
    return "\n".join(_lines(decision)) + "\n"


def markdown_escape(text: str) -> str:
    """Text that stays text in GitHub's Markdown: no HTML, no emphasis, no table cell, no mention, no link."""
    text = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]()#+!|~$])", r"\\\1", text)
    return text.replace("@", "&#64;").replace("://", "&#58;//").replace("www.", "www&#46;")


def _lines(decision: Decision) -> Iterator[str]:
    body = decision.body
    yield f"**{markdown_escape(decision.reason)}**"
    yield ""
    yield f"{_variant(body, 'candidate')} against {_variant(body, 'champion')}, {body['feature']}, {body['dataset']['cases']} cases."
    for note in notes(body):
        yield f"> {markdown_escape(note)}"
        yield ""
    yield from _table(body["requirements"])
    for requirement in body["requirements"]:
        if len(requirement["cells"]) > 1:
            yield from _slices(requirement)
    if decision.outcome == "hold" and body["plan"]["cases"]:
        yield from _plan(body["plan"])
    yield from _fine_print(decision)


def _variant(body: Row, role: str) -> str:
    return f"{role.capitalize()} {markdown_escape(body['runs'][role]['variant'])}"


def _table(requirements: Sequence[Row]) -> Iterator[str]:
    yield ""
    yield "| | Requirement | Estimate (interval) | Must be | n | Why |"
    yield "|---|---|---|---|---:|---|"
    for requirement in requirements:
        cell = requirement["cells"][0]
        name = markdown_escape(requirement["name"]) + ("" if requirement["critical"] else " (not critical)")
        why = cell["reason"] if requirement["verdict"] == cell["verdict"] else f"whole: {cell['verdict']}; see slices"
        yield _row(requirement["verdict"], name, requirement, cell, why)


def _row(verdict: str, name: str, requirement: Row, cell: Row, why: str) -> str:
    values = (interval_text(requirement, cell), line_text(requirement, cell), str(cell["n"]), markdown_escape(why))
    return f"| {_SIGNS[verdict]} {verdict} | {name} | " + " | ".join(values) + " |"


def _slices(requirement: Row) -> Iterator[str]:
    cells = worst_first(requirement)[1:]
    passed = sum(cell["verdict"] == "pass" for cell in cells)
    yield ""
    yield f"<details><summary>{markdown_escape(requirement['name'])} by slice: {passed} of {len(cells)} pass</summary>"
    yield ""
    yield "| | Slice | Estimate (interval) | Must be | n | Why |"
    yield "|---|---|---|---|---:|---|"
    for cell in cells:
        yield _row(cell["verdict"], markdown_escape(cell["slice"].split("=", 1)[1]), requirement, cell, cell["reason"])
    yield ""
    yield "</details>"


def _plan(plan: Row) -> Iterator[str]:
    yield ""
    hours = plan["minutes"] / 60
    yield (
        f"**To settle it:** about {plan['cases']} more labelled cases, {plan['claims']} claims, {hours:.1f} hours, {plan['usd']:.0f} USD "
        f"({plan['assumes']['minutes_per_claim']:g} minutes a claim, {plan['assumes']['usd_per_hour']:g} USD an hour)."
    )
    if plan["by_slice"]:
        yield ""
        shares = sorted(plan["by_slice"].items(), key=lambda pair: (-pair[1], pair[0]))
        yield "By slice: " + ", ".join(f"{markdown_escape(name.split('=', 1)[1])} {count}" for name, count in shares) + "."


def _fine_print(decision: Decision) -> Iterator[str]:
    body = decision.body
    methods = sorted({cell["method"] for row in body["requirements"] for cell in row["cells"] if cell["method"] != "none"})
    evidence = body["evidence"]
    yield ""
    yield "<details><summary>What this rests on</summary>"
    yield ""
    yield f"- Decision `{decision.decision_id}`, {plain(decision.created_at)}, seed {body['policy']['seed']}"
    yield f"- Policy `{decision.policy_sha256[:16]}`, one-sided level {body['policy']['alpha']:g}"
    yield f"- Runs `{decision.champion_run_id}` and `{decision.candidate_run_id}` over dataset `{body['dataset']['dataset_id']}`"
    yield f"- Labels `{evidence['labels']}`: {evidence['votes']} labelled claims by {evidence['annotators']} annotators"
    yield f"- Intervals: {markdown_escape(', '.join(methods)) or 'none'} (docs/methods.md)"
    yield ""
    yield "</details>"
